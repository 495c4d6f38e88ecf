# SPDX-License-Identifier: GPL-2.0-or-later
"""write(2) over what a cached file holds."""

from tailwalk.cases.cached_file import CACHED_FILE, OFFSET, SIZE, check_inside
from tailwalk.cases.place import PLACE
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="write", family="overwrite", verb="overwrite", pattern="write_{place}{size}",
    call="write(2) of {size:bytes} at offset {offset}", outside="lseek(2) to {offset}",
    parameters=(SIZE, OFFSET), needs=(PLACE, CACHED_FILE), check=check_inside)
