# SPDX-License-Identifier: GPL-2.0-or-later
"""The chart of the cases: a row a case, one mark a kernel, on a log scale.

Positions across are in percent, so that a chart is as wide as its page while text and marks keep
their size, on paper and on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tailwalk.report.marks import MARKS, Mark
from tailwalk.report.words import show_figure

_LANE = 9  # pixels between the marks of two kernels, so that equal figures do not hide each other
_MARGIN = 13
_SHORT = 1.9  # decades


@dataclass(frozen=True)
class Dot:
    """A mark: its place in percent across and pixels down, and what it stands for in words."""

    mark: Mark
    x: float
    y: int
    said: str


@dataclass(frozen=True, kw_only=True)
class ChartRow:
    """A case and its marks."""

    label: str
    dots: list[Dot]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The whole chart; `ticks` are positions in percent with their labels, and whether one may go
    without its label where there is little room."""

    unit: str
    kernels: list[tuple[str, Mark]]
    ticks: list[tuple[float, str, bool]]
    rows: list[ChartRow]
    height: int


def chart(cases: Sequence[str], kernels: Sequence[str], figures: Sequence[Sequence[float]], *,
          unit: str) -> Chart:
    """The chart of figures by case and kernel. What is not above 0 has no place on a log scale."""
    values = [value for row in figures for value in row if value > 0]
    low, high = scale(values)

    def across(value: float) -> float:
        return round(100 * (math.log10(value) - low) / (high - low), 2)

    rows = []
    for case, row in zip(cases, figures, strict=True):
        dots = [Dot(MARKS[number % len(MARKS)], across(value), _MARGIN + number * _LANE,
                    f"{case} on {kernels[number]}: {show_figure(value)} {unit}")
                for number, value in enumerate(row) if value > 0]
        rows.append(ChartRow(label=case, dots=dots))
    return Chart(
        unit=unit,
        kernels=[(kernel, MARKS[number % len(MARKS)]) for number, kernel in enumerate(kernels)],
        ticks=[(across(value), f"{value:,}", str(value)[0] == "5")
               for value in ticks(low, high)],
        rows=rows, height=2 * _MARGIN + (len(kernels) - 1) * _LANE)


def scale(values: Sequence[float]) -> tuple[float, float]:
    """The log10 of a scale's ends, which hold every value with some room."""
    if not values:
        return 0.0, 1.0
    low, high = math.log10(min(values)), math.log10(max(values))
    room = max(0.06 * (high - low), 0.08)
    return low - room, high + room


def ticks(low: float, high: float) -> list[int]:
    """Whole numbers from 10**low to 10**high: powers of ten, over a short range also 2 and 5
    times these."""
    factors = (1, 2, 5) if high - low < _SHORT else (1,)
    return [factor * 10 ** power for power in range(max(0, math.floor(low)), math.ceil(high) + 1)
            for factor in factors if low <= math.log10(factor * 10 ** power) <= high]
