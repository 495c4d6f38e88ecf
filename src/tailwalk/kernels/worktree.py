# SPDX-License-Identifier: GPL-2.0-or-later
"""Work trees: copies of a source that kernels are built in.

A work tree is a directory `tree/` with source and build products side by side, and a list of what
in it is source. Source that lies in the cache is hard-linked, since no build writes to it; the
user's is copied. So no tree of the user's is ever modified, nearly all paths that make compares
are relative, and a work tree can be cloned and built on: that is what makes a series on a built
kernel a matter of seconds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tailwalk.cache import digest_of
from tailwalk.errors import KernelError
from tailwalk.files import link_or_copy
from tailwalk.kernels.sourcetree import SourceTree
from tailwalk.progress import Progress

_LIST = "files.json"
_TREE = "tree"
# The products in here name each other by absolute paths, since tools/ is made with O=, and every
# object is made anew where objtool is.
_ABSOLUTE = "tools"


class _List(msgspec.Struct, frozen=True):
    """sha256 of each source file, and the tree's path when it was last built in."""

    built_at: str
    files: dict[str, str]


def tree_in(place: Path) -> Path:
    """The directory with source and products of the work tree at `place`."""
    return place / _TREE


def is_work_tree(place: Path) -> bool:
    """Is there a work tree?"""
    return (place / _LIST).is_file()


def clone_work_tree(source: Path, target: Path, *, progress: Progress) -> None:
    """Copy a work tree, times and all: its source as hard links, its products as they are, since
    assembler and linker write into the files that are there."""
    listed = _read(source)
    old, new = os.fsencode(listed.built_at), os.fsencode(target / _TREE)
    with progress.task("copy the built tree", len(listed.files)) as task:
        for folder, folders, names in os.walk(source / _TREE):
            below = Path(folder).relative_to(source / _TREE)
            copy = target / _TREE / below
            copy.mkdir(parents=True, exist_ok=True)
            links = [name for name in folders if Path(folder, name).is_symlink()]
            for name in names + links:
                if str(below / name) in listed.files:
                    link_or_copy(Path(folder, name), copy / name)
                    continue
                shutil.copy2(Path(folder, name), copy / name, follow_symlinks=False)
                if below.parts[:1] == (_ABSOLUTE,) and not (copy / name).is_symlink():
                    _replace(copy / name, old, new)
            task.advance(len(names))
    _write(target, listed.files)


def bring_up(place: Path, source: SourceTree, *, shared: bool, progress: Progress) -> None:
    """Make the source in the work tree at `place` (perhaps an empty directory) that of `source`,
    touching only what differs. `shared`: may the two have files in common, by hard links?

    Raises KernelError where a file of the source is no longer what it was when it was listed.
    """
    there = _read(place).files if is_work_tree(place) else {}
    with progress.task("copy the source", len(source.files)) as task:
        for path in there.keys() - source.files.keys():
            (place / _TREE / path).unlink(missing_ok=True)
        for path, digest in source.files.items():
            task.advance()
            if there.get(path) == digest:
                continue
            target = place / _TREE / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            if shared:
                link_or_copy(source.root / path, target)
            else:
                _copy_checked(source.root / path, target, digest)
            if there and not target.is_symlink():
                # Newer than what was built from the file it replaces, whatever its own time.
                os.utime(target)
    _write(place, source.files)


def _copy_checked(source: Path, target: Path, digest: str) -> None:
    try:
        shutil.copy2(source, target, follow_symlinks=False)
        same = digest_of(target) == digest
    except FileNotFoundError:
        same = False
    if not same:
        raise KernelError(f"{source} changed while the tree was being copied: run the command "
                          "again.")


def _replace(path: Path, old: bytes, new: bytes) -> None:
    """Replace a path in a text file, and keep the file's time."""
    content = path.read_bytes()
    if old in content and b"\0" not in content:
        status = path.stat()
        path.write_bytes(content.replace(old, new))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _read(place: Path) -> _List:
    return msgspec.json.decode((place / _LIST).read_bytes(), type=_List)


def _write(place: Path, files: Mapping[str, str]) -> None:
    content = msgspec.json.encode(_List(str(place / _TREE), dict(files)))
    (place / _LIST).write_bytes(content)
