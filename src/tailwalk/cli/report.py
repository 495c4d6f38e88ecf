# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk report`: one page of runs and profiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tailwalk.cli.console import open_progress
from tailwalk.cli.measure import is_path, read_argument
from tailwalk.cli.options import require_writable
from tailwalk.errors import RecordError
from tailwalk.progress import Progress
from tailwalk.runs import RUN_SCHEMA, Run
from tailwalk.runs.record import decode_run, read_bytes, schema_of, write_whole

if TYPE_CHECKING:
    from tailwalk.profile.record import Profile


@click.command()
@click.argument("records", nargs=-1, required=True, metavar="RUN|PROFILE.json...")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE",
              help="The page to write: one HTML file that needs nothing else.")
@click.option("--title", help="What the browser calls the page.  [default: the verdict]")
def report(records: tuple[str, ...], output: Path, title: str | None) -> None:
    """Write a page that opens with the verdict and shows what it rests on.

    Takes runs (files, or ids that `tailwalk runs list` shows) and profiles (files that `tailwalk
    why --output` wrote). Runs of the same cases are compared, the first being the baseline; those
    of a sweep become heat maps; profiles of one case are set beside each other.
    """
    require_writable(output, read=records)
    from tailwalk.report.page import page
    from tailwalk.report.sections import sections_of

    with open_progress() as progress:
        runs, profiles = _read(records, progress)
    write_whole(output, page(sections_of(runs, profiles), title=title).encode())


def _read(records: tuple[str, ...], progress: Progress) -> tuple[list[Run], list[Profile]]:
    runs: list[Run] = []
    profiles: list[Profile] = []
    for name in records:
        if not is_path(name):
            runs.append(read_argument(name, progress=progress))
            continue
        content = read_bytes(Path(name))
        kind = schema_of(content, name).partition("/")[0]
        if kind == RUN_SCHEMA.partition("/")[0]:
            runs.append(decode_run(content, name))
        elif kind == "tailwalk.profile":
            from tailwalk.profile.record import read_profile

            profiles.append(read_profile(Path(name)))
        else:
            raise RecordError(f"{name} is a record of kind {kind!r}; a report is made of runs and "
                              "profiles.")
    return runs, profiles
