# SPDX-License-Identifier: GPL-2.0-or-later
"""pwrite(2) over what a cached file holds, and fdatasync(2)."""

from tailwalk.cases.cached_file import CACHED_FILE, OFFSET, SIZE, check_inside
from tailwalk.cases.workload import Workload
from tailwalk.filesystems import WITH_DISK

WORKLOAD = Workload(
    name="overwrite_fdatasync", family="sync", pattern="overwrite_fdatasync_u{size}",
    call="pwrite(2) of {size:bytes} at offset {offset}, and fdatasync(2)", counted="median",
    parameters=(SIZE, OFFSET), needs=(CACHED_FILE,), filesystems=WITH_DISK, check=check_inside)
