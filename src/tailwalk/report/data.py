# SPDX-License-Identifier: GPL-2.0-or-later
"""Comparisons for other tools, as CSV with one line a case, or kind of call, and kernel."""

from __future__ import annotations

from collections.abc import Sequence

from tailwalk.cases.case import COLUMNS
from tailwalk.compare import Comparison
from tailwalk.compare.program import ComparedProgram
from tailwalk.runs.export import csv_text

_COLUMNS = (
    "case", "call", *COLUMNS, "kernel", "release", "figure", "unit", "rig",
    "ratio", "verdict", "recovery", "steady", "share", "written_order",
    "ratio_low", "ratio_high", "p_value", "threshold")
_ACCEPTED = ("accepted", "accepted_ratio", "accepted_until", "accepted_reason")


def comparison_csv(comparison: Comparison) -> str:
    """One line a metric, case and kernel, the baseline's too; sizes in bytes, ratios and shares of
    1, thresholds in percent. Parameters without a column follow in one, where any case has such;
    then why a figure is missing, where any is; then what a file of accepted differences says of
    regressions, where it does of any.

    An undefined recovery is the word for why; a field that does not apply is empty.
    """
    further = any(row.parameters.further for row in comparison.rows)
    accepting = bool(comparison.spoken_of)
    lacking = any(None in row.figures for row in comparison.rows)
    rows: list[Sequence[object]] = []
    for row in comparison.rows:
        case = row.parameters
        for column, kernel in enumerate(comparison.kernels):
            evidence, one = row.evidence[column], comparison.acceptance(row, column)
            tested = (*evidence.interval, evidence.p_value) if evidence else (None, None, None)
            rows.append([
                case.name, case.workload, *map(case.get, COLUMNS),
                kernel.spec, kernel.release, row.figures[column], row.unit,
                comparison.rig, row.ratios[column], row.verdicts[column], row.recovery[column],
                row.steady[column], row.shares[column], row.written[column], *tested,
                kernel.threshold and kernel.threshold.percent,
                *([case.further] if further else []),
                *([row.reasons[column]] if lacking else []),
                *((one.state, one.most, one.until, one.reason) if one else
                  [None] * len(_ACCEPTED) if accepting else [])])
    return csv_text([*_COLUMNS, *(["parameters"] if further else []),
                     *(["reason"] if lacking else []), *(_ACCEPTED if accepting else [])], rows)


_OF_PROGRAM = ("kind", "call", "file", "size", "kernel", "release", "count", "instructions",
               "median", "high", "lowest", "highest", "ratio", "verdict")


def program_csv(compared: ComparedProgram) -> str:
    """One line a kind of call and kernel; `lowest` and `highest` of all repetitions, the ratio and
    the verdict those of all the call's instructions to the first kernel's; then what a file of
    accepted differences says of regressions, where it does of any."""
    rows: list[Sequence[object]] = []
    for call in compared.calls:
        for column, (kernel, row) in enumerate(zip(compared.program.kernels, call.rows,
                                                   strict=True)):
            first = call.instructions[0]
            size, one = call.row.size, compared.acceptance(call, column)
            rows.append([
                call.row.kind, call.row.call, call.row.file, size, kernel.spec, kernel.release,
                *((row.count, row.instructions, row.median, row.high, *(row.spread or (None,) * 2))
                  if row else (0, 0, None, None, None, None)),
                call.instructions[column] / first if first else None,
                call.verdicts[column - 1] if column else None,
                *((one.state, one.most, one.until, one.reason) if one else
                  [None] * len(_ACCEPTED) if compared.accepted else [])])
    return csv_text([*_OF_PROGRAM, *(_ACCEPTED if compared.accepted else [])], rows)
