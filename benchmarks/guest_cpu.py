# SPDX-License-Identifier: GPL-2.0-or-later
"""What calls that write metadata cost with the guest's CPU and with one that lacks SSE4.2.

    python benchmarks/guest_cpu.py [SPEC...]

Prints medians of instructions a call; the same kernels, QEMU and compiler give the same figures.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from tailwalk.compiling import compiler
from tailwalk.lab.lab import Lab
from tailwalk.machines import GUEST
from tailwalk.programs.plan import ExecPlan
from tailwalk.rigs.exec import execute
from tailwalk.rigs.running import Gathered

SPECS = ("debian:6.1", "debian:6.12", "debian:6.18", "debian:7.3")
CPUS = ("qemu64,-cx16", GUEST.cpu)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", metavar="SPEC", nargs="*", default=SPECS)
    specs = parser.parse_args().specs
    lab = Lab()
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "metadata_calls"
        subprocess.run([compiler(), "-O2", "-Wall", "-Wextra", "-static", "-o", program,
                        Path(__file__).with_name("metadata_calls.c")], check=True)
        for kernel in map(lab.kernel, specs):
            for cpu in CPUS:
                there = replace(lab.bench, machine=replace(lab.bench.machine, cpu=cpu))
                said = Gathered()
                done = execute(kernel, ExecPlan(program=program), bench=there, sink=said.take)
                if done.execution.status != 0:
                    sys.exit(f"{kernel.spec}: {said.stderr.decode()}")
                for line in said.stdout.decode().splitlines():
                    call, _, median = line.rpartition(": ")
                    found[call, cpu].append(f"{int(median):,}")
    print(f"| call | CPU | {' | '.join(specs)} |")
    print("|---" * (2 + len(specs)) + "|")
    for (call, cpu), medians in found.items():
        print(f"| {call} | {GUEST.show_cpu(cpu)} | {' | '.join(medians)} |")


if __name__ == "__main__":
    main()
