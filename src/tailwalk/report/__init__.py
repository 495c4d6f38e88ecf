# SPDX-License-Identifier: GPL-2.0-or-later
"""What was found, in tables and words; nothing here measures or judges.

A `..._shown` builds what can be shown of a thing; `terminal`, `mail`, `markdown` and `page` render
it. That for a terminal needs rich, and that for pages needs Jinja: import them from their modules.
"""

from tailwalk.report.data import comparison_csv, comparison_json
from tailwalk.report.mail import mail
from tailwalk.report.markdown import markdown

__all__ = ["comparison_csv", "comparison_json", "mail", "markdown"]
