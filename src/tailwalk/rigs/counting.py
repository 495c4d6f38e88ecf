# SPDX-License-Identifier: GPL-2.0-or-later
"""What one guest counts: a portion of a measurement, some cases on one kernel, from a saved state;
and the pools of workers that do the portions.

Its figures depend on nothing else, so that portions can be done in any order, side by side, and on
any machine that has the same QEMU. Every call is counted on its own and the figure is the mode: the
other calls took a timer tick, a timestamp's update or a journal commit, which a mean would mix in.
Where a workload's calls are not alike, it is their median, and each case is alone in its guest
(alone.py).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

from tailwalk.cases import Case
from tailwalk.errors import TailwalkError
from tailwalk.probe.protocol import Calls, Folios, LeftOutError, read_calls, read_folios
from tailwalk.rigs.alone import (
    CountedAlone,
    FoundAlone,
    by_guest,
    count_those_that_can,
    kept_plugin,
    needs_job,
    plugin_arguments,
)
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.cores import as_finished
from tailwalk.rigs.job import (
    FRAME_SECONDS,
    CaseError,
    counting_job,
    due,
    measuring,
    missing_for,
    require_end,
)
from tailwalk.rigs.left import left_by
from tailwalk.rigs.recording import symbol_text
from tailwalk.runs.amount import amount_of
from tailwalk.runs.metrics import BYTES, INSTRUCTIONS
from tailwalk.runs.record import Figure, Missing, folio_counts
from tailwalk.vm.guest import Guest, TroubleError
from tailwalk.vm.state import Booted, KernelSaid, Start
from tailwalk.words import listed


@dataclass(frozen=True, kw_only=True)
class Portion:
    """What one guest does.

    Attributes:
        start: what it boots from.
        begin: the beginning of the job for the probe, which makes the file system.
        cases: the rest of it.
        calls: calls counted for each case.
        plugin: where each of the cases is to be alone in a guest, and all need the same: the plugin
            that counts them, as the file that QEMU loads.
    """

    start: Start
    begin: bytes
    cases: Sequence[Case]
    calls: int
    plugin: bytes | None = None


@dataclass(frozen=True)
class Counted:
    """What a portion came to: what its kernel said of itself, and a figure for each case, or why
    there is none."""

    said: KernelSaid
    figures: list[Figure]
    missing: list[Missing]


Outcome = Counted | TailwalkError


def count(bench: Bench, portion: Portion) -> Counted:
    """Do a portion in a guest of its own; raises GuestError, and CacheError where the state that it
    went on from changed meanwhile.

    A case without a figure ends its guest, or a guest that ends or hangs is the end of its case.
    The others are then counted in a new one, which has not seen it: their figures do not depend on
    what it left behind.
    """
    booted = bench.go_on(portion.start)
    if portion.plugin is not None:
        return _count_alone(bench, portion, booted, portion.plugin)
    cases, missing = list(portion.cases), list[Missing]()
    figures: list[Figure] = []
    while cases and not figures:
        try:
            figures = _counted(bench, portion, booted, cases)
        except CaseError as error:
            if isinstance(error.__cause__, TroubleError) and not missing:
                _counted(bench, portion, booted, ())  # or it is of what precedes the cases
            _tell(bench, [error.missing.case], error.__cause__)
            missing.append(error.missing)
            cases.remove(error.missing.case)
    bench.cache.check(booted.place)
    return Counted(booted.said, figures, missing)


def _counted(bench: Bench, portion: Portion, booted: Booted,
             cases: Sequence[Case]) -> list[Figure]:
    """The figures of some of a portion's cases in a guest of theirs; raises as
    `collect_figures`."""
    job = counting_job(portion.begin, cases, portion.calls)
    with bench.guest(portion.start.kernel, booted, job) as guest:
        return collect_figures(guest, cases, portion.calls)


def _tell(bench: Bench, cases: Sequence[Case], error: BaseException | None) -> None:
    """Say what cases did to their guest, with the end of its console, which no record has."""
    if isinstance(error, TroubleError):
        for line in f"{listed([case.name for case in cases])}: {error}".splitlines():
            bench.progress.note(line)


def _count_alone(bench: Bench, portion: Portion, booted: Booted, plugin: bytes) -> Counted:
    kernel = portion.start.kernel
    with_arguments = kept_plugin(bench, plugin), plugin_arguments(
        symbol_text(bench, kernel, booted))
    job = needs_job(portion.begin, portion.cases[0])
    figures = list[Figure]()
    try:
        state = left_by(bench, kernel, booted, job)
        figures, missing = each_guest(
            portion.cases, lambda cases: count_those_that_can(
                bench, kernel, booted, cases, portion.calls, plugin=with_arguments, state=state,
                needs=job), partial(_tell, bench))
    except LeftOutError as error:
        missing = [missing_for(case, error, failed=error.failed) for case in portion.cases]
    except TroubleError as error:
        _counted(bench, portion, booted, ())  # or it is of what precedes the preparations
        _tell(bench, portion.cases, error)
        missing = [missing_for(case, error, failed=True) for case in portion.cases]
    bench.cache.check(booted.place)
    return Counted(booted.said, figures, missing)


def each_guest(asked: Sequence[Case], count: Callable[[Sequence[Case]], FoundAlone],
               tell: Callable[[Sequence[Case], TroubleError], None]) -> (
        tuple[list[Figure], list[Missing]]):
    """Figures of cases that `count` counts in a guest of theirs, by the guests that they share. One
    that ends its guest is missing, `tell` is told, and the others go on."""
    figures, missing = list[Figure](), list[Missing]()
    waiting = by_guest(asked)
    while waiting:
        cases = waiting.pop(0)
        wanted = [case for case in cases if case in asked]
        try:
            found, without = count(cases)
        except TroubleError as error:
            if len(cases) > 1:  # any of them may have done that to its guest
                waiting = [[case] for case in wanted] + waiting
                continue
            tell(cases, error)
            missing.append(missing_for(cases[0], error, failed=True))
            continue
        figures += [figure_alone(case, found[case]) for case in wanted if case in found]
        missing += [one for one in without if one.case in wanted]
    return figures, missing


def collect_figures(guest: Guest, cases: Sequence[Case], calls: int) -> list[Figure]:
    """Let a guest that was started from a saved state do its job: a figure for each case.

    Raises CaseError for a case that has none, GuestError as `Guest.frame`, and where the frames
    are not those of the job.
    """
    guest.start_job(FRAME_SECONDS)
    frames = guest.frames(FRAME_SECONDS)
    figures = []
    for case in cases:
        try:
            with measuring(case):
                folios = read_folios(due(frames, case))
                figures.append(_figure(case, folios,
                                       read_calls(due(frames, case), case.calls_of(calls))))
        except TroubleError as error:
            raise CaseError(missing_for(case, error, failed=True)) from error
    require_end(frames)
    return figures


def _notes(case: Case, folios: Folios) -> list[str]:
    return ["the kernel shows no page flags: folio orders are unknown"] if (
        folios.counts is None and case.cached) else []


def _figure(case: Case, folios: Folios, calls: Calls) -> Figure:
    """The figure of a case.

    `calls.nothing` is what the counter reads cost without a call; its instructions, with the
    system call in place of the no-op, are the user side of every count.
    """
    amount = amount_of(INSTRUCTIONS, calls.counts, user=calls.nothing)
    return Figure(
        case=case, metrics={INSTRUCTIONS.name: amount}, folios=folio_counts(folios.counts),
        written=folios.written, notes=_notes(case, folios))


def figure_alone(case: Case, found: CountedAlone) -> Figure:
    """The figure of a case that was alone in its guest: the median of its calls, what they wrote
    to the disk, and who executed what in the first call that took just that."""
    totals = [one.total for one in found.splits]
    shown = found.splits[found.shown]
    amount = amount_of(INSTRUCTIONS, totals, varies=True,
                       user=shown.user if found.calls.nothing is None else found.calls.nothing)
    metrics = {INSTRUCTIONS.name: amount}
    notes = _notes(case, found.folios)
    if case.declared.filesystems:
        if found.written is None:
            notes.append("the kernel does not tell what is written to disks")
        else:
            metrics[BYTES.name] = amount_of(BYTES, found.written, varies=True)
    return Figure(case=case, metrics=metrics, folios=folio_counts(found.folios.counts),
                  written=found.folios.written, notes=notes, parts=shown.parts, apart=shown.apart)


Pool = Callable[[Bench, Sequence[Portion]], Generator[tuple[int, Outcome]]]
"""Where portions are done: each portion's number and what it came to, as they finish.

A portion that cannot be done gives its error and does not stop the others. Closing the iterator
stops them.
"""


def on_cores(bench: Bench, portions: Sequence[Portion]) -> Generator[tuple[int, Outcome]]:
    """This machine's cores as a `Pool`, a guest on each."""
    return as_finished([partial(count, bench, portion) for portion in portions])
