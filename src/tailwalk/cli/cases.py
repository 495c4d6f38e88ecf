# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk cases`: what can be measured."""

from __future__ import annotations

import click

from tailwalk.cases import SUITES, Case, find_cases, show_size


@click.command()
@click.argument("names", nargs=-1, metavar="[CASE|SUITE]...")
def cases(names: tuple[str, ...]) -> None:
    """Explain cases; without a name, all that the suites hold.

    Any other size has a name of the same pattern: pwrite_u4k, writev_u512.
    """
    if names:
        for case in find_cases(names):
            click.echo(_explain(case))
        return
    for suite, members in SUITES.items():
        click.echo(f"suite {suite}")
        for case in find_cases(members):
            click.echo(f"  {_explain(case)}")


def _explain(case: Case) -> str:
    what = (f"{case.size} bytes" if case.vectors == 1
            else f"{case.vectors} vectors of {case.size} bytes")
    before = "" if case.call == "pwrite" else f", after an uncounted lseek(2) to {case.offset}"
    return (f"{case.name:<13} {case.call}(2) of {what} at offset {case.offset}{before}; a file of "
            f"{show_size(case.file_size)} cached by writes of {show_size(case.fill)}")
