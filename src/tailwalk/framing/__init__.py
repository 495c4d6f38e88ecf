# SPDX-License-Identifier: GPL-2.0-or-later
"""The frames that the probe and the plugins send.

A frame is `TWP1`, then type, payload length and checksum as 32-bit little-endian words, then the
payload; the checksum is CRC-32 over type, length and payload (framing/frame.h).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from tailwalk.errors import GuestError

_MAGIC = b"TWP1"
_HEAD = struct.Struct("<4sIII")
_MOST_BYTES = 16 << 20


class FrameType(IntEnum):
    """What a frame holds (enum frame in framing/frame.h): the plugins' from HELLO on."""

    READY = 1
    ERROR = 2
    FOLIOS = 3
    CALLS = 4
    DONE = 5
    SYMBOLS = 6
    STEP = 7
    DIFFERENCE = 8
    COUNTS = 9
    SEEN = 10
    FAILED = 11
    MISSING = 12
    WRITTEN = 13
    WENT_ON = 14
    TIMES = 16
    OUTPUT = 24
    ENDED = 25
    HELLO = 32
    BLOCK = 33
    TRACE = 34
    CALL = 35
    TASKS = 36
    SPLIT = 37
    NODES = 38
    ROW = 39


@dataclass(frozen=True)
class Frame:
    """One frame whose checksum held."""

    type: FrameType
    payload: bytes

    def expect(self, wanted: FrameType, size: int | None = None) -> bytes:
        """The payload; raises GuestError where this is a frame of another type, or of another
        size in bytes than is given."""
        if self.type is not wanted:
            raise GuestError(f"the probe sent a {self.type.name} frame where {wanted.name} was "
                             "due.")
        if size is not None and len(self.payload) != size:
            raise GuestError(f"the probe's {wanted.name} frame has {len(self.payload)} bytes where "
                             f"{size} were due: the result is torn.")
        return self.payload

    def unpack(self, wanted: FrameType, form: struct.Struct) -> tuple[Any, ...]:
        """The payload's values; raises GuestError as `expect`."""
        return form.unpack(self.expect(wanted, form.size))

    @property
    def text(self) -> str:
        """The payload as text."""
        return self.payload.decode("utf-8", "replace")


class FrameReader:
    """Cuts a stream of bytes into frames as they arrive."""

    def __init__(self, sender: str = "the probe", *, most: int = _MOST_BYTES) -> None:
        """`sender` stands for where the stream comes from in errors; no frame has more than
        `most` bytes."""
        self._sender = sender
        self._most = most
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that `data` completes.

        Raises GuestError at a frame that is not one or whose checksum does not hold.
        """
        self._pending += data
        while len(self._pending) >= _HEAD.size:
            magic, kind, length, checksum = _HEAD.unpack_from(self._pending)
            if magic != _MAGIC:
                raise GuestError(f"{self._sender}'s channel carries bytes that are no frame "
                                 f"({bytes(self._pending[:16])!r}): the result is torn.")
            if length > self._most:
                raise GuestError(f"{self._sender} sent a frame that claims {length:,} bytes; none "
                                 f"has more than {self._most:,}.")
            if len(self._pending) < _HEAD.size + length:
                return
            payload = bytes(self._pending[_HEAD.size:_HEAD.size + length])
            if zlib.crc32(payload, zlib.crc32(self._pending[4:12])) != checksum:
                raise GuestError(f"a frame of {length} bytes from {self._sender} fails its "
                                 "checksum: the result is torn.")
            del self._pending[:_HEAD.size + length]
            try:
                known = FrameType(kind)
            except ValueError:
                raise GuestError(f"{self._sender} sent a frame of unknown type {kind}.") from None
            yield Frame(known, payload)

    def close(self) -> None:
        """Raise GuestError if the stream ended in the middle of a frame."""
        if self._pending:
            raise GuestError(f"{self._sender}'s result was cut short: {len(self._pending)} bytes "
                             "of an unfinished frame.")


def read_output(content: bytes) -> Iterator[Frame]:
    """The frames that a plugin wrote; raises GuestError where they are torn."""
    reader = FrameReader("the counting plugin", most=len(content))
    try:
        yield from reader.feed(content)
        reader.close()
    except GuestError as torn:
        raise GuestError(f"{torn} Measure again; if it recurs, is the disk or the memory "
                         "full?") from torn
