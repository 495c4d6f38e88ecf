# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk host`: this machine's own kernel, in nanoseconds."""

from __future__ import annotations

from pathlib import Path

import click

from tailwalk.cli.console import open_lab
from tailwalk.cli.options import case_option, number, size
from tailwalk.cli.outputs import Outputs, output_options, require_figures
from tailwalk.lab.plans import host_plan
from tailwalk.report.comparison import run_shown
from tailwalk.report.growth import growth_shown
from tailwalk.rigs.plan import Pace
from tailwalk.runs.record import encode

_FILLS = ("4KiB", "1MiB", "2MiB")


@click.command()
@click.argument("directory", default=".", metavar="[DIR]",
                type=click.Path(path_type=Path))
@case_option(help="What to measure; may be repeated.  [default: seed, and pwrite_u1k at the end "
                  "of the largest folio]")
@click.option("--fill", "fills", type=size, multiple=True, default=_FILLS, show_default=True,
              help="Size of the writes that fill the page cache; may be repeated.")
@click.option("--file-size", type=size, default="10MiB", show_default=True,
              help="Size of the file.")
@click.option("--offset", type=size, default=0, show_default=True,
              help="File offset that every call writes to.")
@click.option("--rounds", type=number(), default=Pace.rounds, show_default=True,
              help="Rounds through all cases; each gives one sample a case.")
@click.option("--seconds", type=number(whole=False), default=6.0, show_default=True,
              help="No round begins after this time, but for the first eight.")
@click.option("--cpu", type=number(), default=None, help="CPU to run on.  [default: the idlest]")
@output_options("table", "json", form_help="json is the record itself.",
                record="Also write the record to this file.")
def host(directory: Path, names: tuple[str, ...], fills: tuple[int, ...], file_size: int,
         offset: int, rounds: int, seconds: float, cpu: int | None) -> None:
    """Measure this machine's own kernel on the file system of DIR, and say whether it is affected.

    DIR is the current directory unless named. No root is needed; root also sees which folios cache
    the file. The file has no name and is gone at the end. The record goes to the results directory
    ($TAILWALK_RESULTS).
    """
    outputs = Outputs().check()
    plan = host_plan(names, fills=fills, file_size=file_size, offset=offset,
                     pace=Pace(rounds=rounds, seconds=seconds), cpu=cpu)
    with open_lab() as lab:
        run = lab.measure_here(directory, plan)
    measured_fills = {figure.case.get("fill") for figure in run.figures} - {None}
    outputs.put(lambda: growth_shown(run) if len(measured_fills) > 1 else run_shown(run),
                record=lambda: encode(run))
    require_figures(run)
