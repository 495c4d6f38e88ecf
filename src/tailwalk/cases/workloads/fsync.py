# SPDX-License-Identifier: GPL-2.0-or-later
"""fsync(2), or a call like it, of what was written to a cached file."""

from tailwalk.cases.cached_file import CACHED_FILE, OFFSET, SIZE, check_inside
from tailwalk.cases.workload import Parameter, Workload
from tailwalk.filesystems import WITH_DISK

WORKLOAD = Workload(
    name="fsync", family="sync", pattern="{sync}_u{size}", call="{sync}",
    outside="pwrite(2) of {size:bytes} at offset {offset}, which is synced and made again where it "
            "changed the file's times", counted="median",
    parameters=(SIZE, OFFSET, Parameter(
        name="sync", unit="number", meaning="the call that syncs", default=0, unsaid=True,
        words={"fsync": "fsync(2)", "fdatasync": "fdatasync(2)",
               "sync_file_range": "sync_file_range(2) of what was written, which waits before and "
                                  "after"})),
    needs=(CACHED_FILE,), filesystems=WITH_DISK, check=check_inside)
