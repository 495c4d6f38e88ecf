# SPDX-License-Identifier: GPL-2.0-or-later
"""pwrite(2) at the end of a file, and fdatasync(2)."""

from tailwalk.cases.cached_file import CACHED_FILE, SIZE
from tailwalk.cases.workload import Workload
from tailwalk.filesystems import WITH_DISK

WORKLOAD = Workload(
    name="append_fdatasync", family="append", pattern="append_fdatasync_u{size}",
    call="pwrite(2) of {size:bytes} at the file's end, and fdatasync(2)",
    outside="ftruncate(2) to the size before, and fsync(2)", counted="median",
    parameters=(SIZE,), needs=(CACHED_FILE,), filesystems=WITH_DISK)
