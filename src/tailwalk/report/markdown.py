# SPDX-License-Identifier: GPL-2.0-or-later
"""A comparison as a Markdown table, for issues, commit pages and READMEs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from tailwalk.compare import Comparison
from tailwalk.report.comparison import comparison_shown
from tailwalk.report.grid import Cell, Grid, GridRow, Said, Shown
from tailwalk.words import visible

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#&~"})


def markdown(comparison: Comparison) -> str:
    """The verdict, one table whatever the number of kernels (for each metric), and the conditions
    as a list."""
    lines: list[str] = []
    for shown in comparison_shown(comparison):
        lines += [*_lines(shown), ""]
    lines += [f"- {_plain(name)}: {_plain(text)}" for name, text in shown.facts]
    return "\n".join(lines) + "\n"


def shown_markdown(shown: Shown) -> str:
    """A table as it is, with what is said below it, and the conditions as a list."""
    grid = shown.grid.seen_in("page")
    lines = [f"**{_plain(shown.title)}**", "", _line(_plain(column.heading)
                                                     for column in grid.columns),
             _line(["---", *["---:"] * (len(grid.columns) - 1)]),
             *(_line(_plain(cell.text) for cell in row.cells) for row in grid.rows), ""]
    for part in shown.parts:
        if isinstance(part, Said) and part.text:
            lines += [_plain(part.text), ""]
    lines += [f"- {_plain(name)}: {_plain(text)}" for name, text in shown.facts]
    return "\n".join(lines) + "\n"


def _lines(shown: Shown) -> Iterator[str]:
    """The verdict and the table of a metric."""
    grid = shown.grid
    # Verdicts and ratios stand in one column with the figures.
    headings = [_plain(column.heading if column.of is None or column.role == "recovery"
                       else column.of.label)
                for column in grid.columns if column.role not in ("ratio", "verdict")]
    yield from (f"**{shown.title}.** {_plain(shown.sentence)}", "", _line(headings),
                _line(["---", *["---:"] * (len(headings) - 1)]))
    yield from (_line(_cells(grid, row)) for row in grid.rows)


def _plain(text: str) -> str:
    """Text that Markdown renders as it stands."""
    return visible(text).translate(_SPECIAL)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(grid: Grid, row: GridRow) -> Iterable[str]:
    yield _plain(row.cells[0].text)
    for _, numbers in groupby(range(1, len(row.cells)), lambda number: grid.columns[number].of):
        cells = {grid.columns[number].role: row.cells[number] for number in numbers}
        figure = cells["figure"]
        said = ([figure.under] if figure.under else []) if "verdict" not in cells else (
            [cells["verdict"].text] if figure.tone == "missing" else
            [_text(cells["ratio"]), cells["verdict"].text])
        yield f"{figure.text} ({', '.join(said)})" if said else figure.text
        if "recovery" in cells:
            yield _text(cells["recovery"])


def _text(cell: Cell) -> str:
    return f"{cell.text} {_plain(cell.under)}".rstrip()
