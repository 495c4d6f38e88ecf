# SPDX-License-Identifier: GPL-2.0-or-later
"""A track as one self-contained SVG: counts over kernels, a line a case, on a log scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape as escape_html
from itertools import pairwise

from tailwalk.compare.steps import Track
from tailwalk.report.chart import scale, ticks
from tailwalk.report.marks import MARKS, escape, mark
from tailwalk.report.track import track_labels
from tailwalk.report.words import case_labels, show_figure
from tailwalk.runs.metrics import METRICS

_WIDTH = 760
_TOP, _BOTTOM, _LEFT, _RIGHT = 34, 78, 66, 118
_HEIGHT = 400
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


def track_svg(track: Track, *, alone: bool = True) -> str:
    """The chart; each mark carries kernel, case and figure as a title for pointers and readers.

    `alone`: as a file of its own, with its own dark theme; else for a page that has one.
    """
    labels = track_labels(track)
    cases = case_labels([row.parameters for row in track.rows])
    values = [figure for row in track.rows for figure in row.figures if figure > 0]
    low, high = scale(values)

    def across(column: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (column + 0.5) / len(labels)

    def down(value: float) -> float:
        share = (math.log10(value) - low) / (high - low)
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share)

    parts = [*_axis(low, high, down), *_columns(labels, across)]
    # What is not above 0 has no place on a log scale: the label stands at the last that has one.
    ends = _spread([down(next((figure for figure in reversed(row.figures) if figure > 0), 10**low))
                    for row in track.rows])
    for number, (case, row, end) in enumerate(zip(cases, track.rows, ends, strict=True)):
        colour = MARKS[number % len(MARKS)].colour
        points = [(across(column), down(figure), column)
                  for column, figure in enumerate(row.figures) if figure > 0]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
        parts.append(f'<polyline class="line" stroke="{colour}" points="{path}"/>')
        for x, y, column in points:
            said = (f"{case} on {labels[column]}: {show_figure(row.figures[column])} {track.unit}"
                    f"{'' if row.steady[column] else ', unsteady'}")
            parts.append(mark(number, x, y, title=said))
        x = across(len(labels) - 1)
        parts.append(f'<text x="{x + 12:.1f}" y="{end + 4:.1f}" fill="{colour}" '
                     f'style="fill:{colour}">{escape(case)}</text>')
    title = f"{METRICS[track.metric].title} by kernel, log scale"
    space = 'xmlns="http://www.w3.org/2000/svg" class="alone" ' if alone else ""
    return (f'<svg {space}role="img" aria-label="{escape_html(title)}" '
            f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">'
            f'<style>{_STYLE}</style><text x="{_LEFT}" y="16">{escape(title)}</text>'
            f'{"".join(parts)}</svg>\n')


def _axis(low: float, high: float, down: Callable[[float], float]) -> list[str]:
    parts = []
    for value in ticks(low, high):
        y = down(value)
        parts.append(f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" '
                     f'y2="{y:.1f}"/><text class="dim" x="{_LEFT - 8}" y="{y + 4:.1f}" '
                     f'text-anchor="end">{value:,}</text>')
    return parts


def _columns(labels: Sequence[str], across: Callable[[int], float]) -> list[str]:
    y = _HEIGHT - _BOTTOM + 16
    return [f'<text class="dim" transform="translate({across(column) + 4:.1f} {y}) rotate(-45)" '
            f'text-anchor="end">{escape(label)}</text>' for column, label in enumerate(labels)]


def _spread(wanted: Sequence[float]) -> list[float]:
    """Baselines near the wanted ones and at least a line apart."""
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    placed = list(wanted)
    for above, below in pairwise(order):
        placed[below] = max(placed[below], placed[above] + _GAP)
    return placed
