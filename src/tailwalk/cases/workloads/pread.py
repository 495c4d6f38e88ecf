# SPDX-License-Identifier: GPL-2.0-or-later
"""pread(2) of what a cached file holds."""

from tailwalk.cases.cached_file import CACHED_FILE, OFFSET, SIZE, check_inside
from tailwalk.cases.place import PLACE
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="pread", family="read", verb="read", pattern="pread_{place}{size}",
    call="pread(2) of {size:bytes} at offset {offset}",
    parameters=(SIZE, OFFSET), needs=(PLACE, CACHED_FILE), check=check_inside)
