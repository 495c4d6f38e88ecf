# SPDX-License-Identifier: GPL-2.0-or-later
"""Verification without a guest: patterns, plans, reports."""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailwalk.errors import GuestError, ProbeError, UsageError
from tailwalk.framing import Frame, FrameType
from tailwalk.kernels import Kernel
from tailwalk.runs.record import KernelRecord
from tailwalk.verify import CONFIGURATIONS, Finding, Goal, Verification, find_configurations
from tailwalk.verify.frames import (
    Reached,
    Tally,
    add_counts,
    complaints,
    read_difference,
    read_step,
)
from tailwalk.verify.image import IMAGE_SIZE
from tailwalk.verify.pattern import (
    LARGEST_FILE,
    POISON,
    Origin,
    decode,
    encode,
    explain,
    is_of_exerciser,
)
from tailwalk.verify.session import Found, Manner, Session, Stage
from tailwalk.verify.text import verification_text
from tailwalk.verify.verify import SESSION_OPERATIONS, plan, verification_machine, verify

ORIGINS = st.builds(
    Origin, operation=st.integers(0, (1 << 32) - 1), file=st.integers(0, 15),
    offset=st.integers(0, (1 << 28) - 1).map(lambda word: word << 3))


# --- patterns ---

@given(ORIGINS)
def test_a_word_tells_its_origin(origin):
    assert decode(encode(origin)) == origin


@given(st.binary(min_size=8, max_size=8))
def test_every_word_decodes_to_one_origin(data):
    assert encode(decode(data)) == data


def test_neighbouring_words_differ_in_most_bytes():
    one, two = (encode(Origin(77, 1, at)) for at in (4096, 4104))
    assert sum(a != b for a, b in zip(one, two, strict=True)) >= 6


def test_words_explain_themselves():
    word = encode(Origin(5, 2, 4096))
    assert explain(word, file=2, offset=4096, operations=9) == "written there by operation 5"
    assert "for file 2 at 4096" in explain(word, file=2, offset=8192, operations=9)
    assert "for file 2 at 4096" in explain(word, file=1, offset=4096, operations=9)
    assert "none that the exerciser made" in explain(word, file=2, offset=4096, operations=4)
    far = encode(Origin(5, 2, LARGEST_FILE))
    assert "none that the exerciser made" in explain(far, file=2, offset=0, operations=9)
    assert explain(bytes(8), file=0, offset=0, operations=9) == "zeros"
    assert "before the file system was made" in explain(POISON, file=0, offset=0, operations=9)


# --- configurations and plans ---

def test_configurations_are_every_mode_with_both_block_sizes():
    assert len({(one.block_size, one.mount_options) for one in CONFIGURATIONS}) == 10
    assert find_configurations([]) == CONFIGURATIONS
    assert [one.name for one in find_configurations(["journal"])] == ["1k-journal", "4k-journal"]
    assert len(find_configurations(["1k", "1k-journal"])) == 5


def test_an_unknown_configuration_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 1k-journal"):
        find_configurations(["1k-jurnal"])


@given(st.integers(0, 60_000), st.integers(0, 40), st.integers(1, 10))
def test_a_plan_reaches_its_goal(operations, cuts, count):
    chosen = CONFIGURATIONS[:count]
    sessions = list(plan(chosen, Goal(operations=operations, power_cuts=cuts), 7))
    lengths = [work.keywords["operations"] for *_, work in sessions if work != Session.cut_power]
    assert sum(lengths) >= operations > sum(lengths) - count or not operations
    assert not operations or sum(lengths) < operations + count
    assert all(0 < length <= SESSION_OPERATIONS for length in lengths)
    assert sum(work == Session.cut_power for *_, work in sessions) == cuts
    done = {(one.name, seed, work == Session.cut_power) for one, seed, work in sessions}
    assert len(done) == len(sessions), "no session twice"
    assert all(seed >= 7 for _, seed, _ in sessions)


def test_a_replay_is_the_first_session_of_its_seed():
    [(one, seed, work)] = plan(CONFIGURATIONS[:1], Goal(operations=123, power_cuts=0), 42)
    assert (one, seed, work.keywords) == (CONFIGURATIONS[0], 42, {"operations": 123})


FAILING = Manner(failing=15)


def made_session(keep: Path | None = None, manner: Manner = FAILING) -> Session:
    stage = Stage(
        kernel=Kernel(spec="debug:6.18", release="6.18.15", image=Path("vmlinux"), digest="0" * 64),
        machine=verification_machine("tcg", 400, "slab_debug=FZP a=b"), qemu=None, booted=None,
        folder=Path(), manner=manner, append="slab_debug=FZP a=b",
        keep=keep)
    return Session(stage, CONFIGURATIONS[0], 42, advance=lambda _: None)


def test_a_replay_names_the_conditions():
    assert made_session()._found("difference", "a wrong byte", [], 7).finding.replay == (
        "tailwalk verify debug:6.18 --config 1k-ordered --first 42 --operations 7 --power-cuts 0 "
        "--fail-allocations 15 --memory 400 --append 'slab_debug=FZP a=b'")


class MadeGuest:
    """A guest that sends frames, and then fails."""

    def __init__(self, *frames: Frame, error: GuestError, console: str = "") -> None:
        self.sent, self.error, self.console = frames, error, console

    def start_job(self, seconds: float) -> None:
        pass

    def frames(self, seconds: float) -> Iterator[Frame]:  # noqa: ARG002
        yield from self.sent
        raise self.error

    def finish(self, deadline: float) -> None:  # noqa: ARG002
        raise self.error


@pytest.mark.parametrize(("error", "console", "kind"), [
    (ProbeError("cannot fsync"), "", "failure"),
    (GuestError("QEMU ended with status 0"), "Kernel panic - not syncing: x", "panic"),
])
def test_what_a_kernel_does_just_before_its_power_is_cut_is_found(error, console, kind):
    guest = MadeGuest(error=error, console=console)
    with pytest.raises(Found) as caught:
        made_session()._watch(guest, lambda _: None, lambda: True)
    assert caught.value.finding.kind == kind


def test_a_power_cut_alone_is_no_finding():
    guest = MadeGuest(error=GuestError("QEMU was killed by signal 9"))
    made_session()._watch(guest, lambda _: None, lambda: True)
    with pytest.raises(GuestError, match="signal 9"):
        made_session()._watch(guest, lambda _: None, lambda: False)


def test_a_finding_stands_where_the_guest_does_not_come_to_its_end():
    word = encode(Origin(7, 1, 4096)).hex().encode()
    guest = MadeGuest(Frame(FrameType.DIFFERENCE, DIFFERENCE % (word, word)),
                      error=GuestError("no sign in time"), console="BUG: late\n")
    session = made_session()
    with pytest.raises(Found) as caught:
        session._watch(guest, session._take)
    assert caught.value.finding.kind == "difference"
    assert "BUG: late" in caught.value.finding.details


def test_a_finding_whose_image_cannot_be_kept_stands(tmp_path):
    full = tmp_path / "1k-ordered-42-difference.img"
    full.symlink_to("/dev/full")
    session = made_session(keep=tmp_path)
    session._image = tmp_path / "image"
    session._image.write_bytes(POISON)
    finding = session._found("difference", "a wrong byte", ["here"], 7).finding
    assert finding.kept is None
    assert finding.details == ["here", "the image could not be kept: No space left on device"]
    assert not full.is_symlink()


def test_without_a_limit_a_plan_goes_on():
    sessions = plan(CONFIGURATIONS, Goal(seconds=1), 1)
    assert len([next(sessions) for _ in range(1000)]) == 1000


@pytest.mark.parametrize(("goal", "named"), [
    (Goal(operations=-1, power_cuts=0), "--operations -1"),
    (Goal(operations=0, power_cuts=-5), "--power-cuts -5"),
    (Goal(seconds=-2.5), "--seconds -2.5"),
    (Goal(seconds=math.nan), "--seconds nan"),
    (Goal(seconds=math.inf), "--seconds inf"),
    (Goal(operations=10**400, power_cuts=0), "--operations 1000"),
    (Goal(operations=0, power_cuts=10**10), "--power-cuts 10000000000: give a number between"),
    (Goal(operations=0, power_cuts=0), "nothing to do"),
    (Goal(operations=10), "without a number of seconds"),
])
def test_a_goal_that_makes_no_sense(goal, named):
    with pytest.raises(UsageError, match=named):
        goal.check()


@pytest.mark.parametrize(("name", "value"), [
    ("seed", -1), ("seed", 1 << 48), ("seed", 10**400), ("workers", 0), ("workers", 10**6),
    ("memory", 0), ("memory", 10**12)])
def test_a_number_out_of_range(name, value):
    option = {"seed": "first"}.get(name, name)
    with pytest.raises(UsageError, match=f"--{option} {value}: give a number between"):
        verify(None, Goal(operations=1, power_cuts=0), **{name: value})


def test_the_seeds_of_a_plan_are_those_that_can_be_replayed():
    sessions = plan(CONFIGURATIONS[:1], Goal(operations=3 * SESSION_OPERATIONS, power_cuts=0),
                    (1 << 48) - 2)
    assert [seed for _, seed, _ in sessions] == [(1 << 48) - 2, (1 << 48) - 1, 0]


def test_allocations_fail_only_where_the_kernel_can_make_them():
    plain = Kernel(spec="src:6.18", release="6.18.15", image=Path("vmlinux"), digest="0" * 64)
    with pytest.raises(UsageError, match=r"--fail-allocations 5: src:6\.18 has no fault injection"):
        verify(plain, Goal(operations=1, power_cuts=0), manner=Manner(failing=5))


@pytest.mark.parametrize(("manner", "goal", "named"), [
    (Manner(writers=17), Goal(operations=1, power_cuts=0), "--writers 17: give a number"),
    (Manner(failing_writes=21), Goal(operations=0, power_cuts=1), "--fail-writes 21: give"),
    (Manner(failing_writes=5), Goal(operations=1, power_cuts=1), "give --operations 0"),
    (Manner(failing_writes=5, writers=2), Goal(operations=0, power_cuts=1), "is for one writer")])
def test_a_manner_that_makes_no_sense(manner, goal, named):
    plain = Kernel(spec="src:6.18", release="6.18.15", image=Path("vmlinux"), digest="0" * 64)
    with pytest.raises(UsageError, match=named):
        verify(plain, goal, manner=manner)


@pytest.mark.parametrize(("manner", "fate", "words"), [
    (Manner(writers=3, direct=True), None, "--operations 21 --power-cuts 0 --writers 3 --direct"),
    (Manner(failing_writes=5), None, "--operations 0 --power-cuts 1 --fail-writes 5"),
    (Manner(failing_writes=5), "lost", "--operations 0 --power-cuts 1 --fail-writes 5")])
def test_a_replay_names_the_manner(manner, fate, words):
    session = made_session(manner=manner)
    session._fate = fate
    assert words in session._found("difference", "a wrong byte", [], 7).finding.replay


def test_the_replay_of_what_is_found_before_the_first_operation_asks_for_one():
    found = made_session()._found("panic", "at the mount", [])
    assert "--operations 1 --power-cuts 0" in found.finding.replay


def test_data_on_the_disk_is_told_from_the_rest():
    word = encode(Origin(7, 2, 4096))
    assert is_of_exerciser(bytes(512) + word + bytes(1016), operations=9)
    assert not is_of_exerciser(bytes(512) + word + bytes(1016), operations=6)
    assert not is_of_exerciser(bytes(1 << 16), operations=9)
    assert not is_of_exerciser(POISON * 512, operations=9)


def test_the_machine_has_a_disk_for_each_fate_and_ends_at_an_oops():
    machine = verification_machine("tcg")
    assert machine.disks == (IMAGE_SIZE,) * 3 and machine.cpus == 2
    assert "oops=panic" in machine.append


# --- reports ---

def test_counts_add_up():
    tally = Tally()
    frame = Frame(FrameType.COUNTS, b"did 3 pwrite\ndid 2 mmap store\nlanded 5 order 9\n"
                                    b"landed 1 uncached\ncompared 100\ndurable 60\n"
                                    b"repeated 7\n")
    add_counts(frame, tally)
    add_counts(frame, tally)
    total = Tally(operations=5)
    total.add(tally)
    assert total.actions == {"pwrite": 6, "mmap store": 4}
    assert total.landed == {"9": 10, "uncached": 2}
    assert (total.operations, total.compared, total.durable) == (5, 200, 120)
    assert total.repeated == 14


def test_a_torn_step_is_an_error():
    with pytest.raises(GuestError, match="torn"):
        read_step(Frame(FrameType.STEP, b"1234"), START, most=99)


@pytest.mark.parametrize(("completed", "limit"), [
    (40, 64), (40, 63), (39, 80), (90, 80), (41, 100), (1 << 63, 1 << 63)])
def test_steps_go_on_and_come_to_an_end(completed, limit):
    before = {0: Reached(40, 64), 1: Reached(7, 32)}
    assert read_step(step(41, 64), before, most=99) == {**before, 0: Reached(41, 64)}
    assert read_step(step(40, 96), before, most=99) == {**before, 0: Reached(40, 96)}
    with pytest.raises(GuestError, match="torn"):
        read_step(step(completed, limit), before, most=99)


def test_a_step_is_of_a_writer_and_may_tell_of_an_error():
    steps = read_step(step(5, 32, 1, 5), {0: Reached(40, 64), 1: Reached(4, 32)}, most=99)
    steps = read_step(step(9, 32, 1, 9), steps, most=99)
    assert steps == {0: Reached(40, 64), 1: Reached(9, 32, told=(5, 9))}
    for wrong in (step(10, 32, 2), step(10, 32, 1, 8)):
        with pytest.raises(GuestError, match="torn"):
            read_step(wrong, steps, most=99)


@given(st.one_of(st.binary(), st.binary().map(lambda end: DIFFERENCE % (b"0" * 16, end)),
                 st.text(st.sampled_from("didlaned compared 0123456789-\u0663\n\x85"))
                 .map(str.encode)))
def test_whatever_a_guest_says_is_read_or_an_error(content):
    tally = Tally()
    for read in (lambda frame: read_step(frame, START, most=99),
                 lambda frame: add_counts(frame, tally),
                 lambda frame: read_difference(frame).details(99)):
        with contextlib.suppress(GuestError):
            read(Frame(FrameType.STEP, content))
    assert all(0 <= count < 10**18 for count in (tally.compared, *tally.actions.values()))


@pytest.mark.parametrize("line", [
    "did", "did x pwrite", "did 3", "did -3 pwrite", "did " + "9" * 400 + " pwrite", "compared 1 2",
    "did 3 \x1b[2J", "operations 3", "compared \u0663"])
def test_a_count_that_is_none_is_an_error(line):
    with pytest.raises(GuestError, match="something unknown"):
        add_counts(Frame(FrameType.COUNTS, line.encode()), Tally())


def test_a_guest_cannot_count_without_end():
    with pytest.raises(GuestError, match="too many things"):
        add_counts(Frame(FrameType.COUNTS, b"".join(b"did 1 a%d\n" % one for one in range(99))),
                   Tally())


@pytest.mark.parametrize(("old", "new"), [
    (b"file 1", b"file -1"), (b"offset 4099", b"offset " + b"9" * 400), (b"read", b"\x1b[2J"),
    (b"what ", b"why "), (b"expected 00", b"expected zz"), (b"found 00", b"found "),
    (b"doing read", b"doing " + b"x" * 10_000)])
def test_a_difference_that_makes_no_sense_is_an_error(old, new):
    whole = DIFFERENCE % (b"0" * 16, b"0" * 16)
    assert old in whole
    with pytest.raises(GuestError, match="cannot be read"):
        read_difference(Frame(FrameType.DIFFERENCE, whole.replace(old, new)))


@pytest.mark.timeout(20)
def test_a_long_line_of_the_console_is_looked_at_in_a_moment():
    assert complaints("EXT4-fs " * 200_000) == []
    assert complaints("JBD2: " * 200_000 + "\nJBD2: Error -5\n") == ["JBD2: Error -5"]


START = {0: Reached(0, 0)}


def step(completed: int, limit: int, writer: int = 0, told: int = 0) -> Frame:
    return Frame(FrameType.STEP, struct.pack("<QQQQ", completed, limit, writer, told))


DIFFERENCE = (b"operation 9\ndoing read of file 1, 5 bytes at 4099\nwhat read\nfile 1\n"
              b"offset 4099\nexpected_size 9000\nfound_size 9000\nexpected %b\nfound %b\n")


def test_a_difference_says_where_the_bytes_come_from():
    expected, found = encode(Origin(7, 1, 4096)), encode(Origin(3, 1, 4096))
    difference = read_difference(Frame(FrameType.DIFFERENCE, DIFFERENCE % (
        expected.hex().encode(), found.hex().encode())))
    assert difference.title == "read: file 1 differs from byte 4099 on"
    text = "\n".join(difference.details(9))
    assert "operation 9 (read of file 1, 5 bytes at 4099)" in text
    assert "written there by operation 7" in text and "written there by operation 3" in text
    assert "size" not in text


def test_a_difference_that_cannot_be_read():
    with pytest.raises(GuestError, match="cannot be read"):
        read_difference(Frame(FrameType.DIFFERENCE, b"operation x\n"))


@pytest.mark.parametrize("line", [
    "WARNING: CPU: 0 PID: 1 at fs/buffer.c:1177 mark_buffer_dirty+0x1/0x2",
    "BUG: KASAN: slab-use-after-free in block_commit_write",
    "kernel BUG at fs/buffer.c:3056!",
    "EXT4-fs error (device vda): ext4_mb_generate_buddy:1234: group 0",
    "BUG kmalloc-64 (Not tainted): Poison overwritten",
    "WARNING: possible circular locking dependency detected",
    "Buffer I/O error on dev vda, logical block 5, lost async page write",
])
def test_what_counts_as_a_complaint(line):
    assert complaints(f"fine\n[    1.0] {line}\n") == [f"[    1.0] {line}"]
    of_the_disk = "EXT4-fs error" in line or "I/O error" in line
    assert bool(complaints(line, failing=True)) is not of_the_disk


@pytest.mark.parametrize("line", [
    "EXT4-fs: Warning: mounting with data=journal disables delayed allocation",
    "Out of memory: Killed process 77 (init) total-vm:100kB",
    "EXT4-fs (vda): recovery complete",
])
def test_what_is_no_complaint(line):
    assert not complaints(line)


def made(finding: Finding | None = None) -> Verification:
    return Verification(
        tailwalk="0", created="2026-01-01T00:00:00+00:00",
        kernel=KernelRecord(spec="src:6.18", release="6.18.15", digest="d"), engine="tcg", seed=1,
        configurations=["1k-ordered"], seconds=12.3, operations=20_000, power_cuts=2,
        cut_images=6, compared=1_000_000, durable=3_000, actions={"pwrite": 3},
        landed={"0": 50, "9": 30, "uncached": 20}, finding=finding)


def test_the_text_of_a_clean_verification():
    text = verification_text(made())
    assert "operations       20,000\n" in text and text.endswith("No difference found.\n")
    assert "30% in folios of two pages or more, 20% where none was cached" in text


def test_the_text_says_what_else_was_done():
    text = verification_text(msgspec.structs.replace(
        made(), writers=2, direct=True, failing_writes=5, failed_writes=1000, told=20,
        read_only=3))
    for part in ("writers          2, to the same files", "direct I/O       among",
                 "5% of its writes fail: 1,000 did, 20 operations told of it, 3 sessions"):
        assert part in text


def test_the_text_of_a_finding_says_how_to_replay_it():
    text = verification_text(made(Finding(
        kind="difference", configuration="1k-ordered", seed=3, operation=9, after_cut="torn",
        title="read: file 1 differs from byte 4099 on", details=["d"] * 50,
        replay="tailwalk verify src:6.18 --first 3", kept="/k.img")))
    for part in ("FOUND: read: file 1 differs from byte 4099 on",
                 "1k-ordered, session 3, operation 9, after a power cut (writes not flushed: torn)",
                 "(10 more lines)", "replay: tailwalk verify src:6.18 --first 3", "image: /k.img"):
        assert part in text


def test_a_record_reads_back():
    from tailwalk.verify.record import encode as record

    content = record(made())
    assert msgspec.json.decode(content, type=Verification) == made()
    for number in ("-1", "1e400", "99999999999999999999"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(content.replace(b"20000", number.encode()), type=Verification)
