# SPDX-License-Identifier: GPL-2.0-or-later
"""A comparison as plain text for a mailing list: ASCII, every line under 72 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Literal

from tailwalk.compare import Comparison, Verdict
from tailwalk.compare.program import ComparedProgram
from tailwalk.report.comparison import comparison_shown
from tailwalk.report.grid import Cell, Fact, Grid, Over, Said
from tailwalk.report.program import program_shown
from tailwalk.words import everywhere, visible

WIDTH = 71  # most columns of a line: plain text in mail stays under 72
_GAP = "  "
_LONGEST_CASE = 24
_LONGEST_CALL = 30
_CALLS = 40
_ORDER: tuple[Verdict | Literal["accepted"], ...] = (
    "regressed", "accepted", "improved", "unchanged", "within noise", "unsteady", "unknown",
    "missing")


def mail(comparison: Comparison) -> str:
    """The verdict, the figures in blocks of as many kernels as fit, and the conditions."""
    comparison = everywhere(comparison, _plain)
    parts: list[str] = []
    facts: dict[Fact, None] = {}
    for shown in comparison_shown(comparison):
        grid = shown.grid
        cases = [cell.text for cell in grid.column(0)]
        short, meant = _short(cases, "case", _LONGEST_CASE)
        facts |= dict.fromkeys(meant)
        parts += [f"{shown.title}, {comparison.rig} rig", _wrapped(shown.sentence),
                  *_tables(grid, short, "case"), "\n".join(_verdicts(grid, cases))]
        facts |= dict.fromkeys(shown.facts)
    return _mail(parts, facts)


def program_mail(compared: ComparedProgram) -> str:
    """What differs of a program, its calls in blocks of as many kernels as fit, and the
    conditions."""
    shown = everywhere(program_shown(compared, shown=_CALLS), _plain)
    name, _, *kernels, _ = shown.grid.columns  # counts and the last difference find no room
    over = [Over(label=column.heading) for column in kernels if column.role == "figure"]
    grid = replace(shown.grid.with_columns([0, *range(2, len(kernels) + 2)]), columns=[
        name, *(replace(column, of=over[(at + 1) // 2]) for at, column in enumerate(kernels))])
    calls, meant = _short([cell.text for cell in grid.column(0)], "call", _LONGEST_CALL)
    said = [_wrapped(part.text, indent="    ") for part in shown.parts
            if isinstance(part, Said) and part.text]
    return _mail([_wrapped(shown.title), "\n".join(said), *_tables(grid, calls, name.heading)],
                 [*meant, *shown.facts])


def _plain(text: str) -> str:
    """Before the layout, since an escape is longer than what it stands for."""
    return visible(text).replace("×", "x").encode("ascii", "backslashreplace").decode()


def _short(labels: Sequence[str], what: str, most: int) -> tuple[list[str], list[Fact]]:
    """The labels, a number instead of one that leaves no room for figures, and what such mean."""
    short = [label if len(label) <= most else f"{what} {number}"
             for number, label in enumerate(labels, start=1)]
    return short, [pair for pair in zip(short, labels, strict=True) if pair[0] != pair[1]]


def _mail(parts: Sequence[str], facts: Iterable[Fact]) -> str:
    lines = [_wrapped(f"{name}: {text}" if name else f"    {text}", indent="    ")
             for name, text in facts]
    return "\n\n".join([*parts, "\n".join(lines)]).replace("×", "x") + "\n"


def _wrapped(text: str, *, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _tables(grid: Grid, names: Sequence[str], heading: str) -> Iterable[str]:
    """The figures: blocks of whole columns, each with the names and the baseline."""
    first = _column(heading, names, left=True)
    baseline, *kernels = (list(_kernel_columns(grid, list(numbers))) for over, numbers in groupby(
        range(1, len(grid.columns)), lambda number: grid.columns[number].of))
    block = [first, *baseline]
    for added in kernels:
        width = sum(len(column[0]) + len(_GAP) for column in [*block, *added]) - len(_GAP)
        if len(block) > 2 and width > WIDTH:
            yield _joined(block)
            block = [first, *baseline]
        block += added
    yield _joined(block)


def _kernel_columns(grid: Grid, numbers: Sequence[int]) -> Iterable[list[str]]:
    """The figures beside their ratios, and the recovery; the verdicts have lines of their own."""
    over = grid.columns[numbers[0]].of
    found = {grid.columns[number].role: [_text(cell) for cell in grid.column(number)]
             for number in numbers}
    figures = [cell.text for cell in grid.column(numbers[0])]
    parts = [_column("", figures), *([_column("", found["ratio"])] if "ratio" in found else [])]
    yield _column(over.label if over else "", [_GAP.join(line) for line in list(
        zip(*parts, strict=True))[1:]])
    if "recovery" in found:
        yield _column("recovery", found["recovery"])


def _text(cell: Cell) -> str:
    return f"{cell.text} {cell.under}".rstrip()


def _column(heading: str, cells: Sequence[str], *, left: bool = False) -> list[str]:
    width = max(map(len, [heading, *cells]))
    return [cell.ljust(width) if left else cell.rjust(width) for cell in [heading, *cells]]


def _joined(columns: list[list[str]]) -> str:
    return "\n".join(_GAP.join(line).rstrip() for line in zip(*columns, strict=True))


def _verdicts(grid: Grid, cases: Sequence[str]) -> Iterable[str]:
    """Every case's verdict, by kernel."""
    for number, column in enumerate(grid.columns):
        if column.role != "verdict" or column.of is None:
            continue
        verdicts = [cell.text for cell in grid.column(number)]
        groups = [f"{verdict} {', '.join(labels)}" for verdict in _ORDER if (labels := [
            case for case, found in zip(cases, verdicts, strict=True) if found == verdict])]
        yield _wrapped(f"{column.of.label}: {'; '.join(groups)}", indent="    ")
