# SPDX-License-Identifier: GPL-2.0-or-later
"""Ratios, verdicts, recovery, statistics: runs in, a comparison out."""

from tailwalk.compare.comparison import (
    COMPARISON_SCHEMA,
    ComparedKernel,
    Comparison,
    Evidence,
    Row,
    Undefined,
    Verdict,
    read_comparison,
)
from tailwalk.compare.judge import compare
from tailwalk.compare.threshold import Threshold

__all__ = [
    "COMPARISON_SCHEMA",
    "ComparedKernel",
    "Comparison",
    "Evidence",
    "Row",
    "Threshold",
    "Undefined",
    "Verdict",
    "compare",
    "read_comparison",
]
