# SPDX-License-Identifier: GPL-2.0-or-later
"""fsync(2) of many bytes that were written over what a cached file holds."""

from tailwalk.cases.cached_file import CACHED_FILE, SIZE, check_inside
from tailwalk.cases.workload import Workload
from tailwalk.filesystems import WITH_DISK

WORKLOAD = Workload(
    name="writeback", family="sync", pattern="writeback_u{size}",
    call="fsync(2) of {size:size}; the figure is that of all of them",
    outside="pwrite(2) of {size:size} over those of the file, {fill:size} each", counted="median",
    most_calls=10, parameters=(SIZE,), bulk="size", needs=(CACHED_FILE,), filesystems=WITH_DISK,
    check=check_inside)
