# SPDX-License-Identifier: GPL-2.0-or-later
"""The comparison on a terminal: as wide as fits, from one line a case down to blocks."""

from __future__ import annotations

from dataclasses import dataclass

from rich import box
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from tailwalk.compare import Comparison, Row
from tailwalk.report.words import (
    UNIT_TITLES,
    case_labels,
    columns_after_bad,
    comparison_conditions,
    kernel_labels,
    kernel_lines,
    names_release,
    sentence,
    short_release,
    show_figure,
    show_interval,
    show_ratio,
    show_recovery,
    show_recovery_interval,
)

_VERDICT_STYLES = {
    "baseline": "",
    "regressed": "red",
    "improved": "green",
    "unchanged": "dim",
    "within noise": "dim",
    "unsteady": "yellow",
    "unknown": "yellow",
}

_ASCII_RULE = box.Box("\n".join(["    ", "    ", " -- ", *["    "] * 5]) + "\n", ascii=True)


@dataclass(frozen=True)
class Signs:
    """What is drawn with signs that not every terminal can show."""

    times: str
    rule: box.Box


UNICODE = Signs(times="×", rule=box.SIMPLE_HEAD)
ASCII = Signs(times="x", rule=_ASCII_RULE)


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """How one grid sets a kernel's cell: the verdict beside the ratio or under it, the recovery
    in a column of its own or under the verdict."""

    verdict_beside: bool
    recovery_column: bool


_LAYOUTS = (
    _Layout(verdict_beside=True, recovery_column=True),
    _Layout(verdict_beside=False, recovery_column=True),
    _Layout(verdict_beside=False, recovery_column=False),
)


def comparison_table(comparison: Comparison, console: Console) -> RenderableType:
    """The comparison as a table with its verdict and conditions, laid out for the console.

    Takes the first that fits the console's width: a line a case; verdicts under the ratios;
    recovery under the verdicts; a block a kernel.
    """
    signs = ASCII if console.options.ascii_only else UNICODE
    body = next(
        (grid for layout in _LAYOUTS
         if fits(grid := _grid(comparison, layout, signs), console)),
        None) or _blocks(comparison, console, signs)
    return Group(
        Text(UNIT_TITLES[comparison.unit], style="bold"),
        body,
        "",
        Text(sentence(comparison, times=signs.times), style="bold"),
        "",
        footer(kernel_lines(comparison), comparison_conditions(comparison)),
    )


def footer(*groups: list[tuple[str, str]]) -> RenderableType:
    """Names and texts in two columns, the texts wrapped."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(style="dim", overflow="fold")
    for name, text in (line for group in groups for line in group):
        grid.add_row(Text(name), Text(text))
    return grid


def fits(table: Table, console: Console) -> bool:
    """Is the console wide enough for the table with every cell on one line?"""
    return Measurement.get(console, console.options.update(width=10_000), table).maximum <= (
        console.width)


def _heading(comparison: Comparison, column: int) -> Text:
    heading = Text(kernel_labels(comparison)[column], style="bold")
    release = comparison.kernels[column].release
    if names_release(str(heading), release):
        return heading
    return heading.append(f"\n{short_release(release)}", style="not bold dim")


def new_table(signs: Signs) -> Table:
    """An empty table in the style of every report."""
    return Table(box=signs.rule, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0),
                 header_style="bold")


def _grid(comparison: Comparison, layout: _Layout, signs: Signs) -> Table:
    table = new_table(signs)
    table.add_column("case", no_wrap=True)
    recovering = columns_after_bad(comparison)
    for column in range(len(comparison.kernels)):
        # Verdicts beside the ratios end raggedly, so that only their left edges can line up.
        left = layout.verdict_beside and column > 0
        table.add_column(_heading(comparison, column),
                         justify="left" if left else "right", no_wrap=True)
        if column in recovering and layout.recovery_column:
            table.add_column(Text("recovery"), justify="right", no_wrap=True)
    widths = [_Widths.of(comparison.rows, column, signs)
              for column in range(len(comparison.kernels))]
    labels = case_labels([row.parameters for row in comparison.rows])
    for label, row in zip(labels, comparison.rows, strict=True):
        cells = [Text(label)]
        for column, width in enumerate(widths):
            cell = _cell(row, column, layout, width, signs)
            recovery = recovery_text(row, column)
            if column in recovering and not layout.recovery_column:
                recovery = Text("recovery ").append_text(recovery) if isinstance(
                    row.recovery[column], float) else recovery
                cell.append("\n").append_text(recovery)
            cells.append(cell)
            if column in recovering and layout.recovery_column:
                cells.append(recovery)
        table.add_row(*cells)
    return table


@dataclass(frozen=True, kw_only=True)
class _Widths:
    """Of the parts that are set beside each other in a column's cells."""

    figure: int
    ratio: int
    verdict: int

    @classmethod
    def of(cls, rows: list[Row], column: int, signs: Signs) -> _Widths:
        return cls(
            figure=max(len(show_figure(row.figures[column])) for row in rows),
            ratio=max(len(show_ratio(row.ratios[column], times=signs.times)) for row in rows),
            verdict=max(len(row.verdicts[column]) for row in rows),
        )


def _cell(row: Row, column: int, layout: _Layout, width: _Widths, signs: Signs) -> Text:
    text = Text(show_figure(row.figures[column]).rjust(width.figure))
    if column == 0:
        return text if row.steady[0] else text.append("\n").append("unsteady", style="yellow")
    verdict = row.verdicts[column]
    style = _VERDICT_STYLES[verdict]
    ratio = show_ratio(row.ratios[column], times=signs.times).rjust(width.ratio)
    text.append("  ").append(ratio, style=style)
    if layout.verdict_beside:
        text.append("  ").append(verdict.ljust(width.verdict), style=style)
    else:
        text.append("\n").append(verdict, style=style)
    evidence = row.evidence[column]
    if evidence is not None:
        text.append("\n").append(show_interval(evidence.interval), style="dim")
    return text


def recovery_text(row: Row, column: int) -> Text:
    """A recovery, coloured by whether all, part or nothing of the regression is taken back."""
    recovery = row.recovery[column]
    if not isinstance(recovery, float):
        return Text(show_recovery(recovery), style="dim")
    whole = row.verdicts[column] != "regressed"
    style = "green" if whole else "yellow" if recovery > 0 else "red"
    text = Text(show_recovery(recovery), style=style)
    if interval := show_recovery_interval(row, column):
        text.append(f"\n{interval}", style="dim")
    return text


def _blocks(comparison: Comparison, console: Console, signs: Signs) -> RenderableType:
    """One table a kernel, each beside the baseline: for many kernels or a narrow terminal."""
    blocks: list[RenderableType] = []
    labels = kernel_labels(comparison)
    for column in range(1, len(comparison.kernels)):
        release = comparison.kernels[column].release
        shown = "" if names_release(labels[column], release) else f" ({short_release(release)})"
        title = Text(labels[column], style="bold").append(
            f"{shown} against {labels[0]}", style="not bold")
        table = _block(comparison, column, signs, with_baseline=True)
        if not fits(table, console):
            table = _block(comparison, column, signs, with_baseline=False)
        blocks += ["", title, table]
    return Group(*blocks)


def _block(comparison: Comparison, column: int, signs: Signs, *, with_baseline: bool) -> Table:
    """One kernel's figures, ratios, verdicts and recovery."""
    recovering = column in columns_after_bad(comparison)
    table = new_table(signs)
    table.add_column("case", overflow="fold")
    for heading in (["baseline"] if with_baseline else []) + ["figure", "ratio"]:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    if recovering:
        table.add_column("recovery", justify="right", max_width=len("regression"))
    labels = case_labels([row.parameters for row in comparison.rows])
    for label, row in zip(labels, comparison.rows, strict=True):
        style = _VERDICT_STYLES[row.verdicts[column]]
        ratio = Text(show_ratio(row.ratios[column], times=signs.times), style=style)
        evidence = row.evidence[column]
        if evidence is not None:
            ratio.append("\n").append(show_interval(evidence.interval), style="dim")
        table.add_row(
            label, *([show_figure(row.figures[0])] if with_baseline else []),
            show_figure(row.figures[column]), ratio, Text(row.verdicts[column], style=style),
            *([recovery_text(row, column)] if recovering else []))
    return table
