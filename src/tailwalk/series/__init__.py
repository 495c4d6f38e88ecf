# SPDX-License-Identifier: GPL-2.0-or-later
"""Series: named changes to kernel source, kept as edits that hold on every version they are for."""

from tailwalk.series.edit import Edit
from tailwalk.series.mail import Author, Mail, git_author, write_mails
from tailwalk.series.series import (
    Patch,
    PatchPlan,
    Series,
    SeriesPlan,
    all_series,
    load_series,
    plan_series,
    series_names,
)

__all__ = [
    "Author",
    "Edit",
    "Mail",
    "Patch",
    "PatchPlan",
    "Series",
    "SeriesPlan",
    "all_series",
    "git_author",
    "load_series",
    "plan_series",
    "series_names",
    "write_mails",
]
