# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk doctor`: is this machine fit?"""

from __future__ import annotations

import sys

import click

from tailwalk.cli.console import flowed, open_lab, say
from tailwalk.cli.streams import drawn
from tailwalk.kernels.spec import parse_spec, require_measurable
from tailwalk.lab.health import examine, self_test
from tailwalk.words import visible

_MARKS = {"ok": ("ok", "green"), "missing": ("MISSING", "red"), "optional": ("absent", "yellow")}


@click.command()
@click.option("--self-test", "test", is_flag=True,
              help="Also measure one case in two boots and say whether they agree.")
@click.option("--kernel", "spec", default="debian:6.12", show_default=True, metavar="SPEC",
              help="The kernel that --self-test boots.")
def doctor(test: bool, spec: str) -> None:
    """Say what this machine lacks, and the line that mends it.

    Exits 2 where something is missing that every measurement needs, or where the self-test's
    boots disagree.
    """
    parse_spec(spec)
    require_measurable(spec)
    fit = True
    for look in examine():
        word, colour = _MARKS[look.state]
        line = flowed(visible(f"{word:<8} {look.name}: {look.found}"))
        click.echo(click.style(word, fg=colour) + line.removeprefix(word), file=drawn(sys.stdout))
        fit = fit and look.state != "missing"
    if test and fit:
        with open_lab() as lab:
            result = self_test(lab.kernel(spec), progress=lab.progress)
        amounts = [figure.main for figure in result.figures]
        values = " and ".join(f"{amount.value:,} {amount.unit}" for amount in amounts)
        fit = result.agrees
        say(f"self-test: {result.figures[0].case.name} on {spec}, two boots: {values}: "
            + ("they agree" if fit else "they DISAGREE: do not rely on this machine"))
    sys.exit(0 if fit else 2)
