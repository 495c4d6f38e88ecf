# SPDX-License-Identifier: GPL-2.0-or-later
"""What the counting plugin recorded: blocks of instructions, and which of them each call executed.

The plugin's output is a row of frames: `TWT1`, then type, payload length and checksum as 32-bit
little-endian words, then the payload; the checksum is CRC-32 over type, length and payload
(plugin/output.c).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from tailwalk.errors import GuestError

_MAGIC = b"TWT1"
_HEAD = struct.Struct("<4sIII")
_BLOCK = struct.Struct("<QII")
_CALL = struct.Struct("<QQQI")
_KERNEL = 1 << 63


class _Type(IntEnum):
    """What a frame holds (enum frame in plugin/trace.h)."""

    HELLO = 1
    BLOCK = 2
    TRACE = 3
    CALL = 4


@dataclass(frozen=True)
class Block:
    """Instructions that follow each other in memory: address of the first, the size of each in
    bytes, and their code."""

    address: int
    sizes: bytes
    code: bytes

    @property
    def in_kernel(self) -> bool:
        """Is this kernel code?"""
        return self.address >= _KERNEL


@dataclass(frozen=True)
class Executed:
    """The first `length` instructions of a block, executed `times` times in a row."""

    block: Block
    length: int
    times: int


@dataclass(frozen=True)
class Pushed:
    """A call instruction, the last one executed, stored its return address in a stack slot."""

    slot: int


@dataclass(frozen=True)
class Taken:
    """A return instruction, the last one executed, jumped to the address in a stack slot."""

    slot: int


Event = Executed | Pushed | Taken


@dataclass(frozen=True)
class TracedCall:
    """One call of the probe: kernel and user instructions between the markers, and the number of
    its profile, which all calls with the same kernel instructions share."""

    kernel: int
    user: int
    profile: int


@dataclass(frozen=True)
class Recording:
    """All calls of a guest in order, and for each profile the trace of its first call."""

    calls: tuple[TracedCall, ...]
    _blocks: Mapping[int, Block]
    _traces: Mapping[int, bytes]

    def has_trace(self, profile: int) -> bool:
        """Is there a trace? None is kept of profiles that came after too many others."""
        return profile in self._traces

    def trace(self, profile: int) -> Iterator[Event]:
        """What was executed, in order (the words of plugin/trace.c)."""
        for word, in struct.iter_unpack("<Q", self._traces[profile]):
            kind = word >> 62
            if kind == 0:
                yield Executed(self._blocks[word & 0xffffffff], word >> 32 & 0x3ff,
                               (word >> 42) + 1)
            elif kind == 1:
                yield Pushed(word & (1 << 62) - 1)
            else:
                yield Taken(word & (1 << 62) - 1)


def read_recording(content: bytes) -> Recording:
    """The recording in the plugin's output.

    The probe's counter reads without a call are left out: only calls that began at the last
    call's marker count. Raises GuestError where the output is torn.
    """
    blocks: dict[int, Block] = {}
    traces: dict[int, bytes] = {}
    calls: list[tuple[int, TracedCall]] = []
    for kind, payload in _frames(content):
        if kind == _Type.BLOCK:
            address, number, length = _BLOCK.unpack_from(payload)
            code = _BLOCK.size + length
            blocks[number] = Block(address, payload[_BLOCK.size:code], payload[code:])
        elif kind == _Type.TRACE:
            traces[int.from_bytes(payload[:4], "little")] = payload[4:]
        elif kind == _Type.CALL:
            marker, kernel, user, profile = _CALL.unpack(payload)
            calls.append((marker, TracedCall(kernel, user, profile)))
    return Recording(tuple(call for marker, call in calls if marker == calls[-1][0]),
                     blocks, traces)


def _frames(content: bytes) -> Iterator[tuple[_Type, bytes]]:
    at = 0
    while at < len(content):
        end = at + _HEAD.size
        if end > len(content):
            raise _torn(f"it ends within the head of a frame at byte {at}")
        magic, kind, length, checksum = _HEAD.unpack_from(content, at)
        payload = content[end:end + length]
        if magic != _MAGIC:
            raise _torn(f"there is no frame at byte {at}")
        if len(payload) < length:
            raise _torn(f"it ends within a frame of {length} bytes at byte {at}")
        if zlib.crc32(payload, zlib.crc32(content[at + 4:at + 12])) != checksum:
            raise _torn(f"a frame of {length} bytes at byte {at} fails its checksum")
        try:
            yield _Type(kind), payload
        except ValueError:
            raise _torn(f"the frame at byte {at} is of unknown type {kind}") from None
        at = end + length


def _torn(how: str) -> GuestError:
    return GuestError(f"the counting plugin's output is torn: {how}. Measure again; if it recurs, "
                      "is the disk or the memory full?")
