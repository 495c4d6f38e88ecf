# SPDX-License-Identifier: GPL-2.0-or-later
"""A track on a terminal: a line a kernel, a column a case, the steps named below."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tailwalk.compare.steps import Track, TrackStep
from tailwalk.report.table import ASCII, UNICODE, Signs, fits, footer, new_table
from tailwalk.report.track_words import (
    step_sentences,
    track_labels,
    track_sentence,
    what_is_a_step,
)
from tailwalk.report.words import UNIT_TITLES, case_labels, conditions, show_figure, show_folio_size


def track_table(track: Track, console: Console) -> RenderableType:
    """The track; a figure that is a step from the one above is red where dearer, else green."""
    signs = ASCII if console.options.ascii_only else UNICODE
    labels = case_labels([row.parameters for row in track.rows])
    table = _figures(track, labels, signs)
    if not fits(table, console):
        table = _figures(track, [label.replace("_", "_\n", 1) for label in labels], signs)
    sentences = [Text(f"{sentence}.") for sentence in step_sentences(track, times=signs.times)]
    lines = [("left out", f"{one.spec}: {one.reason}") for one in track.left_out]
    lines += conditions(track.rig, track.conditions, [row.parameters for row in track.rows])
    lines.append(("steps", what_is_a_step(track)))
    lines += [("note", note) for note in track.notes]
    return Group(
        Text(UNIT_TITLES[track.unit], style="bold"), table, "",
        Text(track_sentence(track, times=signs.times), style="bold"), *sentences, "",
        footer(lines))


def _figures(track: Track, labels: Sequence[str], signs: Signs) -> Table:
    table = new_table(signs)
    table.add_column("kernel", no_wrap=True)
    for label in labels:
        table.add_column(label, justify="right", overflow="fold")
    table.add_column("folio", justify="right", no_wrap=True)
    steps = {(step.row, step.after): step for step in track.steps}
    for column, kernel in enumerate(track_labels(track)):
        table.add_row(kernel, *(_cell(track, number, column, steps.get((number, column)))
                                for number in range(len(track.rows))), _folio(track, column))
    return table


def _cell(track: Track, row: int, column: int, step: TrackStep | None) -> Text:
    figure = show_figure(track.rows[row].figures[column])
    if not track.rows[row].steady[column]:
        return Text(f"({figure})", style="yellow")
    if step is None:
        return Text(figure)
    return Text(figure, style="bold red" if step.ratio > 1 else "bold green")


def _folio(track: Track, column: int) -> str:
    orders = {row.written[column] for row in track.rows}
    return " or ".join("?" if order is None else show_folio_size(order)
                       for order in sorted(orders, key=lambda order: order or 0))
