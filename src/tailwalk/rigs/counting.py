# SPDX-License-Identifier: GPL-2.0-or-later
"""What one guest counts: a portion of a measurement, some cases on one kernel, from a saved state;
and the pools of workers that do the portions.

Its figures depend on nothing else, so that portions can be done in any order, side by side, and on
any machine that has the same QEMU. Every call is counted on its own and the figure is the mode: the
other calls took a timer tick, a timestamp's update or a journal commit, which a mean would mix in.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

from tailwalk.cases import Case
from tailwalk.errors import GuestError, TailwalkError
from tailwalk.framing import Frame
from tailwalk.probe.protocol import read_calls, read_folios
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.cores import as_finished
from tailwalk.runs.amount import amount_of
from tailwalk.runs.metrics import INSTRUCTIONS
from tailwalk.runs.record import Figure, folio_counts
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
        job: the bytes of the job for the probe.
        cases: those in the job.
        calls: calls counted for each case.
    """

    start: Start
    job: bytes
    cases: Sequence[Case]
    calls: int


@dataclass(frozen=True)
class Counted:
    """What a portion came to: what its kernel said of itself, and a figure for each case."""

    said: KernelSaid
    figures: list[Figure]


Outcome = Counted | TailwalkError


def count(bench: Bench, portion: Portion) -> Counted:
    """Do a portion in a guest of its own; raises GuestError, and CacheError where the state that it
    went on from changed meanwhile."""
    booted = bench.go_on(portion.start)
    with bench.guest(portion.start.kernel, booted, portion.job) as guest:
        figures = collect_figures(guest, portion.cases, portion.calls)
    bench.cache.check(booted.place)
    return Counted(booted.said, figures)


def collect_figures(guest: Guest, cases: Sequence[Case], calls: int) -> list[Figure]:
    """Let a guest that was started from a saved state do its job: a figure for each case.

    Raises GuestError as `Guest.frame`, and where the frames are not those of the job.
    """
    guest.start_job(FRAME_SECONDS)
    frames = guest.frames(FRAME_SECONDS)

    def due(case: Case) -> Frame:
        frame = next(frames, None)
        if frame is None:
            raise GuestError(f"the probe was done before it had measured {case.name}.")
        return frame

    figures = []
    for case in cases:
        folios, counted = read_folios(due(case)), read_calls(due(case), calls)
        # What the counter reads cost without a call, with the system call in place of the no-op, is
        # the user side of every count.
        amount = amount_of(INSTRUCTIONS, counted.counts, user=counted.nothing)
        notes = ["the kernel shows no page flags: folio orders are unknown"] if (
            folios.counts is None and case.cached) else []
        figures.append(Figure(case=case, metrics={INSTRUCTIONS.name: amount}, notes=notes,
                              folios=folio_counts(folios.counts), written=folios.written))
    for frame in frames:
        raise GuestError(f"the probe sent a {frame.type.name} frame after its last case.")
    return figures


Pool = Callable[[Bench, Sequence[Portion]], Generator[tuple[int, Outcome]]]
"""Where portions are done: each portion's number and what it came to, as they finish.

A portion that cannot be done gives its error and does not stop the others. Closing the iterator
stops them.
"""


def on_cores(bench: Bench, portions: Sequence[Portion]) -> Generator[tuple[int, Outcome]]:
    """This machine's cores as a `Pool`, a guest on each."""
    return as_finished([partial(count, bench, portion) for portion in portions])
