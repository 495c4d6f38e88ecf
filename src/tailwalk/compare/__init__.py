# SPDX-License-Identifier: GPL-2.0-or-later
"""Ratios, verdicts, recovery, statistics: runs in, a comparison out."""

from tailwalk.compare.comparison import Comparison, Row, Undefined, Verdict, read_comparison
from tailwalk.compare.judge import compare

__all__ = ["Comparison", "Row", "Undefined", "Verdict", "compare", "read_comparison"]
