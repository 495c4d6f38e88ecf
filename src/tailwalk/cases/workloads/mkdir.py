# SPDX-License-Identifier: GPL-2.0-or-later
"""mkdir(2)."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="mkdir", family="names", pattern="mkdir_u",
    call="mkdir(2) in a directory that is not the root",
    outside="rmdir(2) of the directory that the last call made, and fsync(2)",
    counted="median")
