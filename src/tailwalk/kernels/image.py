# SPDX-License-Identifier: GPL-2.0-or-later
"""`image:PATH`: a kernel file of the user's own, with modules looked for beside it."""

from __future__ import annotations

import dataclasses
import glob
import os
import re
from pathlib import Path

from tailwalk.cache import Cache, digest_bytes, digest_file
from tailwalk.errors import KernelError
from tailwalk.kernels.beside import modules_beside
from tailwalk.kernels.kernel import Kernel
from tailwalk.kernels.package import is_deb, package_of
from tailwalk.kernels.spec import ImageSpec
from tailwalk.kernels.unpacked import key_of, open_unpacked
from tailwalk.machines import GUEST
from tailwalk.progress import SILENT, Progress

_PACKAGE = re.compile(r"linux-(?:image|binary)-(?:unsigned-)?(\d[\w.+~-]*?)(?:-unsigned)?",
                      re.ASCII)
# What completes a kernel package. Ubuntu's linux-image-* is the image alone; so is Debian's
# linux-binary-*, of which its linux-image-* is an empty companion and linux-base-* says which
# drivers are built in.
_MODULE_PARTS = ("modules", "modules-extra", "base")
_IMAGE_PARTS = ("binary", "binary-unsigned")


def resolve_image(spec: ImageSpec, cache: Cache, *, progress: Progress = SILENT) -> Kernel:
    """The kernel in a vmlinux, vmlinuz or boot image, in a kernel .deb or in a tar archive.

    Modules come from the archive, or from the .deb and the packages of the same release beside
    it. Where there are none, as with an image, they are looked for in the directories beside
    (modules_beside). Raises KernelError for what is no kernel for the machine.
    """
    path = spec.path.absolute()
    places: list[str] = []
    try:
        files = [path]
        if is_deb(path):
            files, places = _packages(path)
        digests = [digest_file(file) for file in files]
    except PermissionError as error:
        raise KernelError(
            f"cannot read the kernel image {path}: {error.strerror}. Some distributions keep the "
            f"images in /boot for root alone: as root, copy it (install -m 644 {path} .) and give "
            "the copy. Modules of an installed kernel are found all the same.") from error
    except OSError as error:
        raise KernelError(f"cannot read the kernel image {path}: {error.strerror}. Give the path "
                          f"of a vmlinux, vmlinuz, {GUEST.image.name} or kernel .deb.") from error
    kernel = open_unpacked(
        cache, key_of(["image", *digests]), spec=str(spec), progress=progress,
        provenance={"sha256": " ".join(digests)}, files=lambda: files)
    modules, digest = kernel.modules, kernel.digest
    if modules is None:
        modules, place = modules_beside(path, kernel.release)
        places.append(place)
        if modules is not None:
            digest = _with_modules(digest, modules, cache)
    return dataclasses.replace(
        kernel, modules=modules, digest=digest,
        provenance={**kernel.provenance, "path": str(path)},
        sought=(f"Modules of {kernel.release} were looked for in {'; and in '.join(places)}."
                if places else ""))


def _packages(path: Path) -> tuple[list[Path], list[str]]:
    """A kernel package and those beside it that complete it, and where they were looked for."""
    name, version = package_of(path)
    places = [str(path)]
    match = _PACKAGE.fullmatch(name)
    if match is None:
        return [path], places
    modules = [f"linux-{part}-{match[1]}" for part in _MODULE_PARTS]
    images = [f"linux-{part}-{match[1]}" for part in _IMAGE_PARTS]
    found = [file for other in [*images, *modules]
             if other != name and (file := _beside(path, other, version))]
    places.append(f"the packages {', '.join(modules)} beside it")
    return [path, *found], places


def _beside(path: Path, name: str, version: str) -> Path | None:
    """The package of a name beside another one: of the same version, or the only one there is.

    Raises KernelError where there are several, all of other versions.
    """
    files = [file for file in sorted(path.parent.glob(f"{glob.escape(name)}_*.deb"))
             if file.is_file()]
    fitting = [file for file in files if package_of(file) == (name, version)] or files
    if len(fitting) > 1:
        raise KernelError(f"beside {path}, of version {version}, are several packages {name} of "
                          f"other versions: {', '.join(file.name for file in fitting)}. Leave the "
                          "one there that belongs to it.")
    return fitting[0] if fitting else None


def _with_modules(digest: str, modules: Path, cache: Cache) -> str:
    """The digest of an image together with modules of the user's own, which stay where they are."""
    modules = modules.resolve()
    files = {str(file.relative_to(modules)): os.path.relpath(file.resolve(), modules)
             for pattern in ("*.ko*", "modules.*") for file in modules.rglob(pattern)
             if file.is_file()}
    found = cache.digests(modules, files.values())
    return digest_bytes(digest.encode(), *(f"{name} {found[files[name]]}".encode()
                                           for name in sorted(files)))
