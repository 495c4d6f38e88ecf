# SPDX-License-Identifier: GPL-2.0-or-later
"""The chart of the cases, a row a case, one mark a kernel, on a log scale; and the marks and
colours of all charts. Marks are told apart by shape as well as colour, in both themes and on paper.

Positions across are in percent, so that a chart is as wide as its page while text and marks keep
their size, on paper and on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape as escape_html
from itertools import pairwise

from tailwalk.report.words import show_figure, show_ratio
from tailwalk.words import visible

_LANE = 9  # pixels between the marks of two kernels, so that equal figures do not hide each other
_ROOMY = 16  # the same where a ratio is printed beside each mark
_MARGIN = 13
_SHORT = 1.9  # decades
_ROOM, _LABELLED = 0.06, 0.25
"""Shares of a scale that lie beside the marks, without labels and with."""


def escape(text: str) -> str:
    """Text between tags. The XML package would load all of urllib for it."""
    return escape_html(visible(text), quote=False)



@dataclass(frozen=True)
class Dot:
    """A mark: its place in percent across and pixels down, what it stands for in words, and the
    ratio that is printed beside it: `before` it where the line to the mark above comes from behind
    it."""

    mark: Mark
    x: float
    y: int
    said: str
    ratio: str = ""
    before: bool = False


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The whole chart; `ticks` are positions in percent with their labels, and whether one may go
    without its label where there is little room; `rows` are the cases with their marks. `one` is
    where a ratio of 1 lies: the marks of a case are then joined."""

    unit: str
    kernels: list[tuple[str, Mark]]
    ticks: list[tuple[float, str, bool]]
    rows: list[tuple[str, list[Dot]]]
    height: int
    one: float | None = None


def chart(cases: Sequence[str], kernels: Sequence[str],
          figures: Sequence[Sequence[float | None]], *, unit: str,
          ratios: Sequence[Sequence[float | None]] | None = None) -> Chart:
    """The chart of figures by case and kernel, or of their ratios to the first kernel's. What is
    not above 0 has no place on a log scale, and a case of such figures alone has no row."""
    drawn = ratios or figures
    low, high = scale([value for row in drawn for value in row if value and value > 0],
                      room=_ROOM if ratios is None else _LABELLED)
    lane = _LANE if ratios is None else _ROOMY

    def across(value: float) -> float:
        return round(100 * (math.log10(value) - low) / (high - low), 2)

    rows = []
    for case, row, values in zip(cases, drawn, figures, strict=True):
        dots = [Dot(MARKS[number % len(MARKS)], across(value), _MARGIN + number * lane,
                    f"{case} on {kernels[number]}: {show_figure(figure)} {unit}",
                    show_ratio(value) if ratios is not None and number else "")
                for number, (value, figure) in enumerate(zip(row, values, strict=True))
                if value and value > 0 and figure is not None]
        if dots:
            rows.append((case, [replace(dot, before=dot.x < before.x)
                                for before, dot in pairwise([*dots[:1], *dots])]))
    return Chart(
        unit=unit if ratios is None else f"ratio to {kernels[0]}",
        one=None if ratios is None else across(1.0),
        kernels=[(kernel, MARKS[number % len(MARKS)]) for number, kernel in enumerate(kernels)],
        ticks=[(across(value), f"{value:,g}", f"{value:g}".lstrip("0.").startswith("5"))
               for value in (ticks(low, high) if ratios is None else _ratio_ticks(low, high))],
        rows=rows, height=2 * _MARGIN + (len(kernels) - 1) * lane)


def scale(values: Sequence[float], *, room: float = _ROOM) -> tuple[float, float]:
    """The log10 of a scale's ends, which hold every value with `room` of all beside."""
    if not values:
        return 0.0, 1.0
    low, high = math.log10(min(values)), math.log10(max(values))
    beside = max(room * (high - low), 0.08)
    return low - beside, high + beside


def ticks(low: float, high: float) -> list[int]:
    """Whole numbers from 10**low to 10**high: powers of ten, over a short range also 2 and 5
    times these."""
    factors = (1, 2, 5) if high - low < _SHORT else (1,)
    return [factor * 10 ** power for power in range(max(0, math.floor(low)), math.ceil(high) + 1)
            for factor in factors if low <= math.log10(factor * 10 ** power) <= high]


def _ratio_ticks(low: float, high: float) -> list[float]:
    """Ratios from 10**low to 10**high: 1, and doublings of it."""
    step = 1 if high - low < _SHORT else 3
    return [2.0 ** power for power in range(-30, 31, step) if low <= power * math.log10(2) <= high]


@dataclass(frozen=True)
class Mark:
    """A shape, as a path around the origin some 10 units wide, and its colour."""

    path: str
    colour: str


# Hues after Okabe and Ito, which most colour-blind readers tell apart, each dark enough for white
# paper and light enough for a dark page (contrast at least 3 to 1 on both).
MARKS = (
    Mark("M0-5A5 5 0 1 1 0 5A5 5 0 1 1 0-5Z", "#2f7fc1"),
    Mark("M0-6L6 0L0 6L-6 0Z", "#d0521b"),
    Mark("M-4.6-4.6H4.6V4.6H-4.6Z", "#15876a"),
    Mark("M0-5.8L5.6 4.4H-5.6Z", "#a8589e"),
    Mark("M0 5.8L5.6-4.4H-5.6Z", "#a07400"),
    Mark("M-1.8-5.5H1.8V-1.8H5.5V1.8H1.8V5.5H-1.8V1.8H-5.5V-1.8H-1.8Z", "#6d6fc9"),
    Mark("M0-6L1.8-1.8L6 0L1.8 1.8L0 6L-1.8 1.8L-6 0L-1.8-1.8Z", "#7a7f87"),
)


def mark(number: int, x: float, y: float, *, title: str) -> str:
    """The mark of a kernel or case, centred on a point of an SVG, with a title."""
    shape = MARKS[number % len(MARKS)]
    return (f'<path class="mark" d="{shape.path}" fill="{shape.colour}" '
            f'transform="translate({x:.1f} {y:.1f})"><title>{escape(title)}</title></path>')


def shade(heat: float, cool: Sequence[int], hot: Sequence[int]) -> str:
    """The colour between two, at 0 the cool one and at 1 the hot one."""
    red, green, blue = (round(start + heat * (end - start))
                        for start, end in zip(cool, hot, strict=True))
    return f"rgb({red},{green},{blue})"
