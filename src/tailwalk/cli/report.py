# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk report`: one page of runs, profiles and programs."""

from __future__ import annotations

import click

from tailwalk.cli.console import open_progress
from tailwalk.cli.outputs import Outputs, output_options
from tailwalk.lab.records import read_records


@click.command()
@click.argument("records", nargs=-1, required=True, metavar="RUN|RECORD.json...")
@output_options(output="The page to write: one HTML file that needs nothing else.", required=True)
@click.option("--title", help="What the browser calls the page.  [default: the verdict]")
def report(records: tuple[str, ...], title: str | None) -> None:
    """Write a page that opens with the verdict and shows what it rests on.

    Takes runs and programs (files, or ids that `tailwalk runs list` shows) and profiles (files that
    `tailwalk why --output` wrote). Runs of the same cases are compared, the first being the
    baseline, and so is a program on several kernels; those of a sweep become heat maps; profiles of
    one case are set beside each other.
    """
    outputs = Outputs().check(read=records)
    from tailwalk.report.page import page
    from tailwalk.report.sections import sections_of

    with open_progress() as progress:
        found = read_records(records, progress=progress)
    outputs.save("output", lambda: page(
        sections_of(found.runs, found.profiles, found.programs), title=title))
