# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of a page that shows runs beside each other, or one by itself: table and chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tailwalk.compare import Comparison, Row
from tailwalk.report.chart import Chart, chart
from tailwalk.report.commands import run_commands
from tailwalk.report.marks import MARKS, Mark
from tailwalk.report.page_section import TIMES, Cell, Section, particulars, sources_of
from tailwalk.report.words import (
    UNIT_TITLES,
    case_labels,
    columns_after_bad,
    comparison_conditions,
    conditions,
    kernel_labels,
    sentence,
    short_release,
    show_figure,
    show_folio_size,
    show_interval,
    show_order,
    show_percent,
    show_ratio,
    show_recovery,
    show_recovery_interval,
)
from tailwalk.runs import Run
from tailwalk.runs.notes import grouped_notes


@dataclass(frozen=True, kw_only=True)
class Column:
    """A kernel's columns: what it is called, its release, its part in the comparison, its mark."""

    label: str
    release: str
    part: str
    mark: Mark
    headings: list[str]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A table of figures with its chart; `rows` are labels with a cell for each heading."""

    caption: str
    columns: list[Column]
    rows: list[tuple[str, list[Cell]]]
    chart: Chart


def comparison_section(comparison: Comparison, runs: Sequence[Run]) -> Section:
    """A comparison and the runs it was made from: table and chart of the cases."""
    labels = case_labels([row.parameters for row in comparison.rows])
    kernels = kernel_labels(comparison)
    columns = []
    for number, kernel in enumerate(comparison.kernels):
        part = "baseline" if number == 0 else "bad" if number == comparison.bad else ""
        headings = [comparison.unit] + ([] if number == 0 else ["ratio", "verdict"])
        if number in columns_after_bad(comparison):
            headings.append("recovery")
        columns.append(Column(label=kernels[number], release=short_release(kernel.release),
                              part=part, mark=MARKS[number % len(MARKS)], headings=headings))
    rows = [(label, _cells(comparison, number))
            for number, label in enumerate(labels)]
    return Section(
        kind="comparison", title="The figures", sentence=sentence(comparison, times=TIMES),
        particulars=particulars([row.parameters for row in comparison.rows], comparison.rig,
                                comparison.conditions.filesystem,
                                [run.kernel for run in runs]),
        unit=comparison.unit,
        content=Figures(
            caption=f"{UNIT_TITLES[comparison.unit]}, by case and kernel", columns=columns,
            rows=rows, chart=chart(labels, kernels, [row.figures for row in comparison.rows],
                                   unit=comparison.unit)),
        conditions=comparison_conditions(comparison), sources=sources_of(runs),
        commands=run_commands(runs))


def _cells(comparison: Comparison, number: int) -> list[Cell]:
    row = comparison.rows[number]
    cells = []
    for column in range(len(comparison.kernels)):
        verdict = row.verdicts[column]
        look = "figure" if row.steady[column] else "figure doubtful"
        cells.append(Cell(show_figure(row.figures[column]), repr(row.figures[column]), look,
                          "" if row.steady[column] else "unsteady",
                          _said(comparison, row, column)))
        if column == 0:
            continue
        ratio, evidence = row.ratios[column], row.evidence[column]
        dress = verdict.replace(" ", "-")
        cells += [
            Cell(show_ratio(ratio, times=TIMES), "" if ratio is None else repr(ratio),
                 f"figure {dress}", show_interval(evidence.interval) if evidence else ""),
            Cell(verdict, verdict, dress)]
        if column in columns_after_bad(comparison):
            recovery = row.recovery[column]
            known = isinstance(recovery, float)
            cells.append(Cell(show_recovery(recovery), repr(recovery) if known else "",
                              "figure" if known else "word",
                              show_recovery_interval(row, column)))
    return cells


def _said(comparison: Comparison, row: Row, column: int) -> str:
    """The figure with its unit, and what it rests on."""
    said = [f"{show_figure(row.figures[column])} {comparison.unit}"]
    if (share := row.shares[column]) is not None:
        said.append(f"{show_percent(share)} of the calls")
    if (order := row.written[column]) is not None:
        said.append(f"written to a folio of {show_order(order)}")
    return ", ".join(said)


def run_section(run: Run) -> Section:
    """One run by itself: table and chart of the cases."""
    cases = [figure.case for figure in run.figures]
    labels = case_labels(cases)
    counted = run.metric.centre == "mode"
    headings = [run.unit, *(["share of calls"] if counted else ["95% interval"]), "written to"]
    rows = []
    for label, figure in zip(labels, run.figures, strict=True):
        main = figure.main
        sure = ("" if main.share is None else show_percent(main.share)) if counted else (
            "" if main.interval is None else " to ".join(map(show_figure, main.interval)))
        order = figure.written
        rows.append((label, [
            Cell(show_figure(main.value), repr(main.value),
                 "figure" if main.steady else "figure doubtful",
                 "" if main.steady else "unsteady"),
            Cell(sure, repr(main.share) if counted else "", "figure"),
            Cell("unknown" if order is None else show_folio_size(order),
                 "" if order is None else str(order), "figure")]))
    kernel = run.kernel
    said = f"{kernel.spec} ({short_release(kernel.release)}): {len(rows)} figures"
    return Section(
        kind="comparison", title=f"{kernel.spec} by itself",
        particulars=particulars(cases, run.rig, run.conditions.filesystem, [kernel]),
        sentence=f"{said}, with nothing beside them to judge them by.", unit=run.unit,
        content=Figures(
            caption=f"{UNIT_TITLES[run.unit]}, by case",
            columns=[Column(label=kernel.spec, release=short_release(kernel.release), part="",
                            mark=MARKS[0], headings=headings)],
            rows=rows, chart=chart(labels, [kernel.spec], [[figure.main.value]
                                                           for figure in run.figures],
                                   unit=run.unit)),
        conditions=[*conditions(run.rig, run.conditions, cases),
                    *(("note", note) for note in grouped_notes(run))],
        sources=sources_of([run]), commands=run_commands([run]))
