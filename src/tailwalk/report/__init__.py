# SPDX-License-Identifier: GPL-2.0-or-later
"""Comparisons and runs in words and tables; nothing here measures or judges.

The renderings for a terminal are in `table` and `run_table`, since they need rich.
"""

from tailwalk.report.data import comparison_csv, comparison_json
from tailwalk.report.mail import mail
from tailwalk.report.markdown import markdown

__all__ = ["comparison_csv", "comparison_json", "mail", "markdown"]
