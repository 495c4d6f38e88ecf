# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk upgrade`: the upgrade test, an old kernel against a new one and later ones."""

from __future__ import annotations

from typing import Any

import click

from tailwalk.cli.console import open_lab, say
from tailwalk.cli.options import (
    append_option,
    calls_option,
    dask_option,
    filesystem_from,
    filesystem_options,
    fresh_option,
    number,
    options,
    options_given,
    refuse_conditions,
    size,
)
from tailwalk.cli.outputs import Outputs, output_options, require_figures
from tailwalk.compare.threshold import check_threshold
from tailwalk.errors import RecordError
from tailwalk.lab.plans import upgrade_cases
from tailwalk.lab.records import is_spec
from tailwalk.lab.upgrades import PROFILED, UPGRADE_CALLS, measure_upgrade
from tailwalk.report.comparison import show_lacking
from tailwalk.report.upgrade import upgrade_shown
from tailwalk.rigs.plan import Plan
from tailwalk.runs.record import encode

_measured = options(
    click.option("-c", "--case", "--suite", "names", multiple=True, default=("lts",),
                 show_default="lts", metavar="CASE|SUITE",
                 help="What to measure; may be repeated."),
    click.option("--family", "families", multiple=True, metavar="FAMILY",
                 help="Only the cases of this family, such as sync or append; may be repeated."),
    click.option("--fill", "fills", type=size, multiple=True, metavar="SIZE",
                 help="Size of the writes that fill the page cache before: it decides folio order. "
                      "May be repeated; a case that has a cached file is measured with each.  "
                      "[default: 1MiB]"),
    filesystem_options,
    calls_option(UPGRADE_CALLS, "Calls counted for each case."), append_option)


@click.command()
@click.argument("kernels", nargs=-1, required=True, metavar="SPEC|RUN...")
@_measured
@click.option("--why", "profiled", type=number(0), metavar="N",
              help="Profile the N cases that regressed most on the new kernel; 0: none.  "
                   f"[default: {PROFILED}, and 0 where one of the two is a record]")
@click.option("--threshold", type=number(whole=False), metavar="PERCENT",
              help="A figure that differs from the old kernel's by no more is the same.  [default: "
                   "1 between kernels of one source, 5 between others]")
@click.option("--all", "everything", is_flag=True, help="Show every case, and cut no list short.")
@output_options("table", "json", record="Also write the record to this file.",
                form_help="json is the record itself.")
@click.option("--fail-on", type=click.Choice(["regressed"]),
              help="Exit with status 1 where a case has this verdict on any kernel, and with 2 "
                   "where none has and a figure cannot be judged.")
@fresh_option
@dask_option
@click.pass_context
def upgrade(context: click.Context, /, kernels: tuple[str, ...], profiled: int | None,
            threshold: float | None, everything: bool, fail_on: str | None, fresh: bool,
            dask: str | None, **given: Any) -> None:
    """Say what an upgrade from the first kernel to the second makes dearer, and why.

    Every case of the suite is counted on each kernel, and the cases that regressed most on the
    second are profiled by kernel function. Of later kernels it is told what they recover. A spec
    is measured; a record's path, or the id of a run that `tailwalk runs list` shows, is read.
    Beside records, specs are measured as the first record was, unless an option says how.
    """
    check_threshold(threshold)
    outputs = Outputs().check(read=kernels)
    recorded = not all(map(is_spec, kernels))
    refuse_conditions(kernels, set(given) - {"names", "families", "fills"})
    plan = None if recorded and not options_given(given) else _plan(given)
    with open_lab(fresh=fresh, dask=dask) as lab:
        found, runs = measure_upgrade(lab, kernels, plan, threshold=threshold, profiled=profiled)
    outputs.put(lambda: upgrade_shown(found, everything=everything), record=lambda: encode(found))
    if fail_on is not None and found.regressed():
        context.exit(1)
    require_figures(*runs)
    if fail_on is None:
        return
    if lacking := found.lacking():
        say(f"--fail-on {fail_on}: {show_lacking(lacking)} missing for lack of a figure, and "
            "nothing is said of those cases there.", aside=True)
    if unjudged := found.unjudged():
        raise RecordError(f"--fail-on {fail_on}: {unjudged} "
                          f"{'figure' if unjudged == 1 else 'figures'} cannot be judged (unsteady "
                          "or unknown), so it is not known whether a case regressed. Measure "
                          "again, or without the cases that have them.")


def _plan(given: dict[str, Any]) -> Plan:
    cases = upgrade_cases(given.pop("names"), families=given.pop("families"),
                          fills=given.pop("fills"))
    return Plan(cases=cases, filesystem=filesystem_from(given), calls=given.pop("calls"),
                append=given.pop("append")).check()
