# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk runs`: the runs that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from tailwalk.cli.console import open_progress, say
from tailwalk.cli.import_ import import_
from tailwalk.cli.options import number, options
from tailwalk.cli.outputs import Outputs, json_list, output_options
from tailwalk.cli.suggestions import SuggestingGroup
from tailwalk.errors import UsageError
from tailwalk.lab.records import names_program, read_argument, read_program
from tailwalk.report.comparison import run_shown
from tailwalk.report.grid import Shown
from tailwalk.report.lists import runs_shown
from tailwalk.runs import Run
from tailwalk.runs.export import to_csv, write_parquet
from tailwalk.runs.metrics import RIGS
from tailwalk.runs.program import Program
from tailwalk.runs.record import encode
from tailwalk.runs.store import Store, older_than_days, superseded

_KIB = 1024


@click.group(cls=SuggestingGroup)
def runs() -> None:
    """List, show, export, import or prune the runs in the results directory ($TAILWALK_RESULTS).

    A run is one JSON file there; the index beside them is made from the files whenever it is
    asked.
    """


_filters = options(
    click.option("--kernel", metavar="NAME",
                 help="Only of this spec or release, or the start of one: 6.18 means every "
                      "6.18.y. May hold *."),
    click.option("-c", "--case", metavar="NAME", help="Only with this case. May hold *."),
    click.option("--rig", type=click.Choice(list(RIGS)),
                 help="Only from this rig."))
"""For `Store.select`."""


@runs.command(name="list")
@_filters
@output_options("table", "json", form_help="How to write it.")
def list_(**given: Any) -> None:
    """List the runs, the oldest first; the start of an id names a run everywhere."""
    with open_progress() as progress:
        store = Store(progress=progress)
        found = store.select(**given)
    outputs = Outputs()
    if outputs.form == "table" and not found:
        say(f"No such run in {store.root}.")
    else:
        outputs.print(lambda: runs_shown(found), json=lambda: encode(found))


@runs.command(name="show")
@click.argument("names", nargs=-1, required=True, metavar="RUN...")
@output_options("table", "json", form_help="json is the record itself.")
def show_(names: tuple[str, ...]) -> None:
    """Show runs, each by its id or the path of its record."""
    with open_progress() as progress:
        found = [read_program(name, progress=progress) if names_program(name) else
                 read_argument(name, progress=progress) for name in names]
    for one in found:
        Outputs().print(partial(_shown, one), json=partial(encode, one))


def _shown(run: Run | Program) -> Shown | Sequence[Shown]:
    if isinstance(run, Run):
        return run_shown(run)
    from tailwalk.compare.program import compare_program
    from tailwalk.report.program import program_shown

    return program_shown(compare_program(run))


@runs.command()
@click.argument("names", nargs=-1, metavar="[RUN]...")
@_filters
@output_options("csv", "parquet", "json", output="Where to write it.  [default: standard output]",
                form_help="csv and parquet have one line a figure; json is a list of the records.")
def export(names: tuple[str, ...], **given: Any) -> None:
    """Write runs as a table for other tools: those named, or all that fit the options. Of a
    program, compare --format csv writes the calls.
    """
    if names and any(given.values()):
        raise UsageError("either name the runs to export or choose them by options, not both.")
    outputs = Outputs().check()
    files = outputs.files("output")
    if outputs.form == "parquet" and not files:
        raise UsageError("a Parquet file is binary: name the file to write with --output.")
    chosen = _named(names) if names else _all(given)
    if outputs.form == "parquet":
        write_parquet(chosen, files[0])
        return
    made = partial(to_csv if outputs.form == "csv" else json_list, chosen)
    if files:
        outputs.save("output", made)
    else:
        outputs.print(made)


def _named(names: Sequence[str]) -> list[Run]:
    with open_progress() as progress:
        return [read_argument(name, progress=progress) for name in names]


def _all(given: dict[str, Any]) -> list[Run]:
    with open_progress() as progress:
        store = Store(progress=progress)
        found = [store.open(entry) for entry in store.select(**given) if not entry.program]
        return [run for run in found if isinstance(run, Run)]


runs.add_command(import_)


@runs.command()
@_filters
@click.option("--older-than", type=number(0), metavar="DAYS",
              help="Remove instead every run that is older than so many days, 0 or more.")
@click.option("--damaged", is_flag=True, help="Also remove the damaged files that were set aside.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be removed.")
def prune(older_than: int | None, damaged: bool, dry_run: bool, **given: Any) -> None:
    """Remove exact runs that a newer one with identical inputs repeats, and what writers that
    were killed left behind."""
    with open_progress() as progress:
        store = Store(progress=progress)
        found = store.select(**given)
    chosen = superseded(found) if older_than is None else older_than_days(found, older_than)
    files = store.leftovers() + (store.damaged() if damaged else [])
    for entry in chosen:
        say(f"{entry.id}  {entry.created}  {entry.spec} ({entry.release}), {entry.rig}")
    for path in files:
        say(str(path))
    size = sum(entry.bytes for entry in chosen) + sum(path.stat().st_size for path in files)
    if not dry_run:
        store.remove(chosen)
        store.discard(files)
    said = "would be removed" if dry_run else "removed"
    say(f"{_count(chosen, 'run')} and {_count(files, 'other file')} {said}, "
               f"{size / _KIB:.0f} KiB.")


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"
