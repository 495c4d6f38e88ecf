# SPDX-License-Identifier: GPL-2.0-or-later
"""Which module files a guest has to load, in which order, for the drivers a rig asks for.

A module says itself which others it needs (the `depends` and `softdep` tags of its `.modinfo`
section), so no modules.dep is read: Debian's packages come without one, depmod makes it on
installation. It says by its `alias` tags, too, on which CPUs a system loads it at boot, before
any file system is mounted.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from tailwalk.cache import Cache, digest_bytes
from tailwalk.errors import KernelError
from tailwalk.files import read_bounded
from tailwalk.kernels.bounds import DEPTH, MODINFO, TEXT, UNPACKED
from tailwalk.kernels.compression import decompress
from tailwalk.kernels.kernel import Kernel, Module
from tailwalk.kernels.unpacked import check_unpacked, is_unpacked

# Where below kernel/arch/ARCHITECTURE a module with code for checksums may be.
_ARCH_CODE = frozenset({"crypto", "lib"})
_ORDER = "order.json"
_FILE = re.compile(r"(?P<name>[\w-]+)\.ko(?:\.xz|\.zst|\.gz)?", re.ASCII)
_SECTION = struct.Struct("<IIQQQQIIQQ")

CHECKSUMS = ("crc32c", "xxhash64", "sha256", "blake2b-256")
"""What file systems sum metadata and data with, as the kernel's crypto interface calls it: ext4 and
XFS by crc32c, btrfs by any, as `mkfs.btrfs --csum` says."""


@dataclass(frozen=True)
class _Read:
    """A module's object, and what it asks for: `hard` must be loaded before it, `soft` if it is
    there at all; patterns of the `cpus` that it computes a checksum for, none where it does not;
    and the `release` it was built for, where it says so."""

    content: bytes
    hard: tuple[str, ...]
    soft: tuple[str, ...]
    cpus: tuple[str, ...]
    release: str | None


def load_order(kernel: Kernel, names: Iterable[str], *,
               cache: Cache | None = None) -> tuple[Module, ...]:
    """The modules to load, dependencies first, so that the kernel has every driver of `names`
    (`virtio_blk`, `brd`; `-` and `_` are one). What is built in is left out, and so is everything
    for a kernel without a modules directory.

    First come the modules that compute a checksum by instructions of some CPUs, with the patterns
    of these: a system loads them by the CPU's modalias when it starts, and file systems take up to
    v6.13 the best that is loaded when they are. All is kept in `cache`, since a thousand names and
    some thirty modules have to be read for it.

    Raises KernelError naming the kernel and the driver that is neither built in nor there.
    """
    if kernel.modules is None:
        return ()
    wanted = [_normal(name) for name in names]
    if cache is None:
        return _ordered(kernel, kernel.modules, wanted)

    def make(folder: Path) -> None:
        ordered = _ordered(kernel, modules, wanted)
        for module in ordered:
            (folder / module.name).write_bytes(module.content)
        (folder / _ORDER).write_bytes(msgspec.json.encode(
            [(module.name, module.cpus) for module in ordered]))
        check_unpacked(kernel, cache)

    modules = kernel.modules
    key = digest_bytes(b"modules 1", kernel.digest.encode(), *(name.encode() for name in wanted))
    place = cache.entry("modules", key, make)
    order = msgspec.json.decode((place / _ORDER).read_bytes(),
                                type=list[tuple[str, tuple[str, ...]]])
    return tuple(Module(name, (place / name).read_bytes(), cpus) for name, cpus in order)


def _ordered(kernel: Kernel, modules: Path, names: Iterable[str]) -> tuple[Module, ...]:
    tree = _Tree(modules)
    ordered: dict[str, Module] = {}
    for name, cpus in tree.for_cpus():
        _add(name, kernel, tree, ordered, (), cpus)
    for name in names:
        if name not in tree.builtin:
            _add(name, kernel, tree, ordered, ())
    return tuple(ordered.values())


def built_for(path: Path) -> str | None:
    """The kernel's release that a module file was built for, or None where it does not say.

    Raises KernelError for what is no module.
    """
    return _read(path).release


class _Tree:
    """A modules directory: module files by name, and the names of what is built in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = folder / "modules.builtin"
        self.lists_builtin = listed.is_file()
        paths = read_bounded(listed, TEXT).decode(errors="replace").split() if (
            self.lists_builtin) else []
        self.builtin = frozenset(
            _normal(path.rsplit("/", 1)[-1].removesuffix(".ko")) for path in paths)
        self.files: dict[str, Path] = {}
        for path in sorted(folder.rglob("*.ko*")):
            if path.is_file() and (match := _FILE.fullmatch(path.name)):
                self.files.setdefault(_normal(match["name"]), path)
        self._arch = folder / "kernel" / "arch"

    def for_cpus(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The modules that compute a checksum on some CPUs alone, with the patterns of these."""
        for name, path in self.files.items():
            if path.is_relative_to(self._arch) and not _ARCH_CODE.isdisjoint(
                    path.relative_to(self._arch).parts) and (cpus := _read(path).cpus):
                yield name, cpus


def _add(name: str, kernel: Kernel, tree: _Tree, ordered: dict[str, Module],
         above: tuple[str, ...], cpus: tuple[str, ...] = ()) -> None:
    if (known := ordered.get(name)) is not None:
        if known.cpus and not cpus:
            ordered[name] = replace(known, cpus=())
        return
    if name in above or len(above) == DEPTH:
        raise KernelError(f"kernel {kernel.release}: its modules {' needs '.join((*above, name))}: "
                          "the modules directory is damaged. Install the kernel's modules anew.")
    path = tree.files.get(name)
    if path is None:
        raise _lacking(name, kernel, tree, above)
    wants = _read(path)
    if wants.release not in (None, kernel.release):
        raise KernelError(
            f"{path} was built for kernel {wants.release}, and {kernel.spec} is {kernel.release}: "
            "modules of another release are not loaded. Install this kernel's own.")
    for other in wants.hard:
        if other not in tree.builtin:
            _add(other, kernel, tree, ordered, (*above, name))
    for other in wants.soft:
        for candidate in _files_of_alias(other):
            if candidate not in tree.builtin and candidate in tree.files:
                _add(candidate, kernel, tree, ordered, (*above, name))
                break
    ordered[name] = Module(name, wants.content, cpus)


def _lacking(name: str, kernel: Kernel, tree: _Tree, above: tuple[str, ...]) -> KernelError:
    """The error of a driver that is not there, with what would bring it."""
    needed = f", which {above[-1]} needs" if above else ""
    base = f"linux-base-{kernel.release}"
    if is_unpacked(tree.folder):
        there = "among the modules that came with it"
        way = ", put the package of its module beside it" if kernel.sought else ""
        listing = f"of Debian's packages, from 7.x on, {base} does: put it beside the others"
    else:
        there, way = f"in {tree.folder}", ", put its module there"
        listing = f"Debian's, from 7.x on, is in the package {base}"
    sought = f" {kernel.sought}" if kernel.sought else ""
    unlisted = "" if tree.lists_builtin else (
        f" No modules.builtin there says what is built in; {listing}.")
    return KernelError(
        f"kernel {kernel.release} ({kernel.spec}) has no driver {name}{needed}: it is neither "
        f"built in nor {there}.{unlisted}{sought} Build it in{way}, or "
        "use another kernel; `tailwalk kernels` lists Debian's.")


def _files_of_alias(name: str) -> Iterator[str]:
    """The names that a module with the alias `name` may have, likeliest first: a cipher
    `crypto-crc32c` is in `crc32c`, `crc32c_generic` or, since v6.16, `crc32c-cryptoapi`."""
    cipher = name.removeprefix("crypto_")
    yield name
    for ending in ("", "_generic", "_cryptoapi"):
        yield f"{cipher}{ending}"


def _read(path: Path) -> _Read:
    """A module file, decompressed; raises KernelError for what is none."""
    content = read_bounded(path, UNPACKED)
    if path.suffix != ".ko":
        content = decompress(content, str(path))
    tags: dict[str, list[str]] = {}
    for key, value in _modinfo(content, path):
        tags.setdefault(key, []).append(value)
    aliases = tags.get("alias", [])
    summing = any(f"crypto-{name}" in aliases for name in CHECKSUMS)
    return _Read(
        content,
        hard=tuple(_normal(name) for value in tags.get("depends", [])
                   for name in value.split(",") if name),
        soft=tuple(_normal(name) for value in tags.get("softdep", [])
                   for name in value.partition("pre:")[2].partition("post:")[0].split()),
        cpus=tuple(alias for alias in aliases if summing and alias.startswith("cpu:")),
        release=next((value.split()[0] for value in tags.get("vermagic", []) if value.split()),
                     None))


def _modinfo(content: bytes, path: Path) -> Iterator[tuple[str, str]]:
    """The tags of a module's `.modinfo` section."""
    try:
        data = _section(content, b".modinfo\0")
    except (struct.error, IndexError, OverflowError) as error:
        raise KernelError(f"{path} is damaged or no kernel module ({error}). Install the kernel's "
                          "modules anew.") from error
    for entry in data.split(b"\0"):
        key, equals, value = entry.decode(errors="replace").partition("=")
        if equals:
            yield key, value


def _section(content: bytes, name: bytes) -> bytes:
    """A section of an ELF object of 64 bits, by its name and the NUL after it. Not by a library's
    reader: a thousand modules are read, and what one says of itself may send that round for good.

    Raises struct.error or IndexError for what has none.
    """
    if not content.startswith(b"\x7fELF\x02\x01"):
        raise IndexError("it is no ELF file of 64 bits")
    table, = struct.unpack_from("<Q", content, 0x28)
    number, names = struct.unpack_from("<HH", content, 0x3c)
    headers = [_SECTION.unpack_from(content, table + at * _SECTION.size) for at in range(number)]
    start = headers[names][4]
    for at, _, _, _, offset, size, *_ in headers:
        if content.startswith(name, start + at) and size <= MODINFO:
            return content[offset:offset + size]
    raise IndexError(f"it has no section {name[:-1].decode()}")


def _normal(name: str) -> str:
    return name.replace("-", "_")
