# SPDX-License-Identifier: GPL-2.0-or-later
"""A track: a line a kernel, a column a case, and its steps as sentences; and as one self-contained
SVG: counts over kernels, a line a case, on a log scale."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tailwalk.compare.steps import Track, TrackStep
from tailwalk.compare.threshold import show_thresholds
from tailwalk.report.chart import MARKS, escape, mark, scale, ticks
from tailwalk.report.commands import why_command
from tailwalk.report.grid import BLANK, Cell, Column, Fact, Grid, GridRow, Said, Shown
from tailwalk.report.heat import HeatPage, HeatRow, figure_said, heat_cell, heat_page, map_figure
from tailwalk.report.words import (
    case_labels,
    conditions,
    short_names,
    short_release,
    show_folio_size,
    show_ratio,
)
from tailwalk.runs import Run
from tailwalk.runs.metrics import METRICS

_MEDIANS: Fact = ("~", "the median of calls that are not alike")

_WIDTH = 760
_TOP, _BOTTOM, _LEFT, _RIGHT = 34, 78, 66, 118
_HEIGHT = 400
_SLANTED = 18
_GAP = 15  # least distance of two labels' baselines

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: var(--ink, #1c2024); }
.dim { fill: var(--dim, #5c6570); }
.rule { stroke: var(--rule, #d5d9de); }
.line { fill: none; stroke-width: 1.8; }
@media (prefers-color-scheme: dark) {
  svg.alone { --ink: #e6e8eb; --dim: #9aa4af; --rule: #363c44; background: #14171a; }
}
"""


def track_shown(track: Track) -> Shown:
    """The track; a figure that is a step from the one above is marked as dearer or cheaper."""
    steps = {(step.row, step.after): step for step in track.steps}
    rows = [GridRow([Cell(label, key=label),
                     *(_cell(track, number, column, steps.get((number, column)))
                       for number in range(len(track.rows))),
                     Cell(_folio(track, column))])
            for column, label in enumerate(track_labels(track))]
    columns = [Column("kernel", "name"),
               *(Column(label, wraps="words")
                 for label in case_labels([row.parameters for row in track.rows])),
               Column("folio", only="terminal", rank=1)]
    return Shown(
        title=METRICS[track.metric].title,
        parts=[Grid(columns=columns, rows=rows, brief=True), BLANK,
               Said(track_sentence(track), "strong"),
               *(Said(f"{sentence}.") for sentence in step_sentences(track))],
        facts=[*(("left out", f"{one.spec}: {one.reason}") for one in track.left_out),
               *track_conditions(track)])


def _cell(track: Track, row: int, column: int, step: TrackStep | None) -> Cell:
    figure = track.rows[row].figures[column]
    if figure is None:
        return Cell("-", "missing", said=track.rows[row].reasons[column] or "")
    shown = _figure(track, row, column)
    if not track.rows[row].steady[column]:
        return Cell(shown, "doubtful", key=repr(figure), under="unsteady")
    if step is None:
        return Cell(shown, key=repr(figure))
    return Cell(shown, "dearer" if step.ratio > 1 else "cheaper", key=repr(figure),
                under=show_ratio(step.ratio))


def _folio(track: Track, column: int) -> str:
    orders = {row.written[column] for row in track.rows if row.figures[column] is not None}
    return " or ".join("?" if order is None else show_folio_size(order)
                       for order in sorted(orders, key=lambda order: order or 0))


def track_conditions(track: Track) -> list[Fact]:
    """What a reader has to know to repeat or doubt the figures."""
    return [*conditions(track.rig, track.conditions, [row.parameters for row in track.rows]),
            *([_MEDIANS] if any(any(row.varies) for row in track.rows) else []),
            ("steps", what_is_a_step(track)), *(("note", note) for note in track.notes)]


def track_labels(track: Track) -> list[str]:
    """What to call each kernel."""
    return release_labels([(kernel.spec, kernel.release) for kernel in track.kernels])


def release_labels(kernels: Sequence[tuple[str, str]]) -> list[str]:
    """The version number of each kernel, of which spec and release are given, or what `short_names`
    calls it where another has that number too."""
    versions = [_version(spec, release) for spec, release in kernels]
    return [version if versions.count(version) == 1 else other
            for version, other in zip(versions, short_names(kernels), strict=True)]


def _version(spec: str, release: str) -> str:
    """Debian's kernels up to 6.1 call every release of a line by its interface, 6.1.0-53-amd64:
    there the spec's version says more."""
    debian = spec.removeprefix("debian:")
    if debian != spec and re.match(r"\d+\.\d+\.0-\d", release):
        return debian
    return short_release(release)


def step_sentences(track: Track) -> list[str]:
    """A sentence for each pair of kernels between which there are steps."""
    return [_sentence(track, steps) for steps in _pairs(track)]


def steps_by_size(track: Track, runs: Sequence[Run]) -> list[tuple[str, str]]:
    """As `step_sentences`, the largest step first, in every sentence too; each with the command
    that gives the functions of its largest."""
    def size(step: TrackStep) -> float:
        return abs(math.log(step.ratio)) if step.ratio > 0 else math.inf

    found = sorted((sorted(steps, key=size, reverse=True) for steps in _pairs(track)),
                   key=lambda steps: size(steps[0]), reverse=True)
    return [(_sentence(track, steps), why_command(
        runs[steps[0].before].kernel, runs[steps[0].after].kernel,
        track.rows[steps[0].row].parameters, track.conditions.filesystem)) for steps in found]


def folded(grid: Grid) -> Grid:
    """A track's grid with one row for releases that follow each other with equal figures."""
    rows: list[GridRow] = []
    first = ""
    for row in grid.rows:
        if rows and [cell.text for cell in row.cells[1:]] == [
                cell.text for cell in rows[-1].cells[1:]] and not any(
                cell.under for cell in row.cells):
            label = f"{first} to {row.cells[0].text}"
            rows[-1] = replace(rows[-1], cells=[Cell(label, key=label), *rows[-1].cells[1:]])
        else:
            first = row.cells[0].text
            rows.append(row)
    return replace(grid, rows=rows)


def _pairs(track: Track) -> list[list[TrackStep]]:
    pairs: dict[tuple[int, int], list[TrackStep]] = {}
    for step in track.steps:
        pairs.setdefault((step.before, step.after), []).append(step)
    return list(pairs.values())


def _sentence(track: Track, steps: list[TrackStep]) -> str:
    labels = track_labels(track)
    cases = case_labels([row.parameters for row in track.rows])
    before, after = steps[0].before, steps[0].after
    moved = ", ".join(
        f"{cases[step.row]} {_figure(track, step.row, before)} to "
        f"{_figure(track, step.row, after)} ({show_ratio(step.ratio)})" for step in steps)
    missing = sum(before < one.after <= after for one in track.left_out)
    gap = f" ({missing} between not measured)" if missing else ""
    return f"between {labels[before]} and {labels[after]}{gap}: {moved}"


def _figure(track: Track, row: int, column: int) -> str:
    figure = track.rows[row].figures[column]
    return "-" if figure is None else map_figure(figure, varies=track.rows[row].varies[column])


def what_is_a_step(track: Track) -> str:
    """By how much a figure has to differ from the one before."""
    named = [(kernel.spec, kernel.threshold) for kernel in track.kernels
             if kernel.threshold is not None]
    by = show_thresholds(named) if named else f"{track.threshold:g}%"
    return f"where a figure differs from the one before by more than {by}"


def _number(figures: int) -> str:
    return f"{figures} figure{'' if figures == 1 else 's'}"


def track_sentence(track: Track) -> str:
    """The whole track in one sentence."""
    labels = track_labels(track)
    span = span_of(labels)
    known = [steady for row in track.rows for steady in row.steady]
    unsteady, missing = known.count(False), known.count(None)
    doubt = f" {_number(unsteady)} cannot be judged." if unsteady else ""
    if missing:
        doubt += f" {_number(missing)} {'is' if missing == 1 else 'are'} missing."
    if not track.steps:
        judged = (any(row.steady.count(True) > 1 for row in track.rows)
                  or len(track.kernels) == 1)
        return f"No step over {span}.{doubt}" if judged else (
            f"Nothing can be said of steps over {span}.{doubt}")
    worst = max(track.steps, key=lambda step: step.ratio)
    where = places_in(span, len({(step.before, step.after) for step in track.steps}))
    if worst.ratio <= 1:
        return f"Steps {where}, all of them downward.{doubt}"
    case = case_labels([row.parameters for row in track.rows])[worst.row]
    back = _back(track, worst)
    return (f"{case} takes {show_ratio(worst.ratio)} on {labels[worst.after]} what it took on "
            f"{labels[worst.before]}{'' if back is None else f', and is back on {labels[back]}'}; "
            f"steps {where}.{doubt}")


def span_of(labels: Sequence[str]) -> str:
    """The kernels of a track in a phrase."""
    return labels[0] if len(labels) == 1 else (
        f"{len(labels)} kernels from {labels[0]} to {labels[-1]}")


def places_in(span: str, count: int) -> str:
    """In how many places there are steps, in a phrase."""
    return f"in {count} place{'' if count == 1 else 's'} over {span}"


def _back(track: Track, step: TrackStep) -> int | None:
    """The first kernel after a step on which the case costs no more than before it."""
    row = track.rows[step.row]
    before = row.figures[step.before]
    for column in range(step.after + 1, len(track.kernels)):
        figure = row.figures[column]
        if (row.steady[column] and figure is not None and before is not None
                and figure <= before * (1 + track.threshold / 100)):
            return column
    return None


def track_heat(track: Track, runs: Sequence[Run]) -> HeatPage:
    """Every case on every kernel as its ratio to the first, and how a cell's functions are had."""
    labels = track_labels(track)
    found, rows = [], []
    for label, row in zip(case_labels([row.parameters for row in track.rows]), track.rows,
                          strict=True):
        first, ratios, cells = row.figures[0], [], []
        for column in range(1, len(labels)):
            figure, steady = row.figures[column], row.steady[0] and row.steady[column]
            ratio = figure / first if figure is not None and first else None
            ratios.append(ratio if steady else None)
            said = figure_said(
                (first, figure), track.unit, labels[0], ratio, [] if steady else ["unsteady"],
                varies=(row.varies[0], row.varies[column]),
                reasons=(row.reasons[0], row.reasons[column]))
            cells.append(replace(
                heat_cell(ratio, f"{label} on {labels[column]}: {said}", steady=bool(steady)),
                command="" if None in (first, figure) else why_command(
                    runs[0].kernel, runs[column].kernel, row.parameters,
                    track.conditions.filesystem)))
        found.append(ratios)
        rows.append(HeatRow(family=row.parameters.declared.family, label=label,
                            measures=row.parameters.declared.explained(row.parameters.parameters),
                            figure=map_figure(first, varies=row.varies[0]), cells=cells))
    return heat_page(rows, found, labels=labels, unit=track.unit, anchor="heat")


def track_svg(track: Track, *, alone: bool = True) -> str:
    """The chart, as `lines_svg`."""
    cases = case_labels([row.parameters for row in track.rows])
    return lines_svg(track_labels(track), [
        ChartLine(case, row.figures, [
            f"{_figure(track, number, column)} {track.unit}{'' if steady else ', unsteady'}"
            for column, steady in enumerate(row.steady)])
        for number, (case, row) in enumerate(zip(cases, track.rows, strict=True))],
        title=f"{METRICS[track.metric].title} by kernel, log scale", alone=alone)


@dataclass(frozen=True)
class ChartLine:
    """A line of a chart: its name, and for each kernel its figure, where it has one, and what is
    said of that."""

    name: str
    figures: Sequence[float | None]
    said: Sequence[str]


def lines_svg(labels: Sequence[str], lines: Sequence[ChartLine], *, title: str,
              alone: bool = True) -> str:
    """Figures over kernels, a line each; each mark carries kernel, name and figure as a title for
    pointers and readers.

    `alone`: as a file of its own, with its own dark theme; else for a page that has one.
    """
    values = [figure for line in lines for figure in line.figures if figure and figure > 0]
    low, high = scale(values)

    def across(column: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (column + 0.5) / len(labels)

    def down(value: float) -> float:
        share = (math.log10(value) - low) / (high - low)
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share)

    # Slanted labels nearer to each other than this collide.
    every = max(1, math.ceil(_SLANTED * len(labels) / (_WIDTH - _LEFT - _RIGHT)))
    parts = [f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" '
             f'y2="{y:.1f}"/><text class="dim" x="{_LEFT - 8}" y="{y + 4:.1f}" '
             f'text-anchor="end">{value:,}</text>'
             for value in ticks(low, high) for y in [down(value)]]
    parts += [f'<text class="dim" transform="translate({across(column) + 4:.1f} '
              f'{_HEIGHT - _BOTTOM + 16}) rotate(-45)" text-anchor="end">{escape(label)}</text>'
              for column, label in enumerate(labels)
              if (len(labels) - 1 - column) % every == 0]
    # What is not above 0 has no place on a log scale: the label stands at the last that has one.
    ends = _spread([down(next((figure for figure in reversed(line.figures)
                               if figure and figure > 0), 10**low)) for line in lines])
    for number, (line, end) in enumerate(zip(lines, ends, strict=True)):
        colour = MARKS[number % len(MARKS)].colour
        points = [(across(column), down(figure), column)
                  for column, figure in enumerate(line.figures) if figure and figure > 0]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
        parts.append(f'<polyline class="line" stroke="{colour}" points="{path}"/>')
        parts += [mark(number, x, y, title=f"{line.name} on {labels[column]}: {line.said[column]}")
                  for x, y, column in points]
        x = across(len(labels) - 1)
        parts.append(f'<text x="{x + 12:.1f}" y="{end + 4:.1f}" fill="{colour}" '
                     f'style="fill:{colour}">{escape(line.name)}</text>')
    space = 'xmlns="http://www.w3.org/2000/svg" class="alone" ' if alone else ""
    return (f'<svg {space}role="img" aria-label="{escape(title)}" '
            f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">'
            f'<style>{_STYLE}</style><text x="{_LEFT}" y="16">{escape(title)}</text>'
            f'{"".join(parts)}</svg>\n')


def _spread(wanted: Sequence[float]) -> list[float]:
    """Baselines near the wanted ones and at least a line apart."""
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    placed = list(wanted)
    for above, below in pairwise(order):
        placed[below] = max(placed[below], placed[above] + _GAP)
    over = max(placed, default=0) - (_HEIGHT - 8)  # of many lines that end low
    return [place - max(over, 0) for place in placed]
