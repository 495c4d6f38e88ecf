# SPDX-License-Identifier: GPL-2.0-or-later
"""A track: the cases over kernels in order of release, and the steps between neighbours.

Versions of the format:
    tailwalk.track/1: the first. It had the unit of its figures, and not their metric, and cases
        as run/1.
    tailwalk.track/2: it has both, and cases as run/2. A row had a figure of every kernel.
    tailwalk.track/3: a kernel's figure may be missing, for a reason; since then it is said whether
        it varies, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import msgspec

from tailwalk.bounds import FEW, MANY, Count, Order, Percent, Text, Value
from tailwalk.cases import Case
from tailwalk.compare.agreement import all_cases, check_agreement, figures_by_case, of_each
from tailwalk.compare.judge import counted_verdict
from tailwalk.compare.threshold import BETWEEN_RELEASES, Threshold, thresholds_for
from tailwalk.errors import UsageError
from tailwalk.runs import Conditions, Figure, Run
from tailwalk.runs.metrics import Rig
from tailwalk.runs.record import missing_notes, notes_by_kernel

TRACK_SCHEMA = "tailwalk.track/3"


class TrackedKernel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kernel that was measured, and the id of the run (`Run.id`).

    `threshold` is what a figure may differ by from that of the kernel before without a step; None
    for the first.
    """

    spec: Text
    release: Text
    digest: Text
    run: Text
    threshold: Threshold | None = None


class LeftOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kernel that could not be measured, and why; `after` is how many of the track's kernels
    come before it."""

    spec: Text
    reason: Text
    after: Count


class TrackRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One case over the kernels; every list has one entry a kernel.

    Attributes:
        case: the case's name.
        parameters: the case with all its parameters.
        figures: in the track's unit; None where it is missing, which at least one is not.
        reasons: why a figure is missing, None where it is not.
        steady: False for a figure that must not be relied on; None where it is missing.
        varies: is the figure the median of calls that are not alike?
        written: order of the folio that the calls write to; None where unknown.
    """

    case: Text
    parameters: Case
    figures: Annotated[list[Value | None], FEW]
    reasons: Annotated[list[Text | None], FEW]
    steady: Annotated[list[bool | None], FEW]
    varies: Annotated[list[bool], FEW]
    written: Annotated[list[Order | None], FEW]


class TrackStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case that costs something else from one kernel to the next with a steady figure.

    Attributes:
        row: index of the case in the track's rows.
        before: index of the last kernel before the step.
        after: index of the first kernel after it.
        ratio: figure after over figure before.
    """

    row: Count
    before: Count
    after: Count
    ratio: float


class Track(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cases over kernels.

    Attributes:
        metric: what the cases are followed by.
        unit: of every figure.
        rig: where every figure comes from.
        threshold: percent of the figure before that a case may move without a step; the largest,
            where the kernels' own differ.
        conditions: of every run, besides kernel and cases.
        kernels: in the order given.
        left_out: the kernels that could not be measured.
        rows: the cases, in the first run's order; one that it lacks stands behind the case that it
            follows in another run.
        steps: by kernel, then by case.
        notes: what else a reader has to know, as sentences.
    """

    schema: str = TRACK_SCHEMA
    metric: Text
    unit: Text
    rig: Rig
    threshold: Percent
    conditions: Conditions
    kernels: Annotated[list[TrackedKernel], FEW]
    left_out: Annotated[list[LeftOut], FEW]
    rows: Annotated[list[TrackRow], MANY]
    steps: Annotated[list[TrackStep], MANY]
    notes: Annotated[list[Text], MANY] = []


def track(runs: Sequence[Run], *, left_out: Sequence[LeftOut] = (),
          threshold: float | None = None) -> Track:
    """The cases of the runs, which are in order of release, and their steps.

    A step is where a steady figure is more than `threshold` percent above or below the last
    steady one before it; None: more than what is usual between the two kernels, 1 for those of
    one source and 5 for others. Where calls vary, it is what `compare` calls a difference. Raises
    UsageError for runs that cannot be compared or a threshold out of range.
    """
    thresholds = thresholds_for([(one.kernel, other.kernel) for one, other in pairwise(runs)],
                                threshold)
    if not runs:
        raise UsageError("there is no run to track: no kernel could be measured.")
    if len(runs) > 1:
        check_agreement(runs)
    by_case = [figures_by_case(run) for run in runs]
    reasons = [{one.case: one.said for one in run.left_out} for run in runs]
    cases = all_cases(by_case)
    columns = [[figures.get(case) for figures in by_case] for case in cases]
    steps = [step for number, figures in enumerate(columns)
             for step in _steps(number, figures, runs, threshold)]
    return Track(
        metric=runs[0].metric.name, unit=runs[0].unit, rig=runs[0].rig,
        threshold=max((one.percent for one in thresholds),
                      default=BETWEEN_RELEASES.percent if threshold is None else threshold),
        conditions=runs[0].conditions,
        kernels=[TrackedKernel(spec=run.kernel.spec, release=run.kernel.release,
                               digest=run.kernel.digest, run=run.id, threshold=one)
                 for run, one in zip(runs, [None, *thresholds], strict=True)],
        left_out=list(left_out),
        rows=[TrackRow(case=case.name, parameters=case,
                       figures=of_each(figures, lambda figure: figure.main.whole),
                       reasons=[None if figure else why[case]
                                for figure, why in zip(figures, reasons, strict=True)],
                       steady=of_each(figures, lambda figure: figure.main.reliable),
                       varies=[figure is not None and figure.main.varies_as(runs[0].metric)
                               for figure in figures],
                       written=of_each(figures, lambda figure: figure.written))
              for case, figures in zip(cases, columns, strict=True)],
        steps=sorted(steps, key=lambda step: (step.after, step.before, step.row)),
        notes=[*notes_by_kernel(run.kernel for run in runs),
               *(f"{run.kernel.spec}, {note}" for run in runs for note in missing_notes(run))])


def _steps(row: int, figures: Sequence[Figure | None], runs: Sequence[Run],
           asked: float | None) -> list[TrackStep]:
    found = []
    last: tuple[int, Figure] | None = None
    for after, figure in enumerate(figures):
        if figure is None or not figure.main.sound:
            continue
        if last is not None:
            before, one = last
            [threshold] = thresholds_for([(runs[before].kernel, runs[after].kernel)], asked)
            if counted_verdict(runs[0].metric, one.main, figure.main, threshold.limit) in (
                    "regressed", "improved"):
                found.append(TrackStep(row=row, before=before, after=after,
                                       ratio=figure.main.value / one.main.value))
        last = after, figure
    return found
