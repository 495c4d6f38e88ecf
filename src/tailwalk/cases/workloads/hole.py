# SPDX-License-Identifier: GPL-2.0-or-later
"""pwrite(2) into a hole."""

from tailwalk.cases.cached_file import SIZE
from tailwalk.cases.stored_file import AROUND, EMPTY_FILE, check_half_way
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="hole", family="append", pattern="hole_u{size}",
    call="pwrite(2) of {size} bytes half way into a hole of {around:size}",
    outside="ftruncate(2) to nothing and to {around:size}, and fsync(2)",
    counted="median", parameters=(SIZE, AROUND),
    needs=(EMPTY_FILE,), check=check_half_way)
