# SPDX-License-Identifier: GPL-2.0-or-later
"""`image:PATH`: a kernel file of the user's own, with modules looked for beside it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tailwalk.cache import Cache, digest_bytes, digest_file
from tailwalk.errors import KernelError
from tailwalk.kernels.kernel import Kernel
from tailwalk.kernels.spec import ImageSpec
from tailwalk.kernels.unpacked import is_deb, key_of, open_unpacked
from tailwalk.progress import SILENT, Progress


def resolve_image(spec: ImageSpec, cache: Cache, *, progress: Progress = SILENT) -> Kernel:
    """The kernel in a vmlinux, vmlinuz, bzImage or kernel .deb.

    The modules of a .deb come from it, or, for a linux-binary-* package, from the linux-modules-*
    package beside it. Those of an image are looked for in `lib/modules/RELEASE` beside it or
    beside its directory, in its own directory where that holds a modules.dep or modules.builtin,
    and in /lib/modules/RELEASE. Raises KernelError for what is no kernel for x86-64.
    """
    path = spec.path.absolute()
    try:
        packaged = is_deb(path)
        files = _packages(path) if packaged else [path]
        digests = [digest_file(file) for file in files]
    except OSError as error:
        raise KernelError(f"cannot read the kernel image {path}: {error.strerror}. Give the path "
                          "of a vmlinux, vmlinuz, bzImage or kernel .deb.") from error
    kernel = open_unpacked(
        cache, key_of(["image", *digests]), spec=str(spec), progress=progress,
        provenance={"sha256": " ".join(digests)}, files=lambda: files)
    kernel = dataclasses.replace(kernel, provenance={**kernel.provenance, "path": str(path)})
    if packaged or (modules := _modules_beside(path, kernel.release)) is None:
        return kernel
    # The user's own modules stay where they are: their names, sizes and times stand for them.
    listing = sorted(f"{file.relative_to(modules)} {file.stat().st_size} {file.stat().st_mtime_ns}"
                     for file in modules.rglob("*") if file.is_file())
    return dataclasses.replace(
        kernel, modules=modules,
        digest=digest_bytes(kernel.digest.encode(), *(line.encode() for line in listing)))


def _packages(path: Path) -> list[Path]:
    """A kernel package and those beside it that complete it: a kernel may come as linux-binary-*
    (the image), linux-modules-* and linux-base-* (which drivers are built in)."""
    if not path.name.startswith("linux-binary-"):
        return [path]
    rest = path.name.removeprefix("linux-binary-").removeprefix("unsigned-")
    others = [path.with_name(f"linux-{part}-{rest}") for part in ("modules", "base")]
    return [path, *filter(Path.is_file, others)]


def _modules_beside(path: Path, release: str) -> Path | None:
    places = [folder / "lib/modules" / release for folder in (path.parent, path.parent.parent)]
    if any((path.parent / name).is_file() for name in ("modules.dep", "modules.builtin")):
        places.insert(0, path.parent)
    places.append(Path("/lib/modules") / release)
    return next((place for place in places if place.is_dir()), None)
