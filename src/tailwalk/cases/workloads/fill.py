# SPDX-License-Identifier: GPL-2.0-or-later
"""The first writes of a file, as a whole."""

from tailwalk.cases.cached_file import CACHED_FILE, SIZE
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="fill", family="append", pattern="fill_u{size}",
    call="all pwrite(2) calls that give the file its first {size} bytes, {fill:size} each",
    outside="ftruncate(2) to nothing, and fsync(2)", counted="median", most_calls=30,
    parameters=(SIZE,), needs=(CACHED_FILE,))
