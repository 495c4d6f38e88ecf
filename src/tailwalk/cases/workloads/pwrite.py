# SPDX-License-Identifier: GPL-2.0-or-later
"""pwrite(2) over what a cached file holds."""

from tailwalk.cases.cached_file import CACHED_FILE, OFFSET, SIZE, check_inside
from tailwalk.cases.place import PLACE
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="pwrite", family="overwrite", verb="overwrite", pattern="pwrite_{place}{size}",
    call="pwrite(2) of {size:bytes} at offset {offset}",
    parameters=(SIZE, OFFSET), needs=(PLACE, CACHED_FILE), check=check_inside)
