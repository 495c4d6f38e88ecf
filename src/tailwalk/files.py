# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of somebody else's, read up to a bound; files of ours, written as a whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path, PurePath
from typing import BinaryIO

from tailwalk.errors import PlaceError

_MIB = 1 << 20


def open_bounded(path: Path, most: int, *, pipes: bool = False) -> BinaryIO:
    """Open a regular file of no more than `most` bytes; with `pipes`, a pipe too, whose reader has
    to count.

    Raises OSError, whose words say what it is, for anything else: a device, which never ends, a
    socket, a directory, or a pipe that nobody writes to, for which opening does not wait.
    """
    # A pipe by a name of the file system is one that somebody may write to some day.
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) and not (pipes and stat.S_ISFIFO(found.st_mode)):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        if found.st_size > most:
            raise _too_large(path, most)
        os.set_blocking(handle, True)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_bounded(path: Path, most: int, *, pipes: bool = False) -> bytes:
    """What a file or pipe holds, as `open_bounded` opens it; OSError where it is more than `most`
    bytes."""
    with open_bounded(path, most, pipes=pipes) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise _too_large(path, most)
    return content


def _too_large(path: Path, most: int) -> OSError:
    size = f"{most // _MIB:,} MiB" if most >= _MIB else f"{most:,} bytes"
    return OSError(errno.EFBIG, f"it has more than {size}", str(path))


def place_inside(root: Path, name: str | PurePath) -> Path:
    """Where a name that somebody else gave lies below a directory, links followed; nothing of it
    need be there.

    Raises PlaceError for a name that leads out of the directory: one that is absolute or holds
    `..`, or that goes through a link which leads out or nowhere.
    """
    place = base = root.resolve(strict=True)
    try:
        for part in PurePath(name).parts:
            place /= part
            if place.is_symlink():
                place = place.resolve(strict=True)
            if part == ".." or "\0" in part or not place.is_relative_to(base):
                raise ValueError
    except (OSError, RuntimeError, ValueError):
        raise PlaceError(f"{str(name)!r} leads out of {root}, or nowhere: nothing is written "
                         "there.") from None
    return place


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
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        temporary.chmod(0o644)
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def link_or_copy(source: Path, target: Path) -> None:
    """Have a file at another place too: as a hard link, or as a copy where there can be none."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # no hard links here, not across these file systems, or too many of this file
        shutil.copy2(source, target, follow_symlinks=False)
