# SPDX-License-Identifier: GPL-2.0-or-later
"""One run on a terminal: a line a case."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.text import Text

from tailwalk.report.table import ASCII, UNICODE, Signs, footer, new_table
from tailwalk.report.words import (
    UNIT_TITLES,
    case_labels,
    conditions,
    show_figure,
    show_folio_size,
    show_percent,
)
from tailwalk.runs import Figure, Run
from tailwalk.runs.notes import grouped_notes


def run_table(run: Run, console: Console) -> RenderableType:
    """The run's figures, each with what it consists of and how sure it is, and the conditions."""
    signs = ASCII if console.options.ascii_only else UNICODE
    table = new_table(signs)
    table.add_column("case", overflow="fold")
    counted = run.metric.centre == "mode"
    for heading in (("figure", "kernel", "user", "share") if counted else
                    ("figure", "95% interval", "samples")):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("folios", justify="right")
    table.add_column("written to", justify="right")
    labels = case_labels([figure.case for figure in run.figures])
    for label, figure in zip(labels, run.figures, strict=True):
        parts = _exact_parts(figure) if counted else _timed_parts(figure)
        table.add_row(label, *parts, _folios(figure, signs),
                      "unknown" if figure.written is None else show_folio_size(figure.written))
    return Group(
        Text(f"{UNIT_TITLES[run.unit]}, {run.kernel.spec} ({run.kernel.release})", style="bold"),
        table,
        "",
        footer(_about(run), conditions(run.rig, run.conditions,
                                       [figure.case for figure in run.figures]), _notes(run)),
    )


def _exact_parts(figure: Figure) -> list[Text]:
    user = figure.main.user
    share = "" if figure.main.share is None else show_percent(figure.main.share)
    return [
        Text(show_figure(figure.main.value), style="bold"),
        Text("" if user is None else show_figure(figure.main.value - user)),
        Text("" if user is None else show_figure(user)),
        Text(share, style="" if figure.main.steady else "yellow").append(_doubt(figure)),
    ]


def _timed_parts(figure: Figure) -> list[Text]:
    interval = "" if figure.main.interval is None else (
        " to ".join(show_figure(end) for end in figure.main.interval))
    samples = figure.main.number
    return [
        Text(show_figure(figure.main.value), style="bold"),
        Text(interval),
        Text(str(samples)).append(_doubt(figure)),
    ]


def _doubt(figure: Figure) -> Text:
    return Text("" if figure.main.steady else "\nunsteady", style="yellow")


def _folios(figure: Figure, signs: Signs) -> str:
    """How many folios of which size, the largest first."""
    if figure.folios is None:
        return "unknown"
    return "\n".join(
        f"{count.folios}{signs.times}{show_folio_size(count.order)}"
        for count in sorted(figure.folios, key=lambda count: -count.order) if count.folios)


def _about(run: Run) -> list[tuple[str, str]]:
    return [("run", f"{run.id}, {run.created}, tailwalk {run.tailwalk}")]


def _notes(run: Run) -> list[tuple[str, str]]:
    return [("note", note) for note in grouped_notes(run)]
