# SPDX-License-Identifier: GPL-2.0-or-later
"""close(2) of a file that has no name any more."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="close_unlinked", family="names", pattern="close_unlinked_u", counted="median",
    call="close(2) of an empty file without a name, which ends it",
    outside="open(2) that makes the file, and unlink(2)")
