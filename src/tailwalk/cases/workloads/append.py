# SPDX-License-Identifier: GPL-2.0-or-later
"""pwrite(2) at the end of a file."""

from tailwalk.cases.cached_file import CACHED_FILE, SIZE
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="append", family="append", pattern="append_u{size}",
    call="pwrite(2) of {size:bytes} at the file's end",
    outside="ftruncate(2) to the size before, and fsync(2)", counted="median",
    parameters=(SIZE,), needs=(CACHED_FILE,))
