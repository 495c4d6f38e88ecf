# SPDX-License-Identifier: GPL-2.0-or-later
"""Unpacked kernels in the cache: an uncompressed vmlinux, its modules, and what they should be.

Every entry's manifest has the sha256 of each of its files, and is its seal.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from tailwalk.cache import Cache, digest_bytes, digest_file, with_digest, without_digest
from tailwalk.cache.seal import ANOTHERS
from tailwalk.errors import KernelError
from tailwalk.files import read_bounded
from tailwalk.kernels.bounds import IMAGE
from tailwalk.kernels.kernel import Kernel
from tailwalk.kernels.package import extract, is_deb, is_tar
from tailwalk.kernels.vmlinux import read_vmlinux
from tailwalk.machines import GUEST
from tailwalk.progress import Progress

KIND = "kernels"
_LAYOUT = b"unpacked kernel 1"
_MANIFEST = "kernel.json"
_IMAGE = "vmlinux"
_BOOT_IMAGE = GUEST.image.name
_RPM = b"\xed\xab\xee\xdb"
_MODULES = "modules"
_BY_RELEASE = ".modules"
_PACKED_IMAGE = ".image"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the entry `key` holds: `files` maps each path in it to its sha256; `size` is their
    bytes. Manifests of earlier versions have no key."""

    release: str
    banner: str
    provenance: dict[str, str]
    files: dict[str, str]
    size: int
    key: str = ""

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
            _unpack(paths, folder, dict(provenance), key=key)
            task.advance()

    place = cache.entry(KIND, key, make, listing=listing, doing=f"unpacks {spec}")
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
    place = kernel.image.parent
    if place.parent.name == KIND:
        cache.check(place, listing)
    else:  # an image that was sent to this machine
        cache.check(place)


def _bootable(manifest: Manifest) -> str:
    """The file QEMU boots: the vmlinux, or the boot image of a kernel without the entry point."""
    return _BOOT_IMAGE if _BOOT_IMAGE in manifest.files else _IMAGE


def listing(place: Path) -> Mapping[str, str | None]:
    """What an entry should hold; raises ValueError where nothing tells."""
    manifest = read_manifest(place)
    if manifest is None:
        raise ValueError("its manifest is damaged")
    if manifest.key not in ("", place.name):
        raise ValueError(ANOTHERS)
    return {_MANIFEST: None, **manifest.files}


def _unpack(paths: Sequence[Path], folder: Path, provenance: dict[str, str], *, key: str) -> None:
    named = ", ".join(map(str, paths))
    if is_deb(paths[0]) or is_tar(paths[0]):
        image, what = _unpack_packages(paths, folder, named)
    else:
        image, what = read_bounded(paths[0], IMAGE), named
        if image.startswith(_RPM):
            raise KernelError(
                f"{named} is an RPM package, which is not read here. Unpack it and the packages "
                "with its modules (kernel-core, kernel-modules-core, kernel-modules) into one "
                "directory, each with `rpm2cpio PACKAGE | cpio -idm`, and give "
                "image:DIRECTORY/lib/modules/RELEASE/vmlinuz.")
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
        size=sum(path.stat().st_size for path in files), key=key))
    (folder / _MANIFEST).write_bytes(with_digest(manifest))


def _unpack_packages(paths: Sequence[Path], folder: Path, named: str) -> tuple[bytes, str]:
    """Unpack the modules of kernel packages into `folder`, by release; returns the image and its
    name."""
    packed = folder / _PACKED_IMAGE
    found: list[str] = []
    for path in paths:
        def place(name: PurePosixPath, path: Path = path) -> Path | None:
            inside = _module_path(name)
            if _is_image(name, inside):
                found.append(f"{name} in {path}")
                return packed
            return folder / _BY_RELEASE / inside if inside is not None else None

        extract(path, place)
    if not found:
        raise KernelError(f"{named} holds no vmlinuz: it is no kernel package. Give the package "
                          "with the image (linux-image-* or linux-binary-*), and those with its "
                          "modules beside it.")
    image = packed.read_bytes()
    packed.unlink()
    return image, found[-1]


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
