# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports on a terminal, as wide as fits: from one line a row down to a block a kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from rich import box
from rich.console import Console, Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from tailwalk.report.chart import shade
from tailwalk.report.grid import (
    BLANK,
    Cell,
    Column,
    Fact,
    Grid,
    GridRow,
    Over,
    Role,
    Said,
    Shown,
    Wraps,
)
from tailwalk.report.names import Name, cut_words
from tailwalk.report.widths import Laid, portions, widths
from tailwalk.report.words import names_release, short_release, show_figure
from tailwalk.words import everywhere, visible

_STYLES = {
    "strong": "bold", "faint": "dim", "doubtful": "yellow",
    "regressed": "red", "improved": "green", "unchanged": "dim", "within noise": "dim",
    "unsteady": "yellow", "unknown": "yellow", "missing": "dim",
    "affected": "red", "not affected": "green", "unclear": "yellow",
    "dearer": "bold red", "cheaper": "bold green",
    "all of it": "green", "part of it": "", "none of it": "red",
}
_RIGHT = ("figure", "ratio", "recovery")
_ASCII_RULE = box.Box("\n".join(["    ", "    ", " -- ", *["    "] * 5]) + "\n", ascii=True)
_NAME, _WORD = 24, 16
"""Characters that names at the left, and others, keep as long as a column can be left out."""
_COOL, _HOT = (255, 255, 255), (178, 24, 43)


class _Layout(NamedTuple):
    """How a kernel's cells are set: the verdict beside the ratio or under it, the recovery in a
    column of its own or under the verdict."""

    verdict_beside: bool
    recovery_column: bool


_LAYOUTS = _Layout(True, True), _Layout(False, True), _Layout(False, False)


def terminal(reports: Shown | Sequence[Shown], console: Console) -> RenderableType:
    """Each report with its title, its parts and its facts, laid out for the console."""
    pages = everywhere([reports] if isinstance(reports, Shown) else reports, visible)
    parts: list[RenderableType] = []
    for page in pages:
        parts += ["", *([_sentence(Said(page.title, "strong"), console)] if page.title else [])]
        blank = False
        for part in page.parts:
            if isinstance(part, Said):
                parts.append(_sentence(part, console))
            else:
                made = _grid(part.seen_in("terminal"), console)
                parts += [""] * (isinstance(made, Group) and not blank) + [made]
            blank = part is BLANK
        if page.facts:
            parts += ["", _footer(page.facts, console)]
    return Group(*parts[1:])


def _sentence(said: Said, console: Console) -> Text:
    text = cut_words(_shown(said.text, console), console.width,
                     ascii_only=_ascii_only(console))
    return Text(text, style=_style(said.tone))


def _style(tone: str) -> str:
    """The style of a tone, which may be of several words: `strong, affected`."""
    return " ".join(_STYLES[word] for word in tone.split(", ") if word)


def _ascii_only(console: Console) -> bool:
    """As the console's options have it, which ask the environment for its size each time."""
    return not console.encoding.startswith("utf")


def _shown(text: str, console: Console) -> str:
    """The text in signs that the terminal can show."""
    return text.replace("×", "x") if _ascii_only(console) else text


def _footer(facts: Sequence[Fact], console: Console) -> Table:
    """Names and texts in two columns, the texts wrapped."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    named = max(len(name) for name, _ in facts)
    grid.add_column(style="dim", width=min(named, console.width // 3))
    grid.add_column(style="dim")
    for name, text in facts:
        grid.add_row(Name(name), Name(_shown(text, console), wraps=True))
    return grid


def _grid(grid: Grid, console: Console) -> RenderableType:
    """The first layout that fits the console's width; else a block a kernel, or what `_fitted`
    makes of it."""
    if any(column.of and column.role == "ratio" for column in grid.columns):
        for layout in _LAYOUTS:
            columns = _laid(grid, console, layout)
            if found := widths(columns, _room(columns, console), console):
                return _table(grid, columns, found, console)
        return _blocks(grid, console)
    return _fitted(grid, console)


def _fitted(grid: Grid, console: Console) -> RenderableType:
    """The table where it fits; else without the columns that are needed least, then with names
    that are cut, then in several parts below each other, each with the first column."""
    columns = _laid(grid, console)
    while True:
        room = _room(columns, console)
        if found := widths(columns, room, console):
            return _table(grid, columns, found, console)
        ranks = [column.rank for column in grid.columns]
        if not any(ranks):
            break
        least_needed = len(ranks) - 1 - ranks[::-1].index(max(ranks))
        grid = grid.with_columns([at for at in range(len(ranks)) if at != least_needed])
        columns = _laid(grid, console)
    if found := widths(columns, room, console, tight=True):
        return _table(grid, columns, found, console)
    joined = [column.role in ("ratio", "recovery") for column in grid.columns]
    tables: list[RenderableType] = []
    for numbers in portions(columns, joined, console.width, _GAP, console):
        part = [columns[number] for number in numbers]
        room = _room(part, console)
        found = widths(part, room, console) or widths(part, room, console, tight=True) or [
            max(room // len(part), 1)] * len(part)
        tables += ["", _table(grid.with_columns(numbers), part, found, console)]
    return Group(*tables[1:])


_GAP = 2
"""Columns between two of a table's."""


def _room(columns: Sequence[Laid], console: Console) -> int:
    """What is left for the texts of a table."""
    return console.width - _GAP * (len(columns) - 1)


def _table(grid: Grid, columns: Sequence[Laid], found: Sequence[int],
           console: Console) -> Table:
    """The columns in these widths."""
    table = Table(box=_ASCII_RULE if _ascii_only(console) else box.SIMPLE_HEAD,
                  show_edge=False, pad_edge=False, header_style="bold",
                  padding=(0, 1, 0, 0))
    for column, width in zip(columns, found, strict=True):
        table.add_column(column.heading, justify="right" if column.right else "left", width=width,
                         no_wrap=not column.gives)
    for number, row in enumerate(grid.rows):
        if row.kind == "total" and grid.rows[number - 1].kind != "total":
            table.add_section()
        table.add_row(*(column.cells[number] for column in columns),
                      style=_STYLES.get(row.kind, ""))
    return table


def _laid(grid: Grid, console: Console, layout: _Layout = _LAYOUTS[0]) -> list[Laid]:
    """A column for each subject, and for each of the grid's that has none."""
    made = []
    for numbers in _columns(grid, layout):
        first = grid.columns[numbers[0]]
        if first.of is not None and first.role == "figure":
            # Verdicts beside the ratios end raggedly, so that only their left edges can line up.
            beside = layout.verdict_beside and any(
                grid.columns[number].role == "verdict" for number in numbers)
            made.append(Laid(heading=_heading(first), right=not beside,
                             cells=list(_joined(grid, numbers, layout, console))))
            continue
        worded = first.role in ("name", "word")
        wraps = first.wraps == "words"
        made.append(Laid(
            heading=Name(first.heading.replace(", ", ",\n"), wraps=True, style="bold"),
            cells=_cells(grid, numbers[0], console), right=first.role in _RIGHT,
            gives="wraps" if wraps else "cut" if worded and first.wraps == "never" else "",
            keeps=first.least or (_NAME if first.role == "name" else _WORD),
            **({"most": len("regression")} if first.role == "recovery" and wraps else {})))
    return made


def _columns(grid: Grid, layout: _Layout) -> Iterator[list[int]]:
    """The grid's columns, those together that make one of the table."""
    for of, group in groupby(range(len(grid.columns)), lambda at: grid.columns[at].of):
        columns = list(group)
        if of is None:
            yield from ([number] for number in columns)
            continue
        apart = [number for number in columns if layout.recovery_column
                 and grid.columns[number].role == "recovery"]
        yield [number for number in columns if number not in apart]
        yield from ([number] for number in apart)


def _heading(column: Column) -> Text:
    """What the column is about, and its release where its name does not say that."""
    assert column.of is not None
    heading, release = Text(column.of.label, style="bold"), column.of.release
    if not release or names_release(str(heading), release):
        return heading
    return heading.append(f"\n{short_release(release)}", style="not bold dim")


def _cells(grid: Grid, number: int, console: Console) -> list[RenderableType]:
    """A column that stands by itself."""
    column = grid.columns[number]
    if column.role not in ("name", "word") or column.wraps == "parts":
        return [_text(row, number, grid, console) for row in grid.rows]
    among = frozenset(row.cells[number].text for row in grid.rows if not row.kind)
    kinds = {"rest": "dim", "total": "bold"} if number == 0 else {}
    return [Name(_shown(cell.text, console), frozenset() if row.kind else among,
                 wraps=column.wraps == "words", style=kinds.get(row.kind) or _style(cell.tone),
                 under=(cell.under, _STYLES.get(cell.under, "dim")))
            for row in grid.rows for cell in [row.cells[number]]]


def _text(row: GridRow, number: int, grid: Grid, console: Console) -> Text:
    cell = row.cells[number]
    if grid.columns[number].wraps == "parts":
        cell = replace(cell, text=cell.text.replace(", ", "\n"))
    if grid.brief:
        if cell.tone == "doubtful":
            return Text(f"({cell.text})", style="yellow")
        cell = replace(cell, under="")
    if grid.columns[number].role == "recovery" and not cell.text:
        return Text("-")
    if grid.columns[number].role == "figure" and grid.judged:
        return Text(cell.text)  # its verdict says what is to be said of it
    return _with_under(_shaded(cell, console), cell)


def _shaded(cell: Cell, console: Console) -> Text:
    if cell.heat is None:
        return Text(_shown(cell.text, console), style=_style(cell.tone))
    # Many places stand beside each other: there is no room for more than whole numbers.
    figure = show_figure(round(float(cell.key)))
    if cell.heat < 0.02:
        return Text(figure)
    return Text(figure, style=Style(color="white" if cell.heat > 0.6 else "black",
                                       bgcolor=shade(cell.heat, _COOL, _HOT)))


def _with_under(text: Text, cell: Cell) -> Text:
    return text.append(f"\n{cell.under}", style=_STYLES.get(cell.under, "dim")) if cell.under else (
        text)


def _joined(grid: Grid, columns: Sequence[int], layout: _Layout,
            console: Console) -> Iterator[Text]:
    """The cells of what is about one kernel as one cell, their parts below each other."""
    roles = [grid.columns[number].role for number in columns]
    beside = [at for at, role in enumerate(roles) if role in ("figure", "ratio") or (
        role == "verdict" and layout.verdict_beside)]
    widths = [max(len(_shown(cell.text, console)) for cell in grid.column(number))
              for number in columns]
    for row in grid.rows:
        cells = [row.cells[number] for number in columns]
        text = Text()
        for at in beside:
            shown = _shown(cells[at].text, console)
            text.append("  " if at else "").append(
                shown.ljust(widths[at]) if roles[at] == "verdict" else shown.rjust(widths[at]),
                style="" if roles[at] == "figure" else _style(cells[at].tone))
        for at in (at for at, role in enumerate(roles) if role == "verdict" and at not in beside):
            text.append("\n").append(cells[at].text, style=_style(cells[at].tone))
        for cell, role in zip(cells, roles, strict=True):
            # A verdict says already that its figure is unsteady.
            if role in ("figure", "ratio") and not (role == "figure" and "verdict" in roles):
                _with_under(text, cell)
        if "recovery" in roles:
            cell = cells[roles.index("recovery")]
            text.append("\nrecovery " if cell.key else "\n").append_text(
                _with_under(_shaded(cell, console), cell))
        yield text


def _blocks(grid: Grid, console: Console) -> RenderableType:
    """A table for each kernel, beside the baseline: for many of them or a narrow terminal."""
    blocks: list[RenderableType] = []
    subjects = [column.of for column in grid.columns if column.of is not None]
    baseline = subjects[0]
    for subject in list(dict.fromkeys(subjects))[1:]:
        shown = "" if names_release(subject.label, subject.release) else (
            f" ({short_release(subject.release)})")
        title = Text(subject.label, style="bold").append(
            f"{shown} against {baseline.label}", style="not bold")
        blocks += ["", title, _fitted(_block(grid, baseline, subject), console)]
    return Group(*blocks[1:])


def _block(grid: Grid, *kernels: Over) -> Grid:
    """Figures, ratios, verdicts and recovery of kernels, each in a column of its own."""
    kept = [number for number, column in enumerate(grid.columns)
            if column.of is None or column.of in kernels]
    wraps: dict[Role, Wraps] = {"name": "words", "recovery": "words"}
    return replace(grid.with_columns(kept), columns=[
        replace(column, of=None, wraps=wraps.get(column.role, "never"),
                rank=int(column.of == grid.columns[1].of), heading=(
                    "baseline" if column.of == grid.columns[1].of else
                    column.heading if column.of is None else column.role))
        for column in (grid.columns[number] for number in kept)])
