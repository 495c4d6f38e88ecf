# SPDX-License-Identifier: GPL-2.0-or-later
"""read(2) of what a cached file holds."""

from tailwalk.cases.cached_file import CACHED_FILE, OFFSET, SIZE, check_inside
from tailwalk.cases.place import PLACE
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="read", family="read", verb="read", pattern="read_{place}{size}",
    call="read(2) of {size:bytes} at offset {offset}", outside="lseek(2) to {offset}",
    parameters=(SIZE, OFFSET), needs=(PLACE, CACHED_FILE), check=check_inside)
