# SPDX-License-Identifier: GPL-2.0-or-later
"""unlink(2) of a file with data."""

from tailwalk.cases.cached_file import CACHED_FILE
from tailwalk.cases.size import MIB
from tailwalk.cases.workload import Parameter, Workload

WORKLOAD = Workload(
    name="unlink", family="names", pattern="unlink_u{size}",
    call="unlink(2) of another file of {size:size}, which is cached likewise; the figure is that "
         "of all its bytes",
    outside="making of the file by write(2) of {fill:size} each, and fsync(2)", counted="median",
    most_calls=10, bulk="size",
    parameters=(
        Parameter(name="size", unit="bytes", meaning="bytes in the file", most=64 * MIB,
                  refusal="case {case}: {value} bytes; a file has at most 64MiB."),),
    needs=(CACHED_FILE,))
