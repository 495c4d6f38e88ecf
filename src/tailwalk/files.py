# SPDX-License-Identifier: GPL-2.0-or-later
"""Files, written as a whole or not at all, and had at two places."""

from __future__ import annotations

import errno
import os
import select
import shutil
import stat
import tempfile
from pathlib import Path

_PATIENCE = 10.0  # seconds that a pipe which nobody writes to is waited for
_PART = 1 << 20


def read_bounded(path: Path, *, most: int) -> bytes:
    """The content of a regular file or a pipe; raises OSError, also for one of more than `most`
    bytes, a pipe that nobody opens for writing, and whatever else has no end of its own."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            raise OSError(errno.EINVAL, "it is no regular file and no pipe", str(path))
        # Until somebody writes, a pipe that was opened without waiting is neither ready nor at
        # its end. A writer who is there, and silent (None), may take as long as it needs.
        part = None if select.select([stream], [], [], _PATIENCE)[0] else stream.read(_PART)
        if part == b"":
            raise TimeoutError(errno.ETIMEDOUT, f"nobody wrote to this pipe for {_PATIENCE:g} s",
                               str(path))
        os.set_blocking(descriptor, True)
        parts = [part or b""]
        left = most + 1 - len(parts[0])
        while left > 0 and (part := stream.read(min(left, _PART))):
            parts.append(part)
            left -= len(part)
    if left <= 0:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return b"".join(parts)


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
