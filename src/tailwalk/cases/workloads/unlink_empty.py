# SPDX-License-Identifier: GPL-2.0-or-later
"""unlink(2) of an empty file."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="unlink_empty", family="names", pattern="unlink_u", call="unlink(2) of an empty file",
    outside="making of the file", counted="median")
