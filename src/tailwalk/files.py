# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of somebody else's, read up to a bound; files of ours, whole or not there, after a power
cut too."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path, PurePath

from tailwalk.errors import PlaceError, TailwalkError
from tailwalk.refusals import naming

_MIB = 1 << 20


def file_in_memory(what: str) -> int:
    """The descriptor of an empty file in memory, which errors call one for `what`."""
    with naming(f"a file in memory for {what}"):
        return os.memfd_create(f"tailwalk, {what}", os.MFD_CLOEXEC)


def open_bounded(path: Path, most: int, *, pipes: bool = False) -> BufferedReader:
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
    link = ""
    try:
        for part in PurePath(name).parts:
            place /= part
            if place.is_symlink():
                link = f" by the link {place} to {place.readlink()}"
                place = place.resolve(strict=True)
            if part == ".." or "\0" in part or not place.is_relative_to(base):
                raise ValueError
    except (OSError, RuntimeError, ValueError):
        raise PlaceError(f"{str(name)!r} leads out of {root}{link}, or nowhere: nothing is "
                         "written there.") from None
    return place


def write_together(root: Path, files: Mapping[str, bytes]) -> None:
    """Write files under a directory: all, or none where one cannot be written or a signal comes.

    A new file takes the old one's place, since the old one may have other hard links; a link that
    leads to another place in the directory stays, and what it leads to is replaced.

    Raises OSError, and PlaceError as `place_inside` does, before anything is written.
    """
    places = {place_inside(root, name): content for name, content in files.items()}
    for place in places:
        if place.exists() and not place.is_file():
            raise OSError(errno.EINVAL, "it is no regular file", str(place))
    # Beside what is replaced: a rename leads to no other file system.
    beside = tempfile.TemporaryDirectory(prefix=".tailwalk-", dir=root, ignore_cleanup_errors=True)
    with beside as folder, ExitStack() as undo:
        prepared = []
        for number, (place, content) in enumerate(places.items()):
            new, old = Path(folder, f"new-{number}"), Path(folder, f"old-{number}")
            new.write_bytes(content)
            new.chmod(place.stat().st_mode & 0o777 if place.exists() else 0o644)
            if place.exists():
                link_or_copy(place, old)
                undo.callback(old.replace, place)
            else:
                for missing in reversed([one for one in place.parents if not one.exists()]):
                    missing.mkdir()
                    undo.callback(missing.rmdir)
                undo.callback(place.unlink, missing_ok=True)
            prepared.append((new, place))
        for new, place in prepared:
            new.replace(place)
        undo.pop_all()


def replace_file(path: Path, content: bytes) -> None:
    """Write a file under a temporary name beside it, then rename; raises OSError.

    A device or pipe is written to instead: root's rename would put a file in the place of
    /dev/null.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    path = path.resolve()  # what a link leads to is replaced, and never the link
    handle, temporary = _made_beside(path)
    try:
        with naming(path), os.fdopen(handle, "wb") as stream:
            stream.write(content)
        temporary.chmod(0o644)
        rename_to_disk(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def try_replacing(path: Path) -> None:
    """Raise OSError where `replace_file` could not even begin: nothing is changed."""
    if path.exists() and not path.is_file():
        if not os.access(path, os.W_OK):  # opening a pipe would wait for who reads it
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return
    handle, temporary = _made_beside(path.resolve())
    os.close(handle)
    temporary.unlink()


def _made_beside(path: Path) -> tuple[int, Path]:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    return handle, Path(name)


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


def user_place(variable: str, base: str, usual: str, name: str, *,
               homeless: TailwalkError) -> Path:
    """The directory that `$variable` names, else `name` in the one that `$base` names or in
    `usual` of this user's home; raises `homeless` where there is no home.

    A relative `$base` is passed over, as the XDG Base Directory Specification wants it.
    """
    if own := os.environ.get(variable):
        return Path(own).absolute()
    above = Path(os.environ.get(base, ""))
    try:
        return (above if above.is_absolute() else Path.home() / usual) / name
    except RuntimeError:
        raise homeless from None
