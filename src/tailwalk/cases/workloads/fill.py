# SPDX-License-Identifier: GPL-2.0-or-later
"""The first writes of a file, as a whole."""

from tailwalk.cases.cached_file import CACHED_FILE, SIZE
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="fill", family="append", pattern="fill_u{size}",
    call="all pwrite(2) calls that give the file its first {size:size}, {fill:size} each; the "
         "figure is that of all of them",
    outside="ftruncate(2) to nothing, and fsync(2)", counted="median", most_calls=10,
    parameters=(SIZE,), bulk="size", needs=(CACHED_FILE,))
