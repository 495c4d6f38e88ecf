# SPDX-License-Identifier: GPL-2.0-or-later
"""A comparison, and a run by itself: a line a case, and of each kernel its figures, ratios,
verdicts and recovery; its verdict as a sentence, and what a reader has to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from tailwalk.cases import Case
from tailwalk.compare import Comparison, Row
from tailwalk.compare.comparison import Accepted
from tailwalk.compare.program import ACCEPTED, AcceptedCall
from tailwalk.report.grid import BLANK, Cell, Column, Grid, GridRow, Over, Said, Shown
from tailwalk.report.words import (
    case_labels,
    conditions,
    short_names,
    show_figure,
    show_folio_size,
    show_interval,
    show_order,
    show_percent,
    show_ratio,
    show_recovery,
    show_recovery_interval,
)
from tailwalk.runs import Figure, Run
from tailwalk.runs.metrics import METRICS, Metric
from tailwalk.runs.record import grouped_notes
from tailwalk.words import listed

_VARIES = "~"
"""Before a figure that is the median of calls that are not alike."""


def comparison_shown(comparison: Comparison) -> list[Shown]:
    """Each metric of the comparison with its verdict; the conditions stand under the last."""
    *others, last = [_metric_shown(part) for part in comparison.by_metric()]
    return [*others, replace(
        last, facts=[*kernel_lines(comparison), *comparison_conditions(comparison)])]


def _metric_shown(comparison: Comparison) -> Shown:
    count = len(comparison.kernels)
    recovering = range(count if comparison.bad is None else comparison.bad + 1, count)
    columns = [Column("case", "name")]
    for number, (label, kernel) in enumerate(
            zip(kernel_labels(comparison), comparison.kernels, strict=True)):
        over = Over(label=label, release=kernel.release, part=(
            "baseline" if number == 0 else "regressed" if number == comparison.bad else ""))
        columns.append(Column(comparison.unit, of=over))
        if number:
            columns += [Column("ratio", "ratio", of=over), Column("verdict", "verdict", of=over)]
        if number in recovering:
            columns.append(Column("recovery", "recovery", of=over))
    labels = case_labels([row.parameters for row in comparison.rows])
    rows = [GridRow([Cell(label, key=label),
                     *(cell for number in range(count)
                       for cell in _cells(row, number, recovered=number in recovering,
                                          accepted=comparison.accepts(row, number)))])
            for label, row in zip(labels, comparison.rows, strict=True)]
    return Shown(
        title=comparison.metric.title,
        parts=[Grid(columns=columns, rows=rows), BLANK, Said(sentence(comparison), "strong")])


def _cells(row: Row, number: int, *, recovered: bool, accepted: bool) -> list[Cell]:
    """The cells of one kernel."""
    figure, verdict, evidence = row.figures[number], row.verdicts[number], row.evidence[number]
    cells = [Cell("-", "missing", said=row.reasons[number] or "") if figure is None else
             _figure_cell(figure, steady=bool(row.steady[number]), said=_said(row, figure, number),
                          varies=row.varies[number] is not None)]
    if number:
        ratio = row.ratios[number]
        cells += [Cell(show_ratio(ratio), verdict, key="" if ratio is None else repr(ratio),
                       under=show_interval(evidence.interval) if evidence else ""),
                  Cell(ACCEPTED, "unchanged", key=verdict) if accepted else
                  Cell(verdict, verdict, key=verdict)]
    if recovered:
        recovery = row.recovery[number]
        known = isinstance(recovery, float)
        tone = "faint" if not isinstance(recovery, float) else (
            "all of it" if verdict != "regressed" else
            "part of it" if recovery > 0 else "none of it")
        cells.append(Cell(show_recovery(recovery), tone, key=repr(recovery) if known else "",
                          under=show_recovery_interval(row, number)))
    return cells


def _figure_cell(figure: float, *, steady: bool, said: str = "", varies: bool = False) -> Cell:
    return Cell(f"{_VARIES if varies else ''}{show_figure(figure)}", "" if steady else "doubtful",
                key=repr(figure), said=said, under="" if steady else "unsteady")


def _said(row: Row, figure: float, number: int) -> str:
    """The figure with its unit, and what it rests on."""
    said = [f"{show_figure(figure)} {row.unit}"]
    if (middle := row.varies[number]) is not None:
        said.append(f"the middle 90% of the calls {' to '.join(map(show_figure, middle))}")
    if (share := row.shares[number]) is not None:
        said.append(f"{show_percent(share)} of the calls")
    if (order := row.written[number]) is not None:
        said.append(f"written to a folio of {show_order(order)}")
    return ", ".join(said)


def run_shown(run: Run) -> list[Shown]:
    """The run's figures by metric, each with what it consists of and how sure it is; the conditions
    stand under the last."""
    *others, last = [*(_figures_shown(run, metric) for metric in run.metrics), *_parts_shown(run)]
    return [*others, replace(last, facts=[
        ("run", f"{run.id}, {run.created}, tailwalk {run.tailwalk}"), *run_conditions(run)])]


def _figures_shown(run: Run, metric: Metric) -> Shown:
    figures = [figure for figure in run.figures if metric.name in figure.metrics]
    counted = metric.centre == "mode"
    split = any(figure.metrics[metric.name].user is not None for figure in figures)
    columns = [
        Column("case", "name", wraps="words"), Column("figure", only="terminal"),
        Column(metric.unit, only="page"),
        *([Column("kernel", only="terminal", rank=3), Column("user", only="terminal", rank=3)]
          if split else []),
        *([Column("share", only="terminal", rank=1), Column("share of calls", only="page")]
          if counted else [Column("95% interval"), Column("samples", only="terminal", rank=1)]),
        Column("folios", wraps="parts", only="terminal", rank=4),
        Column("written to", wraps="words", rank=2)]
    return Shown(
        title=f"{metric.title}, {run.kernel.spec} ({run.kernel.release})",
        parts=[Grid(columns=columns, rows=[
            _run_row(label, figure, metric, split=split)
            for label, figure in zip(case_labels([figure.case for figure in figures]), figures,
                                     strict=True)])])


def _parts_shown(run: Run) -> Iterator[Shown]:
    """Who executed what, of the cases in which that is not the call alone."""
    figures = [figure for figure in run.figures if len(figure.split) > 1 or figure.apart]
    if not figures:
        return
    counts = [{part.name: part.instructions for part in figure.split} for figure in figures]
    names = list(dict.fromkeys(name for parts in counts for name in parts))
    yield Shown(
        title=f"Who executed the instructions, {run.kernel.spec}",
        parts=[Grid(columns=[Column("case", "name", wraps="words"), *map(Column, names),
                             Column("apart: disk driver")], rows=[
            GridRow([Cell(label, key=label),
                     *(Cell(show_figure(parts[name]) if name in parts else "") for name in names),
                     Cell(show_figure(figure.apart or 0))])
            for label, figure, parts in zip(case_labels([figure.case for figure in figures]),
                                            figures, counts, strict=True)])])


def run_conditions(run: Run) -> list[tuple[str, str]]:
    """What a reader has to know to repeat or doubt the figures of a run."""
    return [*conditions(run.rig, run.conditions, [figure.case for figure in run.figures]),
            *_varying(amount.varies_as(METRICS[name]) for figure in run.figures
                      for name, amount in figure.metrics.items()),
            *(("note", note) for note in grouped_notes(run))]


def _varying(found: Iterable[object]) -> list[tuple[str, str]]:
    """What the mark of medians means, where there is such a figure."""
    return [(_VARIES, "the median of calls that are not alike")] if any(found) else []


def _run_row(label: str, figure: Figure, metric: Metric, *, split: bool) -> GridRow:
    amount, counted = figure.metrics[metric.name], metric.centre == "mode"
    value = _figure_cell(amount.value, steady=amount.reliable, varies=amount.varies_as(metric))
    unsteady = "" if amount.reliable else "unsteady"
    interval = "" if amount.interval is None else " to ".join(map(show_figure, amount.interval))
    share = interval if amount.varies_as(metric) else (
        "" if amount.share is None else show_percent(amount.share))
    parts = ("", "") if amount.user is None else (
        show_figure(amount.value - amount.user), show_figure(amount.user))
    order = figure.written
    written = "" if not figure.case.cached else (
        "unknown" if order is None else show_folio_size(order))
    return GridRow([
        Cell(label, key=label), Cell(value.text, "strong"), value,
        *(map(Cell, parts) if split else []),
        *([Cell(share, unsteady, under=unsteady), Cell(share, key=repr(amount.share))]
          if counted else [Cell(interval), Cell(str(amount.number), under=unsteady)]),
        Cell(_folios(figure)),
        Cell(written, key="" if order is None else str(order))])


def _folios(figure: Figure) -> str:
    """How many folios of which size, the largest first."""
    if figure.folios is None:
        return "unknown" if figure.case.cached else ""
    return ", ".join(
        f"{count.folios}×{show_folio_size(count.order)}"
        for count in sorted(figure.folios, key=lambda count: -count.order) if count.folios)


def kernel_labels(comparison: Comparison) -> list[str]:
    """What to call each kernel in few characters."""
    return short_names([(kernel.spec, kernel.release) for kernel in comparison.kernels])


def _regressed(comparison: Comparison, column: int) -> list[str]:
    """Labels of the cases that regressed in a column."""
    labels = case_labels([row.parameters for row in comparison.rows])
    return [label for label, row in zip(labels, comparison.rows, strict=True)
            if row.verdicts[column] == "regressed"]


def sentence(comparison: Comparison) -> str:
    """The verdict on the whole comparison in one sentence."""
    bad, doubtful, lacking = comparison.bad, comparison.unjudged(), comparison.lacking()
    if bad is None:
        judged = doubtful + lacking < len(comparison.rows) * (len(comparison.kernels) - 1)
        clauses = [f"No case {'' if judged else 'can be said to have '}regressed against "
                   f"{kernel_labels(comparison)[0]}"]
    else:
        clauses = [_regression(comparison, bad)]
        clauses += [clause for column in range(1, len(comparison.kernels)) if column != bad
                    if (clause := _other(comparison, column))]
    if accepted := sum(one.state == "accepted" and one.metric == comparison.rows[0].metric
                       for one in comparison.spoken_of):
        clauses.append(f"{accepted} regression{'s are' if accepted > 1 else ' is'} accepted")
    if doubtful:
        clauses.append(f"{doubtful} figure{'s' if doubtful > 1 else ''} cannot be judged")
    if lacking:
        clauses.append(f"{show_lacking(lacking)} missing for lack of a figure")
    return "; ".join(clauses) + "."


def show_lacking(lacking: int) -> str:
    """How many verdicts there are not."""
    return f"{lacking} verdict{' is' if lacking == 1 else 's are'}"


def _regression(comparison: Comparison, column: int) -> str:
    kernels, rows = kernel_labels(comparison), comparison.rows
    worst = _worst(comparison, column)
    if worst is None:
        return f"{kernels[column]} regressed in no case against {kernels[0]}"
    shown, case, cases = worst
    if len(rows) == 1:
        return f"{kernels[column]} regressed against {kernels[0]} in {case} ({shown})"
    return (f"{kernels[column]} regressed in {cases} of {len(rows)} cases against "
            f"{kernels[0]}, most in {case} ({shown})")


def _worst(comparison: Comparison, column: int) -> tuple[str, str, int] | None:
    """The largest ratio of a column's regressions in words, its case, and how many there are. One
    from 0 has none, and is larger than any."""
    cases = _regressed(comparison, column)
    if not cases:
        return None
    rows = [row for row in comparison.rows if row.verdicts[column] == "regressed"]
    from_0, size, case = max(
        (*row.size(column), case) for row, case in zip(rows, cases, strict=True))
    return f"0 to {show_figure(size)}" if from_0 else show_ratio(size), case, len(cases)


def _other(comparison: Comparison, column: int) -> str:
    """What a column besides the bad one takes back, and where it regressed itself."""
    worst = _worst(comparison, column)
    recovered = _recovered(comparison, column)
    if not recovered:
        return _regression(comparison, column) if worst else ""
    recovers = f"{kernel_labels(comparison)[column]} recovers {recovered}"
    if worst is None:
        return recovers
    shown, case, cases = worst
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
    regressed = len(_regressed(comparison, comparison.bad or 0))
    if any(count < regressed for _, count in said):
        said = [(f"{what} in {count}{'' if at else f' of {regressed} cases'}", count)
                for at, (what, count) in enumerate(said)]
    if not said:
        return ""
    # A baseline of 0 has no ratio, and all of what it lost is back only at the same figure.
    ratios = [1.0 if (ratio := row.ratios[column]) is None else ratio for row in whole]
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
        part = " (baseline)" if column == 0 else " (regressed)" if column == comparison.bad else ""
        spec = "" if label == kernel.spec else f"{kernel.spec}, "
        lines.append((label, f"{spec}{kernel.release}{part}"))
    return lines


def comparison_conditions(comparison: Comparison) -> list[tuple[str, str]]:
    """What a reader has to know to repeat or doubt the figures, as names and texts."""
    rows = comparison.rows
    lines = conditions(comparison.rig, comparison.conditions, [row.parameters for row in rows])
    if folios := _written_to(kernel_labels(comparison), rows):
        lines.append(("written to", folios))
    lines += [(part.metric.name, f"each figure is {part.metric.basis}")
              for part in comparison.by_metric()[1:]]
    lines += _varying(middle for row in rows for middle in row.varies)
    lines.append(("verdicts", comparison.method))
    lines += accepted_lines(comparison)
    lines += [("note", note) for note in comparison.notes]
    return lines


def acceptance_lines(accepted: Iterable[tuple[str, Accepted | AcceptedCall]],
                     kernels: Sequence[str]) -> list[tuple[str, str]]:
    """The regressions, each with a label, that are accepted, or were to be, as names and texts: a
    line for all of an entry's on a kernel, which is known by its label."""
    lines: dict[tuple[str, str, str], list[str]] = {}
    for label, one in accepted:
        key = (ACCEPTED if one.state == "accepted" else f"not {ACCEPTED}", kernels[one.kernel],
               acceptance(one))
        lines.setdefault(key, []).append(
            f"{label} ({'from 0' if one.ratio is None else show_ratio(one.ratio)})")
    return [(name, f"{listed(found)} on {kernel}, {what}")
            for (name, kernel, what), found in lines.items()]


def accepted_lines(comparison: Comparison) -> list[tuple[str, str]]:
    """As `acceptance_lines`, of a comparison."""
    return acceptance_lines(
        with_labels(comparison.spoken_of, [row.parameters for row in comparison.rows]),
        kernel_labels(comparison))


def with_labels(accepted: Sequence[Accepted], cases: Iterable[Case]) -> list[tuple[str, Accepted]]:
    """Each with its case's label among all cases."""
    different = list(dict.fromkeys(cases))
    labels = dict(zip(different, case_labels(different), strict=True))
    return [(labels[one.parameters], one) for one in accepted]


def acceptance(one: Accepted | AcceptedCall) -> str:
    """What was accepted of a regression, until when and why, as a phrase; where it is not accepted,
    what is wrong with that first."""
    before = {"accepted": f"{ACCEPTED} up to", "exceeded": f"more than was {ACCEPTED},",
              "expired": f"expired, it was {ACCEPTED} up to"}[one.state]
    return f"{before} {one.most:g}× until {one.until}: {one.reason}"


def _written_to(kernels: Sequence[str], rows: Sequence[Row]) -> str:
    """The order of the folio written to, by kernel; nothing where it is known of none."""
    kernels_by_orders: dict[tuple[int, ...], list[str]] = {}
    for column, kernel in enumerate(kernels):
        orders = {order for row in rows if (order := row.written[column]) is not None}
        if orders:
            kernels_by_orders.setdefault(tuple(sorted(orders)), []).append(kernel)
    return "; ".join(
        f"{' or '.join(show_order(order) for order in orders)} on {listed(labels)}"
        for orders, labels in kernels_by_orders.items())
