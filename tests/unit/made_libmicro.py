# SPDX-License-Identifier: GPL-2.0-or-later
"""Made-up results in the forms that libMicro's lineages print them in."""

from __future__ import annotations

from collections.abc import Mapping

CLASSIC_HEADER = """\
!Libmicro_#:                            0.4.0
!Options:                  -E -C 200 -L -S -W
!Machine_name:                        teacup
!OS_name:                               Linux
!OS_release:     {release:>28}
!OS_build:                 #1 SMP Thu Jan 1
!Processor:                            x86_64
!#CPUs:                                     4
!CPU_MHz:                             3000Mhz
!CPU_NAME:              Made-up Processor 100
!IP_address:                              ::1
!Run_by:                                nobody
!Date:\t                       01/02/26 03:04
!Compiler:                                gcc
!Compiler Ver.:                            12
!sizeof(long):                              8
!extra_CFLAGS:                         [none]
!TimerRes:                            1 nsecs
"""

LATE_HEADER = """\
!Version       \t1505
!Options       \t-E -C 200 -L -S
!Hostname      \tteacup
!OS            \tLinux
!OS Release    \t{release}
!OS Build      \t#1 SMP Thu Jan 1 03:04:05 UTC 2026
!Num CPUs      \t4
!CPU Name      \t Made-up Processor 100
!Date          \t01/02/26 03:04
"""

COSTS = {
    "write_u1k": (1024, None, 0.601), "write_u10k": (10240, None, 1.402),
    "pwrite_u1k": (1024, None, 0.603), "pwrite_u10k": (10240, None, 1.404),
    "writev_u1k": (1024, 10, 2.205), "writev_u10k": (10240, 10, 11.006),
}
"""Of each case its size, its vectors where the line says them, and microseconds a call."""


def classic(release: str, *, factor: float = 1.0, batch: int = 1,
            costs: Mapping[str, tuple[int, int | None, float]] = COSTS) -> str:
    """As libMicro 0.4.0 prints it, with statistics and other benchmarks in between."""
    lines = [CLASSIC_HEADER.format(release=release), "#", "# Obligatory null system call", "#"]
    lines.append(_classic_result("getpid", 0.05 * factor, batch=500))
    for name, (size, vectors, usecs) in costs.items():
        lines.append(_classic_result(name, usecs * factor, batch=batch, size=size,
                                     vectors=vectors))
    return "\n".join(lines) + "\n"


def _classic_result(name: str, usecs: float, *, batch: int, size: int | None = None,
                    vectors: int | None = None) -> str:
    titles = " ".join(title for title, value in (("    size", size), (" vec", vectors)) if value)
    values = " ".join([*([f"{size:8}"] if size else []), *([f"{vectors:4}"] if vectors else [])])
    return f"""\
# bin/{name.partition('_')[0]} -E -C 200 -L -S -W -N {name}
             prc thr   usecs/call      samples   errors cnt/samp {titles}
{name:<12}   1   1 {usecs:12.5f}          191        0 {batch:8} {values}
#
# STATISTICS         usecs/call (raw)          usecs/call (outliers removed)
#                    min {usecs * 0.9:12.5f}            {usecs * 0.9:12.5f}
#                 median {usecs:12.5f}            {usecs:12.5f}
#      number of samples          191
#
# DISTRIBUTION
#\t      counts   usecs/call                                         means
#                181      0.00000 |********************************     {usecs:.5f}
#
#                 10        > 95% |*                                    {usecs * 1.1:.5f}
"""


def late(release: str, *, factor: float = 1.0) -> str:
    """As libMicro 1505 prints it: no errors, no batches."""
    lines = [LATE_HEADER.format(release=release)]
    for name, (size, vectors, usecs) in COSTS.items():
        own = f"{size:8}" + (f" {vectors:4}" if vectors else "")
        titles = "    size" + (" vec" if vectors else "")
        lines.append(f"             prc thr   usecs/call      samples {titles}\n"
                     f"{name:<12}   1   1 {usecs * factor:12.5f}          100 {own}")
    return "\n".join(lines) + "\n"


def bare(*lines: tuple[str, float, str]) -> str:
    """What binaries print with -H: benchmark or name, microseconds, the columns after samples."""
    return "".join(f"{name:<12}   1   1 {usecs:12.5f}          100 {rest}\n"
                   for name, usecs, rest in lines)
