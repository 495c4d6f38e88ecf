# SPDX-License-Identifier: GPL-2.0-or-later
"""Files and directories that are kept: where, and whole or not at all, after a power cut too."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tailwalk.refusals import naming


def user_place(variable: str, base: str, usual: str, name: str) -> Path | None:
    """The directory that `$variable` names, else `name` in the one that `$base` names or in
    `usual` of this user's home; None where there is no home.

    A relative `$base` is passed over, as the XDG Base Directory Specification wants it.
    """
    if own := os.environ.get(variable):
        return Path(own).absolute()
    above = Path(os.environ.get(base, ""))
    try:
        return (above if above.is_absolute() else Path.home() / usual) / name
    except RuntimeError:
        return None


def replace_file(path: Path, content: bytes) -> None:
    """Write a file under a temporary name beside it, then rename; raises OSError.

    A device or pipe is written to instead: root's rename would put a file in the place of
    /dev/null.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    path = path.resolve()  # what a link leads to is replaced, and never the link
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    temporary = Path(name)
    try:
        with naming(path), os.fdopen(handle, "wb") as stream:
            stream.write(content)
        temporary.chmod(0o644)
        rename_to_disk(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def rename_to_disk(source: Path, target: Path) -> None:
    """Rename a file or a directory once all of it is on the disk, and bring the new name there
    too: after a power cut `target` is whole or what it was before. Raises OSError."""
    with _opened(source) as handle:
        if source.is_dir():
            # One call for all of a kernel's thousand modules; syncfs(2) is not in Python.
            if ctypes.CDLL(None, use_errno=True).syncfs(handle):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        else:
            os.fsync(handle)
    source.rename(target)
    with _opened(target.parent) as handle:
        os.fsync(handle)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY)
    try:
        with naming(path):
            yield handle
    finally:
        os.close(handle)


def link_or_copy(source: Path, target: Path) -> None:
    """Have a file at another place too: as a hard link, or as a copy where there can be none."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # no hard links here, not across these file systems, or too many of this file
        shutil.copy2(source, target, follow_symlinks=False)
