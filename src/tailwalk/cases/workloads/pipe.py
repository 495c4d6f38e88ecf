# SPDX-License-Identifier: GPL-2.0-or-later
"""A write to a pipe or a socket, and a read of it at the other end."""

from tailwalk.cases.size import KIB
from tailwalk.cases.workload import Parameter, Workload

WORKLOAD = Workload(
    name="pipe", family="socket", pattern="pipe_{way}st{size}", counted="median", traceless=True,
    call="write(2) of {size:bytes} to {way}, and read(2) of them at its other end",
    outside="making of a new one, and a write and a read before",
    parameters=(
        Parameter(name="size", unit="bytes", meaning="bytes that are written", least=1,
                  most=64 * KIB),
        Parameter(
            name="way", unit="number", default=0, words={
                "p": "a pipe", "s": "an AF_UNIX socket", "t": "a TCP socket of the machine's own"},
            meaning="what is written to: 0 a pipe, 1 an AF_UNIX socket, 2 a TCP socket")))
