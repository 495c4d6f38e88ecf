# SPDX-License-Identifier: GPL-2.0-or-later
"""The comparison as plain text for a mailing list: ASCII, every line under 72 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from msgspec.structs import replace

from tailwalk.compare import Comparison, Row, Verdict
from tailwalk.report.words import (
    UNIT_TITLES,
    case_labels,
    cases_with,
    columns_after_bad,
    comparison_conditions,
    kernel_labels,
    kernel_lines,
    sentence,
    show_figure,
    show_interval,
    show_ratio,
    show_recovery,
    show_recovery_interval,
)

WIDTH = 71  # most columns of a line: plain text in mail stays under 72
_GAP = "  "
_TIMES = "x"
_LONGEST_CASE = 24
_ORDER: tuple[Verdict, ...] = (
    "regressed", "improved", "unchanged", "within noise", "unsteady", "unknown")


def mail(comparison: Comparison) -> str:
    """The verdict, the figures in blocks of as many kernels as fit, and the conditions."""
    comparison = _ascii(comparison)
    parts = [
        f"{UNIT_TITLES[comparison.unit]}, {comparison.rig} rig",
        _wrapped(sentence(comparison, times=_TIMES)),
        *_tables(comparison),
        "\n".join(_verdicts(comparison)),
        _footer(comparison),
    ]
    return "\n\n".join(parts) + "\n"


def _ascii(comparison: Comparison) -> Comparison:
    """The comparison with its texts in ASCII: specs hold paths, and those hold anything.

    Before the layout, since an escape is longer than what it stands for.
    """
    def plain(text: str) -> str:
        return text.encode("ascii", "backslashreplace").decode("ascii")

    conditions = comparison.conditions
    return replace(
        comparison,
        baseline=plain(comparison.baseline),
        kernels=[replace(kernel, spec=plain(kernel.spec), release=plain(kernel.release))
                 for kernel in comparison.kernels],
        conditions=replace(conditions, machine={
            plain(name): plain(value) for name, value in conditions.machine.items()}),
        method=plain(comparison.method), notes=[plain(note) for note in comparison.notes])


def _wrapped(text: str, *, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _tables(comparison: Comparison) -> Iterable[str]:
    """The figures: blocks of whole columns, each with the cases and the baseline."""
    cases = _column("case", [short for short, _ in _case_names(comparison)], left=True)
    baseline = _column(kernel_labels(comparison)[0],
                       [show_figure(row.figures[0]) for row in comparison.rows])
    block = [cases, baseline]
    for column in range(1, len(comparison.kernels)):
        added = _kernel_columns(comparison, column)
        if len(block) > 2 and _width([*block, *added]) > WIDTH:
            yield _joined(block)
            block = [cases, baseline]
        block += added
    yield _joined(block)


def _case_names(comparison: Comparison) -> Iterable[tuple[str, str]]:
    """Each case's label, before it the same or, where it leaves no room for figures, a number."""
    labels = case_labels([row.parameters for row in comparison.rows])
    for number, label in enumerate(labels, start=1):
        yield label if len(label) <= _LONGEST_CASE else f"case {number}", label


def _kernel_columns(comparison: Comparison, column: int) -> list[list[str]]:
    rows = comparison.rows
    figures = _column("", [show_figure(row.figures[column]) for row in rows])
    ratios = _column("", [_ratio(row, column) for row in rows])
    cells = [f"{figure}{_GAP}{ratio}" for figure, ratio in zip(figures, ratios, strict=True)]
    columns = [_column(kernel_labels(comparison)[column], cells[1:])]
    if column in columns_after_bad(comparison):
        recoveries = [f"{show_recovery(row.recovery[column])} "
                      f"{show_recovery_interval(row, column)}".rstrip() for row in rows]
        columns.append(_column("recovery", recoveries))
    return columns


def _ratio(row: Row, column: int) -> str:
    ratio, evidence = show_ratio(row.ratios[column], times=_TIMES), row.evidence[column]
    return f"{ratio} {show_interval(evidence.interval)}" if evidence else ratio


def _column(heading: str, cells: list[str], *, left: bool = False) -> list[str]:
    width = max(map(len, [heading, *cells]))
    return [cell.ljust(width) if left else cell.rjust(width) for cell in [heading, *cells]]


def _width(columns: list[list[str]]) -> int:
    return sum(len(column[0]) for column in columns) + len(_GAP) * (len(columns) - 1)


def _joined(columns: list[list[str]]) -> str:
    return "\n".join(_GAP.join(line).rstrip() for line in zip(*columns, strict=True))


def _verdicts(comparison: Comparison) -> Iterable[str]:
    """Every case's verdict, by kernel."""
    for column in range(1, len(comparison.kernels)):
        groups = [f"{verdict} {', '.join(labels)}" for verdict in _ORDER
                  if (labels := cases_with(comparison, column, verdict))]
        yield _wrapped(f"{kernel_labels(comparison)[column]}: {'; '.join(groups)}",
                       indent="    ")


def _footer(comparison: Comparison) -> str:
    numbered = [(short, label) for short, label in _case_names(comparison) if short != label]
    lines = numbered + kernel_lines(comparison) + comparison_conditions(comparison)
    return "\n".join(_wrapped(f"{name}: {text}", indent="    ") for name, text in lines)
