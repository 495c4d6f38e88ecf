# SPDX-License-Identifier: GPL-2.0-or-later
"""The counting plugin's output, whole and torn."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_profiles import KERNEL, frame

from tailwalk.errors import GuestError
from tailwalk.framing import FrameType
from tailwalk.profile.trace import (
    Pushed,
    Stretch,
    Switched,
    Taken,
    TracedCall,
    read_recording,
)

MARKER = 0x401000
HELLO = frame(FrameType.HELLO, struct.pack("<3i", 1, 0, 1))
BLOCK = frame(FrameType.BLOCK, struct.pack("<QII", KERNEL, 7, 2)
              + b"\x01\x04" + b"\x90\x0f\x1f\x40\x00")
SLOT = 0x3ffffe0000001230
TRACE = frame(FrameType.TRACE, struct.pack("<I4Q", 5, 3 << 62 | SLOT, 7 | 2 << 32 | 9 << 42,
                                           1 << 62 | SLOT, 2 << 62 | SLOT))


def call(*, kernel: int = 20, profile: int = 5) -> bytes:
    return frame(FrameType.CALL, struct.pack("<QQQI", MARKER, kernel, 10, profile))


NOTHING = 3 * call(kernel=0, profile=0)
WHOLE = HELLO + NOTHING + BLOCK + TRACE + call() + call()


def test_a_recording_has_the_calls_and_their_traces():
    recording = read_recording(WHOLE, 2)
    assert recording.calls == (TracedCall(20, 10, (5,)),) * 2
    switched, executed, pushed, taken = recording.trace((5,))
    assert isinstance(executed, Stretch)
    assert (executed.block.address, executed.length, executed.times) == (KERNEL, 2, 10)
    assert executed.block.sizes == b"\x01\x04" and executed.block.in_kernel
    assert (switched, pushed, taken) == (Switched(SLOT), Pushed(SLOT), Taken(SLOT))


def test_a_profile_that_came_too_late_has_no_trace():
    recording = read_recording(HELLO + NOTHING + call(), 1)
    assert not recording.has_trace((5,))


def test_a_call_of_several_steps_is_their_sum_and_their_traces_in_order():
    steps = call(kernel=20) + call(kernel=7, profile=6)
    recording = read_recording(HELLO + BLOCK + TRACE + 2 * NOTHING + 2 * steps, 2)
    assert recording.calls == (TracedCall(27, 20, (5, 6)),) * 2
    assert not recording.has_trace((5, 6))
    assert len(list(recording.trace((5, 5)))) == 2 * len(list(recording.trace((5,))))
    assert read_recording(HELLO + 2 * NOTHING + 2 * steps + call(), 2).calls == ()


def test_nothing_recorded_is_no_call():
    assert read_recording(HELLO, 1).calls == ()


@given(st.integers(1, len(WHOLE) - 1))
def test_cut_short_it_is_torn_or_has_fewer_calls(length: int):
    try:
        recording = read_recording(WHOLE[:length], 2)
    except GuestError as error:
        assert "Measure again" in str(error)
    else:
        assert recording.calls != read_recording(WHOLE, 2).calls


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_a_flipped_bit_is_noticed(at: int, bit: int):
    damaged = bytearray(WHOLE)
    damaged[at] ^= 1 << bit
    with pytest.raises(GuestError, match="Measure again"):
        read_recording(bytes(damaged), 2)


def test_a_frame_of_unknown_type():
    with pytest.raises(GuestError, match="unknown type 99"):
        read_recording(HELLO + frame(99, b""), 1)
