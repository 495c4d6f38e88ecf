# SPDX-License-Identifier: GPL-2.0-or-later
"""pwrite(2) into blocks that fallocate(2) gave a file."""

from tailwalk.cases.cached_file import SIZE
from tailwalk.cases.stored_file import AROUND, EMPTY_FILE, check_half_way
from tailwalk.cases.workload import Workload
from tailwalk.filesystems import WITH_DISK

WORKLOAD = Workload(
    name="unwritten", family="append", pattern="unwritten_u{size}",
    call="pwrite(2) of {size} bytes half way into blocks without data of {around:size}",
    outside="ftruncate(2) to nothing, fallocate(2) of {around:size}, and fsync(2)",
    counted="median", parameters=(SIZE, AROUND),
    needs=(EMPTY_FILE,), filesystems=WITH_DISK, check=check_half_way)
