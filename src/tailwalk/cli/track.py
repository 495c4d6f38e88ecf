# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk track`: cases over the releases of a kernel line."""

from __future__ import annotations

from typing import Any

import click

from tailwalk.cli.console import open_lab
from tailwalk.cli.options import (
    dask_option,
    exact_plan_from,
    exact_plan_options,
    fresh_option,
    number,
)
from tailwalk.cli.outputs import Outputs, output_options, require_figures
from tailwalk.cli.program_options import TakesProgram, asked_from, call_option, program_options
from tailwalk.cli.programs import giving_up, show_track
from tailwalk.compare.threshold import check_threshold
from tailwalk.errors import UsageError
from tailwalk.report.sections import track_section
from tailwalk.report.track import track_shown, track_svg
from tailwalk.runs.export import to_csv
from tailwalk.runs.record import encode


@click.command(cls=TakesProgram)
@click.argument("specs", nargs=-1, metavar="[SPEC]...")
@click.option("--line", metavar="LINE,...",
              help="Every release of these lines that the archive holds and that can boot: 6.18 "
                   "means 6.18.y, 7 means 7.x.")
@click.option("--newest", type=number(1), metavar="N",
              help="Of each 6.x or 7.x of --line only the newest N, at least 1.")
@click.option("--threshold", type=number(whole=False), metavar="PERCENT",
              help="A step is a figure that differs by more from the one before.  [default: 1 "
                   "between kernels of one source, 5 between others]")
@output_options("table", "csv", "json", record="Also write the record to this file.",
                svg="Also draw the chart.", html="Also write a page with chart, table and steps.",
                form_help="csv has one line a figure; json is the record itself.")
@fresh_option
@dask_option
@exact_plan_options
@call_option
@program_options
def track(specs: tuple[str, ...], line: str | None, newest: int | None, threshold: float | None,
          fresh: bool, dask: str | None, **given: Any) -> None:
    """Follow cases over kernel releases, and name the steps.

    Give the kernels in the order to follow, or --line. A kernel that cannot be had or does not
    boot is left out and named. Kernels measured before are not measured again. With a program after
    --, it is its calls that are followed, and all that the kernel executes.
    """
    from tailwalk.lab.programs import follow_program
    from tailwalk.lab.releases import follow, line_specs

    if bool(specs) == bool(line):
        raise UsageError("give either kernels to follow, or --line, such as --line 6.12,6.18,7.")
    if newest is not None and not line:
        raise UsageError("--newest chooses from --line; the kernels named are followed as they "
                         "are.")
    outputs = Outputs().check()
    check_threshold(threshold)
    asked = asked_from(given)
    only = given.pop("only")
    plan = exact_plan_from(given) if asked is None else None
    with open_lab(fresh=fresh, dask=dask) as lab, giving_up():
        chosen = specs or line_specs(lab, [one.strip() for one in str(line).split(",")],
                                     newest=newest)
        if asked is not None:
            program, left_out = follow_program(lab, chosen, asked)
        elif plan is not None:
            found, runs = follow(lab, chosen, plan, threshold=threshold)
    if asked is not None:
        show_track(program, left_out, outputs, only=only, threshold=threshold)
        return
    outputs.put(lambda: track_shown(found), record=lambda: encode(found),
                svg=lambda: track_svg(found), sections=lambda: [track_section(found, runs)],
                csv=lambda: to_csv(runs))
    require_figures(*runs)
