# SPDX-License-Identifier: GPL-2.0-or-later
"""A comparison, and a run by itself: a line a case, and of each kernel its figures, ratios,
verdicts and recovery."""

from __future__ import annotations

from dataclasses import replace

from tailwalk.compare import Comparison, Row
from tailwalk.report.comparison_words import (
    columns_after_bad,
    comparison_conditions,
    kernel_labels,
    kernel_lines,
    sentence,
)
from tailwalk.report.grid import BLANK, Cell, Column, Grid, GridRow, Over, Said, Shown
from tailwalk.report.words import (
    case_labels,
    conditions,
    show_figure,
    show_folio_size,
    show_interval,
    show_order,
    show_percent,
    show_ratio,
    show_recovery,
    show_recovery_interval,
)
from tailwalk.runs import Amount, Figure, Run
from tailwalk.runs.metrics import Metric
from tailwalk.runs.notes import grouped_notes


def comparison_shown(comparison: Comparison) -> list[Shown]:
    """Each metric of the comparison with its verdict; the conditions stand under the last."""
    *others, last = [_metric_shown(part) for part in comparison.by_metric()]
    return [*others, replace(
        last, facts=[*kernel_lines(comparison), *comparison_conditions(comparison)])]


def _metric_shown(comparison: Comparison) -> Shown:
    recovering = columns_after_bad(comparison)
    columns = [Column("case", "name")]
    for number, (label, kernel) in enumerate(
            zip(kernel_labels(comparison), comparison.kernels, strict=True)):
        over = Over(label=label, release=kernel.release, part=(
            "baseline" if number == 0 else "bad" if number == comparison.bad else ""))
        columns.append(Column(comparison.unit, of=over))
        if number:
            columns += [Column("ratio", "ratio", of=over), Column("verdict", "verdict", of=over)]
        if number in recovering:
            columns.append(Column("recovery", "recovery", of=over))
    labels = case_labels([row.parameters for row in comparison.rows])
    rows = [GridRow([Cell(label, key=label),
                     *(cell for number in range(len(comparison.kernels))
                       for cell in _cells(row, number, recovered=number in recovering))])
            for label, row in zip(labels, comparison.rows, strict=True)]
    return Shown(
        title=comparison.metric.title,
        parts=[Grid(columns=columns, rows=rows), BLANK, Said(sentence(comparison), "strong")])


def _cells(row: Row, number: int, *, recovered: bool) -> list[Cell]:
    """The cells of one kernel."""
    figure, verdict, evidence = row.figures[number], row.verdicts[number], row.evidence[number]
    cells = [_figure_cell(figure, steady=row.steady[number], said=_said(row, number))]
    if number:
        ratio = row.ratios[number]
        cells += [Cell(show_ratio(ratio), verdict, key="" if ratio is None else repr(ratio),
                       under=show_interval(evidence.interval) if evidence else ""),
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


def _figure_cell(figure: float, *, steady: bool, said: str = "") -> Cell:
    return Cell(show_figure(figure), "" if steady else "doubtful", key=repr(figure), said=said,
                under="" if steady else "unsteady")


def _said(row: Row, number: int) -> str:
    """The figure with its unit, and what it rests on."""
    said = [f"{show_figure(row.figures[number])} {row.unit}"]
    if (share := row.shares[number]) is not None:
        said.append(f"{show_percent(share)} of the calls")
    if (order := row.written[number]) is not None:
        said.append(f"written to a folio of {show_order(order)}")
    return ", ".join(said)


def run_shown(run: Run) -> list[Shown]:
    """The run's figures by metric, each with what it consists of and how sure it is; the conditions
    stand under the last."""
    *others, last = [_figures_shown(run, metric) for metric in run.metrics]
    return [*others, replace(last, facts=[
        ("run", f"{run.id}, {run.created}, tailwalk {run.tailwalk}"), *run_conditions(run)])]


def _figures_shown(run: Run, metric: Metric) -> Shown:
    figures = [figure for figure in run.figures if metric.name in figure.metrics]
    counted = metric.centre == "mode"
    split = any(figure.metrics[metric.name].user is not None for figure in figures)
    columns = [
        Column("case", "name", wraps="fold"), Column("figure", only="terminal"),
        Column(metric.unit, only="page"),
        *([Column("kernel", only="terminal"), Column("user", only="terminal")] if split else []),
        *([Column("share", only="terminal"), Column("share of calls", only="page")]
          if counted else [Column("95% interval"), Column("samples", only="terminal")]),
        Column("folios", wraps="words", only="terminal"), Column("written to", wraps="words")]
    return Shown(
        title=f"{metric.title}, {run.kernel.spec} ({run.kernel.release})",
        parts=[Grid(columns=columns, rows=[
            _run_row(label, figure, figure.metrics[metric.name], counted=counted, split=split)
            for label, figure in zip(case_labels([figure.case for figure in figures]), figures,
                                     strict=True)])])


def run_conditions(run: Run) -> list[tuple[str, str]]:
    """What a reader has to know to repeat or doubt the figures of a run."""
    return [*conditions(run.rig, run.conditions, [figure.case for figure in run.figures]),
            *(("note", note) for note in grouped_notes(run))]


def _run_row(label: str, figure: Figure, amount: Amount, *, counted: bool,
             split: bool) -> GridRow:
    value, unsteady = show_figure(amount.value), "" if amount.steady else "unsteady"
    interval = "" if amount.interval is None else " to ".join(map(show_figure, amount.interval))
    share = "" if amount.share is None else show_percent(amount.share)
    parts = ("", "") if amount.user is None else (
        show_figure(amount.value - amount.user), show_figure(amount.user))
    order = figure.written
    return GridRow([
        Cell(label, key=label), Cell(value, "strong"),
        _figure_cell(amount.value, steady=amount.steady),
        *(map(Cell, parts) if split else []),
        *([Cell(share, unsteady, under=unsteady), Cell(share, key=repr(amount.share))]
          if counted else [Cell(interval), Cell(str(amount.number), under=unsteady)]),
        Cell(_folios(figure)),
        Cell("unknown" if order is None else show_folio_size(order),
             key="" if order is None else str(order))])


def _folios(figure: Figure) -> str:
    """How many folios of which size, the largest first."""
    if figure.folios is None:
        return "unknown"
    return "\n".join(
        f"{count.folios}×{show_folio_size(count.order)}"
        for count in sorted(figure.folios, key=lambda count: -count.order) if count.folios)
