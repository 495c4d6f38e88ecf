"""Do the host rig and libMicro's own binaries agree?

    python benchmarks/libmicro_agreement.py BIN [DIR] [--rounds N] [--fill SIZE] [--samples N]
                                            [--cpu N]

BIN holds libMicro's `write`, `pwrite` and `writev`; DIR is where the file lies. In every round the
page cache is filled anew and both measure all six cases on the same file and the same folios, on
one CPU, in an order that changes from round to round. Exits 1 where a median differs by more than
3%.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
from pathlib import Path
from statistics import median

import msgspec

from tailwalk.cases import Case, find_cases, parse_size
from tailwalk.probe.build import build_probe
from tailwalk.probe.protocol import Times, read_times
from tailwalk.rigs.timing import (
    TRIAL_BATCHES,
    TRIAL_CALLS,
    Batches,
    batches_for,
    fill_line,
    folios_line,
    nanoseconds,
    time_line,
)
from tailwalk.rigs.worker import Worker
from tailwalk.runs.interval import median_interval

LIMIT = 0.03
_TRIAL = Batches(TRIAL_BATCHES, TRIAL_CALLS)


def libmicro(binaries: Path, case: Case, file: Path, *, cpu: int, samples: int) -> float:
    """What libMicro's binary prints, in ns."""
    done = subprocess.run(
        ["taskset", "-c", str(cpu), str(binaries / case.call), "-H", "-N", case.name,
         "-C", str(samples), "-s", str(case.size), "-f", str(file)],
        capture_output=True, text=True, check=True)
    found = re.search(rf"^{case.name}\s+1\s+1\s+(-?[\d.]+)", done.stdout, re.MULTILINE)
    if found is None:
        sys.exit(f"libMicro's {case.call} printed no figure: {done.stdout}{done.stderr}")
    return 1000 * float(found[1])


def timed(worker: Worker, case: Case, batches: Batches) -> Times:
    """What the host rig's worker takes for a case."""
    worker.tell(time_line(case, batches))
    return read_times(worker.answer())


def the_file(worker: Worker, directory: Path) -> Path:
    """The file that the worker has filled, by the name /proc has for it."""
    worker.tell(folios_line(find_cases(["pwrite_u1k"])[0]))
    worker.answer()
    return next(entry for entry in Path(f"/proc/{worker.pid}/fd").iterdir()
                if str(directory) in str(entry.readlink()))


def main() -> None:
    """Measure, print a table, and exit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binaries", type=Path)
    parser.add_argument("directory", type=Path, nargs="?", default=Path())
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--fill", type=parse_size, default="1MiB")
    parser.add_argument("--samples", type=int, default=100, help="libMicro's -C")
    parser.add_argument("--cpu", type=int, default=0)
    given = parser.parse_args()
    cases = [msgspec.structs.replace(case, fill=given.fill) for case in find_cases(["seed"])]
    ours: dict[Case, list[float]] = {case: [] for case in cases}
    theirs: dict[Case, list[float]] = {case: [] for case in cases}
    directory = given.directory.resolve()
    batches: dict[Case, Batches] = {}
    for number in range(given.rounds + 1):
        with Worker(build_probe(), directory) as worker:
            worker.tell(f"pin {given.cpu}\n".encode())
            worker.tell(fill_line(cases[0]))
            if number == 0:
                batches = {case: batches_for(timed(worker, case, _TRIAL)) for case in cases}
                continue
            file = the_file(worker, directory)
            work = [(case, own) for case in cases for own in (True, False)]
            random.Random(number).shuffle(work)
            for case, own in work:
                if own:
                    ours[case].append(nanoseconds(timed(worker, case, batches[case])))
                else:
                    theirs[case].append(libmicro(given.binaries, case, file, cpu=given.cpu,
                                                 samples=given.samples))
    apart = 0.0
    print(f"ns/call, medians of {given.rounds} rounds, fill {given.fill}")
    for case in cases:
        own, other = median(ours[case]), median(theirs[case])
        apart = max(apart, abs(own / other - 1))
        print(f"{case.name:12} tailwalk {own:9.1f} {median_interval(ours[case])}  libMicro "
              f"{other:9.1f} {median_interval(theirs[case])}  {own / other - 1:+.1%}")
    sys.exit(1 if apart > LIMIT else 0)


if __name__ == "__main__":
    main()
