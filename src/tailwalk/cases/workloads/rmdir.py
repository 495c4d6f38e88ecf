# SPDX-License-Identifier: GPL-2.0-or-later
"""rmdir(2)."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="rmdir", family="names", pattern="rmdir_u",
    call="rmdir(2) of an empty directory in one that is not the root",
    outside="mkdir(2) of the directory", counted="median")
