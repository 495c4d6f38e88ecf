# SPDX-License-Identifier: GPL-2.0-or-later
"""msync(2) of what was stored to a shared mapping."""

from tailwalk.cases.cached_file import CACHED_FILE, OFFSET, SIZE, check_inside
from tailwalk.cases.workload import Workload
from tailwalk.filesystems import WITH_DISK

WORKLOAD = Workload(
    name="msync", family="sync", pattern="msync_u{size}",
    call="msync(2) with MS_SYNC of the pages stored to",
    outside="store of {size:bytes} at offset {offset} of a shared mapping of the file",
    counted="median", most_calls=30,
    parameters=(SIZE, OFFSET), needs=(CACHED_FILE,), filesystems=WITH_DISK, check=check_inside)
