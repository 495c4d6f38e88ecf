# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the seconds of the headline table go: six cases on three kernels.

    python benchmarks/headline.py [--rounds N]

Prints wall and CPU seconds (QEMU's included) of the whole table with nothing reused (every guest
boots), of the table from saved states, and of one guest's stages. Kernels are fetched beforehand.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from tailwalk.cache import Cache
from tailwalk.cases import find_cases
from tailwalk.kernels import Kernel
from tailwalk.lab.lab import Lab
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.exact import measure
from tailwalk.rigs.job import case_line, prologue
from tailwalk.rigs.plan import Plan
from tailwalk.vm.guest import Guest

SPECS = ("debian:6.12", "debian:6.18", "debian:7.3")


def cpu_seconds() -> float:
    """CPU seconds of this process and of the children that have ended."""
    return sum(usage.ru_utime + usage.ru_stime for usage in map(
        resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def timed(what: str, work: Callable[[], object], rounds: int) -> None:
    """Print median wall and CPU seconds of `work`."""
    walls, cpus = [], []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), cpu_seconds()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(cpu_seconds() - cpu)
    print(f"{what:<52} {statistics.median(walls):6.2f} s wall {statistics.median(cpus):6.2f} s CPU")


def cold(kernels: list[Kernel], bench: Bench) -> None:
    """The table with an empty cache for everything but the kernels."""
    with tempfile.TemporaryDirectory() as folder:
        measure(kernels, Plan(cases=find_cases(["seed"])),
                bench=replace(bench, cache=Cache(Path(folder))))


def stages(kernel: Kernel, bench: Bench) -> None:
    """Print the stages of one guest that measures the six cases from its saved state."""
    plan = Plan(cases=find_cases(["seed"]))
    state = bench.boot(kernel, plan.filesystem)
    job = prologue(plan.filesystem, bench.cache) + b"".join(
        case_line("case", case, calls=plan.calls) for case in plan.cases) + b"end\n"
    marks = [("start", time.perf_counter())]
    with Guest(bench.machine, qemu=bench.qemu, kernel=kernel.image, initramfs=state.initramfs,
               name=kernel.spec, job=job, state=state.state) as guest:
        guest.start_job(60)
        marks.append(("QEMU started, state restored", time.perf_counter()))
        for number, _ in enumerate(guest.frames(60)):
            if number % 2:
                marks.append((plan.cases[number // 2].name, time.perf_counter()))
    marks.append(("ended", time.perf_counter()))
    for (_, before), (name, after) in pairwise(marks):
        print(f"    {kernel.spec:<14} {name:<34} {after - before:6.2f} s")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    lab = Lab()
    kernels, bench = [lab.kernel(spec) for spec in SPECS], lab.bench
    plan = Plan(cases=find_cases(["seed"]))
    timed("three kernels, nothing reused (boots)", lambda: cold(kernels, bench), rounds)
    measure(kernels, plan, bench=bench)
    timed("three kernels from saved states", lambda: measure(kernels, plan, bench=bench), rounds)
    for kernel in kernels:
        stages(kernel, bench)


if __name__ == "__main__":
    main()
