# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk compare`: a baseline beside other kernels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from tailwalk.cli.console import open_lab, say
from tailwalk.cli.options import (
    dask_option,
    fresh_option,
    number,
    options_given,
    plan_from,
    plan_options,
    refuse_conditions,
)
from tailwalk.cli.outputs import Outputs, output_options, require_figures
from tailwalk.compare import Comparison
from tailwalk.compare import compare as compare_runs
from tailwalk.compare.threshold import check_threshold
from tailwalk.errors import RecordError, UsageError
from tailwalk.lab.records import is_spec
from tailwalk.report.comparison import comparison_shown, show_lacking
from tailwalk.report.data import comparison_csv
from tailwalk.report.mail import mail
from tailwalk.report.markdown import markdown
from tailwalk.report.sections import comparison_sections
from tailwalk.rigs.plan import Plan
from tailwalk.runs.record import encode

_TEXTS: dict[str, Callable[[Comparison], str]] = {
    "mail": mail, "markdown": markdown, "csv": comparison_csv}


@click.command()
@click.argument("kernels", nargs=-1, required=True, metavar="SPEC|RUN...")
@click.option("--bad", metavar="N|SPEC",
              help="The regressed column, whose regression later ones are to recover: its spec, or "
                   "its number, the first after the baseline being 1.  [default: the worst]")
@click.option("--threshold", type=number(whole=False), metavar="PERCENT",
              help="A figure that differs from the baseline's by no more is unchanged.  [default: "
                   "1 between kernels of one source, 5 between others]")
@output_options("table", *_TEXTS, "json", record="Also write the record to this file.",
                html="Also write the comparison as one self-contained page.",
                form_help="mail is plain text of under 72 columns; json is the record itself.")
@click.option("--fail-on", type=click.Choice(["regressed"]),
              help="Exit with status 1 where a case has this verdict on any kernel, and with 2 "
                   "where none has and a figure cannot be judged. A case that a kernel cannot do "
                   "is passed over, and said.")
@fresh_option
@dask_option
@plan_options
@click.pass_context
def compare(context: click.Context, /, kernels: tuple[str, ...], bad: str | None,
            threshold: float | None, fail_on: str | None, fresh: bool, dask: str | None,
            **given: Any) -> None:
    """Compare kernels case by case: ratios to the first, verdicts, recovery.

    The first argument is the baseline. A spec is measured, on the exact rig by default; a record's
    path, or the id of a run that `tailwalk runs list` shows, is read. Beside records, specs are
    measured as the first record was, unless an option says how.
    """
    if len(kernels) < 2:
        raise UsageError(f"only {kernels[0]} is named: give a baseline and at least one other "
                         "kernel or record to compare with it.")
    column = None if bad is None else _column(bad, kernels)
    check_threshold(threshold)
    outputs = Outputs().check(read=kernels)
    refuse_conditions(kernels, given)
    said = options_given(given)
    plan: Plan | None = plan_from(given)
    if not said and not all(map(is_spec, kernels)):
        plan = None  # a record says how to measure
    with open_lab(fresh=fresh, dask=dask) as lab:
        runs = lab.runs(kernels, plan)
    comparison = compare_runs(runs, bad=column, threshold=threshold)

    outputs.put(lambda: comparison_shown(comparison), record=lambda: encode(comparison),
                sections=lambda: comparison_sections(comparison, runs),
                **{form: partial(text, comparison) for form, text in _TEXTS.items()})
    if fail_on is not None and comparison.regressed():
        context.exit(1)
    require_figures(*runs)
    if fail_on is None:
        return
    if lacking := comparison.lacking():
        say(f"--fail-on {fail_on}: {show_lacking(lacking)} missing for lack of a figure, and "
            "nothing is said of those cases there.", aside=True)
    if unjudged := comparison.unjudged():
        raise RecordError(f"--fail-on {fail_on}: {unjudged} "
                          f"{'figure' if unjudged == 1 else 'figures'} cannot be judged (unsteady "
                          "or unknown), so it is not known whether a case regressed. Measure "
                          "again, or without the cases that have them.")


def _column(bad: str, kernels: tuple[str, ...]) -> int:
    """The index that --bad means."""
    numbers = range(1, len(kernels))
    named = [int(bad)] if bad.isascii() and bad.isdecimal() else [
        number for number in numbers if kernels[number] == bad]
    if len(named) == 1 and named[0] in numbers:
        return named[0]
    others = ", ".join(f"{number} {kernels[number]}" for number in numbers)
    if len(named) > 1:
        raise UsageError(f"--bad {bad} names {len(named)} columns: give a number; the columns "
                         f"after the baseline are {others}.")
    raise UsageError(f"--bad {bad} names no column after the baseline; those are {others}.")
