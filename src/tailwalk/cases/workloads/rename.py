# SPDX-License-Identifier: GPL-2.0-or-later
"""rename(2) to a name that is free."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="rename", family="names", pattern="rename_u",
    call="rename(2) of an empty file to a free name in its directory",
    outside="rename(2) back of what the last call renamed", counted="median")
