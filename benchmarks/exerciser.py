# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast the random exerciser is: operations and power cuts a second.

    python benchmarks/exerciser.py [SPEC] [--operations N] [--power-cuts N]

One guest at a time under TCG, so that the figures do not depend on the number of cores; CPU
seconds are QEMU's and those of the disk that serves it. Booting is left out.
"""

from __future__ import annotations

import argparse
import os

from tailwalk.lab.lab import Lab
from tailwalk.verify import Goal, find_configurations, verify


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Print one line for operations and one for power cuts, for each of two configurations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spec", nargs="?", default="debian:6.18")
    parser.add_argument("--operations", type=int, default=5000)
    parser.add_argument("--power-cuts", type=int, default=10)
    given = parser.parse_args()
    kernel = Lab().kernel(given.spec)
    for one in find_configurations(["1k-ordered", "4k-ordered"]):
        for goal in (Goal(operations=1, power_cuts=0),  # boots, where no state is saved yet
                     Goal(operations=given.operations, power_cuts=0),
                     Goal(operations=0, power_cuts=given.power_cuts)):
            begin = _cpu_seconds()
            done = verify(kernel, goal, configurations=[one], engine="tcg", workers=1)
            used = _cpu_seconds() - begin
            if goal.operations == 1:
                continue
            count, what = ((done.operations, "operations") if goal.operations
                           else (done.power_cuts, "power cuts"))
            print(f"{one.name:<12} {count:>6} {what:<11} {done.seconds:7.1f} s wall "
                  f"{1000 * done.seconds / count:8.2f} ms each   {used:7.1f} s CPU "
                  f"{1000 * used / count:8.2f} ms each")


if __name__ == "__main__":
    main()
