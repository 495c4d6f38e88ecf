# SPDX-License-Identifier: GPL-2.0-or-later
"""How long `tailwalk exec` takes for a small static program on two kernels, and where the seconds
go.

    python benchmarks/program_speed.py [SPEC...] [--rounds N]

Each round is a command of its own, with cached kernels. CPU seconds are of the command itself, and
of QEMU; on a machine that does other things too they say more than the seconds that passed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tailwalk.compiling import compiler
from tailwalk.runs.program import Program, read_program_record

SPECS = ("debian:6.12", "debian:6.18")


@dataclass(frozen=True)
class Took:
    """Seconds that a command took, and of CPU that all its processes did."""

    passed: float
    cpu: float
    program: Program


def ran(program: Path, specs: list[str], folder: Path) -> Took:
    """The command, once."""
    record, begun = folder / "record.json", time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "tailwalk", "exec", "--json", record, *specs, "--", program],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "TAILWALK_RESULTS": str(folder / "runs")})
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"tailwalk exec ended with status {child.returncode}: run it by hand.")
    return Took(time.monotonic() - begun, used.ru_utime + used.ru_stime,
                read_program_record(record))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", metavar="SPEC", nargs="*", default=list(SPECS))
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    loads = Path(__file__).parent / "loads"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, source in (("second", (loads / "second.c").read_text()),
                             ("nothing", "int main(void) { return 0; }\n")):
            subprocess.run([compiler(), "-O1", "-static", "-xc", "-", "-o", folder / name],
                           input=source, text=True, check=True)
        ran(folder / "nothing", given.specs, folder)  # from here on there are saved states
        found = {name: [ran(folder / name, given.specs, folder) for _ in range(given.rounds)]
                 for name in ("nothing", "second")}
    for name, rounds in found.items():
        counts = ", ".join(f"{(one.user + one.kernel + one.others) / 1e6:,.0f} M on {one.spec}"
                           for one in rounds[0].program.kernels)
        print(f"{name}: {min(one.passed for one in rounds):.1f} s, "
              f"{min(one.cpu for one in rounds):.1f} s of CPU; instructions: {counts}")


if __name__ == "__main__":
    main()
