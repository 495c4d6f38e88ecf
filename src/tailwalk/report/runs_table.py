# SPDX-License-Identifier: GPL-2.0-or-later
"""The kept runs on a terminal: a line a run."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, RenderableType

from tailwalk.cases import SUITES, show_size
from tailwalk.report.table import ASCII, UNICODE, new_table
from tailwalk.report.words import short_release
from tailwalk.runs.index import Entry

_NAMED = 2  # of more cases only the number is told
_ID = 8  # digits of an id that tell some ten thousand runs apart


def runs_table(found: Sequence[Entry], console: Console) -> RenderableType:
    """Id, time, kernel, rig, file system and cases of each run."""
    table = new_table(ASCII if console.options.ascii_only else UNICODE)
    table.add_column("run", no_wrap=True)
    table.add_column("UTC", no_wrap=True)
    table.add_column("kernel", overflow="fold", min_width=11)
    table.add_column("release", no_wrap=True)
    table.add_column("rig", no_wrap=True)
    table.add_column("on", no_wrap=True)
    table.add_column("cases", overflow="fold")
    for entry in found:
        table.add_row(
            entry.id[:_ID], entry.created[:16].replace("T", " "), entry.spec,
            short_release(entry.release), entry.rig,
            f"{entry.filesystem} {show_size(entry.block_size)}", _cases(entry))
    return table


def _cases(entry: Entry) -> str:
    """The suite where the cases are one, few names, or a number; and how many figures if more."""
    suite = next((name for name, members in SUITES.items() if members == entry.cases), None)
    names = suite or (", ".join(entry.cases) if len(entry.cases) <= _NAMED else
                      f"{len(entry.cases)} cases")
    if entry.figures == len(entry.cases):
        return names
    return f"{names}: {entry.figures} figures"
