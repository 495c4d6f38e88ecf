# SPDX-License-Identifier: GPL-2.0-or-later
"""Which module files a guest has to load, in which order, for the drivers a rig asks for.

A module says itself which others it needs (the `depends` and `softdep` tags of its `.modinfo`
section), so no modules.dep is read: Debian's packages come without one, depmod makes it on
installation.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tailwalk.errors import KernelError
from tailwalk.kernels.compression import decompress
from tailwalk.kernels.kernel import Kernel, Module
from tailwalk.kernels.unpacked import check_file

_FILE = re.compile(r"(?P<name>.+)\.ko(?:\.xz|\.zst|\.gz)?")


@dataclass(frozen=True)
class _Wants:
    """What a module asks for: `hard` must be loaded before it, `soft` if it is there at all."""

    hard: tuple[str, ...]
    soft: tuple[str, ...]


def load_order(kernel: Kernel, names: Iterable[str]) -> tuple[Module, ...]:
    """The modules to load, dependencies first, so that the kernel has every driver of `names`
    (`virtio_blk`, `brd`; `-` and `_` are one). What is built in is left out, and so is everything
    for a kernel without a modules directory.

    Raises KernelError naming the kernel and the driver that is neither built in nor there.
    """
    if kernel.modules is None:
        return ()
    tree = _Tree(kernel.modules)
    ordered: dict[str, Module] = {}
    for name in names:
        wanted = _normal(name)
        if wanted not in tree.builtin:
            _add(wanted, kernel, tree, ordered, ())
    return tuple(ordered.values())


class _Tree:
    """A modules directory: module files by name, and the names of what is built in."""

    def __init__(self, folder: Path) -> None:
        listed = folder / "modules.builtin"
        self.builtin = frozenset(_module_names(listed.read_text().split())
                                 if listed.is_file() else ())
        self.files: dict[str, Path] = {}
        for path in sorted(folder.rglob("*.ko*")):
            if path.is_file() and (match := _FILE.fullmatch(path.name)):
                self.files.setdefault(_normal(match["name"]), path)


def _add(name: str, kernel: Kernel, tree: _Tree, ordered: dict[str, Module],
         above: tuple[str, ...]) -> None:
    if name in ordered:
        return
    if name in above:
        raise KernelError(f"kernel {kernel.release}: its modules {' needs '.join((*above, name))}: "
                          "the modules directory is damaged. Install the kernel's modules anew.")
    path = tree.files.get(name)
    if path is None:
        needed = f", which {above[-1]} needs" if above else ""
        raise KernelError(
            f"kernel {kernel.release} ({kernel.spec}) has no driver {name}{needed}: it is neither "
            f"built in nor in {kernel.modules}. Build it in, put its module there, or use another "
            "kernel; `tailwalk kernels` lists Debian's.")
    check_file(path)
    content = path.read_bytes()
    if path.suffix != ".ko":
        content = decompress(content, str(path))
    wants = _wants(content, path)
    for other in wants.hard:
        if other not in tree.builtin:
            _add(other, kernel, tree, ordered, (*above, name))
    for other in wants.soft:
        for candidate in _files_of_alias(other):
            if candidate not in tree.builtin and candidate in tree.files:
                _add(candidate, kernel, tree, ordered, (*above, name))
                break
    ordered[name] = Module(name, content)


def _files_of_alias(name: str) -> Iterator[str]:
    """The names that a module with the alias `name` may have, likeliest first: a cipher
    `crypto-crc32c` is in `crc32c`, `crc32c_generic` or, since v6.16, `crc32c-cryptoapi`."""
    cipher = name.removeprefix("crypto_")
    yield name
    for ending in ("", "_generic", "_cryptoapi"):
        yield f"{cipher}{ending}"


def _wants(content: bytes, path: Path) -> _Wants:
    tags = list(_modinfo(content, path))
    hard = [_normal(name) for key, value in tags if key == "depends"
            for name in value.split(",") if name]
    soft: list[str] = []
    for key, value in tags:
        if key == "softdep" and (match := re.search(r"pre:\s*(.*?)\s*(?:post:|$)", value)):
            soft += [_normal(name) for name in match[1].split()]
    return _Wants(tuple(hard), tuple(soft))


def _modinfo(content: bytes, path: Path) -> Iterator[tuple[str, str]]:
    """The tags of a module's `.modinfo` section."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        section = ELFFile(io.BytesIO(content)).get_section_by_name(".modinfo")
        if section is None:
            raise ELFError("it has no .modinfo section")
        data: bytes = section.data()
    except (ELFError, ValueError, KeyError, UnicodeDecodeError, OverflowError) as error:
        raise KernelError(f"{path} is damaged or no kernel module ({error}). Install the kernel's "
                          "modules anew.") from error
    for entry in data.split(b"\0"):
        key, equals, value = entry.decode(errors="replace").partition("=")
        if equals:
            yield key, value


def _module_names(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        yield _normal(path.rsplit("/", 1)[-1].removesuffix(".ko"))


def _normal(name: str) -> str:
    return name.replace("-", "_")
