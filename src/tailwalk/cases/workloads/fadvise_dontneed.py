# SPDX-License-Identifier: GPL-2.0-or-later
"""posix_fadvise(2) that drops clean pages of a cached file."""

from tailwalk.cases.cached_file import CACHED_FILE, SIZE, check_inside
from tailwalk.cases.workload import Workload
from tailwalk.filesystems import WITH_DISK

WORKLOAD = Workload(
    name="fadvise_dontneed", family="space", pattern="fadvise_dontneed_u{size}",
    call="posix_fadvise(2) of the first {size:bytes} with POSIX_FADV_DONTNEED",
    outside="pwrite(2) of those bytes, {fill:size} each, and fsync(2)", counted="median",
    most_calls=10, parameters=(SIZE,), needs=(CACHED_FILE,), filesystems=WITH_DISK,
    check=check_inside)
