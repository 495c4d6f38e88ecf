# SPDX-License-Identifier: GPL-2.0-or-later
"""What the plugin recorded: blocks of instructions, and which of them each call executed."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tailwalk.errors import GuestError
from tailwalk.framing import FrameType, read_output
from tailwalk.machines import GUEST

_BLOCK = struct.Struct("<QII")
_CALL = struct.Struct("<QQQI")


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
        return self.address >= GUEST.kernel_begin


@dataclass(frozen=True)
class Stretch:
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


Event = Stretch | Pushed | Taken


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
        """What was executed, in order (the words of plugins/trace/trace.c)."""
        for word, in struct.iter_unpack("<Q", self._traces[profile]):
            kind = word >> 62
            if kind == 0:
                block = self._blocks.get(word & 0xffffffff)
                if block is None:
                    raise _torn("a trace of a block that it never sent")
                yield Stretch(block, word >> 32 & 0x3ff, (word >> 42) + 1)
            elif kind == 1:
                yield Pushed(word & (1 << 62) - 1)
            else:
                yield Taken(word & (1 << 62) - 1)


def _torn(what: str) -> GuestError:
    return GuestError(f"the counting plugin sent {what}: the result is torn.")


def read_recording(content: bytes) -> Recording:
    """The recording in the plugin's output.

    The probe's counter reads without a call are left out: only calls that began at the last
    call's marker count. Raises GuestError where the output is torn.
    """
    blocks: dict[int, Block] = {}
    traces: dict[int, bytes] = {}
    calls: list[tuple[int, TracedCall]] = []
    for frame in read_output(content):
        payload = frame.payload
        if frame.type is FrameType.BLOCK:
            if len(payload) < _BLOCK.size:
                raise _torn("a block without a head")
            address, number, length = _BLOCK.unpack_from(payload)
            code = _BLOCK.size + length
            blocks[number] = Block(address, payload[_BLOCK.size:code], payload[code:])
        elif frame.type is FrameType.TRACE:
            if len(payload) % 8 != 4:
                raise _torn("a trace that ends in the middle of an event")
            traces[int.from_bytes(payload[:4], "little")] = payload[4:]
        elif frame.type is FrameType.CALL:
            marker, kernel, user, profile = frame.unpack(FrameType.CALL, _CALL)
            calls.append((marker, TracedCall(kernel, user, profile)))
    return Recording(tuple(call for marker, call in calls if marker == calls[-1][0]),
                     blocks, traces)
