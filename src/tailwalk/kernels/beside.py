# SPDX-License-Identifier: GPL-2.0-or-later
"""The modules of an image that came without: looked for beside it, by the kernel's release."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tailwalk.errors import KernelError
from tailwalk.files import read_bounded
from tailwalk.kernels.bounds import TEXT
from tailwalk.kernels.modules import built_for

_SYSTEM = ("lib/modules", "usr/lib/modules")
_TRIED = 3


def modules_beside(image: Path, release: str) -> tuple[Path | None, str]:
    """The directory with the modules of `release`, if there is one, and where it was looked for, in
    words: the image's own directory, and in it and every directory above it lib/modules/RELEASE,
    usr/lib/modules/RELEASE and, where the directory is the tree that the kernel was built in, the
    tree.

    The last directory above is the root, so that an installed kernel's are found too. Modules of
    another release are passed over, and the words say which there were.
    """
    # An image may be linked into a directory that knows nothing of its modules.
    above = list(dict.fromkeys([*image.parents, *image.resolve().parents]))
    own = {image.parent, image.resolve().parent}
    found = next((place for folder in above
                  for place in _candidates(folder, release, own=folder in own)
                  if _holds_modules(place)), None)
    others = sorted({place.name for folder in above for name in _SYSTEM
                     for place in _directories(folder / name) if place.name != release})
    there = f"; there are those of {', '.join(others)}" if others else ""
    return found, (f"{image.parent} itself, and in lib/modules/{release} and usr/lib/modules/"
                   f"{release} of it and of every directory above it{there}")


def _candidates(folder: Path, release: str, *, own: bool) -> Iterator[Path]:
    if own and (folder.name == release or _built_for(folder) == release):
        yield folder
    for name in _SYSTEM:
        yield folder / name / release
    if _tree_release(folder) == release:
        yield folder


def _holds_modules(folder: Path) -> bool:
    """Does a directory hold modules, or the list of those that are built in?"""
    return folder.is_dir() and (_is_marked(folder) or next(folder.rglob("*.ko*"), None) is not None)


def _is_marked(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("modules.builtin", "modules.dep"))


def _built_for(folder: Path) -> str | None:
    """The release that the modules in an image's own directory were built for, as they say."""
    # Below any other directory there may be anything.
    files = folder.rglob("*.ko*") if _is_marked(folder) else folder.glob("*.ko*")
    for path in islice(filter(Path.is_file, files), _TRIED):
        with contextlib.suppress(KernelError):
            return built_for(path)
    return None


def _tree_release(folder: Path) -> str | None:
    try:
        return read_bounded(folder / "include/config/kernel.release", TEXT).decode(
            errors="replace").strip()
    except OSError:
        return None


def _directories(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []
