# SPDX-License-Identifier: GPL-2.0-or-later
"""Digests of content, and a memory of those of files that have not changed since.

Reading 60 MiB to digest them takes 0.05 to 0.2 s, and a comparison uses several such files. So the
digest of a file is kept beside the file's identity: device, inode, size, and the times of the last
change of content (mtime) and of anything (ctime). The kernel sets ctime at every write, and no
system call sets it to a value of one's choice (inode_set_ctime_current, v6.6 on): a file whose
identity is what it was holds what it held, unless the disk itself has changed a byte. Files that
changed within the last seconds are not remembered: a clock tick may hide a second write.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from tailwalk.files import replace_file

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


def with_digest(content: bytes) -> bytes:
    """The content, and its sha256 on a line of its own, by which damage is seen."""
    return content + b"\n" + hashlib.sha256(content).hexdigest().encode()


def without_digest(written: bytes) -> bytes | None:
    """The content of what `with_digest` made; None where it is damaged."""
    content, _, digest = written.rpartition(b"\n")
    return content if digest == hashlib.sha256(content).hexdigest().encode() else None


class _Memory(msgspec.Struct, frozen=True, array_like=True):
    identity: tuple[int, int, int, int, int]
    digest: str


class DigestMemory:
    """Digests of files by their identity, kept in a directory, one small file for each."""

    def __init__(self, folder: Path, *, settled: float = SETTLED_SECONDS) -> None:
        self._folder = folder
        self._settled = settled

    def digest(self, path: Path) -> str:
        """sha256 (hex) of a file's content: remembered, or of what it holds now; raises OSError
        where it cannot be read."""
        path = path.absolute()
        before = _identity(path)
        memory = self._memory(path)
        if memory is not None and memory.identity == before:
            return memory.digest
        found = digest_file(path)
        if _identity(path) == before and time.time() - max(before[3:]) / 1e9 >= self._settled:
            self._remember(path, _Memory(before, found))
        return found

    def _place(self, path: Path) -> Path:
        return self._folder / digest_bytes(os.fsencode(path))[:32]

    def _memory(self, path: Path) -> _Memory | None:
        try:
            content = without_digest(self._place(path).read_bytes())
            return None if content is None else msgspec.json.decode(content, type=_Memory)
        except (OSError, msgspec.MsgspecError):
            return None

    def _remember(self, path: Path, memory: _Memory) -> None:
        """Write it, as a whole or not at all; it only saves time, so a full disk is no error."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_file(self._place(path), with_digest(msgspec.json.encode(memory)))


def _identity(path: Path) -> tuple[int, int, int, int, int]:
    found = path.stat()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
