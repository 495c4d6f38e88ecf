# SPDX-License-Identifier: GPL-2.0-or-later
"""A comparison in words: its verdict as a sentence, and what a reader has to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tailwalk.compare import Comparison, Row, Verdict
from tailwalk.report.words import (
    case_labels,
    conditions,
    short_names,
    show_order,
    show_ratio,
    show_recovery,
)
from tailwalk.words import listed


def kernel_labels(comparison: Comparison) -> list[str]:
    """What to call each kernel in few characters."""
    return short_names([(kernel.spec, kernel.release) for kernel in comparison.kernels])


def columns_after_bad(comparison: Comparison) -> range:
    """The columns that have a recovery."""
    if comparison.bad is None:
        return range(0)
    return range(comparison.bad + 1, len(comparison.kernels))


def cases_with(comparison: Comparison, column: int, verdict: Verdict) -> list[str]:
    """Labels of the cases with a verdict in a column."""
    labels = case_labels([row.parameters for row in comparison.rows])
    return [label for label, row in zip(labels, comparison.rows, strict=True)
            if row.verdicts[column] == verdict]


def sentence(comparison: Comparison) -> str:
    """The verdict on the whole comparison in one sentence."""
    bad, doubtful = comparison.bad, comparison.unjudged()
    if bad is None:
        judged = doubtful < len(comparison.rows) * (len(comparison.kernels) - 1)
        clauses = [f"No case {'' if judged else 'can be said to have '}regressed against "
                   f"{kernel_labels(comparison)[0]}"]
    else:
        clauses = [_regression(comparison, bad)]
        clauses += [clause for column in range(1, len(comparison.kernels)) if column != bad
                    if (clause := _other(comparison, column))]
    if doubtful:
        clauses.append(f"{doubtful} figure{'s' if doubtful > 1 else ''} cannot be judged")
    return "; ".join(clauses) + "."


def _regression(comparison: Comparison, column: int) -> str:
    kernels, rows = kernel_labels(comparison), comparison.rows
    worst = _worst(comparison, column)
    if worst is None:
        return f"{kernels[column]} regressed in no case against {kernels[0]}"
    ratio, case, cases = worst
    shown = show_ratio(ratio)
    if len(rows) == 1:
        return f"{kernels[column]} regressed against {kernels[0]} in {case} ({shown})"
    return (f"{kernels[column]} regressed in {cases} of {len(rows)} cases against "
            f"{kernels[0]}, most in {case} ({shown})")


def _worst(comparison: Comparison, column: int) -> tuple[float, str, int] | None:
    """The largest ratio of a column's regressions, its case, and how many there are."""
    cases = cases_with(comparison, column, "regressed")
    ratios = [row.ratios[column] or 0.0 for row in comparison.rows
              if row.verdicts[column] == "regressed"]
    return (*max(zip(ratios, cases, strict=True)), len(cases)) if cases else None


def _other(comparison: Comparison, column: int) -> str:
    """What a column besides the bad one takes back, and where it regressed itself."""
    worst = _worst(comparison, column)
    recovered = _recovered(comparison, column)
    if not recovered:
        return _regression(comparison, column) if worst else ""
    recovers = f"{kernel_labels(comparison)[column]} recovers {recovered}"
    if worst is None:
        return recovers
    ratio, case, cases = worst
    shown = show_ratio(ratio)
    dearer = f"{',' if ', ending' in recovered else ''} and is dearer"
    if len(comparison.rows) == 1:
        return f"{recovers}{dearer} ({shown})"
    return (f"{recovers}{dearer} in {cases} of {len(comparison.rows)} cases, most in {case} "
            f"({shown})")


def _recovered(comparison: Comparison, column: int) -> str:
    """How much of the bad column's regression a column takes back: none, a share or all, and in
    how many of the cases where that is not the same in all; nothing where it is undefined."""
    rows = [(share, row) for row in comparison.rows
            if isinstance(share := row.recovery[column], float)]
    none = [row for share, row in rows if share <= 0]
    part = [share for share, _ in rows if 0 < share < 1]
    whole = [row for share, row in rows if share >= 1]
    said = [(what, len(found)) for what, found in (
        ("none of it", none),
        (f"{_span(part, show_recovery)} of it", part),
        (f"all of it{_doubt(whole, column)}", whole)) if found]
    regressed = len(cases_with(comparison, comparison.bad or 0, "regressed"))
    if any(count < regressed for _, count in said):
        said = [(f"{what} in {count}{'' if at else f' of {regressed} cases'}", count)
                for at, (what, count) in enumerate(said)]
    if not said:
        return ""
    ratios = [row.ratios[column] or 0.0 for row in whole]
    level = "" if all(ratio == 1 for ratio in ratios) else (
        f", ending at {_span(ratios, lambda ratio: show_ratio(ratio, times=''))} of the baseline")
    return listed([what for what, _ in said]) + level


def _span(values: Sequence[float], show: Callable[[float], str]) -> str:
    least, most = (show(end(values, default=0)) for end in (min, max))
    return least if least == most else f"{least} to {most}"


def _doubt(rows: Sequence[Row], column: int) -> str:
    """What of recoveries of all the intervals leave open, in brackets."""
    lows = [evidence.recovery[0] for row in rows
            if (evidence := row.evidence[column]) and evidence.recovery]
    return f" (95% interval from {show_recovery(min(lows))})" if min(lows, default=1) < 1 else ""


def kernel_lines(comparison: Comparison) -> list[tuple[str, str]]:
    """Each kernel's label with its release and its part in the comparison."""
    lines = []
    for column, (label, kernel) in enumerate(
            zip(kernel_labels(comparison), comparison.kernels, strict=True)):
        part = " (baseline)" if column == 0 else " (bad)" if column == comparison.bad else ""
        spec = "" if label == kernel.spec else f"{kernel.spec}, "
        lines.append((label, f"{spec}{kernel.release}{part}"))
    return lines


def comparison_conditions(comparison: Comparison) -> list[tuple[str, str]]:
    """What a reader has to know to repeat or doubt the figures, as names and texts."""
    rows = comparison.rows
    lines = conditions(comparison.rig, comparison.conditions, [row.parameters for row in rows])
    if folios := _folios(kernel_labels(comparison), rows):
        lines.append(("written to", folios))
    lines += [(part.metric.name, f"each figure is {part.metric.basis}")
              for part in comparison.by_metric()[1:]]
    lines.append(("verdicts", comparison.method))
    lines += [("note", note) for note in comparison.notes]
    return lines


def _folios(kernels: Sequence[str], rows: Sequence[Row]) -> str:
    """The order of the folio written to, by kernel; nothing where it is known of none."""
    kernels_by_orders: dict[tuple[int, ...], list[str]] = {}
    for column, kernel in enumerate(kernels):
        orders = {order for row in rows if (order := row.written[column]) is not None}
        if orders:
            kernels_by_orders.setdefault(tuple(sorted(orders)), []).append(kernel)
    return "; ".join(
        f"{' or '.join(show_order(order) for order in orders)} on {listed(labels)}"
        for orders, labels in kernels_by_orders.items())
