# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk compare`: a baseline beside other kernels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import click

from tailwalk.cli.console import open_lab
from tailwalk.cli.gate import FILES, Gating, gate_options
from tailwalk.cli.options import (
    dask_option,
    fresh_option,
    number,
    options_given,
    plan_from,
    plan_options,
    refuse_conditions,
)
from tailwalk.cli.outputs import Outputs, output_options
from tailwalk.cli.program_options import TakesProgram, asked_from, program_options
from tailwalk.cli.programs import show_comparison, taken
from tailwalk.compare import Comparison
from tailwalk.compare import compare as compare_runs
from tailwalk.compare.threshold import check_threshold
from tailwalk.errors import UsageError
from tailwalk.lab.records import is_spec, names_program
from tailwalk.report.comparison import comparison_shown
from tailwalk.report.data import comparison_csv
from tailwalk.report.gate import comparison_gate
from tailwalk.report.mail import mail
from tailwalk.report.markdown import markdown
from tailwalk.report.sections import comparison_sections
from tailwalk.rigs.plan import Plan
from tailwalk.runs.record import encode

_TEXTS: dict[str, Callable[[Comparison], str]] = {
    "mail": mail, "markdown": markdown, "csv": comparison_csv}


@click.command(cls=TakesProgram)
@click.argument("kernels", nargs=-1, required=True, metavar="SPEC|RUN...")
@click.option("--regressed", metavar="N|SPEC",
              help="The regressed column, whose regression later ones are to recover: its spec, or "
                   "its number, the first after the baseline being 1.  [default: the worst]")
@click.option("--threshold", type=number(whole=False), metavar="PERCENT",
              help="A figure that differs from the baseline's by no more is unchanged.  [default: "
                   "1 between kernels of one source, 5 between others]")
@output_options("table", *_TEXTS, "json", record="Also write the record to this file.",
                html="Also write the comparison as one self-contained page.", **FILES,
                form_help="mail is plain text of under 72 columns; json is the record itself.")
@gate_options
@fresh_option
@dask_option
@plan_options
@program_options
def compare(kernels: tuple[str, ...], regressed: str | None, threshold: float | None, fresh: bool,
            dask: str | None, **given: Any) -> None:
    """Compare kernels case by case: ratios to the first, verdicts, recovery.

    The first argument is the baseline. A spec is measured, on the exact rig by default; a record's
    path, or the id of a run that `tailwalk runs list` shows, is read. Beside records, specs are
    measured as the first record was, unless an option says how.
    """
    if len(kernels) < 2:
        raise UsageError(f"only {kernels[0]} is named: give a baseline and at least one other "
                         "kernel or record to compare with it.")
    check_threshold(threshold)
    outputs = Outputs().check(read=[*kernels, *filter(None, [given["accept"]])])
    records = any(map(names_program, kernels))
    asked = asked_from(given | {"regressed": regressed}, records=records)
    column = None if regressed is None else _column(regressed, kernels)
    gating = Gating.taken(given)
    if asked is not None or records:
        with open_lab(fresh=fresh, dask=dask) as lab:
            program = taken(lab, kernels, asked)
        show_comparison(program, outputs, gating, threshold=threshold)
        return
    refuse_conditions(kernels, given)
    said = options_given(given)
    plan: Plan | None = plan_from(given)
    if not said and not all(map(is_spec, kernels)):
        plan = None  # a record says how to measure
    with open_lab(fresh=fresh, dask=dask) as lab:
        if plan is not None:
            gating.check_cases(plan.cases)
        runs = lab.runs(kernels, plan)
    comparison = gating.applied(compare_runs(runs, bad=column, threshold=threshold))
    gate = cache(lambda: comparison_gate(comparison, runs))

    outputs.put(lambda: comparison_shown(comparison), record=lambda: encode(comparison),
                sections=lambda: comparison_sections(comparison, runs),
                **gating.files(gate),
                **{form: partial(text, comparison) for form, text in _TEXTS.items()})
    gating.end(comparison, gate, *runs)


def _column(regressed: str, kernels: tuple[str, ...]) -> int:
    """The index that --regressed means."""
    numbers = range(1, len(kernels))
    named = [int(regressed)] if regressed.isascii() and regressed.isdecimal() else [
        number for number in numbers if kernels[number] == regressed]
    if len(named) == 1 and named[0] in numbers:
        return named[0]
    others = ", ".join(f"{number} {kernels[number]}" for number in numbers)
    if len(named) > 1:
        raise UsageError(f"--regressed {regressed} names {len(named)} columns: give a number; the "
                         f"columns after the baseline are {others}.")
    raise UsageError(f"--regressed {regressed} names no column after the baseline; those are "
                     f"{others}.")
