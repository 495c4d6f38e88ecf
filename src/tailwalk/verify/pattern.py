# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bytes in a file say about where they come from.

Every 8 bytes that the exerciser writes at a multiple of 8 name the operation, the file and the
offset they were written for, mixed so that neighbouring words differ in every byte (`pattern` in
probe/exercise/plan.c). The disk is full of such words before mkfs, so that whatever a kernel shows
of a block that was never written is known for what it is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_MASK = (1 << 64) - 1
_FIRST = 0x9E3779B97F4A7C15
_SECOND = 0xD6E8FEB86659FD93
_FIRST_INVERSE = pow(_FIRST, -1, 1 << 64)
_SECOND_INVERSE = pow(_SECOND, -1, 1 << 64)

_WORD = struct.Struct("<Q")
# Bytes from one word that is looked at to the next.
_SAMPLE = 512
_POISON_OPERATION = 0xFFFFFFFF
_POISON_FILE = 15

# The exerciser's files, and the longest of them in bytes (probe/exercise/exercise.h).
FILES = 4
LARGEST_FILE = 8 << 20


@dataclass(frozen=True)
class Origin:
    """The operation that wrote 8 bytes, and the file and offset it wrote them for."""

    operation: int
    file: int
    offset: int


def encode(origin: Origin) -> bytes:
    """The 8 bytes that an operation writes."""
    word = origin.operation << 32 | origin.file << 28 | origin.offset >> 3
    word = word * _FIRST & _MASK
    word ^= word >> 32
    return _WORD.pack(word * _SECOND & _MASK)


def decode(data: bytes) -> Origin:
    """What 8 bytes say, whether that makes sense or not."""
    word = _WORD.unpack(data)[0] * _SECOND_INVERSE & _MASK
    word ^= word >> 32
    word = word * _FIRST_INVERSE & _MASK
    return Origin(word >> 32, word >> 28 & 15, (word & (1 << 28) - 1) << 3)


def is_of_exerciser(data: bytes, *, operations: int) -> bool:
    """Whether what is written to the disk holds a word that one of so many operations wrote."""
    return any(_is_known(decode(data[at:at + _WORD.size]), operations)
               for at in range(0, len(data), _SAMPLE))


def _is_known(origin: Origin, operations: int) -> bool:
    return (0 < origin.operation <= operations and origin.file < FILES
            and origin.offset < LARGEST_FILE)


POISON = encode(Origin(_POISON_OPERATION, _POISON_FILE, 0))
"""What the disk holds wherever mkfs writes nothing."""


def explain(data: bytes, *, file: int, offset: int, operations: int) -> str:
    """What the 8 bytes at a multiple of 8 of a file are, as a clause.

    `operations` bounds the operations that can have written them; `offset` is that of the first
    of the 8 bytes.
    """
    if data == POISON:
        return "what the disk held before the file system was made"
    if not any(data):
        return "zeros"
    origin = decode(data)
    if not _is_known(origin, operations):
        return "parts of several writes, or none that the exerciser made"
    if (origin.file, origin.offset) == (file, offset):
        return f"written there by operation {origin.operation}"
    return (f"written by operation {origin.operation} for file {origin.file} "
            f"at {origin.offset}")
