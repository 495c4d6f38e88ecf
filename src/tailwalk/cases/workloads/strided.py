# SPDX-License-Identifier: GPL-2.0-or-later
"""Small writes, each beyond the end of the file."""

from tailwalk.cases.cached_file import SIZE
from tailwalk.cases.stored_file import EMPTY_FILE
from tailwalk.cases.workload import Parameter, Workload

WORKLOAD = Workload(
    name="strided", family="append", pattern="strided_u{size}",
    call="{writes} pwrite(2) calls of {size:bytes} to an empty file, {stride} bytes from one to "
         "the next; the figure is that of all of them",
    outside="ftruncate(2) to nothing, and fsync(2)", counted="median", most_calls=30,
    parameters=(
        SIZE,
        Parameter(name="stride", unit="bytes", meaning="from one write to the next", default=3000),
        Parameter(name="writes", unit="number", meaning="writes of a call", default=100, least=1,
                  most=10_000)),
    needs=(EMPTY_FILE,))
