# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of a shared mapping of a cached file, which was not touched yet."""

from tailwalk.cases.cached_file import CACHED_FILE, SIZE, check_inside
from tailwalk.cases.workload import Parameter, Workload

WORKLOAD = Workload(
    name="fault", family="map", pattern="fault_{touch}_u{size}",
    call="{touch} each page of the first {size:bytes} of a shared mapping of the file",
    outside="fsync(2), munmap(2) of the last mapping, and mmap(2)", counted="median", most_calls=50,
    parameters=(SIZE, Parameter(
        name="touch", unit="number", meaning="the kind of touch",
        words={"read": "a load from", "write": "a store to"})),
    needs=(CACHED_FILE,), check=check_inside)
