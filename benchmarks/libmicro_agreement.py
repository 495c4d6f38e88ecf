# SPDX-License-Identifier: GPL-2.0-or-later
"""Do the host rig and libMicro's own binaries agree?

    python benchmarks/libmicro_agreement.py BIN [DIR] [--rounds N] [--fill SIZE]... [--cpu N]

BIN holds libMicro's `write`, `pwrite` and `writev`; DIR is where the file lies. In every round the
page cache is filled anew and both measure all six cases on the same file and the same folios, on
one CPU, in an order that changes from round to round. The difference is that of the two medians,
its 95% interval that of resampled rounds, each with both its samples: what the machine does to a
round it does to both. Exits 1 where a difference is beyond 3%.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from tailwalk.cases import Case, find_cases, parse_size, show_size
from tailwalk.host.surroundings import CpuWatch, allowed_cpu, machine_facts, running_kernel
from tailwalk.host.worker import Worker
from tailwalk.probe.build import build_probe
from tailwalk.probe.job import job_line
from tailwalk.probe.protocol import Times, read_times
from tailwalk.rigs.job import case_line
from tailwalk.rigs.timing import (
    TRIAL_BATCHES,
    TRIAL_CALLS,
    Batches,
    batches_for,
    nanoseconds,
    time_line,
)

LIMIT = 0.03
_TRIAL = Batches(TRIAL_BATCHES, TRIAL_CALLS)
_RESAMPLES = 9_999


@dataclass
class Pairs:
    """The samples of a case, ns a call: one of each side a round."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def difference(self) -> float:
        """Of our median to theirs, as a share of theirs."""
        return median(self.ours) / median(self.theirs) - 1

    @property
    def interval(self) -> tuple[float, float]:
        """95% bootstrap interval of the difference, rounds resampled whole."""
        rounds = np.random.default_rng(1024).integers(
            len(self.ours), size=(_RESAMPLES, len(self.ours)))
        ours, theirs = (np.median(np.asarray(side)[rounds], axis=1)
                        for side in (self.ours, self.theirs))
        low, high = np.quantile(ours / theirs - 1, (0.025, 0.975))
        return float(low), float(high)


def libmicro(binaries: Path, case: Case, file: Path, *, cpu: int) -> float:
    """What libMicro's binary prints, in ns."""
    done = subprocess.run(
        ["taskset", "-c", str(cpu), str(binaries / case.workload), "-H", "-N", case.name,
         "-s", str(case.size), "-f", str(file)],
        capture_output=True, text=True, check=True)
    found = re.search(rf"^{case.name}\s+1\s+1\s+(-?[\d.]+)", done.stdout, re.MULTILINE)
    if found is None:
        sys.exit(f"libMicro's {case.workload} printed no figure: {done.stdout}{done.stderr}")
    return 1000 * float(found[1])


def timed(worker: Worker, case: Case, batches: Batches) -> Times:
    """What the host rig's worker takes for a case."""
    worker.tell(time_line(case, batches))
    return read_times(worker.answer())


def the_file(worker: Worker, directory: Path) -> Path:
    """The file that the worker has filled, by the name /proc has for it."""
    worker.tell(case_line("folios", find_cases(["pwrite_u1k"])[0]))
    worker.answer()
    return next(entry for entry in Path(f"/proc/{worker.pid}/fd").iterdir()
                if str(directory) in str(entry.readlink()))


def measure(cases: Sequence[Case], binaries: Path, directory: Path, *, cpu: int,
            rounds: int) -> dict[Case, Pairs]:
    """All rounds of cases that share a page cache."""
    pairs = {case: Pairs() for case in cases}
    batches: dict[Case, Batches] = {}
    for number in range(rounds + 1):
        with Worker(build_probe(), directory) as worker:
            worker.tell(job_line("pin", cpu=cpu))
            worker.tell(case_line("prepare", cases[0]))
            if number == 0:
                batches = {case: batches_for(timed(worker, case, _TRIAL)) for case in cases}
                continue
            file = the_file(worker, directory)
            work = [(case, own) for case in cases for own in (True, False)]
            random.Random(number).shuffle(work)
            for case, own in work:
                if own:
                    pairs[case].ours.append(nanoseconds(timed(worker, case, batches[case])))
                else:
                    pairs[case].theirs.append(libmicro(binaries, case, file, cpu=cpu))
    return pairs


def main() -> None:
    """Measure, print a table, and exit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binaries", type=Path)
    parser.add_argument("directory", type=Path, nargs="?", default=Path())
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--fill", dest="fills", type=parse_size, action="append",
                        help="may be repeated; default: 4KiB and 2MiB")
    parser.add_argument("--cpu", type=int, help="default: the idlest")
    given = parser.parse_args()
    cpu = allowed_cpu(given.cpu)
    print(f"{running_kernel().release}, {machine_facts(cpu)['cpu']}, CPU {cpu}; libMicro's "
          f"binaries in {given.binaries}; ns/call, medians of {given.rounds} rounds")
    print(f"{'fill':>6} {'case':12} {'tailwalk':>9} {'libMicro':>9} {'apart':>7}  95% interval")
    beyond = 0
    for fill in given.fills or [parse_size("4KiB"), parse_size("2MiB")]:
        watch = CpuWatch(cpu)
        cases = [case.changed(fill=fill) for case in find_cases(["seed"])]
        measured = measure(cases, given.binaries, given.directory.resolve(), cpu=cpu,
                           rounds=given.rounds)
        for case, pairs in measured.items():
            low, high = pairs.interval
            far = abs(pairs.difference) > LIMIT
            beyond += far
            print(f"{show_size(fill):>6} {case.name:12} {median(pairs.ours):9.1f} "
                  f"{median(pairs.theirs):9.1f} {pairs.difference:+7.1%}  [{low:+.1%}, {high:+.1%}]"
                  f"{'  beyond 3%' if far else ''}")
        for note in watch.notes():
            print(f"{show_size(fill):>6} {note}")
    sys.exit(1 if beyond else 0)


if __name__ == "__main__":
    main()
