# SPDX-License-Identifier: GPL-2.0-or-later
"""What is made of the counts of a case that is alone in its guest."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stand_ins import Notes
from tailwalk.cases import KIB, Case, find_cases
from tailwalk.errors import DamagedError, GuestError
from tailwalk.framing import FrameType
from tailwalk.probe.protocol import Calls, Folios
from tailwalk.profile.measure import repeated
from tailwalk.rigs import alone
from tailwalk.rigs.alone import (
    THREADS,
    CountedAlone,
    FoundAlone,
    Split,
    UnrepeatedError,
    by_guest,
    plugin_arguments,
    read_splits,
)
from tailwalk.rigs.counting import each_guest, figure_alone
from tailwalk.rigs.job import CaseError
from tailwalk.runs.metrics import INSTRUCTIONS
from tailwalk.runs.record import Missing, Part, check_figure
from tailwalk.vm.guest import EndedError

NAMES = ["other threads", "other programs", *THREADS]
JBD2 = NAMES.index("jbd2")
COUNT = st.integers(0, 10**9)


def frame(*words: int, doings: dict[int, int] | None = None) -> bytes:
    """A SPLIT frame: user, kernel, driver, halts, faults; and what others did."""
    others = [(doings or {}).get(number, 0) for number in range(32)]
    payload = struct.pack("<37Q", *words, *others)
    head = struct.pack("<II", FrameType.SPLIT.value, len(payload))
    return b"TWP1" + head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload


NOTHING = frame(8, 0, 0, 0, 0)


def output(*steps: bytes, passes: int = 3) -> bytes:
    return NOTHING * passes + b"".join(steps)


def test_a_call_that_does_not_wait_is_what_the_guest_counted() -> None:
    [[split]] = read_splits(output(frame(8, 2000, 0, 0, 0)), [Calls(8, (2008,))], "one")
    assert split == Split(total=2008, user=8, apart=0, others={})
    assert split.parts == [Part(name="call", instructions=2008)]


def test_threads_are_parts_and_the_driver_is_none() -> None:
    taken = frame(8, 2000, 500, 0, 0, doings={JBD2: 700, 0: 30})
    [[split]] = read_splits(output(taken), [Calls(8, (3238,))], "one")
    assert split == Split(total=2738, user=8, apart=500,
                          others={"jbd2": 700, "other threads": 30})
    assert [(part.name, part.instructions) for part in split.parts] == [
        ("call", 2008), ("other threads", 30), ("jbd2", 700)]


def test_what_the_clock_jumped_by_while_nobody_ran_is_no_instruction() -> None:
    waited = frame(8, 2000, 0, 1, 0)
    assert read_splits(output(waited), [Calls(8, (9_000_000,))], "one")[0][0].total == 2008


def test_an_instruction_that_took_a_page_fault_is_counted_once() -> None:
    faulting = frame(9, 3000, 0, 0, 1)
    [[split]] = read_splits(output(faulting), [Calls(8, (3008,))], "one")
    assert split.total == 3008


def test_the_steps_of_a_call_are_added() -> None:
    [splits] = read_splits(
        output(*[frame(8, 100, 7, 0, 0), frame(8, 200, 0, 0, 0)] * 2, passes=6),
        [Calls(16, (323, 323), 2)], "one")
    assert splits == [Split(total=316, user=16, apart=7, others={})] * 2


def test_the_cases_of_a_guest_are_told_apart_by_their_steps() -> None:
    one = output(*[frame(8, 100, 0, 0, 0)] * 2)
    other = output(*[frame(8, 200, 0, 0, 0)] * 2, passes=6)
    found = read_splits(one + other, [Calls(8, (108, 108)), Calls(16, (416,), 2)], "one")
    assert [[split.total for split in case] for case in found] == [[108, 108], [416]]


@pytest.mark.parametrize(("counted", "words"), [
    (2007, (8, 2000, 0, 0, 0)),  # one less than was seen
    (2009, (8, 2000, 0, 0, 0)),  # one more, and nobody waited
    (2006, (8, 2000, 0, 0, 1)),  # two less, and one fault
    (2007, (8, 2000, 0, 1, 0)),  # less, though the clock only runs ahead
])
def test_books_that_do_not_balance(counted: int, words: tuple[int, ...]) -> None:
    with pytest.raises(GuestError, match=r"books do not balance on one.*2,008"):
        read_splits(output(frame(*words)), [Calls(8, (counted,))], "one")


def test_one_call_that_does_not_balance_spoils_its_case() -> None:
    calls = [frame(8, 2000, 0, 0, 0)] * 99 + [frame(8, 5000, 0, 0, 0)]
    with pytest.raises(GuestError, match="books do not balance"):
        read_splits(output(*calls), [Calls(8, (2008,) * 100)], "one")


@pytest.mark.parametrize("content", [b"", NOTHING, output(), output(*[NOTHING] * 3)])
def test_another_number_of_steps_than_calls(content: bytes) -> None:
    with pytest.raises(GuestError, match="is torn"):
        read_splits(content, [Calls(8, (1, 2))], "one")


@given(COUNT, COUNT, COUNT, st.dictionaries(st.integers(0, len(NAMES) - 1), COUNT))
def test_parts_add_up_to_the_total(user: int, kernel: int, apart: int,
                                   doings: dict[int, int]) -> None:
    counted = user + kernel + apart + sum(doings.values())
    taken = frame(user, kernel, apart, 0, 0, doings=doings)
    [[split]] = read_splits(output(taken), [Calls(None, (counted,))], "one")
    assert sum(part.instructions for part in split.parts) == split.total == counted - apart


SYMBOLS = """\
ffffffff81000010 T ret_from_fork
ffffffff81000040 T ret_from_fork_asm
ffffffff81000060 T asm_exc_page_fault
ffffffff81000080 t worker_thread
ffffffff810000c0 t next
ffffffff81000100 T bio_endio
ffffffffc0000000 t kjournald2\t[jbd2]
ffffffffc0000050 t after\t[jbd2]
ffffffffc0001000 t brd_submit_bio\t[brd]
ffffffffc0001100 t brd_init\t[brd]
"""


def test_what_the_plugin_has_to_know_of_a_kernel() -> None:
    number = {name: at for at, name in enumerate(THREADS)}
    base, module = 0xffffffff81000000, 0xffffffffc0000000
    assert plugin_arguments(SYMBOLS).split(",")[1:] == [
        f"newborn={base + 0x40}", f"fault={base + 0x60}",
        f"driver={module + 0x1000}:{base + 0x100}",
        f"range={module}:{module + 0x50}:{number['jbd2']}",
        f"range={base + 0x80}:{base + 0xc0}:{number['kworker']}"]


def test_a_kernel_without_the_driver_has_nothing_apart() -> None:
    assert "driver" not in plugin_arguments(SYMBOLS.replace("brd_", "brb_"))


FOUND = CountedAlone(Folios(None, None), Calls(8, (1, 2, 3)), (4096, 0, 4096), [
    Split(total=total, user=8, apart=apart, others={"jbd2": 5})
    for total, apart in ((900, 1), (500, 2), (700, 3))])


def test_the_figure_is_the_median_and_its_parts_are_those_of_that_call() -> None:
    case, = find_cases(["fdatasync_u1k"])
    figure = figure_alone(case, FOUND)
    assert (figure.main.value, figure.main.interval, figure.main.user) == (700, (500, 900), 8)
    assert figure.split == [Part(name="call", instructions=695),
                            Part(name="jbd2", instructions=5)]
    assert figure.apart == 3
    assert figure.metrics["bytes"].value == 4096
    assert FOUND.steps_shown == (5, 6)
    check_figure(figure, INSTRUCTIONS, "here", cure="")


def test_a_kernel_that_does_not_tell_what_it_writes_says_so() -> None:
    case, = find_cases(["fdatasync_u1k"])
    figure = figure_alone(case, replace(FOUND, written=None))
    assert "bytes" not in figure.metrics
    assert "the kernel does not tell what is written to disks" in figure.notes


def test_parts_of_a_record_that_do_not_add_up() -> None:
    case, = find_cases(["fdatasync_u1k"])
    figure = figure_alone(case, FOUND)
    wrong = msgspec.structs.replace(figure, parts=[Part(name="call", instructions=1)])
    with pytest.raises(DamagedError, match="parts of fdatasync_u1k do not add up"):
        check_figure(wrong, INSTRUCTIONS, "here", cure="")
    lone = msgspec.structs.replace(figure, parts=msgspec.UNSET)
    assert lone.apart
    with pytest.raises(DamagedError, match="apart in fdatasync_u1k, which has no parts"):
        check_figure(lone, INSTRUCTIONS, "here", cure="")


def test_a_case_that_ends_its_guest_is_named_and_the_others_go_on() -> None:
    good, bad = find_cases(["fdatasync_u1k", "msync_u1"])
    told = []

    def count(cases: Sequence[Case]) -> FoundAlone:
        if cases == [bad]:
            raise EndedError("the kernel panicked (Kernel panic - not syncing).\n the console")
        return {good: FOUND}, []

    figures, missing = each_guest([bad, good], count, lambda cases, _: told.append(cases))
    assert [figure.case for figure in figures] == [good]
    assert told == [[bad]]
    assert [(one.case, one.reason, one.failed) for one in missing] == [
        (bad, "the kernel panicked (Kernel panic - not syncing). the console", True)]


def _shared(names: Sequence[str], **changes: int) -> list[str]:
    """The cases of the first guest of those that are asked for."""
    cases = [case.changed(**changes) for case in find_cases(names)]
    return [case.name for case in by_guest(cases)[0]]


def test_what_shares_a_guest_is_in_it_whatever_is_asked_for() -> None:
    whole = _shared(["mmap_ru8k", "unmap_wu128k"], fill=4 * KIB)
    assert len(whole) > 2
    for name in whole:
        assert _shared([name], fill=4 * KIB) == whole[:whole.index(name) + 1]


def test_what_the_suite_lacks_is_alone() -> None:
    assert by_guest(find_cases(["fdatasync_u1k", "mmap_ru64k", "fsync_u1k"])) == [
        [case] for case in find_cases(["fdatasync_u1k", "mmap_ru64k", "fsync_u1k"])]


def test_a_case_that_cannot_be_counted_is_not_in_the_guest_of_the_others() -> None:
    first, bad, last = find_cases(["pipe_pst1", "socketpair", "pthread"])
    guests = []

    def count(_bench: object, _kernel: object, _booted: object, cases: Sequence[Case], *_: object,
              **__: object) -> list[CountedAlone]:
        guests.append([*cases])
        if bad in cases:
            raise CaseError(Missing(case=bad, reason="no sockets"))
        return [FOUND] * len(cases)

    bench, booted, cases = Mock(counted={}), Mock(), [first, bad, last]
    found, missing = alone.count_those_that_can(bench, Mock(), booted, cases, 10,
                                                plugin=(Path("plugin"), ""), state=Path("state"),
                                                needs=b"leave", count=count)
    assert [*found] == [first, last] and [one.case for one in missing] == [bad]
    assert guests == [[first, bad, last], [first, last]]
    assert alone.counted_before(bench, booted, cases, 10, needs=b"leave") == (found, missing)
    assert alone.counted_before(bench, booted, cases, 11, needs=b"leave") is None
    assert alone.counted_before(bench, booted, cases, 10, needs=b"need") is None


@pytest.mark.parametrize("wanted", [1, 3, 4])
def test_a_case_that_did_not_repeat_itself_is_traced_again(wanted: int) -> None:
    case, = find_cases(["fdatasync_u1k"])
    traced, counted, notes = [], [], Notes()

    def trace(found: Mapping[Case, CountedAlone]) -> bytes:
        traced.append(found)
        if len(traced) < wanted:
            raise UnrepeatedError("it did not repeat itself.")
        return b"trace"

    def count() -> FoundAlone:
        counted.append(case)
        return {case: FOUND}, []

    with nullcontext() if wanted < 4 else pytest.raises(UnrepeatedError):
        assert repeated(case, ({case: FOUND}, []), count, trace, notes) == (FOUND, b"trace")
    assert len(traced) == min(wanted, 3) and len(counted) == len(notes.said) == len(traced) - 1
