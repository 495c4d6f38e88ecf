# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames of a hostile guest: whatever comes is a value or an error of the tree, within bounds."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tailwalk.cases import find_cases
from tailwalk.errors import GuestError, TailwalkError, UsageError
from tailwalk.framing import Frame, FrameReader, FrameType, read_output
from tailwalk.kernels.symbols import read_symbols
from tailwalk.probe.protocol import read_calls, read_folios, read_ready, read_times
from tailwalk.profile.trace import read_recording
from tailwalk.programs.local import find_local
from tailwalk.rigs.counting import collect_figures
from tailwalk.runs.record import encode
from tailwalk.verify.frames import Reached, Tally, add_counts, read_difference, read_step
from tailwalk.vm.guest import Guest
from tailwalk.vm.qemu import Machine, Qemu

CASES = find_cases(["pwrite_u1k"])
FRAMES = some.builds(Frame, some.sampled_from(FrameType), some.one_of(
    some.binary(max_size=300),
    some.lists(some.integers(0, 2**64 - 1), max_size=40).map(
        lambda words: struct.pack(f"<{len(words)}Q", *words)),
    some.text(max_size=60).map(str.encode)))


def packed(frame: Frame) -> bytes:
    head = struct.pack("<II", frame.type, len(frame.payload))
    return b"TWP1" + head + struct.pack("<I", zlib.crc32(head + frame.payload)) + frame.payload


@given(some.binary(max_size=2000), some.integers(1, 100))
def test_any_bytes_are_frames_or_an_error(content: bytes, part: int) -> None:
    reader = FrameReader()
    with suppress(GuestError):
        for at in range(0, len(content), part):
            list(reader.feed(content[at:at + part]))
        reader.close()


@given(some.lists(FRAMES, max_size=5), some.integers(1, 50))
def test_frames_come_out_as_they_went_in(frames: list[Frame], part: int) -> None:
    content = b"".join(map(packed, frames))
    reader = FrameReader()
    found = [frame for at in range(0, len(content), part)
             for frame in reader.feed(content[at:at + part])]
    reader.close()
    assert found == frames


@pytest.mark.parametrize("length", [(16 << 20) + 1, 2**31, 2**32 - 1])
def test_a_length_that_no_frame_has_is_refused_before_it_is_waited_for(length: int) -> None:
    with pytest.raises(GuestError, match=f"claims {length:,} bytes"):
        list(FrameReader().feed(struct.pack("<4sIII", b"TWP1", 1, length, 0)))


READERS: list[Callable[[Frame], Any]] = [
    read_ready, read_folios, lambda frame: read_calls(frame, 3), read_times,
    lambda frame: read_step(frame, before={0: Reached(0, 0)}, most=9),
    read_difference, lambda frame: add_counts(frame, Tally())]


@given(FRAMES)
def test_any_frame_is_read_or_an_error(frame: Frame) -> None:
    for read in READERS:
        with suppress(TailwalkError):
            read(frame)


@given(some.lists(FRAMES, max_size=4) | some.just([]))
def test_any_answer_makes_figures_that_can_be_kept_or_an_error(frames: list[Frame]) -> None:
    def answers(_: float) -> Iterator[Frame]:
        return iter(frames)

    guest = SimpleNamespace(start_job=lambda _: None, frames=answers)
    with suppress(TailwalkError):
        encode(collect_figures(guest, CASES, 3))  # type: ignore[arg-type]


@given(some.lists(FRAMES, max_size=4), some.binary(max_size=40))
def test_any_output_of_a_plugin_is_a_recording_or_an_error(frames: list[Frame],
                                                           more: bytes) -> None:
    content = b"".join(map(packed, frames)) + more
    with suppress(TailwalkError):
        list(read_output(content))
    with suppress(TailwalkError):
        recording = read_recording(content, 1)
        for call in recording.calls:
            if recording.has_trace(call.profile):
                list(recording.trace(call.profile))


@given(some.text(max_size=300) | some.lists(some.tuples(
    some.integers(0, 2**64 - 1), some.sampled_from("tTwW?"), some.text(max_size=9))).map(
        lambda rows: "".join(f"{at:016x} {kind} {name}\n" for at, kind, name in rows)))
def test_any_table_of_functions_is_read_or_an_error(text: str) -> None:
    with suppress(TailwalkError):
        read_symbols(text, "made")


HEAD = some.tuples(some.sampled_from([0, 2, 3, 62, 2**16 - 1]), some.sampled_from([0, 62, 183]),
                   some.integers(0, 2**64 - 1), some.integers(0, 2**64 - 1),
                   some.integers(0, 2**16 - 1), some.integers(0, 2**16 - 1))


@given(HEAD, some.binary(max_size=200))
def test_any_file_is_a_program_or_an_error(tmp_path_factory: pytest.TempPathFactory,
                                           head: tuple[int, ...], rest: bytes) -> None:
    kind, machine, entry, at, size, number = head
    content = (b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", kind, machine, 1, entry, at, 0, 0, 64, size, number, 64, 0, 0) + rest)
    path = tmp_path_factory.getbasetemp() / "made-program"
    path.write_bytes(content)
    with suppress(UsageError):
        find_local(path, most=1 << 20)


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    """One whose streams never end."""
    return Guest(Machine(), qemu=Qemu("none", "7.2.22", ""), kernel=tmp_path, initramfs=tmp_path,
                 name="made")


def test_a_console_without_end_is_held_in_bounds(guest: Guest) -> None:
    for _ in range(16 << 10):  # 1 GiB
        guest._take_console(bytes(1 << 16))
    assert len(guest.console) <= 2 << 16


def test_frames_without_end_are_an_error(guest: Guest) -> None:
    done = packed(Frame(FrameType.STEP, b"")) * 4096
    with pytest.raises(GuestError, match="frames without end"):
        for _ in range(1000):
            guest._take_channel(done)


def test_memory_that_is_more_than_a_guest_may_offer_is_not_taken(guest: Guest) -> None:
    with pytest.raises(GuestError, match="offers 9,223,372,036,854,775,808 bytes"):
        guest.memory(0, 2**63, 0)
