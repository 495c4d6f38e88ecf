# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames of the probe, whole and torn."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailwalk.errors import GuestError
from tailwalk.framing import Frame, FrameReader, FrameType
from tailwalk.probe.protocol import read_calls, read_folios


def framed(kind: int, payload: bytes) -> bytes:
    head = struct.pack("<II", kind, len(payload))
    return b"TWP1" + head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload


FRAMES = st.lists(st.tuples(st.sampled_from(list(FrameType)), st.binary(max_size=200)), max_size=5)


@given(frames=FRAMES, cuts=st.lists(st.integers(1, 50)))
def test_frames_are_found_however_the_stream_is_cut(frames, cuts):
    stream = b"".join(framed(kind, payload) for kind, payload in frames)
    reader, found, at = FrameReader(), [], 0
    for cut in [*cuts, len(stream)]:
        found += reader.feed(stream[at:at + cut])
        at += cut
    reader.close()
    assert found == [Frame(kind, payload) for kind, payload in frames]


@given(payload=st.binary(min_size=1, max_size=100), data=st.data())
def test_a_flipped_bit_never_goes_unnoticed(payload, data):
    stream = bytearray(framed(FrameType.CALLS, payload))
    bit = data.draw(st.integers(0, 8 * len(stream) - 1))
    stream[bit // 8] ^= 1 << bit % 8
    reader = FrameReader()
    with pytest.raises(GuestError):
        list(reader.feed(bytes(stream)))
        reader.close()


@given(payload=st.binary(max_size=100), keep=st.integers(1, 30))
def test_a_stream_cut_short_is_torn(payload, keep):
    stream = framed(FrameType.FOLIOS, payload)
    reader = FrameReader()
    frames = list(reader.feed(stream[:min(keep, len(stream) - 1)]))
    assert not frames
    with pytest.raises(GuestError, match="cut short"):
        reader.close()


def test_a_result_of_the_wrong_length_is_torn():
    with pytest.raises(GuestError, match="32 were due"):
        read_calls(Frame(FrameType.CALLS, bytes(16)), 2)
    with pytest.raises(GuestError, match="FOLIOS was due"):
        read_folios(Frame(FrameType.CALLS, bytes(16)))


def test_a_kernel_that_shows_no_page_flags():
    folios = read_folios(Frame(FrameType.FOLIOS, bytes(8 * 34)))
    assert folios.counts is None and folios.written is None
