# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk upgrade`: the upgrade test, an old kernel against a new one and later ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Literal

import click

from tailwalk.cases import show_size
from tailwalk.cli.console import open_lab
from tailwalk.cli.gate import FILES, Gating, gate_options
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
from tailwalk.cli.outputs import Outputs, output_options
from tailwalk.compare import compare
from tailwalk.compare.applications import application
from tailwalk.compare.threshold import check_threshold
from tailwalk.compare.upgrade import upgrade as from_comparison
from tailwalk.errors import UsageError
from tailwalk.lab.plans import narrowed, upgrade_cases
from tailwalk.lab.records import is_spec, read_argument, read_program
from tailwalk.lab.upgrades import (
    PROFILED,
    explained,
    upgrade_plan_like,
    upgrade_runs,
)
from tailwalk.report.gate import upgrade_gate
from tailwalk.report.sections import upgrade_sections
from tailwalk.report.upgrade import upgrade_shown
from tailwalk.rigs.plan import UPGRADE_CALLS, Plan
from tailwalk.runs import Run
from tailwalk.runs.program import alike
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

_number = number(0)


def _profiled(value: Any) -> Any:
    """The value of --why."""
    if value == "all":
        return value
    try:
        return _number(value)
    except click.BadParameter as error:
        raise click.BadParameter(f"{error.message} Or say all.") from error


@click.command()
@click.argument("kernels", nargs=-1, required=True, metavar="SPEC|RUN...")
@_measured
@click.option("--why", "profiled", type=_profiled, metavar="N|all",
              help="Profile the N cases that regressed most on the new kernel; 0: none; all: every "
                   "case that regressed or improved there.  "
                   f"[default: {PROFILED} that are not accepted, and 0 where both are records]")
@click.option("--threshold", type=number(whole=False), metavar="PERCENT",
              help="A figure that differs from the old kernel's by no more is the same.  [default: "
                   "1 between kernels of one source, 5 between others]")
@click.option("--program", "programs", multiple=True, metavar="RECORD",
              help="Also show a program on these kernels: the record that exec or compare -o wrote "
                   "of it, or its id; may be repeated. The record and --fail-on are without it.")
@click.option("--all", "everything", is_flag=True, help="Show every case, and cut no list short.")
@output_options("table", "json", record="Also write the record to this file.",
                html="Also write a page with the heat map, functions and figures.", **FILES,
                form_help="json is the record itself.")
@gate_options
@fresh_option
@dask_option
def upgrade(kernels: tuple[str, ...], profiled: int | Literal["all"] | None,
            threshold: float | None, programs: tuple[str, ...], everything: bool, fresh: bool,
            dask: str | None, **given: Any) -> None:
    """Say what an upgrade from the first kernel to the second makes dearer, and why.

    Every case of the suite is counted on each kernel, and the cases that regressed most on the
    second are profiled by kernel function. Later kernels show what they recover. A spec is
    measured; a record's path, or the id of a run that `tailwalk runs list` shows, is read. Beside
    records, specs are measured as the first record was; --case, --family and --fill choose a part
    of it.
    """
    check_threshold(threshold)
    outputs = Outputs().check(read=[*kernels, *programs, *filter(None, [given["accept"]])])
    records = alike([read_program(program) for program in programs])
    gating = Gating.taken(given)
    refuse_conditions(kernels, set(given) - {"names", "families", "fills"})
    plan = _plan(given, kernels)
    gating.check_cases(plan.cases)
    if profiled is None and not any(map(is_spec, kernels[:2])):
        profiled = 0  # what is read alone is there at once
    with open_lab(fresh=fresh, dask=dask) as lab:
        runs = upgrade_runs(lab, kernels, plan, records)
        comparison = gating.applied(compare(runs, bad=1, threshold=threshold))
        applications = [application(record, comparison.kernels, threshold=threshold)
                        for record in records]
        found = explained(lab, from_comparison(comparison, runs), runs, plan, profiled=profiled)
    gate = cache(lambda: upgrade_gate(comparison, found, runs))
    outputs.put(lambda: upgrade_shown(found, everything=everything, applications=applications),
                record=lambda: encode(found),
                sections=lambda: upgrade_sections(found, comparison, runs, applications),
                **gating.files(gate))
    gating.end(comparison, gate, *runs)


def _plan(given: dict[str, Any], kernels: Sequence[str]) -> Plan:
    """The plan that the options say, and beside records the first of them, which they may narrow
    and not contradict."""
    names, narrowing = given.pop("names"), {
        "families": given.pop("families"), "fills": given.pop("fills")}
    name = next((name for name in kernels if not is_spec(name)), None)
    if name is None:
        return Plan(cases=upgrade_cases(names, **narrowing), filesystem=filesystem_from(given),
                    calls=given.pop("calls"), append=given.pop("append")).check()
    record = read_argument(name)
    like = upgrade_plan_like(record)
    _check_conditions(given, name, record, like)
    cases = upgrade_cases(names, **narrowing) if options_given(["names"]) else (
        narrowed(like.cases, **narrowing))
    return replace(like, cases=cases, **{
        option: given[option] for option in ["calls"] if options_given([option])}).check()


def _check_conditions(given: dict[str, Any], name: str, record: Run, like: Plan) -> None:
    """Raise UsageError for an option that contradicts what a record was measured with."""
    system = like.filesystem
    for parameter, there in (("fs", system.kind), ("fs_block_size", system.block_size),
                             ("mount_options", system.mount_options), ("append", like.append)):
        for option in options_given([parameter]):
            if (here := given[parameter]) != there:
                asked, had = (show_size(one) if isinstance(one, int) else one or "none"
                              for one in (here, there))
                raise UsageError(f"{option} {asked}: {name}, the record of {record.kernel.spec}, "
                                 f"was measured with {had}. Leave the option out, or measure that "
                                 "kernel again with it.")
