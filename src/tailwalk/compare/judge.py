# SPDX-License-Identifier: GPL-2.0-or-later
"""Verdicts: from the figures of a baseline and of others to ratios, verdicts and recovery."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from msgspec.structs import replace

from tailwalk.compare.agreement import check_agreement, figures_by_case
from tailwalk.compare.comparison import (
    ComparedKernel,
    Comparison,
    Evidence,
    Row,
    Undefined,
    Verdict,
)
from tailwalk.compare.samples import (
    RESAMPLES,
    SESSIONS,
    SIGNIFICANCE,
    can_be_tested,
    holm,
    mann_whitney,
    ratio_interval,
    recovery_interval,
    samples_of,
)
from tailwalk.compare.threshold import Threshold, show_thresholds, thresholds_for
from tailwalk.errors import UsageError
from tailwalk.runs import Figure, Run
from tailwalk.runs.notes import grouped_notes
from tailwalk.runs.record import Rig


def compare(runs: Sequence[Run], *, bad: int | None = None,
            threshold: float | None = None) -> Comparison:
    """The first run beside the others.

    On the exact rig figures are compared exactly: regressed above, improved below `threshold`
    percent of the baseline, unchanged between and at the threshold itself. On timed rigs a
    difference must also be found by the Mann-Whitney test, corrected for the number of tests, and
    lie outside the bootstrap interval of the ratio; one that is not found is `within noise`,
    unless the interval shows that it is smaller than the threshold. On the host rig, where every
    run is a session of its own, so is one that sessions of one kernel may have (`SESSIONS`).

    Args:
        runs: the baseline and any number of others, all measured under the same conditions.
        bad: index in `runs` of the column whose regression later ones are to recover. None: the
            worst, which is the one with the largest geometric mean of its ratios over all cases,
            a case that has not regressed counting as 1, so that gains elsewhere do not hide a
            loss; the first of equals; none if no case regressed anywhere.
        threshold: percent, 0 or more, for every kernel. None: for each what is usual between it
            and the baseline, 1 for kernels of one source and 5 for others.

    Raises UsageError for runs that cannot be compared or an argument out of range, RecordError
    for a run that is damaged.
    """
    thresholds = thresholds_for([(runs[0].kernel, run.kernel) for run in runs[1:]], threshold)
    check_agreement(runs)
    if bad is not None and not 1 <= bad < len(runs):
        raise UsageError(
            f"there is no column {bad} to call bad: column 0 is the baseline, "
            f"{_columns(len(runs) - 1)} after it.")
    by_case = [figures_by_case(run) for run in runs]
    rig = runs[0].rig
    limits = [one.limit for one in thresholds]
    columns = [[figures[case] for figures in by_case] for case in by_case[0]]
    rows = [_row(figures, evidence, rig=rig, limits=limits)
            for figures, evidence in zip(columns, _evidence(columns, rig), strict=True)]
    if bad is None:
        bad = _worst(rows)
    if bad is not None:
        rows = [_with_recovery(row, [figures[row.parameters] for figures in by_case], bad=bad)
                for row in rows]
    return Comparison(
        unit=runs[0].unit,
        rig=rig,
        baseline=runs[0].kernel.spec,
        bad=bad,
        threshold=max(one.percent for one in thresholds),
        method=_method(rig, _named(runs[1:], thresholds), tests=len(columns) * (len(runs) - 1)),
        kernels=[_column(run, one)
                 for run, one in zip(runs, [None, *thresholds], strict=True)],
        conditions=runs[0].conditions,
        notes=[f"{run.kernel.spec}, {note}" for run in runs for note in grouped_notes(run)],
        rows=rows,
    )


def _columns(others: int) -> str:
    return "column 1 is the only one" if others == 1 else f"columns 1 to {others} are those"


def _column(run: Run, threshold: Threshold | None) -> ComparedKernel:
    kernel = run.kernel
    return ComparedKernel(spec=kernel.spec, release=kernel.release, digest=kernel.digest,
                          provenance=kernel.provenance, run=run.id, threshold=threshold)


def _named(runs: Sequence[Run], thresholds: Sequence[Threshold]) -> str:
    return show_thresholds([(run.kernel.spec, one)
                            for run, one in zip(runs, thresholds, strict=True)])


def _method(rig: Rig, threshold: str, *, tests: int) -> str:
    if rig == "exact":
        return (f"exact counts; regressed or improved where they differ from the baseline's by "
                f"more than {threshold}")
    corrected = "" if tests == 1 else f" (Holm's correction for {tests} tests)"
    sessions = "" if rig == "timed" else (
        " or where it is one that two sessions on one kernel may have, which is up to "
        f"{float(SESSIONS):g} times")
    return (f"medians; regressed or improved where they differ from the baseline's by more than "
            f"{threshold}, the two-sided Mann-Whitney U test gives p < {SIGNIFICANCE:g}"
            f"{corrected} and the 95% percentile bootstrap interval ({RESAMPLES:,} resamples) of "
            "the ratio of the medians excludes 1; within noise where no difference is found"
            f"{sessions}")


def _row(figures: Sequence[Figure], evidence: list[Evidence | None], *, rig: Rig,
         limits: Sequence[Fraction]) -> Row:
    baseline = figures[0]
    case = baseline.case
    verdicts: list[Verdict] = ["baseline"]
    ratios: list[float | None] = [1.0 if baseline.usable else None]
    for figure, found, limit in zip(figures[1:], evidence[1:], limits, strict=True):
        ratio = _ratio(baseline, figure)
        ratios.append(None if ratio is None else float(ratio))
        if ratio is None:
            verdicts.append("unknown")
        elif not (baseline.steady and figure.steady):
            verdicts.append("unsteady")
        elif rig == "exact":
            verdicts.append(_beyond(ratio, limit))
        elif found is None:
            verdicts.append("unknown")
        elif rig == "host" and not _beyond_sessions(found):
            verdicts.append("within noise")
        else:
            verdicts.append(_timed_verdict(ratio, found, limit))
    return Row(
        case=case.name,
        parameters=case,
        figures=[_whole(figure.value) for figure in figures],
        ratios=ratios,
        verdicts=verdicts,
        recovery=[None] * len(figures),
        steady=[figure.steady for figure in figures],
        shares=[figure.share for figure in figures],
        written=[figure.written for figure in figures],
        evidence=evidence,
    )


def _whole(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def _ratio(baseline: Figure, figure: Figure) -> Fraction | None:
    if not (baseline.usable and figure.usable):
        return None
    return Fraction(figure.value) / Fraction(baseline.value)


def _beyond(ratio: Fraction, limit: Fraction) -> Verdict:
    if ratio > 1 + limit:
        return "regressed"
    if ratio < 1 - limit:
        return "improved"
    return "unchanged"


def _evidence(cases: Sequence[Sequence[Figure]], rig: Rig) -> list[list[Evidence | None]]:
    """What the samples of each case say on each kernel, all tests corrected together; None where
    there are too few for any test, for the baseline, and on the exact rig."""
    if rig == "exact":
        return [[None] * len(figures) for figures in cases]
    tests = sum(len(figures) - 1 for figures in cases)
    found = [[None, *(_evidence_of(figures[0], figure, tests) for figure in figures[1:])]
             for figures in cases]
    corrected = iter(holm([one.p_value for evidence in found for one in evidence if one]))
    return [[one and replace(one, p_value=next(corrected)) for one in evidence]
            for evidence in found]


def _evidence_of(baseline: Figure, figure: Figure, tests: int) -> Evidence | None:
    if _ratio(baseline, figure) is None:
        return None
    before, after = samples_of(baseline), samples_of(figure)
    if not can_be_tested(before, after, tests=tests):
        return None
    interval = ratio_interval(before, after)
    if interval is None:
        return None
    p_value, dearer = mann_whitney(before, after)
    return Evidence(samples=(len(before), len(after)), interval=interval, dearer=dearer,
                    p_value=p_value)


def _beyond_sessions(evidence: Evidence) -> bool:
    low, high = evidence.interval
    return low > SESSIONS or high < 1 / SESSIONS


def _timed_verdict(ratio: Fraction, evidence: Evidence, limit: Fraction) -> Verdict:
    low, high = evidence.interval
    detected = evidence.p_value < SIGNIFICANCE and not low <= 1 <= high
    verdict = _beyond(ratio, limit)
    if verdict != "unchanged":
        return verdict if detected else "within noise"
    shown_small = 1 - limit <= low and high <= 1 + limit
    return "unchanged" if detected or shown_small else "within noise"


def _worst(rows: Sequence[Row]) -> int | None:
    """The column with the largest geometric mean of its regressions, if any has one."""
    regressions = [
        sum(math.log(ratio) for row in rows
            if row.verdicts[column] == "regressed" and (ratio := row.ratios[column]) is not None)
        for column in range(len(rows[0].verdicts))]
    worst = max(range(len(regressions)), key=lambda column: regressions[column])
    return worst if regressions[worst] > 0 else None


def _with_recovery(row: Row, figures: Sequence[Figure], *, bad: int) -> Row:
    recovery = list(row.recovery)
    evidence = list(row.evidence)
    for column in range(bad + 1, len(figures)):
        undefined = _undefined(row.verdicts[bad], row.verdicts[column])
        if undefined is not None:
            recovery[column] = undefined
            continue
        low, high, back = (Fraction(figures[index].value) for index in (0, bad, column))
        recovery[column] = float((high - back) / (high - low))
        found = evidence[column]
        if found is not None:
            samples = [samples_of(figures[index]) for index in (0, bad, column)]
            interval = recovery_interval(*samples)
            evidence[column] = replace(found, recovery=interval)
            if interval is None or (interval[0] <= 0 and interval[1] >= 1):
                recovery[column] = "within noise"
    return replace(row, recovery=recovery, evidence=evidence)


def _undefined(bad: Verdict, fixed: Verdict) -> Undefined | None:
    """Why the recovery of a column with these verdicts is undefined, or None if it is defined."""
    for verdict in (bad, fixed):
        if verdict == "unsteady":
            return "unsteady"
        if verdict == "unknown":
            return "unknown"
    if bad == "regressed":
        return None
    return "within noise" if bad == "within noise" else "no regression"
