# SPDX-License-Identifier: GPL-2.0-or-later
"""Files, read within bounds, written as a whole or not at all, and had at two places."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tailwalk.errors import PlaceError


def read_at_most(path: Path, most: int) -> bytes:
    """The bytes of a regular file.

    Raises OSError, also for a device, a FIFO or a socket, none of which is waited for, and for a
    file of more than `most` bytes, of which no more is read.
    """
    def open_at_once(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NONBLOCK)

    with open(path, "rb", opener=open_at_once) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "It is no regular file", str(path))
        content = stream.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"It has more than {most:,} bytes", str(path))
    return content


def place_within(root: Path, name: str) -> Path:
    """Where a name leads from a directory that somebody else made, links followed.

    Raises PlaceError for a name that leads out of the directory, naming the link that does.
    """
    top = Path(os.path.realpath(root))
    path = root
    for part in Path(name).parts:
        path /= part
        place = Path(os.path.realpath(path))
        if not place.is_relative_to(top):
            how = f"is a link to {place}," if path.is_symlink() else "lies"
            raise PlaceError(f"{path} {how} outside {root}: nothing is read or written there.")
    return Path(os.path.realpath(path))


def write_together(root: Path, files: Mapping[str, bytes]) -> None:
    """Write files under a directory: all, or none where one cannot be written or a signal comes.

    A new file takes the old one's place, since the old one may have other hard links; a link that
    leads to another place in the directory stays, and what it leads to is replaced.

    Raises OSError, and PlaceError as `place_within` does, before anything is written.
    """
    places = {place_within(root, name): content for name, content in files.items()}
    for place in places:
        if place.exists() and not place.is_file():
            raise OSError(errno.EINVAL, "It is no regular file", str(place))
    with _folder_beside(root) as folder, ExitStack() as undo:
        prepared = []
        for number, (place, content) in enumerate(places.items()):
            new, old = folder / f"new-{number}", folder / f"old-{number}"
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


@contextmanager
def _folder_beside(root: Path) -> Iterator[Path]:
    """A directory for files that are to be renamed to places under `root`."""
    folder = Path(tempfile.mkdtemp(prefix=".tailwalk-", dir=root))
    try:
        yield folder
    finally:
        with suppress(OSError):
            for left in folder.iterdir():
                left.unlink()
            folder.rmdir()


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
