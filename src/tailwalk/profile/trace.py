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

# Counter reads before the first call, without one (probe/calls.c).
_BEFORE = 3


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


@dataclass(frozen=True)
class Switched:
    """From here on this task runs, named by an address; 0 is one that nobody switched to."""

    task: int


Event = Stretch | Pushed | Taken | Switched


@dataclass(frozen=True)
class TracedCall:
    """One call of the probe: kernel and user instructions between the markers of its steps, and the
    number of its profile, which all calls with the same kernel instructions share."""

    kernel: int
    user: int
    profile: tuple[int, ...]


@dataclass(frozen=True)
class Recording:
    """All calls of a guest in order, and for each profile of a step the trace of its first; a
    call's profile is those of its steps."""

    calls: tuple[TracedCall, ...]
    _blocks: Mapping[int, Block]
    _traces: Mapping[int, bytes]

    def has_trace(self, profile: tuple[int, ...]) -> bool:
        """Is there a trace? None is kept of profiles that came after too many others."""
        return all(step in self._traces for step in profile)

    def trace(self, profile: tuple[int, ...]) -> Iterator[Event]:
        """What was executed, in order (the words of plugins/trace/trace.c)."""
        for word, in struct.iter_unpack("<Q", b"".join(self._traces[step] for step in profile)):
            kind = word >> 62
            if kind == 0:
                block = self._blocks.get(word & 0xffffffff)
                if block is None:
                    raise _torn("a trace of a block that it never sent")
                yield Stretch(block, word >> 32 & 0x3ff, (word >> 42) + 1)
            elif kind == 1:
                yield Pushed(word & (1 << 62) - 1)
            elif kind == 2:
                yield Taken(word & (1 << 62) - 1)
            else:
                yield Switched(word & (1 << 62) - 1)


def _torn(what: str) -> GuestError:
    return GuestError(f"the counting plugin sent {what}: the result is torn.")


def read_recording(content: bytes, calls: int, *, before: int = _BEFORE) -> Recording:
    """The recording of so many calls in the plugin's output; without a call where it has not as
    many steps of each. Raises GuestError where the output is torn.

    The probe's counter reads without a call, which come `before`, are left out.
    """
    blocks: dict[int, Block] = {}
    traces: dict[int, bytes] = {}
    found: list[tuple[int, int, int]] = []
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
            _, kernel, user, profile = frame.unpack(FrameType.CALL, _CALL)
            found.append((kernel, user, profile))
    steps, torn = divmod(len(found), before + calls)
    rows = [] if torn or not steps else [
        found[at:at + steps] for at in range(before * steps, len(found), steps)]
    return Recording(tuple(TracedCall(sum(step[0] for step in row), sum(step[1] for step in row),
                                      tuple(step[2] for step in row)) for row in rows),
                     blocks, traces)
