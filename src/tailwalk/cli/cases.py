# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk cases`: what can be measured."""

from __future__ import annotations

import click

from tailwalk.cases import LEFT_OUT, LTS, SUITES, Case, find_cases
from tailwalk.cli.console import say, tell
from tailwalk.words import listed


@click.command()
@click.argument("names", nargs=-1, metavar="[CASE|SUITE]...")
def cases(names: tuple[str, ...]) -> None:
    """Explain cases; without a name, all that the suites hold.

    Any other size has a name of the same pattern: pwrite_u4k, writev_u512. After the suite lts
    stand libMicro's cases that it lacks, each with the reason.
    """
    if names:
        for case in find_cases(names):
            tell(_explain(case))
        if "lts" in names:
            say("left out of libMicro's")
            for name, why in LEFT_OUT.items():
                tell(f"  {name:<15}  {why}")
        return
    for suite, members in SUITES.items():
        if suite == "lts":
            say(f"suite lts: each case of {listed(LTS)} once, {len(members)} in all")
            continue
        say(f"suite {suite}")
        for case in find_cases(members):
            tell(f"  {_explain(case)}")


def _explain(case: Case) -> str:
    return f"{case.name:<13}  {case.declared.explained(case.parameters)}"
