# SPDX-License-Identifier: GPL-2.0-or-later
"""Digests of content, and a memory of those of files that have not changed since.

Reading 60 MiB to digest them takes 0.05 to 0.2 s, and a comparison uses several such files. So the
digest of a file is kept beside the file's identity: device, inode, size, and the times of the last
change of content (mtime) and of anything (ctime). The kernel sets ctime at every write, and no
system call sets it to a value of one's choice (inode_set_ctime_current, v6.6 on): a file whose
identity is what it was holds what it held. docs/explanation/reliability.md has the exceptions.
Files that changed within the last seconds are not remembered: a clock tick may hide a second write.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

SETTLED_SECONDS = 3.0
"""A file that has not changed for so long is remembered: FAT has clocks of 2 s, the kernel's tick
is up to 10 ms."""


def digest_bytes(*parts: bytes) -> str:
    """sha256 (hex) over the parts, each preceded by its length, so that no two splits collide."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "little"))
        total.update(part)
    return total.hexdigest()


def digest_file(path: Path) -> str:
    """sha256 (hex) of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(path: Path) -> str:
    """sha256 (hex) of a file's content, or of where a symbolic link points; raises OSError for
    what is neither."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return digest_bytes(b"link", os.fsencode(path.readlink()))
    if not stat.S_ISREG(mode):  # opening a pipe would wait for who writes to it
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return digest_file(path)


def with_digest(content: bytes) -> bytes:
    """The content, and its sha256 on a line of its own, by which damage is seen."""
    return content + b"\n" + hashlib.sha256(content).hexdigest().encode()


def without_digest(written: bytes) -> bytes | None:
    """The content of what `with_digest` made; None where it is damaged."""
    content, _, digest = written.rpartition(b"\n")
    return content if digest == hashlib.sha256(content).hexdigest().encode() else None


_Identity = tuple[int, int, int, int, int]


class _KnownFile(msgspec.Struct, frozen=True, array_like=True):
    identity: _Identity
    digest: str


class DigestMemory:
    """Digests of files by their identity, kept in a directory, one small file for each tree."""

    def __init__(self, folder: Path, *, settled: float = SETTLED_SECONDS) -> None:
        self._folder = folder
        self._settled = settled

    def digests(self, base: Path, names: Iterable[str], *, anew: bool = False) -> dict[str, str]:
        """What `digest_of` says of each name below `base`: remembered, or of what is there now;
        with `anew` always the latter. Raises OSError where a file cannot be read."""
        place = self._folder / digest_bytes(os.fsencode(base.absolute()))[:32]
        known = _recalled(place)
        found = {}
        settled = {}
        for name in names:
            path = f"{base}/{name}"  # a Path for each of a thousand files costs more than lstat
            identity = _identity(path)
            one = known.get(name)
            if not anew and one is not None and one.identity == identity:
                settled[name] = one
            else:
                one = _KnownFile(identity, digest_of(Path(path)))
                if (_identity(path) == identity
                        and time.time() - identity[-1] / 1e9 >= self._settled):
                    settled[name] = one
            found[name] = one.digest
        if settled != known:
            # It only saves time, and is believed only as a whole: a full disk is no error.
            with suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True)
                place.write_bytes(with_digest(msgspec.json.encode(settled)))
        return found


def _recalled(place: Path) -> dict[str, _KnownFile]:
    try:
        content = without_digest(place.read_bytes())
        return msgspec.json.decode(content or b"{}", type=dict[str, _KnownFile])
    except (OSError, msgspec.MsgspecError):
        return {}


def _identity(path: str) -> _Identity:
    found = os.lstat(path)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
