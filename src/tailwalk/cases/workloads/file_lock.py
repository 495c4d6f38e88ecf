# SPDX-License-Identifier: GPL-2.0-or-later
"""fcntl(2) that takes a lock of a byte, and gives it back."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="file_lock", family="process", pattern="file_lock",
    call="fcntl(2) that locks a byte of a file that nobody else has locked, and fcntl(2) that "
         "unlocks it")
