# SPDX-License-Identifier: GPL-2.0-or-later
"""A heat map of ratios: cases by kernels, and families by kernels over it; blue where a case costs
less than on the first kernel, red where it costs more, the deeper the more doublings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tailwalk.report.grid import Grid
from tailwalk.report.words import show_figure, show_ratio

_DEEPEST = 2.0
"""Doublings beyond which no cell is deeper: four times, or a quarter."""

_FAINTEST = 0.005
"""What a ratio differs from 1 by at least to have a colour: it is shown as another number then."""


@dataclass(frozen=True, kw_only=True)
class HeatCell:
    """A case, or a family, on a kernel after the first.

    Attributes:
        text: the ratio in three digits, or why there is none in a sign.
        depth: of the colour, in percent.
        kind: `dearer`, `cheaper`, `doubtful`, `missing`, or nothing.
        said: everything that there is to say of it.
        command: the command line that gives its functions; nothing where there is no figure.
        line: the anchor of the line that says all this.
        link: the anchor of its functions, or of the family's cases; nothing where there are none.
        under: what stands under the ratio in smaller letters.
    """

    text: str
    depth: int = 0
    kind: str = ""
    said: str
    command: str = ""
    line: str = ""
    link: str = ""
    under: str = ""


@dataclass(frozen=True, kw_only=True)
class HeatRow:
    """A case: its family, its label, what it measures, the first kernel's figure, and its cells."""

    family: str
    label: str
    measures: str
    figure: str
    cells: Sequence[HeatCell]


@dataclass(frozen=True, kw_only=True)
class Family:
    """Cases of one family: their geometric means as cells, and their rows."""

    name: str
    anchor: str
    cells: Sequence[HeatCell]
    rows: Sequence[HeatRow]


@dataclass(frozen=True, kw_only=True)
class HeatPage:
    """What the template sets.

    Attributes:
        first: the first kernel's label.
        kernels: the labels of the others.
        unit: of the figures.
        families: in the order of their first cases.
        scale: the ratios of the key, each with the kind and the depth of its colour.
    """

    first: str
    kernels: Sequence[str]
    unit: str
    families: Sequence[Family]
    scale: Sequence[HeatCell]

    @property
    def labels(self) -> list[str]:
        """Those of all kernels."""
        return [self.first, *self.kernels]


def heat_cell(ratio: float | None, said: str, *, steady: bool = True) -> HeatCell:
    """The cell of a ratio; None where there is no figure, there or on the first kernel."""
    if ratio is None:
        return HeatCell(text="–", kind="missing", said=said)
    text = show_ratio(ratio, times="")
    if not steady:
        return HeatCell(text=f"({text})", kind="doubtful", said=said)
    if ratio <= 0 or abs(ratio - 1) < _FAINTEST:
        return HeatCell(text=text, kind="cheaper" if ratio <= 0 else "",
                        depth=100 if ratio <= 0 else 0, said=said)
    doublings = math.log2(ratio)
    return HeatCell(text=text, kind="dearer" if doublings > 0 else "cheaper", said=said,
                    depth=max(1, round(100 * min(abs(doublings) / _DEEPEST, 1))))


def weighted(grid: Grid) -> Grid:
    """The grid with a colour for each ratio, the deeper the more it differs from 1."""
    ratios = [number for number, column in enumerate(grid.columns) if column.role == "ratio"]
    return replace(grid, rows=[replace(row, cells=[
        replace(cell, heat=heat_cell(float(cell.key), "").depth / 100)
        if number in ratios and cell.key and cell.tone in ("regressed", "improved") else cell
        for number, cell in enumerate(row.cells)]) for row in grid.rows])


def heat_page(rows: Sequence[HeatRow], ratios: Sequence[Sequence[float | None]], *,
              labels: Sequence[str], unit: str, anchor: str) -> HeatPage:
    """The map of rows, whose ratios by kernel after the first are given, None where one is of no
    use; `labels` are the kernels', and `anchor` is what the families' begin with."""
    families: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        families.setdefault(row.family, []).append(number)
    rows = [replace(row, cells=[
        replace(cell, line=f"{anchor}-case-{number}-{column}")
        for column, cell in enumerate(row.cells, start=1)])
        for number, row in enumerate(rows, start=1)]
    return HeatPage(
        first=labels[0], kernels=labels[1:], unit=unit,
        families=[_family(name, f"{anchor}-{place}", [rows[number] for number in members],
                          [ratios[number] for number in members], labels)
                  for place, (name, members) in enumerate(families.items(), start=1)],
        scale=[replace(heat_cell(ratio, ""), text=text) for ratio, text in (
            (0.25, "¼ or less"), (0.5, "½"), (1.0, "same"), (2.0, "2×"), (4.0, "4× or more"))])


def _family(name: str, anchor: str, rows: Sequence[HeatRow],
            ratios: Sequence[Sequence[float | None]], labels: Sequence[str]) -> Family:
    cells = []
    for column, label in enumerate(labels[1:]):
        found = [ratio for line in ratios if (ratio := line[column]) is not None and ratio > 0]
        mean = math.exp(sum(map(math.log, found)) / len(found)) if found else None
        least, most = (show_ratio(end(found, default=0), times="") for end in (min, max))
        span = f"{least} to {most}" if least != most else ""
        said = (f"{name} on {label}: no case with a ratio" if mean is None else
                f"{name} on {label}: {show_ratio(mean)} of {labels[0]}, the geometric mean of "
                f"{len(found)} case{'s' if len(found) > 1 else ''}{', ' * bool(span)}{span}")
        cells.append(replace(heat_cell(mean, said), link=anchor, under=span))
    return Family(name=name, anchor=anchor, cells=cells, rows=rows)


def map_figure(figure: float | None, *, varies: bool) -> str:
    """A figure as the map has it; with a sign where it is a median."""
    return "–" if figure is None else f"{'~' if varies else ''}{show_figure(figure)}"


def figure_said(figures: tuple[float | None, float | None], unit: str, first: str,
                ratio: float | None, further: Sequence[str], *, varies: tuple[bool, bool],
                reasons: tuple[str | None, str | None]) -> str:
    """A cell in words: the figure beside the first kernel's and what more there is to say of it, or
    why one of them is missing."""
    before, after = figures
    if before is None or after is None:
        return "; ".join(filter(None, (reasons[1], reasons[0] and f"{reasons[0]} ({first})")))
    shown = "against" if ratio is None else f"{show_ratio(ratio)} of"
    return "; ".join([f"{map_figure(after, varies=varies[1])} {unit}, {shown} "
                      f"{map_figure(before, varies=varies[0])} on {first}", *further])
