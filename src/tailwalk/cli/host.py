# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk host`: this machine's own kernel, in nanoseconds."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from tailwalk.cases import PAGE, Case, find_cases
from tailwalk.cli.console import open_progress, show, write
from tailwalk.cli.options import require_writable, size
from tailwalk.rigs.plan import Pace, Plan
from tailwalk.runs import Run, write_run
from tailwalk.runs.record import encode

_FILLS = ("4KiB", "1MiB", "2MiB")


@click.command()
@click.argument("directory", default=".", metavar="[DIR]",
                type=click.Path(path_type=Path))
@click.option("-c", "--case", "names", multiple=True, metavar="CASE|SUITE",
              help="What to measure; may be repeated.  [default: seed, and pwrite_u1k at the end "
                   "of the largest folio]")
@click.option("--fill", "fills", type=size, multiple=True, default=_FILLS, show_default=True,
              help="Size of the writes that fill the page cache; may be repeated.")
@click.option("--file-size", type=size, default="10MiB", show_default=True,
              help="Size of the file.")
@click.option("--offset", type=size, default=0, show_default=True,
              help="File offset that every call writes to.")
@click.option("--rounds", type=int, default=Pace.rounds, show_default=True,
              help="Rounds through all cases; each gives one sample a case.")
@click.option("--seconds", type=float, default=6.0, show_default=True,
              help="No round begins after this time, but for the first eight.")
@click.option("--cpu", type=int, default=None, help="CPU to run on.  [default: the idlest]")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="Also write the record to this file.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table",
              show_default=True, help="json is the record itself.")
def host(directory: Path, names: tuple[str, ...], fills: tuple[int, ...], file_size: int,
         offset: int, rounds: int, seconds: float, cpu: int | None, output: Path | None,
         form: str) -> None:
    """Measure this machine's own kernel on the file system of DIR, and say whether it is affected.

    DIR is the current directory unless named. No root is needed; root also sees which folios cache
    the file. The file has no name and is gone at the end. The record goes to the results directory
    ($TAILWALK_RESULTS).
    """
    from tailwalk.rigs.host import measure_host
    from tailwalk.runs.store import Store

    require_writable(output)
    plan = Plan(cases=_cases(names, fills, file_size, offset), rig="host",
                pace=Pace(rounds=rounds, seconds=seconds), cpu=cpu)
    store = Store().ready()
    with open_progress() as progress:
        run = measure_host(directory, plan, progress=progress)
    store.add(run)
    if output is not None:
        write_run(run, output)
    if form == "json":
        write(encode(run).decode())
    else:
        _show(run)


def _cases(names: tuple[str, ...], fills: tuple[int, ...], file_size: int,
           offset: int) -> list[Case]:
    """Each case at each fill; raises UsageError for one that cannot be run."""
    cases = [msgspec.structs.replace(case, file_size=file_size, offset=offset)
             for case in find_cases(names or ("seed",))]
    if not names and not offset:
        end = msgspec.structs.replace(cases[0], offset=max(fills) - PAGE)
        [small] = find_cases(["pwrite_u1k"])
        cases.append(msgspec.structs.replace(small, file_size=file_size, offset=end.offset))
    return [msgspec.structs.replace(case, fill=fill).check()
            for case in cases for fill in dict.fromkeys(fills)]


def _show(run: Run) -> None:
    from tailwalk.report.growth_table import growth_table
    from tailwalk.report.run_table import run_table

    fills = {figure.case.fill for figure in run.figures}
    table = growth_table if len(fills) > 1 else run_table
    show(lambda console: table(run, console))
