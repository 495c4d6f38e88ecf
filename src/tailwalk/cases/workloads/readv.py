# SPDX-License-Identifier: GPL-2.0-or-later
"""readv(2) of what a cached file holds."""

from tailwalk.cases.cached_file import CACHED_FILE, OFFSET, SIZE, VECTORS, check_inside
from tailwalk.cases.place import PLACE
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="readv", family="read", verb="read", pattern="readv_{place}{size}",
    call="readv(2) of {vectors} vectors of {size:bytes} at offset {offset}",
    outside="lseek(2) to {offset}",
    parameters=(SIZE, VECTORS, OFFSET), needs=(PLACE, CACHED_FILE), check=check_inside)
