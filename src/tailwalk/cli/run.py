# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk run`: one kernel's cases."""

from __future__ import annotations

from typing import Any

import click

from tailwalk.cli.console import open_lab
from tailwalk.cli.options import dask_option, fresh_option, plan_from, plan_options
from tailwalk.cli.outputs import Outputs, output_options, require_figures
from tailwalk.report.comparison import run_shown
from tailwalk.runs.record import encode


@click.command()
@click.argument("spec", metavar="SPEC")
@output_options("table", "json", form_help="json is the record itself.",
                record="Also write the record to this file.")
@fresh_option
@dask_option
@plan_options
def run(spec: str, fresh: bool, dask: str | None, **given: Any) -> None:
    """Measure cases on one kernel and keep the record.

    On the exact rig the figure of a case is the count that most of its calls had. Records go to
    the results directory ($TAILWALK_RESULTS); one with identical inputs is used again, and said to
    be.
    """
    outputs = Outputs().check(read=[spec])
    plan = plan_from(given)
    with open_lab(fresh=fresh, dask=dask) as lab:
        [record] = lab.runs([spec], plan)
    outputs.put(lambda: run_shown(record), record=lambda: encode(record))
    require_figures(record)
