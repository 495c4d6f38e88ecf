# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the seconds of the upgrade test go: the whole suite on two kernels, and ten profiles.

    python benchmarks/upgrade.py [OLD NEW]

Nothing measured before is used again; kernels are fetched and booted beforehand, as a second
upgrade finds them. Prints wall and CPU seconds (QEMU's included) of the measurement and of the
profiles, and what the dearest portions took. Have nothing else run meanwhile.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Generator, Sequence
from functools import partial

from headline import cpu_seconds
from tailwalk.cases import Filesystem
from tailwalk.compare import compare
from tailwalk.compare.upgrade import upgrade
from tailwalk.lab.lab import Lab
from tailwalk.lab.plans import upgrade_cases
from tailwalk.lab.upgrades import PROFILED, explained
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.cores import as_finished
from tailwalk.rigs.counting import Counted, Outcome, Portion, count
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import UPGRADE_CALLS, Plan

_SHOWN = 12

Taken = list[tuple[float, str]]


def timing_pool(taken: Taken, bench: Bench,
                portions: Sequence[Portion]) -> Generator[tuple[int, Outcome]]:
    """This machine's cores, noting what each portion took, seconds."""
    def one(portion: Portion) -> Counted:
        begin = time.perf_counter()
        counted = count(bench, portion)
        cases = [case.name for case in portion.cases]
        taken.append((time.perf_counter() - begin, (
            f"{portion.start.kernel.spec}, {len(cases)} cases "
            f"{'by the plugin' if portion.plugin else 'together'}: {cases[0]} to {cases[-1]}")))
        return counted

    return as_finished([partial(one, portion) for portion in portions])


def main(old: str, new: str) -> None:
    """Measure and print."""
    lab = Lab(fresh=True)
    kernels = [lab.kernel(spec) for spec in (old, new)]
    plan = Plan(cases=upgrade_cases(["lts"], families=(), fills=()), calls=UPGRADE_CALLS)
    for kernel in kernels:
        lab.bench.boot(kernel, Filesystem())
    taken: Taken = []
    begin, cpu = time.perf_counter(), cpu_seconds()
    runs = [one.run for one in measure(kernels, plan, bench=lab.bench,
                                       pool=partial(timing_pool, taken))]
    measured, cpu_measured = time.perf_counter() - begin, cpu_seconds() - cpu
    found = explained(lab, upgrade(compare(runs, bad=1), runs), runs, plan)
    whole, cpu_whole = time.perf_counter() - begin, cpu_seconds() - cpu
    profiled = sum(bool(case.why) for case in found.cases)
    print(f"{len(plan.cases)} cases on {old} and {new}:".ljust(44)
          + f"{measured:6.1f} s wall {cpu_measured:6.1f} s CPU")
    print(f"{profiled} of {PROFILED} cases profiled on both:".ljust(44)
          + f"{whole - measured:6.1f} s wall {cpu_whole - cpu_measured:6.1f} s CPU")
    print("in all:".ljust(44) + f"{whole:6.1f} s wall {cpu_whole:6.1f} s CPU")
    print(f"of {len(taken)} portions, the dearest:")
    for seconds, what in sorted(taken, reverse=True)[:_SHOWN]:
        print(f"{seconds:6.1f} s  {what}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kernels", nargs="*", metavar="SPEC",
                        default=["debian:6.12", "debian:6.18"])
    given = parser.parse_args()
    if len(given.kernels) != 2:
        parser.error("give the old kernel and the new one")
    main(*given.kernels)
