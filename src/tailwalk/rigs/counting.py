# SPDX-License-Identifier: GPL-2.0-or-later
"""What one guest counts: a portion of a measurement, some cases on one kernel, from a saved state;
and the pools of workers that do the portions.

Its figures depend on nothing else, so that portions can be done in any order, side by side, and on
any machine that has the same QEMU. Every call is counted on its own and the figure is the mode: the
other calls took a timer tick, a timestamp's update or a journal commit, which a mean would mix in.
Where a workload's calls are not alike, it is their median.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from tailwalk.cases import Case
from tailwalk.errors import GuestError, TailwalkError
from tailwalk.framing import Frame
from tailwalk.probe.protocol import Calls, Folios, read_calls, read_folios
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.cores import as_finished
from tailwalk.rigs.job import CaseError, counting_job, measuring
from tailwalk.runs.amount import amount_of
from tailwalk.runs.metrics import INSTRUCTIONS
from tailwalk.runs.record import Figure, Missing, folio_counts
from tailwalk.vm.guest import Guest
from tailwalk.vm.state import KernelSaid, Start

# No frame for this long, in seconds, is taken for a hang: a slow machine needs some ten for the
# dearest case.
FRAME_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Portion:
    """What one guest does.

    Attributes:
        start: what it boots from.
        begin: the beginning of the job for the probe, which makes the file system.
        cases: the rest of it.
        calls: calls counted for each case.
    """

    start: Start
    begin: bytes
    cases: Sequence[Case]
    calls: int


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

    A case without a figure ends its guest. The others are then counted in a new one, which has not
    seen it: their figures do not depend on what it left behind.
    """
    booted = bench.go_on(portion.start)
    cases, missing = list(portion.cases), list[Missing]()
    figures: list[Figure] = []
    while cases and not figures:
        job = counting_job(portion.begin, cases, portion.calls)
        try:
            with bench.guest(portion.start.kernel, booted, job) as guest:
                figures = collect_figures(guest, cases, portion.calls)
        except CaseError as error:
            missing.append(error.missing)
            cases.remove(error.missing.case)
    bench.cache.check(booted.place)
    return Counted(booted.said, figures, missing)


def collect_figures(guest: Guest, cases: Sequence[Case], calls: int) -> list[Figure]:
    """Let a guest that was started from a saved state do its job: a figure for each case.

    Raises CaseError for a case that has none, GuestError as `Guest.frame`, and where the frames
    are not those of the job.
    """
    guest.start_job(FRAME_SECONDS)
    frames = guest.frames(FRAME_SECONDS)
    figures = []
    for case in cases:
        with measuring(case):
            folios = read_folios(_due(frames, case))
            figures.append(_figure(case, folios,
                                   read_calls(_due(frames, case), case.calls_of(calls))))
    for frame in frames:
        raise GuestError(f"the probe sent a {frame.type.name} frame after its last case.")
    return figures


def _due(frames: Iterator[Frame], case: Case) -> Frame:
    frame = next(frames, None)
    if frame is None:
        raise GuestError(f"the probe was done before it had measured {case.name}.")
    return frame


def _figure(case: Case, folios: Folios, calls: Calls) -> Figure:
    """The figure of a case.

    `calls.nothing` is what the counter reads cost without a call; its instructions, with the
    system call in place of the no-op, are the user side of every count.
    """
    notes = []
    varies = case.declared.counted == "median"
    amount = amount_of(INSTRUCTIONS, calls.counts, user=calls.nothing, varies=varies)
    if folios.counts is None and case.cached:
        notes.append("the kernel shows no page flags: folio orders are unknown")
    if amount.interval is not None:
        low, high = amount.interval
        notes.append("its calls are not alike: the figure is their median, and the middle 90% of "
                     f"them took {low:,.0f} to {high:,.0f}")
    return Figure(
        case=case, metrics={INSTRUCTIONS.name: amount}, folios=folio_counts(folios.counts),
        written=folios.written, notes=notes)


Pool = Callable[[Bench, Sequence[Portion]], Generator[tuple[int, Outcome]]]
"""Where portions are done: each portion's number and what it came to, as they finish.

A portion that cannot be done gives its error and does not stop the others. Closing the iterator
stops them.
"""


def on_cores(bench: Bench, portions: Sequence[Portion]) -> Generator[tuple[int, Outcome]]:
    """This machine's cores as a `Pool`, a guest on each."""
    return as_finished([partial(count, bench, portion) for portion in portions])
