# SPDX-License-Identifier: GPL-2.0-or-later
"""io_uring_enter(2) that submits an fsync and waits for its end."""

from tailwalk.cases.cached_file import CACHED_FILE, OFFSET, SIZE, check_inside
from tailwalk.cases.workload import Workload
from tailwalk.filesystems import WITH_DISK

WORKLOAD = Workload(
    name="io_uring_fsync", family="io_uring", pattern="io_uring_fsync_u{size}",
    call="io_uring_enter(2), an fsync, and its end",
    outside="pwrite(2) of {size:bytes} at offset {offset}, which is synced and made again where it "
            "changed the file's times, and filling of the entry",
    counted="median", parameters=(SIZE, OFFSET), needs=(CACHED_FILE,), filesystems=WITH_DISK,
    check=check_inside)
