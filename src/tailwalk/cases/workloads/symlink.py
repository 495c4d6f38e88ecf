# SPDX-License-Identifier: GPL-2.0-or-later
"""symlink(2)."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="symlink", family="names", pattern="symlink_u",
    call="symlink(2) to a name in the same directory",
    outside="unlink(2) of the link that the last call made", counted="median")
