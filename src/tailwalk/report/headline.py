# SPDX-License-Identifier: GPL-2.0-or-later
"""What a page opens with: one line for the answer, and one for its size."""

from __future__ import annotations

from collections.abc import Iterator

from tailwalk.compare import Comparison, Row
from tailwalk.report.words import show_figure, show_ratio

_MOST = 0.9
"""The share of a regression from which on most of it is taken back."""


def comparison_answer(comparison: Comparison, labels: list[str]) -> tuple[str, str]:
    """Which kernels cost more and what later ones take back; and by how much."""
    dearer = [column for column in range(1, len(labels)) if _regressed(comparison, column)]
    clauses = [f"{labels[column]} costs more than {labels[0]}"
               if number == 0 else f"so does {labels[column]}"
               for number, column in enumerate(dearer)]
    if comparison.bad is not None:
        clauses += [f"{labels[column]} takes {taken} of it back"
                    for column in range(comparison.bad + 1, len(labels)) if column not in dearer
                    if (taken := _taken(comparison, column))]
    answer = "; ".join(clauses) or f"Nothing costs more than on {labels[0]}"
    return f"{answer}.", " ".join(_sizes(comparison, labels))


def _regressed(comparison: Comparison, column: int) -> list[Row]:
    return [row for row in comparison.rows if row.verdicts[column] == "regressed"]


def _taken(comparison: Comparison, column: int) -> str:
    """How much of a regression a kernel takes back, in a word."""
    known = [share for row in comparison.rows
             if isinstance(share := row.recovery[column], float)]
    if not known:
        return ""
    if min(known) >= 1:
        return "all"
    return "most" if min(known) >= _MOST else "none" if max(known) <= 0 else "part"


def _sizes(comparison: Comparison, labels: list[str]) -> Iterator[str]:
    """A sentence a kernel after the baseline: how far up, in how many cases; or between which
    parts of the baseline; back there are the cases that had regressed."""
    count, bad = len(comparison.rows), comparison.bad
    back_from = bad if bad is not None and _regressed(comparison, bad) else len(labels)
    for column in range(1, len(labels)):
        if sizes := [row.size(column) for row in _regressed(comparison, column)]:
            from_0, size = max(sizes)
            most = f"from 0 to {show_figure(size)}" if from_0 else (
                f"up to {show_ratio(size, times=' times')}")
            yield f"{labels[column]}: {most} in {len(sizes)} of {count}."
            continue
        back = column > back_from
        ratios = [ratio for row in comparison.rows
                  if not back or row.verdicts[back_from] == "regressed"
                  if row.verdicts[column] in ("improved", "unchanged")
                  and (ratio := row.ratios[column]) is not None]
        if ratios:
            ends = dict.fromkeys(show_ratio(end, times="") for end in (min(ratios), max(ratios)))
            yield (f"{labels[column]}: {'back ' if back else ''}"
                   f"at {' to '.join(ends)} of {labels[0]}.")
    if doubtful := comparison.unjudged() + comparison.lacking():
        yield f"{doubtful} not judged."
