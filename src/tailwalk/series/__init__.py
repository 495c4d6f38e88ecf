# SPDX-License-Identifier: GPL-2.0-or-later
"""Series: named changes to kernel source, kept as edits that hold on every version they are for."""

from tailwalk.series.edit import Edit
from tailwalk.series.mail import Mail, write_mails
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
    "Edit",
    "Mail",
    "Patch",
    "PatchPlan",
    "Series",
    "SeriesPlan",
    "all_series",
    "load_series",
    "plan_series",
    "series_names",
    "write_mails",
]
