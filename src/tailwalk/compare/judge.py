# SPDX-License-Identifier: GPL-2.0-or-later
"""Verdicts: from the figures of a baseline and of others to ratios, verdicts and recovery."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from msgspec.structs import replace

from tailwalk.cases import Case
from tailwalk.compare.agreement import all_cases, check_agreement, figures_by_case, of_each
from tailwalk.compare.comparison import (
    ComparedKernel,
    Comparison,
    Evidence,
    Row,
    Undefined,
    Verdict,
)
from tailwalk.compare.samples import (
    SESSIONS,
    SIGNIFICANCE,
    can_be_tested,
    holm,
    mann_whitney,
    ratio_interval,
    recovery_interval,
    samples_of,
)
from tailwalk.compare.threshold import show_thresholds, thresholds_for
from tailwalk.errors import UsageError
from tailwalk.runs import Amount, Figure, Run
from tailwalk.runs.amount import RESAMPLES
from tailwalk.runs.metrics import METRICS, RIGS, Metric, RigTraits
from tailwalk.runs.record import grouped_notes
from tailwalk.words import listed


def compare(runs: Sequence[Run], *, bad: int | None = None,
            threshold: float | None = None) -> Comparison:
    """The first run beside the others.

    A case that a run says to lack has a figure of the others alone: nothing is judged there, nor on
    any kernel where the baseline lacks it.
    Figures of a repeatable metric are compared exactly: regressed above, improved below
    `threshold` percent of the baseline, unchanged between and at the threshold itself; what is more
    than a baseline of 0 has regressed. Of others a
    difference must also be found by the Mann-Whitney test, corrected for the number of tests, and
    lie outside the bootstrap interval of the ratio; one that is not found is `within noise`,
    unless the interval shows that it is smaller than the threshold. On a rig where every run is a
    session of its own, so is one that sessions of one kernel may have (`SESSIONS`). Of
    exact counts whose calls vary on either side, so is one where the middle 90% of the one's and of
    the other's overlap, unless none of both differ by more than the threshold.

    Args:
        runs: the baseline and any number of others, all measured under the same conditions.
        bad: index in `runs` of the column whose regression later ones are to recover. None: the
            worst, which is the one with the largest geometric mean of its ratios over all cases,
            a case that has not regressed counting as 1, so that gains elsewhere do not hide a
            loss, and one that regressed from 0 for more than any other; the first of equals; none
            if no case regressed anywhere. The first metric that has one decides.
        threshold: percent, 0 or more, for every kernel. None: for each what is usual between it
            and the baseline, 1 for kernels of one source and 5 for others.

    Raises UsageError for runs that cannot be compared or an argument out of range, RecordError
    for a run that is damaged.
    """
    thresholds = thresholds_for([(runs[0].kernel, run.kernel) for run in runs[1:]], threshold)
    check_agreement(runs)
    if bad is not None and not 1 <= bad < len(runs):
        others = len(runs) - 1
        columns = "column 1 is the only one" if others == 1 else f"columns 1 to {others} are those"
        raise UsageError(f"there is no column {bad} to call regressed: column 0 is the baseline, "
                         f"{columns} after it.")
    by_case = [figures_by_case(run) for run in runs]
    if not any(case in by_case[0] for figures in by_case[1:] for case in figures):
        raise UsageError(f"no case has a figure on {runs[0].kernel.spec} and on another kernel, so "
                         f"there is nothing to compare: {'; '.join(_notes(runs))}.")
    reasons = [{one.case: one.said for one in run.left_out} for run in runs]
    rig = RIGS[runs[0].rig]
    limits = [one.limit for one in thresholds]
    lines = list(_lines([_Case(
        case=case, figures=[figures.get(case) for figures in by_case],
        reasons=[None if case in figures else why[case]
                 for figures, why in zip(by_case, reasons, strict=True)])
        for case in all_cases(by_case)]))
    tests = sum(baseline is not None and amount is not None
                for line in lines if not line.metric.repeatable
                for baseline, *others in [line.amounts] for amount in others)
    rows = [_row(line, evidence, rig=rig, limits=limits)
            for line, evidence in zip(lines, _evidence(lines, tests), strict=True)]
    metrics = list({line.metric.name: line.metric for line in lines}.values())
    if bad is None:
        worst = [_worst([row for row in rows if row.metric == metric.name]) for metric in metrics]
        bad = next((column for column in worst if column is not None), None)
    if bad is not None:
        rows = [_with_recovery(row, line.amounts, bad=bad)
                for row, line in zip(rows, lines, strict=True)]
    return Comparison(
        rig=runs[0].rig,
        baseline=runs[0].kernel.spec,
        bad=bad,
        threshold=max(one.percent for one in thresholds),
        method=_method(metrics, rig, show_thresholds(
            [(run.kernel.spec, one) for run, one in zip(runs[1:], thresholds, strict=True)]),
            tests=tests, varying={row.metric for row in rows if any(row.varies)}),
        kernels=[ComparedKernel(spec=run.kernel.spec, release=run.kernel.release,
                                digest=run.kernel.digest, provenance=run.kernel.provenance,
                                run=run.id, threshold=one)
                 for run, one in zip(runs, [None, *thresholds], strict=True)],
        conditions=runs[0].conditions,
        notes=[*_notes(runs), *_not_compared(runs, by_case)],
        rows=rows,
    )


def rows_without_figures(comparison: Comparison, runs: Sequence[Run]) -> list[Row]:
    """A row for each case that none of the runs has a figure of, which makes it no part of their
    comparison, and why."""
    known = {figure.case for run in runs for figure in run.figures}
    reasons = [{one.case: one.said for one in run.left_out} for run in runs]
    nothing: list[Any] = [None] * len(runs)
    recovery: list[Any] = ["missing" if comparison.bad is not None and column > comparison.bad
                           else None for column in range(len(runs))]
    return [
        Row(case=case.name, parameters=case, metric=comparison.metric.name, unit=comparison.unit,
            figures=nothing, reasons=[why.get(case) for why in reasons], ratios=nothing,
            verdicts=["missing"] * len(runs), recovery=recovery, steady=nothing, shares=nothing,
            varies=nothing, written=nothing, evidence=nothing)
        for case in dict.fromkeys(case for why in reasons for case in why) if case not in known]


def _notes(runs: Sequence[Run]) -> list[str]:
    return [f"{run.kernel.spec}, {note}" for run in runs for note in grouped_notes(run)]


@dataclass(frozen=True, kw_only=True)
class _Case:
    """A case's figure on every kernel, or why it is missing."""

    case: Case
    figures: Sequence[Figure | None]
    reasons: Sequence[str | None]


@dataclass(frozen=True)
class _Line:
    """One metric of a case: its amount on every kernel that has a figure."""

    of: _Case
    metric: Metric
    amounts: Sequence[Amount | None]


def _lines(cases: Sequence[_Case]) -> Iterator[_Line]:
    """The metrics by rank, and of each the cases of which every figure has it."""
    for name, metric in METRICS.items():
        for case in cases:
            if all(name in figure.metrics for figure in case.figures if figure):
                yield _Line(case, metric, [None if figure is None else figure.metrics[name]
                                           for figure in case.figures])


def _not_compared(runs: Sequence[Run],
                  by_case: Sequence[Mapping[Case, Figure]]) -> Iterator[str]:
    """What a reader has to know of cases that the baseline lacks, and of metrics that a case has on
    some of the kernels alone that have a figure of it."""
    others = dict.fromkeys(case.name for case in all_cases(by_case) if case not in by_case[0])
    if others:
        yield (f"{', '.join(others)}: not judged, since there is no figure on "
               f"{runs[0].kernel.spec}, the baseline")
    for name in METRICS:
        counted = [[case for case, figure in figures.items() if name in figure.metrics]
                   for figures in by_case]
        having = {case for cases in counted for case in cases}
        lacking = [run.kernel.spec
                   for run, cases, figures in zip(runs, counted, by_case, strict=True)
                   if having.intersection(figures).difference(cases)]
        if lacking:
            yield (f"{name}: not counted in every case on {listed(lacking)}, and not compared in "
                   "those that lack it")


def _method(metrics: Sequence[Metric], rig: RigTraits, threshold: str, *, tests: int,
            varying: Collection[str]) -> str:
    """How the verdicts were reached; where the metrics' ways differ, that of each."""
    ways = {metric.name: _method_of(metric, rig, threshold, tests=tests,
                                    varying=metric.name in varying) for metric in metrics}
    if len(set(ways.values())) == 1:
        return next(iter(ways.values()))
    return "; ".join(f"{name}: {way}" for name, way in ways.items())


def _method_of(metric: Metric, rig: RigTraits, threshold: str, *, tests: int,
               varying: bool) -> str:
    if metric.repeatable:
        return (f"exact counts; regressed or improved where they differ from the baseline's by "
                f"more than {threshold}{_VARYING if varying else ''}")
    corrected = "" if tests == 1 else f" (Holm's correction for {tests} tests)"
    sessions = "" if not rig.sessions_differ else (
        " or where it is one that two sessions on one kernel may have, which is up to "
        f"{float(SESSIONS):g} times")
    return (f"medians; regressed or improved where they differ from the baseline's by more than "
            f"{threshold}, the two-sided Mann-Whitney U test gives p < {SIGNIFICANCE:g}"
            f"{corrected} and the 95% percentile bootstrap interval ({RESAMPLES:,} resamples) of "
            "the ratio of the medians excludes 1; within noise where no difference is found"
            f"{sessions}")


_VARYING = ("; where calls vary, within noise if the middle 90% of them overlap on both kernels, "
            "unless all of these differ by no more than that")


def counted_verdict(metric: Metric, one: Amount, other: Amount, limit: Fraction) -> Verdict:
    """The verdict on exact counts; where calls vary, only what the middle 90% of them leave no
    doubt of."""
    verdict = _beyond(one.value, other.value, limit)
    if not (one.varies_as(metric) or other.varies_as(metric)):
        return verdict
    (low, high), (least, most) = (
        amount.interval or (amount.value, amount.value) for amount in (one, other))
    if high < least or most < low:
        return verdict
    ends = _beyond(low, most, limit), _beyond(high, least, limit)
    return "unchanged" if ends == ("unchanged", "unchanged") else "within noise"


def _row(line: _Line, evidence: list[Evidence | None], *, rig: RigTraits,
         limits: Sequence[Fraction]) -> Row:
    baseline = line.amounts[0]
    case = line.of.case
    verdicts: list[Verdict] = ["missing" if baseline is None else "baseline"]
    ratios: list[float | None] = [1.0 if baseline and baseline.usable else None]
    for amount, found, limit in zip(line.amounts[1:], evidence[1:], limits, strict=True):
        ratio = _ratio(line.metric, baseline, amount)
        ratios.append(None if ratio is None else float(ratio))
        if amount is None:
            verdicts.append("missing")
        elif baseline is None or not (
                _possible(line.metric, baseline) and _possible(line.metric, amount)):
            verdicts.append("unknown")
        elif not (baseline.reliable and amount.reliable):
            verdicts.append("unsteady")
        elif line.metric.repeatable:
            verdicts.append(counted_verdict(line.metric, baseline, amount, limit))
        elif found is None:
            verdicts.append("unknown")
        elif rig.sessions_differ and not (
                found.interval[0] > SESSIONS or found.interval[1] < 1 / SESSIONS):
            verdicts.append("within noise")
        else:
            verdicts.append(_timed_verdict(
                _beyond(baseline.value, amount.value, limit), found, limit))
    return Row(
        case=case.name,
        parameters=case,
        metric=line.metric.name,
        unit=line.metric.unit,
        figures=of_each(line.amounts, lambda amount: amount.whole),
        reasons=list(line.of.reasons),
        ratios=ratios,
        verdicts=verdicts,
        recovery=[None] * len(line.amounts),
        steady=of_each(line.amounts, lambda amount: amount.reliable),
        shares=of_each(line.amounts, lambda amount: amount.share),
        varies=of_each(line.amounts, lambda amount: (
            amount.interval if amount.varies_as(line.metric) else None)),
        written=of_each(line.of.figures, lambda figure: figure.written),
        evidence=evidence,
    )


def _possible(metric: Metric, amount: Amount) -> bool:
    return amount.usable or (metric.may_be_zero and amount.value == 0)


def _ratio(metric: Metric, baseline: Amount | None, amount: Amount | None) -> Fraction | None:
    if not (baseline and amount and baseline.usable and _possible(metric, amount)):
        return None
    return Fraction(amount.value) / Fraction(baseline.value)


def _beyond(baseline: float, figure: float, limit: Fraction) -> Verdict:
    # Without a division: of 0, any share is 0.
    before, after = Fraction(baseline), Fraction(figure)
    if after - before > limit * before:
        return "regressed"
    if before - after > limit * before:
        return "improved"
    return "unchanged"


def _evidence(lines: Sequence[_Line], tests: int) -> list[list[Evidence | None]]:
    """What the samples of each line say on each kernel, all tests corrected together; None where
    there are too few for any test, for the baseline, and of repeatable figures."""
    found = [[None, *(None if line.metric.repeatable else
                      _evidence_of(line.metric, baseline, other, tests) for other in others)]
             for line in lines for baseline, *others in [line.amounts]]
    corrected = iter(holm([one.p_value for evidence in found for one in evidence if one]))
    return [[one and replace(one, p_value=next(corrected)) for one in evidence]
            for evidence in found]


def _evidence_of(metric: Metric, baseline: Amount | None, other: Amount | None,
                 tests: int) -> Evidence | None:
    if not (baseline and other) or _ratio(metric, baseline, other) is None:
        return None
    before, after = samples_of(baseline), samples_of(other)
    if not can_be_tested(before, after, tests=tests):
        return None
    interval = ratio_interval(before, after)
    if interval is None:
        return None
    p_value, dearer = mann_whitney(before, after)
    return Evidence(samples=(len(before), len(after)), interval=interval, dearer=dearer,
                    p_value=p_value)


def _timed_verdict(verdict: Verdict, evidence: Evidence, limit: Fraction) -> Verdict:
    low, high = evidence.interval
    detected = evidence.p_value < SIGNIFICANCE and not low <= 1 <= high
    if verdict != "unchanged":
        return verdict if detected else "within noise"
    shown_small = 1 - limit <= low and high <= 1 + limit
    return "unchanged" if detected or shown_small else "within noise"


def _worst(rows: Sequence[Row]) -> int | None:
    """The column with the largest geometric mean of its regressions, if any has one."""
    regressed = [[row.size(column) for row in rows if row.verdicts[column] == "regressed"]
                 for column in range(len(rows[0].verdicts))]
    regressions = [(sum(from_0 for from_0, _ in found), sum(math.log(size) for _, size in found))
                   for found in regressed]
    worst = max(range(len(regressions)), key=lambda column: regressions[column])
    return worst if regressed[worst] else None


def _with_recovery(row: Row, amounts: Sequence[Amount | None], *, bad: int) -> Row:
    recovery = list(row.recovery)
    evidence = list(row.evidence)
    for column in range(bad + 1, len(amounts)):
        undefined = _undefined(row.verdicts[bad], row.verdicts[column])
        if undefined is not None:
            recovery[column] = undefined
            continue
        known = [amount for index in (0, bad, column) if (amount := amounts[index])]
        low, high, back = (Fraction(amount.value) for amount in known)
        recovery[column] = float((high - back) / (high - low))
        found = evidence[column]
        if found is not None:
            interval = recovery_interval(*map(samples_of, known))
            evidence[column] = replace(found, recovery=interval)
            if interval is None or (interval[0] <= 0 and interval[1] >= 1):
                recovery[column] = "within noise"
    return replace(row, recovery=recovery, evidence=evidence)


def _undefined(bad: Verdict, fixed: Verdict) -> Undefined | None:
    """Why the recovery of a column with these verdicts is undefined, or None if it is defined."""
    for verdict in (bad, fixed):
        # mypy 1.19 does not narrow by `in`
        if verdict == "unsteady" or verdict == "unknown" or verdict == "missing":
            return verdict
    if bad == "regressed":
        return None
    return "within noise" if bad == "within noise" else "no regression"
