# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk run`: one kernel's cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tailwalk.cli.console import open_progress, show, write
from tailwalk.cli.measure import runs_for
from tailwalk.cli.options import dask_option, plan_from, plan_options, require_writable
from tailwalk.report.comparison import run_shown
from tailwalk.report.terminal import terminal
from tailwalk.runs import write_run
from tailwalk.runs.record import encode


@click.command()
@click.argument("spec", metavar="SPEC")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="Also write the record to this file.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table",
              show_default=True, help="json is the record itself.")
@click.option("--fresh", is_flag=True, help="Measure again what was measured before.")
@dask_option
@plan_options
def run(spec: str, output: Path | None, form: str, fresh: bool, dask: str | None,
        **given: Any) -> None:
    """Measure cases on one kernel and keep the record.

    On the exact rig the figure of a case is the count that most of its calls had. Records go to
    the results directory ($TAILWALK_RESULTS); one with identical inputs is used again, and said to
    be.
    """
    require_writable(output, read=[spec])
    plan = plan_from(given)
    with open_progress() as progress:
        [record] = runs_for([spec], plan, fresh=fresh, dask=dask, progress=progress)
    if output is not None:
        write_run(record, output)
    if form == "json":
        write(encode(record).decode())
    else:
        show(lambda console: terminal(run_shown(record), console))
