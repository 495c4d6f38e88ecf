# SPDX-License-Identifier: GPL-2.0-or-later
"""unlink(2) of a file with data."""

from tailwalk.cases.size import MIB
from tailwalk.cases.workload import Parameter, Workload

WORKLOAD = Workload(
    name="unlink", family="names", pattern="unlink_u{size}",
    call="unlink(2) of a file of {size} bytes",
    outside="making of the file by writes of {piece:size}, and fsync(2)", counted="median",
    most_calls=30,
    parameters=(
        Parameter(name="size", unit="bytes", meaning="bytes in the file", most=64 * MIB,
                  refusal="case {case}: {value} bytes; a file has at most 64MiB."),
        Parameter(name="piece", unit="bytes", meaning="size of the writes that made it",
                  default=MIB, least=512, most=64 * MIB)))
