# SPDX-License-Identifier: GPL-2.0-or-later
"""fsync(2) of what was written to a cached file."""

from tailwalk.cases.cached_file import CACHED_FILE, OFFSET, SIZE, check_inside
from tailwalk.cases.workload import Workload
from tailwalk.filesystems import WITH_DISK

WORKLOAD = Workload(
    name="fsync", family="sync", pattern="fsync_u{size}", call="fsync(2)",
    outside="pwrite(2) of {size} bytes at offset {offset}", counted="median",
    parameters=(SIZE, OFFSET), needs=(CACHED_FILE,), filesystems=WITH_DISK, check=check_inside)
