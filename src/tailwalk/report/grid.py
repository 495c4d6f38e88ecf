# SPDX-License-Identifier: GPL-2.0-or-later
"""What is shown, before it is known where: tables of texts, sentences and conditions.

A grid is built once for each thing that can be shown. How it looks on a terminal, in mail, in
Markdown or on a page is the business of the renderer of that name, and so is what it leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Literal

Role = Literal["name", "word", "figure", "ratio", "verdict", "recovery"]
Wraps = Literal["never", "words", "parts"]
Medium = Literal["terminal", "page"]
Kind = Literal["", "strong", "faint", "rest", "total"]
Fact = tuple[str, str]
"""A condition or a note: its name and its text."""


@dataclass(frozen=True)
class Cell:
    """A cell of a grid.

    Attributes:
        text: what it says.
        tone: how it is meant: a verdict or a state, `doubtful`, `strong`, `faint`, or nothing.
        under: what stands with it in smaller letters, such as an interval.
        key: the exact value, to sort by.
        said: what it says to a pointer that rests on it.
        heat: of a heat map's cell: 0 at the cheapest, 1 at the hottest.
    """

    text: str
    tone: str = ""
    _: KW_ONLY
    under: str = ""
    key: str = ""
    said: str = ""
    heat: float | None = None


@dataclass(frozen=True, kw_only=True)
class Over:
    """What several columns are about: a kernel, or a fill; its part in the comparison, if any."""

    label: str
    release: str = ""
    part: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a grid.

    Attributes:
        heading: its name.
        role: what its cells are; names and words begin at the left.
        of: what it is about, where that is named over several columns.
        wraps: whether a text may go on below at a blank (`words`), or does so behind each comma
            (`parts`).
        only: the one medium that has room for it, or use.
        least: characters that its names and words keep on a terminal before they are cut.
        rank: how little it is needed: of the columns that a terminal has no room for, those of
            the highest rank are left out first, and those of 0 never.
    """

    heading: str
    role: Role = "figure"
    _: KW_ONLY
    of: Over | None = None
    wraps: Wraps = "never"
    only: Medium | None = None
    least: int | None = None
    rank: int = 0


@dataclass(frozen=True)
class GridRow:
    """A line of a grid: a cell for each column, the first being its name.

    `kind`: `rest` sums up lines that are left out, `total` all of them; `strong` and `faint` are
    tones of the whole line.
    """

    cells: Sequence[Cell]
    kind: Kind = ""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table.

    `brief`: there is no room for second lines in its cells; what is doubtful stands in
    parentheses.
    """

    columns: Sequence[Column]
    rows: Sequence[GridRow]
    brief: bool = False

    @property
    def judged(self) -> bool:
        """Does it hold verdicts?"""
        return any(column.role == "verdict" for column in self.columns)

    def seen_in(self, medium: Medium) -> Grid:
        """The grid without what only another medium shows."""
        kept = [number for number, column in enumerate(self.columns)
                if column.only in (None, medium)]
        return self.with_columns(kept)

    def with_columns(self, kept: Sequence[int]) -> Grid:
        """Some of the columns, in the order named."""
        return replace(self, columns=[self.columns[number] for number in kept],
                       rows=[replace(row, cells=[row.cells[number] for number in kept])
                             for row in self.rows])

    def column(self, number: int) -> list[Cell]:
        """The cells of a column."""
        return [row.cells[number] for row in self.rows]


@dataclass(frozen=True)
class Said:
    """A sentence or a line of its own, and its tone."""

    text: str
    tone: str = ""


BLANK = Said("")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One thing that is shown: its title, grids and sentences, and what a reader has to know to
    repeat or doubt the figures."""

    title: str
    parts: Sequence[Grid | Said]
    facts: Sequence[Fact] = ()

    @property
    def grid(self) -> Grid:
        """The first grid, which the report is about."""
        return next(part for part in self.parts if isinstance(part, Grid))

    @property
    def sentence(self) -> str:
        """The first sentence, which is the verdict."""
        return next(part.text for part in self.parts if isinstance(part, Said) and part.text)


def grid_of(columns: Sequence[Column], rows: Sequence[Sequence[str | Cell]]) -> Grid:
    """A grid of texts, or of cells where one is more than its text."""
    return Grid(columns=columns, rows=[GridRow([cell if isinstance(cell, Cell) else Cell(cell)
                                            for cell in row]) for row in rows])
