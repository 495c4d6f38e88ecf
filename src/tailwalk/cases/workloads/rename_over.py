# SPDX-License-Identifier: GPL-2.0-or-later
"""rename(2) to the name of another file, which it replaces."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="rename_over", family="names", pattern="rename_over_u",
    call="rename(2) of an empty file to the name of another, which it replaces",
    outside="making of the file that is renamed", counted="median")
