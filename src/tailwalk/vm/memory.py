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
from dataclasses import dataclass, field
from functools import lru_cache, partial
from io import BufferedReader
from pathlib import Path
from threading import Lock

from tailwalk.errors import GuestError
from tailwalk.files import file_in_memory
from tailwalk.refusals import naming

_STRETCH = struct.Struct("<QQ")  # where it begins in memory, and its bytes, which follow
_PAGE = mmap.PAGESIZE
_ZEROS = bytes(_PAGE)
_REST, _MEMORY = "state", "memory"  # the files of an entry of the cache


class Memory:
    """A file in memory, gone with this object; a child process that inherits `descriptor` knows it
    by that number."""

    def __init__(self, size: int) -> None:
        self.descriptor = file_in_memory("a guest's memory")
        weakref.finalize(self, os.close, self.descriptor)
        with naming("a guest's memory"):
            os.truncate(self.descriptor, size)
        self.size = size

    def copy(self) -> Memory:
        """Another that holds the same."""
        other = Memory(self.size)
        with other.mapped() as target, self.mapped() as source, memoryview(source) as whole:
            for begin, end in self._touched():
                target[begin:end] = whole[begin:end]
        return other

    def pack(self, path: Path) -> None:
        """Write what is not zero to a file."""
        with path.open("wb") as stream, self.mapped() as source, memoryview(source) as whole:
            for begin, end in self._stretches(source):
                stream.write(_STRETCH.pack(begin, end - begin))
                stream.write(whole[begin:end])

    @classmethod
    def unpack(cls, stream: BufferedReader, size: int) -> Memory:
        """What `pack` wrote; raises ValueError where that is damaged."""
        memory = cls(size)
        with memory.mapped() as target, memoryview(target) as whole:
            while head := stream.read(_STRETCH.size):
                begin, length = _STRETCH.unpack(head.ljust(_STRETCH.size, b"\xff"))
                if begin + length > size or stream.readinto(whole[begin:begin + length]) < length:
                    raise ValueError("its memory is torn")
        return memory

    def mapped(self) -> mmap.mmap:
        """It, as this process sees it."""
        with naming("a guest's memory"):
            return mmap.mmap(self.descriptor, self.size)

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
    """The state of a guest: its memory, and what QEMU writes of all the rest; where the cache has
    it, the entry."""

    memory: Memory
    rest: bytes
    place: Path | None = None

    def keep(self, folder: Path) -> None:
        """Write it to an entry of the cache."""
        self.memory.pack(folder / _MEMORY)
        (folder / _REST).write_bytes(self.rest)


_reading = Lock()
_LARGE = 128 << 20  # bytes of a packed memory: so large a one is not held for whoever asks next


def read_state(place: Path, size: int) -> Saved:
    """The state that `Saved.keep` wrote, of a machine with so many bytes of memory; those that were
    asked for last are held, and shared by all who ask.

    Raises GuestError where it is damaged.
    """
    folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _reading:
            found = [os.stat(name, dir_fd=folder) for name in (_MEMORY, _REST)]
            read = _read.__wrapped__ if found[0].st_size > _LARGE else _read
            return read(_Entry(folder, place, size, tuple(
                (one.st_ino, one.st_size, one.st_mtime_ns) for one in found)))
    finally:
        os.close(folder)


@dataclass(frozen=True)
class _Entry:
    folder: int = field(compare=False)
    place: Path
    size: int
    identity: tuple[tuple[int, int, int], ...]

    def open(self, name: str) -> BufferedReader:
        return open(name, "rb", opener=partial(os.open, dir_fd=self.folder))


@lru_cache(maxsize=2)
def _read(entry: _Entry) -> Saved:
    try:
        with entry.open(_MEMORY) as packed, entry.open(_REST) as rest:
            return Saved(Memory.unpack(packed, entry.size), rest.read(), entry.place)
    except ValueError as error:
        raise GuestError(f"the saved state in {entry.place} is damaged ({error}): remove it and "
                         "run the command again.") from error
