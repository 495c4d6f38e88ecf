# SPDX-License-Identifier: GPL-2.0-or-later
"""A table of figures by kernel or fill, as a page has it: with a chart, and for a phone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from tailwalk.report.chart import MARKS, Chart, Mark, chart
from tailwalk.report.grid import Cell, Column, Grid, GridRow, Over
from tailwalk.report.words import short_release

MOST_CHARTED = 40
"""Cases of which a chart with a line each says more than the table."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A table of figures with its chart; `narrow` is the table for a phone, `notes` are what there
    is to say below."""

    caption: str
    grid: Grid
    chart: Chart | None
    narrow: Grid | None = None
    notes: Sequence[str] = ()

    @property
    def recovering(self) -> bool:
        """Does it say what is recovered?"""
        return any(column.role == "recovery" for column in self.grid.columns)

    def heads(self) -> Iterator[tuple[Over, Mark, list[Column]]]:
        """What the columns are about, each with its mark and its own columns."""
        groups = groupby(self.grid.columns[1:], lambda column: column.of)
        for number, (over, columns) in enumerate(groups):
            if over is not None:
                yield (replace(over, release=short_release(over.release)),
                       MARKS[number % len(MARKS)], list(columns))


def figures_of(grid: Grid, figures: Sequence[Sequence[float | None]], unit: str,
               caption: str, *,
               ratios: Sequence[Sequence[float | None]] | None = None) -> Figures:
    """The table of a grid; `figures` and `ratios` to the first of them are those of its rows, by
    kernel."""
    kernels = [over.label for over in dict.fromkeys(column.of for column in grid.columns) if over]
    drawn = chart([cell.text for cell in grid.column(0)], kernels, figures, unit=unit,
                  ratios=ratios) if len(figures) <= MOST_CHARTED else None
    return Figures(caption=caption, grid=grid, chart=drawn,
                   narrow=None if ratios is None else narrow(grid))


def narrow(grid: Grid) -> Grid:
    """Ratios with their figures below them, the recovery below that, and the baseline last."""
    overs = [over for over in dict.fromkeys(column.of for column in grid.columns) if over]
    columns = [grid.columns[0], *(Column(over.label, "ratio") for over in overs[1:]),
               Column(overs[0].label)]

    def cells(row: GridRow) -> Iterator[Cell]:
        yield row.cells[0]
        for over in overs[1:]:
            of = {column.role: cell for column, cell in zip(grid.columns, row.cells, strict=True)
                  if column.of == over}
            back = of["recovery"].text if "recovery" in of else ""
            yield replace(of["ratio"], under=", ".join(filter(None, [
                of["figure"].text, back if back.endswith("%") or back == "all" else ""])))
        yield row.cells[1]

    return Grid(columns=columns, rows=[replace(row, cells=list(cells(row))) for row in grid.rows])
