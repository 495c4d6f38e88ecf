# SPDX-License-Identifier: GPL-2.0-or-later
"""Unpacked kernels in the cache: an uncompressed vmlinux, its modules, and what they should be.

Every entry carries the sha256 of each of its files; the image is checked whenever the entry is
opened (0.05 s), a module when it is read, so that a changed byte is never measured.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath

import msgspec

from tailwalk.cache import Cache, digest_bytes, digest_file
from tailwalk.errors import KernelError
from tailwalk.kernels.kernel import Kernel
from tailwalk.kernels.vmlinux import is_bzimage, read_vmlinux
from tailwalk.progress import Progress

KIND = "kernels"
_LAYOUT = b"unpacked kernel 1"
_MANIFEST = "kernel.json"
_IMAGE = "vmlinux"
_BZIMAGE = "bzImage"
_DEB = b"!<arch>\n"
_MODULES = "modules"


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

    place = cache.entry(KIND, key, make)
    manifest = read_manifest(place)
    if manifest is None or _image_changed(place, manifest):
        progress.note(f"{place} in the cache is no longer what was unpacked: unpacking it again.")
        cache.discard(KIND, key)
        place = cache.entry(KIND, key, make)
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
        content, _, check = (place / _MANIFEST).read_bytes().rpartition(b"\n")
        if check.decode() != sha256(content).hexdigest():
            return None
        return msgspec.json.decode(content, type=Manifest)
    except (OSError, ValueError):
        return None


def all_unpacked(cache: Cache) -> Iterator[tuple[str, Manifest]]:
    """Key and manifest of every whole entry, in no particular order."""
    home = cache.root / KIND
    if home.is_dir():
        for place in home.iterdir():
            if not place.name.startswith(".") and (manifest := read_manifest(place)):
                yield place.name, manifest


def check_file(path: Path) -> None:
    """Raise KernelError if `path` lies in an entry's modules and is no longer what was unpacked."""
    place = next((folder for folder in path.parents if (folder / _MANIFEST).is_file()), None)
    if place is None:
        return
    manifest = read_manifest(place)
    if manifest is None or digest_file(path) != manifest.files.get(str(path.relative_to(place))):
        raise KernelError(f"{path} in the cache is no longer what was unpacked: remove {place} and "
                          "run the command again.")


def is_deb(path: Path) -> bool:
    """Does the file begin as a Debian package does?"""
    with path.open("rb") as stream:
        return stream.read(len(_DEB)) == _DEB


def _bootable(manifest: Manifest) -> str:
    """The file QEMU boots: the vmlinux, or the bzImage of a kernel without a PVH entry point."""
    return _BZIMAGE if _BZIMAGE in manifest.files else _IMAGE


def _image_changed(place: Path, manifest: Manifest) -> bool:
    name = _bootable(manifest)
    return (not (place / name).is_file()
            or digest_file(place / name) != manifest.files[name])


def _unpack(paths: Sequence[Path], folder: Path, provenance: dict[str, str]) -> None:
    if is_deb(paths[0]):
        image, what = _unpack_debs(paths, folder)
    else:
        image, what = paths[0].read_bytes(), str(paths[0])
    vmlinux = read_vmlinux(image, what)
    (folder / _IMAGE).write_bytes(vmlinux.content)
    if not vmlinux.pvh:
        if not is_bzimage(image):
            raise KernelError(f"{what} has no PVH entry point, by which QEMU starts a vmlinux: "
                              "build it with CONFIG_PVH=y, or give the bzImage of the same build.")
        (folder / _BZIMAGE).write_bytes(image)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = msgspec.json.encode(Manifest(
        release=vmlinux.release, banner=vmlinux.banner, provenance=provenance,
        files={str(path.relative_to(folder)): digest_file(path) for path in files},
        size=sum(path.stat().st_size for path in files)))
    (folder / _MANIFEST).write_bytes(manifest + b"\n" + sha256(manifest).hexdigest().encode())


def _unpack_debs(paths: Sequence[Path], folder: Path) -> tuple[bytes, str]:
    """Unpack the modules of kernel packages into `folder`; returns the image and its name."""
    found: tuple[bytes, str] | None = None
    for path in paths:
        for name, content in deb_files(path):
            inside = _module_path(name)
            if _is_image(name, inside):
                found = content, f"{name} in {path}"
            elif inside is not None:
                target = folder / _MODULES / inside
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
    if found is None:
        raise KernelError(f"{', '.join(map(str, paths))} holds no vmlinuz: it is no kernel package."
                          " Give a linux-image-* or linux-binary-* .deb.")
    return found


def _is_image(name: PurePosixPath, inside: PurePosixPath | None) -> bool:
    """Is it the image? It moved from /boot to /usr/lib/modules/RELEASE with Debian's 7.x."""
    return str(inside) == "vmlinuz" or (
        name.parent == PurePosixPath("boot") and name.name.startswith("vmlinuz-"))


def _module_path(name: PurePosixPath) -> PurePosixPath | None:
    """Where a file of `lib/modules/RELEASE` goes; None for any other file."""
    parts = name.parts[1:] if name.parts[:1] == ("usr",) else name.parts
    if parts[:2] != ("lib", "modules") or len(parts) < 4 or ".." in parts:
        return None
    return PurePosixPath(*parts[3:])


def deb_files(path: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The regular files in a .deb, checked against the md5sums it carries.

    Raises KernelError where the package is damaged or none.
    """
    import lzma
    import zlib
    from hashlib import md5

    from debian.arfile import ArError
    from debian.debfile import DebError, DebFile

    try:
        with DebFile(str(path)) as deb:
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
    except (ArError, DebError, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, KeyError,
            ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise KernelError(f"{path} is damaged or no Debian package "
                          f"({error or 'it ends too early'}). Fetch or build it anew.") from error
