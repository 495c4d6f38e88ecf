# SPDX-License-Identifier: GPL-2.0-or-later
"""A replay without a kernel: what travels, what is compared, and what the command refuses."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tailwalk.cli import group
from tailwalk.conformance.compare import first_difference
from tailwalk.conformance.replay import (
    SHAPES,
    Disagreement,
    Replay,
    Replayed,
    ReplayGoal,
    replayable,
)
from tailwalk.conformance.text import tell_replay
from tailwalk.conformance.wire import COUNTED, DATA, SHOWN, SPLIT, TAIL, Seen, decode, replay_lines
from tailwalk.errors import GuestError, TailwalkError, UsageError
from tailwalk.framing import Frame, FrameType
from tailwalk.kernels import Kernel
from tailwalk.model import folio
from tailwalk.model.designs import find_design
from tailwalk.model.expected import expect
from tailwalk.model.sequence import (
    Sequence,
    Step,
    random_sequence,
)

FULL = find_design("full")
SEQUENCE = Sequence(block_size=1024, layout=["hole", "preallocated", "written", "hole"], steps=[
    Step("write", 512, 1024, 0x33, 512), Step("store", 0, 2048, 0x44),
    Step("truncate", 3072), Step("punch", 1024, 512), Step("read"), Step("fsync"), Step("drop")])


def seen_of(sequence):
    """What a kernel shows that does all that the model expects."""
    found = []
    for one in expect(sequence, FULL):
        blocks = len(sequence.layout)
        pages = blocks * sequence.block_size // 4096
        held = folio.CACHED | folio.UPTODATE if one.folio is None else one.folio
        tail = TAIL if held & folio.UPTODATE else 0
        in_file = -(-one.size // sequence.block_size)
        found.append(Seen(
            result=one.result, size=one.size,
            pages=bytes(held | COUNTED | (tail if page else 0) for page in range(pages)),
            blocks=bytes(SHOWN | DATA * (one.segments[at] == "D") if at < in_file else 0
                         for at in range(blocks)),
            units=tuple((value, value) for value in one.contents)
            + ((0, 0),) * (2 * blocks - len(one.contents))))
    return found


def packed(seen):
    return b"".join(struct.pack("<iI", one.result, one.size) + one.pages + one.blocks
                    + bytes(byte for unit in one.units for byte in unit) for one in seen)


def test_a_sequence_travels_as_the_probe_reads_it():
    line, _, rest = replay_lines([SEQUENCE], "/dev/ram0").partition(b"\n")
    assert line == f"replay device=/dev/ram0 block_size=1024 length={len(rest)}".encode()
    assert rest[:12] == struct.pack("<II4B", 4, 7, 0, 1, 2, 0)
    steps = list(struct.iter_unpack("<BBHIII", rest[12:]))
    assert steps == [(0, 0x33, 0, 512, 1024, 512), (1, 0x44, 0, 0, 2048, 2048),
                     (2, 0, 0, 3072, 0, 0), (3, 0, 0, 1024, 512, 0), (4, 0, 0, 0, 0, 0),
                     (5, 0, 0, 0, 0, 0), (7, 0, 0, 0, 0, 0)]


@pytest.mark.parametrize("shape", [(1024, 4), (1024, 16), (4096, 1), (4096, 8)])
def test_what_was_seen_comes_back(shape):
    for seed in range(10):
        sequence = random_sequence(seed, block_size=shape[0], blocks=shape[1])
        seen = seen_of(sequence)
        assert decode(Frame(FrameType.SEEN, packed(seen)), sequence) == seen
        assert first_difference(sequence, expect(sequence, FULL), seen) is None


def test_a_frame_that_does_not_fit_is_refused():
    payload = packed(seen_of(SEQUENCE))
    with pytest.raises(GuestError, match="COUNTS frame where SEEN was due"):
        decode(Frame(FrameType.COUNTS, payload), SEQUENCE)
    with pytest.raises(GuestError, match="torn"):
        decode(Frame(FrameType.SEEN, payload[:-1]), SEQUENCE)


def changed(one, **changes):
    return replace(one, **changes)


@pytest.mark.parametrize(("step", "change", "what"), [
    (0, lambda one: changed(one, result=-5), "the call's result"),
    (2, lambda one: changed(one, size=4096), "size"),
    (4, lambda one: changed(one, units=((9, 9), *one.units[1:])), "bytes 0 to 511"),
    (4, lambda one: changed(one, units=(one.units[0], (0x44, 0), *one.units[2:])),
     "bytes 512 to 1023"),
    (1, lambda one: changed(one, blocks=bytes([SHOWN]) + one.blocks[1:]), "data (D)"),
    (1, lambda one: changed(one, blocks=bytes([SHOWN | DATA | SPLIT]) + one.blocks[1:]),
     "data (D)"),
    (4, lambda one: changed(one, pages=bytes([one.pages[0] ^ folio.DIRTY])), "the folio"),
    (5, lambda one: changed(one, pages=bytes([one.pages[0] | folio.DIRTY])), "the folio"),
    (6, lambda one: changed(one, pages=bytes([COUNTED | folio.CACHED])), "the folio"),
])
def test_every_change_is_a_difference(step, change, what):
    seen = seen_of(SEQUENCE)
    seen[step] = change(seen[step])
    found = first_difference(SEQUENCE, expect(SEQUENCE, FULL), seen)
    assert found is not None
    assert found.step == step and found.what.startswith(what)


def test_bytes_that_are_not_cached_are_not_compared():
    seen = seen_of(SEQUENCE)
    seen[6] = changed(seen[6], blocks=bytes(block & ~SHOWN for block in seen[6].blocks),
                      units=((1, 1),) * 8)
    assert first_difference(SEQUENCE, expect(SEQUENCE, FULL), seen) is None


def test_dirty_after_fsync_is_a_difference_whatever_the_folios():
    sequence = Sequence(layout=["hole"] * 4, steps=[Step("write", 0, 4096, 1), Step("fsync")])
    expected = expect(sequence, FULL)
    assert expected[1].folio is None
    seen = seen_of(sequence)
    dirty = bytes([seen[1].pages[0] | folio.DIRTY]) + seen[1].pages[1:]
    seen[1] = changed(seen[1], pages=dirty)
    found = first_difference(sequence, expected, seen)
    assert found is not None and found.what == "pages after fsync"


def test_one_folio_has_tails():
    sequence = Sequence(layout=["hole"] * 4, steps=[Step("write", 0, 16384, 1)])
    [one] = seen_of(sequence)
    pages = bytes(page & ~TAIL for page in one.pages)
    found = first_difference(sequence, expect(sequence, FULL), [changed(one, pages=pages)])
    assert found is not None and found.what.startswith("the folio")


def test_without_cachestat_only_uptodate_folios_are_compared():
    sequence = Sequence(block_size=1024, layout=["written"] * 4, steps=[Step("write", 0, 512, 1)])
    expected = expect(sequence, FULL)
    assert expected[0].folio == folio.CACHED | folio.DIRTY
    [one] = seen_of(sequence)
    unseen = changed(one, pages=bytes([0]))
    assert first_difference(sequence, expected, [unseen]) is None
    uptodate = changed(one, pages=bytes([folio.CACHED | folio.UPTODATE | folio.DIRTY]))
    assert first_difference(sequence, expected, [uptodate]) is not None


def test_a_seed_is_the_same_sequence_whatever_else_is_replayed():
    everything = {one.seed: one for one in ReplayGoal(sequences=100).numbered()}
    shapes = tuple(shape for shape in SHAPES if shape.mode == "journal")
    some = list(ReplayGoal(sequences=5, shapes=shapes).numbered())
    assert len(some) == 5 and all(everything[one.seed] == one for one in some)
    assert set(SHAPES) == {one.shape for one in everything.values()}


def test_batches_hold_every_sequence_once_on_one_file_system_each():
    goal = ReplayGoal(sequences=3000, seed=17)
    batches = list(goal.batches())
    assert all(len({one.shape.filesystem for one in batch}) == 1 for batch in batches)
    assert sorted(one.seed for batch in batches for one in batch) == list(range(17, 3017))


@pytest.mark.parametrize("goal", [ReplayGoal(sequences=0), ReplayGoal(sequences=1, seed=-1),
                                  ReplayGoal(sequences=1, shapes=())])
def test_a_goal_that_makes_no_sense_is_refused(goal):
    with pytest.raises(UsageError):
        goal.check()


def test_a_difference_is_told_with_its_steps_and_its_replay(tmp_path):
    seen = seen_of(SEQUENCE)
    seen[1] = changed(seen[1], units=((0x99, 0x44), *seen[1].units[1:]))
    expected = expect(SEQUENCE, FULL)
    difference = first_difference(SEQUENCE, expected, seen)
    done = Replay(
        kernel=Kernel(spec="src:6.18", release="6.18.15", image=tmp_path, digest="0"),
        release="6.18.15", design=find_design("tail"),
        tally=Replayed(modes=Counter({("ordered", 1024): 9}), actions=Counter(write=180),
                       counted=False), seconds=1.0,
        finding=Disagreement(42, SEQUENCE, expected, seen, difference))
    text = "\n".join(tell_replay(done))
    assert "DIFFERENT in sequence 42: ordered, blocks of 1KiB, at first hole preallocated" in text
    assert "1. write 1024 bytes 0x33 at 512, of which memory holds 512" in text
    assert "so: bytes 0 to 511: model 0x44; kernel 0x99 and 0x44" in text
    assert ("replay: tailwalk model replay src:6.18 --design tail --sequences 1 --first 42"
            in text)
    assert "built without cachestat" in text and "3. " not in text


@pytest.mark.parametrize(("arguments", "message"), [
    (["--sequences", "0"], "--sequences 0: give at least 1"),
    (["--first", "-1"], "--first -1: it cannot be negative"),
    (["--fs-block-size", "2KiB"], "no sequence has such a mode and block size"),
    (["--design", "best"], "there is no design 'best'"),
    *((["--design", name], f"{name} is wrong in writeback alone") for name in (
        "forget-early", "forget-chosen", "keep-none", "mark-late", "peek", "end-early",
        "count-late", "track-early")),
])
def test_bad_arguments_are_refused_before_anything_is_fetched(arguments, message):
    done = CliRunner().invoke(group, ["model", "replay", "debian:6.18", *arguments])
    assert isinstance(done.exception, TailwalkError)
    assert message in str(done.exception)


@pytest.mark.parametrize("name", ["full", "tail", "flush", "bitmap", "cut-always", "clean-commit"])
def test_a_design_whose_walks_a_replay_sees_is_replayed(name):
    assert replayable(find_design(name)).name == name


@given(st.data())
def test_whatever_a_kernel_shows_is_told_or_refused(data):
    """A guest sends what it likes: each answer is equal to the model, or a difference in words."""
    due = packed(seen_of(SEQUENCE))
    payload = data.draw(st.one_of(
        st.binary(max_size=len(due) + 1),
        st.lists(st.tuples(st.integers(0, len(due) - 1), st.integers(0, 255)), max_size=8).map(
            lambda changes: bytes(dict(changes).get(at, byte) for at, byte in enumerate(due)))))
    try:
        seen = decode(Frame(FrameType.SEEN, payload), SEQUENCE)
    except GuestError:
        assert len(payload) != len(due)
        return
    expected = expect(SEQUENCE, FULL)
    found = first_difference(SEQUENCE, expected, seen)
    if found is not None:
        done = Replay(
            kernel=Kernel(spec="src:6.18", release="6.18.15", image=Path(), digest="0"),
            release="6.18.15", design=FULL, tally=Replayed(), seconds=1.0,
            finding=Disagreement(1, SEQUENCE, expected, seen, found))
        text = "\n".join(tell_replay(done))
        assert len(text) < 10_000 and found.what in text
