# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest's memory, kept apart from the rest of its saved state.

A gigabyte of which most was never touched takes 0.1 s to be sent to each guest that goes on from a
state. So it is a file in memory, which such a guest maps as its own: it pays for what it changes.
On a disk lies only what was touched.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from tailwalk.refusals import naming

_STRETCH = struct.Struct("<QQ")  # where it begins in memory, and its bytes, which follow
_PAGE = mmap.PAGESIZE
_ZEROS = bytes(_PAGE)


class Memory:
    """A file in memory, gone with this object; a child process that inherits `descriptor` knows it
    by that number."""

    def __init__(self, size: int) -> None:
        with naming("a file in memory for a guest's memory"):
            self.descriptor = os.memfd_create("tailwalk-memory", os.MFD_CLOEXEC)
            weakref.finalize(self, os.close, self.descriptor)
            os.truncate(self.descriptor, size)
        self.size = size

    def copy(self) -> Memory:
        """Another that holds the same."""
        other = Memory(self.size)
        with mmap.mmap(other.descriptor, self.size) as target, \
                mmap.mmap(self.descriptor, self.size) as source, \
                memoryview(source) as whole:
            for begin, end in self._touched():
                target[begin:end] = whole[begin:end]
        return other

    def pack(self, path: Path) -> None:
        """Write what is not zero to a file."""
        with path.open("wb") as stream, mmap.mmap(self.descriptor, self.size) as source, \
                memoryview(source) as whole:
            for begin, end in self._stretches(source):
                stream.write(_STRETCH.pack(begin, end - begin))
                stream.write(whole[begin:end])

    @classmethod
    def unpack(cls, path: Path, size: int) -> Memory:
        """What `pack` wrote; raises ValueError where the file is damaged."""
        memory = cls(size)
        with path.open("rb") as stream, mmap.mmap(memory.descriptor, size) as target, \
                memoryview(target) as whole:
            while head := stream.read(_STRETCH.size):
                begin, length = _STRETCH.unpack(head.ljust(_STRETCH.size, b"\xff"))
                if begin + length > size or stream.readinto(whole[begin:begin + length]) < length:
                    raise ValueError(f"{path} is torn")
        return memory

    def _touched(self) -> Iterator[tuple[int, int]]:
        end = 0
        while True:
            try:
                begin = os.lseek(self.descriptor, end, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # nothing but a hole up to the end
                    return
                raise
            end = os.lseek(self.descriptor, begin, os.SEEK_HOLE)
            yield begin, end

    def _stretches(self, source: mmap.mmap) -> Iterator[tuple[int, int]]:
        """Where it is not zero, by pages."""
        for begin, end in self._touched():
            first = begin
            for at in range(begin, end, _PAGE):
                if source[at:at + _PAGE] == _ZEROS:
                    if first < at:
                        yield first, at
                    first = at + _PAGE
            if first < end:
                yield first, end


@dataclass(frozen=True)
class Saved:
    """The state of a guest: its memory, and what QEMU writes of all the rest."""

    memory: Memory
    rest: Path


_unpacking = Lock()


@lru_cache(maxsize=3)
def _unpacked(path: Path, size: int, identity: tuple[int, int]) -> Memory:  # noqa: ARG001
    return Memory.unpack(path, size)


def kept_memory(path: Path, size: int) -> Memory:
    """As `Memory.unpack`, and the same one for all who ask for a file that has not changed."""
    found = path.stat()
    with _unpacking:
        return _unpacked(path, size, (found.st_ino, found.st_mtime_ns))
