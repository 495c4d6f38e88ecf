# SPDX-License-Identifier: GPL-2.0-or-later
"""A comparison as plain text for a mailing list: ASCII, every line under 72 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal

from tailwalk.compare import Comparison, Verdict
from tailwalk.report.comparison import comparison_shown
from tailwalk.report.grid import Cell, Fact, Grid
from tailwalk.words import everywhere, visible

WIDTH = 71  # most columns of a line: plain text in mail stays under 72
_GAP = "  "
_LONGEST_CASE = 24
_ORDER: tuple[Verdict | Literal["accepted"], ...] = (
    "regressed", "accepted", "improved", "unchanged", "within noise", "unsteady", "unknown",
    "missing")


def mail(comparison: Comparison) -> str:
    """The verdict, the figures in blocks of as many kernels as fit, and the conditions."""
    # Before the layout, since an escape is longer than what it stands for.
    comparison = everywhere(comparison, lambda text: visible(text).encode(
        "ascii", "backslashreplace").decode())
    parts: list[str] = []
    facts: dict[Fact, None] = {}
    for shown in comparison_shown(comparison):
        grid = shown.grid
        cases = [cell.text for cell in grid.column(0)]
        # Where a label leaves no room for figures, a number stands for it.
        short = [label if len(label) <= _LONGEST_CASE else f"case {number}"
                 for number, label in enumerate(cases, start=1)]
        facts |= {(name, label): None for name, label in zip(short, cases, strict=True)
                  if name != label}
        parts += [f"{shown.title}, {comparison.rig} rig", _wrapped(shown.sentence),
                  *_tables(grid, short), "\n".join(_verdicts(grid, cases))]
        facts |= dict.fromkeys(shown.facts)
    parts.append("\n".join(_wrapped(f"{name}: {text}", indent="    ") for name, text in facts))
    return "\n\n".join(parts).replace("×", "x") + "\n"


def _wrapped(text: str, *, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _tables(grid: Grid, cases: Sequence[str]) -> Iterable[str]:
    """The figures: blocks of whole columns, each with the cases and the baseline."""
    first = _column("case", cases, left=True)
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
