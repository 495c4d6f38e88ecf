# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of a page that shows cases over kernel releases: chart, table, steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tailwalk.compare.steps import Track
from tailwalk.report.commands import run_commands
from tailwalk.report.page_section import TIMES, Cell, Section, inlined, particulars, sources_of
from tailwalk.report.track_svg import track_svg
from tailwalk.report.track_words import (
    step_sentences,
    track_labels,
    track_sentence,
    what_is_a_step,
)
from tailwalk.report.words import case_labels, conditions, show_figure, show_ratio
from tailwalk.runs import Run


@dataclass(frozen=True, kw_only=True)
class TrackContent:
    """A track: chart, table and steps."""

    svg: str
    cases: list[str]
    rows: list[tuple[str, list[Cell]]]
    steps: list[str]
    left_out: list[tuple[str, str]]


def track_section(track: Track, runs: Sequence[Run]) -> Section:
    """Cases over kernel releases."""
    cases = [row.parameters for row in track.rows]
    steps = {(step.row, step.after): step for step in track.steps}
    rows = []
    for column, label in enumerate(track_labels(track)):
        cells = []
        for number, row in enumerate(track.rows):
            step = steps.get((number, column))
            look = "" if step is None else " regressed" if step.ratio > 1 else " improved"
            steady = row.steady[column]
            ratio = "" if step is None else show_ratio(step.ratio, times=TIMES)
            cells.append(Cell(show_figure(row.figures[column]), repr(row.figures[column]),
                              f"figure{look}" if steady else "figure doubtful",
                              ratio if steady else "unsteady"))
        rows.append((label, cells))
    sentences = [f"{step[0].upper()}{step[1:]}." for step in step_sentences(track, times=TIMES)]
    return Section(
        kind="track", title="Over releases",
        particulars=particulars(cases, track.rig, track.conditions.filesystem,
                                [run.kernel for run in runs]),
        sentence=track_sentence(track, times=TIMES),
        unit=track.unit,
        content=TrackContent(
            svg=inlined(track_svg(track, alone=False), "track-chart"), cases=case_labels(cases),
            rows=rows, steps=sentences,
            left_out=[(one.spec, one.reason) for one in track.left_out]),
        conditions=[*conditions(track.rig, track.conditions, cases),
                    ("steps", what_is_a_step(track)), *(("note", note) for note in track.notes)],
        sources=sources_of(runs), commands=run_commands(runs, command="track"))
