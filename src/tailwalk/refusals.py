# SPDX-License-Identifier: GPL-2.0-or-later
"""What the operating system refuses, with the name of what it refuses.

Python names the file in an error of opening, renaming or removing it, and in no other: not in one
of writing, of a pipe, a socket or a new process.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from traceback import walk_tb

from tailwalk.errors import PlaceError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a disk without room."""
_TEMPORARY = "tailwalk-temporary-"
_LOCKED_WITHIN = 2.0  # seconds between making a directory and locking it
_NOT_MADE = (errno.ENOENT, errno.ENOTDIR, errno.EEXIST)


def place_of(error: OSError) -> str | None:
    """What the error is of: a path, or what `naming` calls it; None where nobody says. Of two
    paths the one that was written to: a copy fails for want of room there."""
    name = error.filename if error.filename2 is None else error.filename2
    return os.fsdecode(name) if isinstance(name, (str, bytes, os.PathLike)) else None


@contextmanager
def naming(what: str | Path) -> Iterator[None]:
    """Name `what` in an error of the operating system that names nothing."""
    try:
        yield
    except OSError as error:
        if place_of(error) is None:
            error.filename = str(what)
        raise


def unusable(folder: Path, error: OSError) -> tuple[str, str]:
    """Why the directory cannot be used, made or written, and what would mend it: nothing where
    only another directory would."""
    place = Path(place_of(error) or folder)
    if error.errno in _NOT_MADE:
        for one in (folder, *folder.parents):
            if os.path.lexists(one) and not one.is_dir():
                is_link = " a link that leads to" if one.is_symlink() else ""
                return f"{one} is{is_link} no directory", ""
        if error.errno == errno.ENOENT and folder.is_relative_to(place):
            return f"no directory can be made at {place}", ""
    cures = {errno.EACCES: "mend its permissions", errno.EPERM: "mend its permissions",
             **dict.fromkeys(FULL, "make room")}
    return f"{place}: {error.strerror}", cures.get(error.errno or 0, "")


def refusal(error: OSError) -> PlaceError:
    """The error in words: what was refused, and why."""
    reason = error.strerror or str(error) or type(error).__name__
    if place := place_of(error):
        return PlaceError(f"{place}: {reason}.")
    modules = [name for frame, _ in walk_tb(error.__traceback__)
               if (name := frame.f_globals.get("__name__", "")).startswith("tailwalk.")]
    return PlaceError(
        f"this machine refused something in {modules[-1] if modules else 'tailwalk'}, and does not "
        f"say what: {reason}. Look at its limits (ulimit -a), its memory and its disks.")


@contextmanager
def temporary_folder(place: Path | None = None) -> Iterator[Path]:
    """An empty directory for temporary files, gone at the end; in `place`, or where the system has
    them.

    Raises PlaceError where there is none to be had, or no room in it.
    """
    with _own_folder(place) as folder:
        try:
            yield folder
        except OSError as error:
            of = place_of(error)
            mine = of is None or Path(of).is_relative_to(folder)
            if error.errno in FULL and mine:
                raise PlaceError(
                    f"no space left for temporary files in {folder.parent}: free some, or point "
                    "TMPDIR at a directory on a larger disk.") from error
            raise


@contextmanager
def _own_folder(place: Path | None) -> Iterator[Path]:
    try:
        made = tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=place)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PlaceError(f"no directory for temporary files can be made ({reason}): point TMPDIR "
                         "at one that can be written and has room.") from error
    with made as name:
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # waits for who only asks
            yield Path(name)
        finally:
            os.close(handle)


def locked(handle: int) -> bool:
    """Take the lock of an open file or directory, which dies with this process; False where
    another one has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(path: Path) -> bool:
    """Does a process hold the lock of a file or directory? What is not there nobody holds."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not locked(handle)
    finally:
        os.close(handle)


def left_folders() -> list[Path]:
    """The directories for temporary files that killed processes of this user left."""
    found = []
    for path in sorted(Path(tempfile.gettempdir()).glob(f"{_TEMPORARY}*")):
        with suppress(OSError):
            status = path.lstat()
            young = time.time() - status.st_ctime < _LOCKED_WITHIN
            if (stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not young
                    and not is_locked(path)):
                found.append(path)
    return found
