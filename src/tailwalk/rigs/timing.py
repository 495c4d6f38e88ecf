# SPDX-License-Identifier: GPL-2.0-or-later
"""Timing calls by the clock: what the host rig and the timed rig have in common.

A call of a microsecond cannot be timed on its own without timing the clock as well: so calls are
timed in batches. A sample is the median of one round's batches; rounds go through all cases, so
that whatever changes in the meantime hits every case alike, and the samples of a case can be taken
as independent. The figure is the median of the samples.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import ceil
from statistics import median

from tailwalk.cases import Case
from tailwalk.framing import Frame
from tailwalk.probe.protocol import Folios, Times, read_folios, read_times
from tailwalk.rigs.job import case_line, measuring
from tailwalk.runs.amount import amount_of
from tailwalk.runs.metrics import TIME
from tailwalk.runs.record import Figure, folio_counts

CLOCK_SHARE = 0.005
"""Reading the clock takes at most this share of a batch."""

# A batch is at least this many calls, and the batches of a sample last this many ns together, but
# are within these numbers.
_CALLS = 8
_SAMPLE_NS = 3e6
_BATCHES = (16, 256)

# What the first look at a case times, to size its batches.
TRIAL_BATCHES, TRIAL_CALLS = 16, 8


@dataclass(frozen=True)
class Batches:
    """How a case is timed: `number` batches of `calls` calls each."""

    number: int
    calls: int


@dataclass
class Record:
    """What is known of a case so far: one entry a round."""

    case: Case
    batches: Batches
    samples: list[float] = field(default_factory=list)
    folios: list[Folios] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)
    voluntary: int = 0
    involuntary: int = 0

    def add(self, times: Times, folios: Folios) -> None:
        """Take one round's result."""
        self.samples.append(nanoseconds(times))
        self.folios.append(folios)
        self.clock.append(times.clock)
        self.voluntary += times.voluntary
        self.involuntary += times.involuntary


def method_notes(records: Sequence[Record]) -> list[str]:
    """How all cases were timed and what interrupted it, as sentences."""
    if not records:
        return []
    calls = sorted(record.batches.calls for record in records)
    share = max(median(record.clock) / (record.batches.calls * max(median(record.samples), 1.0))
                for record in records)
    voluntary = sum(record.voluntary for record in records)
    involuntary = sum(record.involuntary for record in records)
    several = f"{calls[0]} to {calls[-1]}" if calls[0] != calls[-1] else f"{calls[0]}"
    return [f"{len(records[0].samples)} rounds, calls timed in batches of {several}; reading the "
            f"clock is {share:.1%} of a batch or less",
            f"{voluntary + involuntary} context switches while calls were timed, {involuntary} of "
            "them involuntary"]


def nanoseconds(times: Times) -> float:
    """What a call costs: the median over the batches, the cost of the seeks taken off."""
    cost = median(times.batches) / times.calls
    return cost - median(times.seeks) / times.calls if times.seeks else cost


def batches_for(trial: Times) -> Batches:
    """How to time a case of which a first look is known."""
    call = max(min(trial.batches) / trial.calls, 1.0)
    calls = max(_CALLS, ceil(trial.clock / (CLOCK_SHARE * call)))
    least, most = _BATCHES
    return Batches(min(max(round(_SAMPLE_NS / (calls * call)), least), most), calls)


def time_line(case: Case, batches: Batches) -> bytes:
    """The line of a job that times a case."""
    return case_line("time", case, batches=batches.number, calls=batches.calls)


def round_lines(groups: Sequence[Sequence[Case]], records: Mapping[Case, Record]) -> bytes:
    """The lines of a job that time the cases of a round, and look at what cached them."""
    lines = []
    for group in groups:
        lines.append(case_line("prepare", group[0]))
        lines += [time_line(case, records[case].batches) for case in group]
        lines += [case_line("folios", case) for case in group]  # not before: looking maps the file
    return b"".join(lines)


def take_round(groups: Sequence[Sequence[Case]], records: Mapping[Case, Record],
               answer: Callable[[], Frame]) -> None:
    """Add what the probe answers to `round_lines`; raises CaseError for a case without a figure."""
    for group in groups:
        times = []
        for case in group:
            with measuring(case):
                times.append(read_times(answer()))
        for case, timed in zip(group, times, strict=True):
            records[case].add(timed, read_folios(answer()))


def round_order(cases: Sequence[Case], number: int) -> list[list[Case]]:
    """The cases of a round in groups that share what is prepared; every round has an order of its
    own, the same every time."""
    shuffled = list(cases)
    random.Random(number).shuffle(shuffled)
    shuffled.sort(key=_prepared)  # stable: the order within a group stays shuffled
    groups = [list(group) for _, group in groupby(shuffled, _prepared)]
    random.Random(number).shuffle(groups)
    return groups


def _prepared(case: Case) -> list[tuple[str, list[int]]]:
    return [(need.name, [case.values[one.name] for one in need.parameters])
            for need in case.declared.needs]


def make_figure(record: Record, notes: Sequence[str] = ()) -> Figure:
    """The figure of a case: the median of its samples, with its interval; `notes` come last."""
    last = record.folios[-1]
    said = []
    if last.counts is None and record.case.cached:
        said.append("folio orders are unknown: only root may see the kernel's page flags")
    elif any(folios != last for folios in record.folios):
        said.append("the folios were not the same in every round; those of the last are shown")
    return Figure(
        case=record.case, metrics={TIME.name: amount_of(TIME, record.samples)},
        folios=folio_counts(last.counts),
        written=last.written, notes=[*said, *notes])
