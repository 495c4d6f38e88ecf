# SPDX-License-Identifier: GPL-2.0-or-later
"""The comparison for programs: JSON as it is, and CSV with one line a case and kernel."""

from __future__ import annotations

import csv
import io

from tailwalk.compare import Comparison
from tailwalk.runs.record import encode

_PARAMETERS = ("size", "vectors", "offset", "fill", "file_size", "uptodate")
_COLUMNS = (
    "case", "call", *_PARAMETERS, "kernel", "release", "figure", "unit", "rig",
    "ratio", "verdict", "recovery", "steady", "share", "written_order",
    "ratio_low", "ratio_high", "p_value", "threshold")


def comparison_json(comparison: Comparison) -> str:
    """The comparison as a JSON document."""
    return encode(comparison).decode()


def comparison_csv(comparison: Comparison) -> str:
    """One line a metric, case and kernel, the baseline's too; sizes in bytes, ratios and shares of
    1, thresholds in percent.

    An undefined recovery is the word for why; a field that does not apply is empty.
    """
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(_COLUMNS)
    for row in comparison.rows:
        case = row.parameters
        for column, kernel in enumerate(comparison.kernels):
            evidence = row.evidence[column]
            tested = (*evidence.interval, evidence.p_value) if evidence else (None, None, None)
            table.writerow([
                case.name, case.workload, *(_word(case.get(name)) for name in _PARAMETERS),
                kernel.spec, kernel.release, row.figures[column], row.unit,
                comparison.rig, row.ratios[column], row.verdicts[column], row.recovery[column],
                _word(row.steady[column]), row.shares[column], row.written[column], *tested,
                kernel.threshold and kernel.threshold.percent])
    return stream.getvalue()


def _word(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value
