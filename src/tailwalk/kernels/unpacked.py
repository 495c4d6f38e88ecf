# SPDX-License-Identifier: GPL-2.0-or-later
"""Unpacked kernels in the cache: an uncompressed vmlinux, its modules, and what they should be.

Every entry's manifest has the sha256 of each of its files, and is its seal.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from tailwalk.cache import Cache, digest_bytes, digest_file, with_digest, without_digest
from tailwalk.errors import KernelError, ToolError
from tailwalk.kernels.compression import decompress, format_of
from tailwalk.kernels.kernel import Kernel
from tailwalk.kernels.vmlinux import read_vmlinux
from tailwalk.machines import GUEST
from tailwalk.progress import Progress

KIND = "kernels"
_LAYOUT = b"unpacked kernel 1"
_MANIFEST = "kernel.json"
_IMAGE = "vmlinux"
_BOOT_IMAGE = GUEST.image.name
_DEB = b"!<arch>\n"
_RPM = b"\xed\xab\xee\xdb"
_TAR, _TAR_AT = b"ustar", 257
_MODULES = "modules"
_BY_RELEASE = ".modules"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry holds: `files` maps each path in it to its sha256; `size` is their bytes."""

    release: str
    banner: str
    provenance: dict[str, str]
    files: dict[str, str]
    size: int

    @property
    def digest(self) -> str:
        """The digest that names image and modules together."""
        return digest_bytes(*(f"{path} {self.files[path]}".encode() for path in sorted(self.files)))


def key_of(digests: Sequence[str]) -> str:
    """The entry of the kernel that files of these sha256 make."""
    return digest_bytes(_LAYOUT, *(digest.encode() for digest in digests))


def open_unpacked(cache: Cache, key: str, *, spec: str, progress: Progress,
                  provenance: Mapping[str, str], files: Callable[[], Sequence[Path]]) -> Kernel:
    """The kernel of entry `key`, unpacked first from `files()` (kernel .debs, or one image)
    where it is not there or no longer what it was.

    Raises KernelError for files that hold no bootable kernel, CacheError, and what `files` raises.
    """
    def make(folder: Path) -> None:
        paths = files()
        with progress.task(f"unpack {paths[0].name}") as task:
            _unpack(paths, folder, dict(provenance))
            task.advance()

    place = cache.entry(KIND, key, make, listing=listing)
    manifest = read_manifest(place)
    if manifest is None:
        raise KernelError(f"{place} cannot be read back: check the disk, or point "
                          "TAILWALK_CACHE at another one.")
    modules = place / _MODULES
    return Kernel(spec=spec, release=manifest.release, image=place / _bootable(manifest),
                  digest=manifest.digest, modules=modules if modules.is_dir() else None,
                  provenance={**manifest.provenance, "banner": manifest.banner})


def read_manifest(place: Path) -> Manifest | None:
    """An entry's manifest; None where it is damaged."""
    try:
        content = without_digest((place / _MANIFEST).read_bytes())
        return None if content is None else msgspec.json.decode(content, type=Manifest)
    except (OSError, ValueError):
        return None


def all_unpacked(cache: Cache) -> Iterator[tuple[str, Manifest]]:
    """Key and manifest of every whole entry, in no particular order."""
    home = cache.root / KIND
    if home.is_dir():
        for place in home.iterdir():
            if not place.name.startswith(".") and (manifest := read_manifest(place)):
                yield place.name, manifest


def is_unpacked(modules: Path) -> bool:
    """Are these modules an entry's, to which nobody adds any?"""
    return (modules.parent / _MANIFEST).is_file()


def check_unpacked(kernel: Kernel, cache: Cache) -> None:
    """Raise CacheError where the kernel's entry changed since it was opened: to be asked before
    what was made from it is kept."""
    cache.check(kernel.image.parent, listing)


def is_deb(path: Path) -> bool:
    """Does the file begin as a Debian package does?"""
    with path.open("rb") as stream:
        return stream.read(len(_DEB)) == _DEB


def _bootable(manifest: Manifest) -> str:
    """The file QEMU boots: the vmlinux, or the boot image of a kernel without the entry point."""
    return _BOOT_IMAGE if _BOOT_IMAGE in manifest.files else _IMAGE


def listing(place: Path) -> Mapping[str, str | None]:
    """What an entry should hold; raises ValueError where nothing tells."""
    manifest = read_manifest(place)
    if manifest is None:
        raise ValueError("its manifest is damaged")
    return {_MANIFEST: None, **manifest.files}


def _unpack(paths: Sequence[Path], folder: Path, provenance: dict[str, str]) -> None:
    named = ", ".join(map(str, paths))
    if is_deb(paths[0]):
        image, what = _unpack_packages(
            ((name, content, path) for path in paths for name, content in deb_files(path)),
            folder, named)
    else:
        content = paths[0].read_bytes()
        if content.startswith(_RPM):
            raise KernelError(
                f"{named} is an RPM package, which is not read here. Unpack it and the packages "
                "with its modules (kernel-core, kernel-modules-core, kernel-modules) into one "
                "directory, each with `rpm2cpio PACKAGE | cpio -idm`, and give "
                "image:DIRECTORY/lib/modules/RELEASE/vmlinuz.")
        plain = decompress(content, named) if format_of(content) else content
        if plain.startswith(_TAR, _TAR_AT):
            image, what = _unpack_packages(
                ((*file, paths[0]) for file in _tar_files(paths[0], plain)), folder, named)
        else:
            image, what = content, named
    vmlinux = read_vmlinux(image, what)
    _keep_modules(folder, vmlinux.release, what)
    (folder / _IMAGE).write_bytes(vmlinux.content)
    if not vmlinux.startable:
        if not GUEST.image.recognised(image):
            raise KernelError(f"{what} has no {GUEST.image.entry}, by which QEMU starts a vmlinux: "
                              f"build it with {GUEST.image.entry_option}=y, or give the "
                              f"{GUEST.image.name} of the same build.")
        (folder / _BOOT_IMAGE).write_bytes(image)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = msgspec.json.encode(Manifest(
        release=vmlinux.release, banner=vmlinux.banner, provenance=provenance,
        files={str(path.relative_to(folder)): digest_file(path) for path in files},
        size=sum(path.stat().st_size for path in files)))
    (folder / _MANIFEST).write_bytes(with_digest(manifest))


def _unpack_packages(files: Iterable[tuple[PurePosixPath, bytes, Path]], folder: Path,
                     named: str) -> tuple[bytes, str]:
    """Unpack the modules of kernel packages into `folder`, by release; returns the image and its
    name. `files` are their files, each with its name, its bytes and the package it is in."""
    found: tuple[bytes, str] | None = None
    for name, content, path in files:
        inside = _module_path(name)
        if _is_image(name, inside):
            found = content, f"{name} in {path}"
        elif inside is not None:
            target = folder / _BY_RELEASE / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    if found is None:
        raise KernelError(f"{named} holds no vmlinuz: it is no kernel package. Give the package "
                          "with the image (linux-image-* or linux-binary-*), and those with its "
                          "modules beside it.")
    return found


def _keep_modules(folder: Path, release: str, what: str) -> None:
    """Of what was unpacked by release, keep the kernel's own; raises KernelError where there is
    only another's."""
    by_release = folder / _BY_RELEASE
    if not by_release.is_dir():
        return
    try:
        (by_release / release).rename(folder / _MODULES)
    except FileNotFoundError:
        others = ", ".join(sorted(path.name for path in by_release.iterdir()))
        raise KernelError(f"{what} is a kernel {release}, and the modules that came with it are "
                          f"those of {others}. Give packages of one build.") from None
    shutil.rmtree(by_release)


def _is_image(name: PurePosixPath, inside: PurePosixPath | None) -> bool:
    """Is it the image? It moved from /boot to /usr/lib/modules/RELEASE with Debian's 7.x; Arch
    has it there too."""
    return (inside is not None and inside.parts[1:] == ("vmlinuz",)) or (
        name.parent == PurePosixPath("boot") and name.name.startswith("vmlinuz-"))


def _module_path(name: PurePosixPath) -> PurePosixPath | None:
    """What follows `lib/modules/` in a file's name, the release first; None for any other file."""
    parts = name.parts[1:] if name.parts[:1] == ("usr",) else name.parts
    if parts[:2] != ("lib", "modules") or len(parts) < 4 or ".." in parts:
        return None
    return PurePosixPath(*parts[2:])


def _tar_files(path: Path, content: bytes) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The regular files in a tar archive: a package of Arch's, or what `make targz-pkg` makes."""
    with _damage_named(path, "tar archive"), tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for member in tar:
            if member.isfile() and (stream := tar.extractfile(member)) is not None:
                yield PurePosixPath(member.name.removeprefix("./")), stream.read()


def package_of(path: Path) -> tuple[str, str]:
    """The name and the version of a Debian package; raises KernelError where it is damaged."""
    from debian.debfile import DebFile

    with _damage_named(path, "Debian package"), DebFile(str(path)) as deb:
        control = deb.debcontrol()
        return str(control["Package"]), str(control["Version"])


def deb_files(path: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The regular files in a .deb, checked against the md5sums it carries.

    Raises KernelError where the package is damaged or none.
    """
    from hashlib import md5

    from debian.debfile import DebFile

    with _damage_named(path, "Debian package"), DebFile(str(path)) as deb:
        sums = ({str(name): digest for name, digest in deb.md5sums(encoding="utf-8").items()}
                if deb.control.has_file("md5sums") else {})
        for member in deb.data.tgz():
            stream = (deb.data.tgz().extractfile(member)
                      if member.isfile() or member.islnk() else None)
            if stream is None:
                continue
            content = stream.read()
            name = PurePosixPath(member.name.removeprefix("./"))
            digest = md5(content, usedforsecurity=False).hexdigest()
            if sums.pop(str(name), digest) != digest:
                raise KernelError(f"{path} is damaged: {name} in it does not match the "
                                  "package's own checksum. Fetch or build it anew.")
            yield name, content
        # tarfile takes a damaged header for the end of the archive.
        if sums:
            raise KernelError(f"{path} is damaged: it lacks {next(iter(sums))}. Fetch or build "
                              "it anew.")


@contextlib.contextmanager
def _damage_named(path: Path, kind: str) -> Iterator[None]:
    """Raise KernelError where an archive cannot be read to its end, or ToolError where a program
    is missing that decompresses it; an error of the system goes through."""
    import lzma
    import zlib

    from debian.arfile import ArError
    from debian.debfile import DebError

    try:
        yield
    except (ArError, DebError, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, KeyError,
            ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if isinstance(error, DebError) and shutil.which("unzstd") is None:
            raise ToolError(f"{path} cannot be read ({error}), and there is no program unzstd on "
                            "this machine, with which many packages are compressed: install the "
                            "package zstd.") from error
        raise KernelError(f"{path} is damaged or no {kind} "
                          f"({error or 'it ends too early'}). Fetch or build it anew.") from error
