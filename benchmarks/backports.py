# SPDX-License-Identifier: GPL-2.0-or-later
"""What a series does to each release it is meant for: instructions per call without and with it.

    python benchmarks/backports.py [--series tail] [--fill 2MiB] [--base src:6.12] [SPEC...]

Builds every kernel that the cache does not have (some minutes each on two cores) and prints one
table as soon as all are measured; what cannot be fetched, built or changed is named in it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tailwalk.cases import Case, Filesystem, parse_size
from tailwalk.compare import Comparison, compare
from tailwalk.errors import TailwalkError
from tailwalk.lab.lab import Lab
from tailwalk.lab.plans import chosen_cases
from tailwalk.report.words import show_recovery
from tailwalk.rigs.plan import Plan

RELEASES = ("src:6.16", "src:6.17", "src:6.18", "src:6.19", "src:7.0", "src:7.1")


def cases(fill: int) -> tuple[Case, ...]:
    """libMicro's six at the start of the folio, and one of them at its end."""
    return (*chosen_cases(["seed"], Filesystem(), fill=fill),
            *chosen_cases(["pwrite_u1k"], Filesystem(), fill=fill, offset="last"))


def add_rows(table: Table, comparison: Comparison) -> None:
    """Three rows: without the series, with it, and the share of the regression it takes back."""
    for column in (1, 2):
        kernel = comparison.kernels[column]
        table.add_row(kernel.spec, kernel.release, *(
            f"{row.figures[column]:,} {row.ratios[column]:.2f}×" for row in comparison.rows))
    table.add_row("", "recovery", *(show_recovery(row.recovery[2]) for row in comparison.rows),
                  end_section=True)


def main(specs: Sequence[str], *, base: str, series: str, fill: int) -> None:
    """Measure and print."""
    plan = Plan(cases=cases(fill)).check()
    lab = Lab()
    [baseline] = lab.measure([base], plan)
    table = Table("kernel", "release", *(
        f"{case.name}{' last' if case.offset else ''}" for case in plan.cases))
    table.add_row(base, baseline.kernel.release,
                  *(f"{figure.main.value:,.0f}" for figure in baseline.figures), end_section=True)
    for spec in specs:
        print(f"# {spec}", flush=True)
        try:
            runs = lab.measure([spec, f"{spec}+{series}"], plan)
        except TailwalkError as error:
            print(f"# {spec}: {error}", flush=True)
            table.add_row(spec, "not measured", *["-"] * len(plan.cases), end_section=True)
            continue
        add_rows(table, compare([baseline, *runs], bad=1))
    print(f"Instructions per call (rig exact), ext4 with 4KiB blocks, folios filled by writes of "
          f"{fill >> 10}KiB; ratio to {base}")
    Console(width=180).print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("specs", nargs="*", metavar="SPEC", default=RELEASES)
    parser.add_argument("--base", default="src:6.12")
    parser.add_argument("--series", default="tail")
    parser.add_argument("--fill", type=parse_size, default=parse_size("2MiB"))
    given = parser.parse_args()
    main(given.specs, base=given.base, series=given.series, fill=given.fill)
