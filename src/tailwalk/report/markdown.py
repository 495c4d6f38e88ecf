# SPDX-License-Identifier: GPL-2.0-or-later
"""The comparison as a Markdown table, for issues, commit pages and READMEs."""

from __future__ import annotations

from collections.abc import Iterable

from tailwalk.compare import Comparison, Row
from tailwalk.report.words import (
    UNIT_TITLES,
    case_labels,
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

_TIMES = "×"
_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#"})


def markdown(comparison: Comparison) -> str:
    """The verdict, one table whatever the number of kernels, and the conditions as a list."""
    recovering = columns_after_bad(comparison)
    headings, marks = ["case"], ["---"]
    for column, kernel in enumerate(kernel_labels(comparison)):
        headings += [_plain(kernel), *(["recovery"] if column in recovering else [])]
        marks += ["---:", *(["---:"] if column in recovering else [])]
    labels = case_labels([row.parameters for row in comparison.rows])
    lines = [
        f"**{UNIT_TITLES[comparison.unit]}.** "
        f"{_plain(sentence(comparison, times=_TIMES))}",
        "",
        _line(headings),
        _line(marks),
        *(_line([_plain(label), *_cells(comparison, row)])
          for label, row in zip(labels, comparison.rows, strict=True)),
        "",
        *(f"- {_plain(name)}: {_plain(text)}"
          for name, text in kernel_lines(comparison) + comparison_conditions(comparison)),
    ]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text that Markdown renders as it stands."""
    return text.translate(_SPECIAL)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(comparison: Comparison, row: Row) -> Iterable[str]:
    for column in range(len(comparison.kernels)):
        figure = show_figure(row.figures[column])
        if column == 0:
            yield figure if row.steady[0] else f"{figure} (unsteady)"
            continue
        ratio, evidence = show_ratio(row.ratios[column], times=_TIMES), row.evidence[column]
        if evidence is not None:
            ratio = f"{ratio} {_plain(show_interval(evidence.interval))}"
        yield f"{figure} ({ratio}, {row.verdicts[column]})"
        if column in columns_after_bad(comparison):
            interval = _plain(show_recovery_interval(row, column))
            yield f"{show_recovery(row.recovery[column])} {interval}".rstrip()
