# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists: of the kept runs, of the kernels that can be had, of the series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tailwalk.cases import SUITES, show_size
from tailwalk.kernels.listing import Available, Listing
from tailwalk.report.grid import BLANK, Cell, Column, Grid, GridRow, Said, Shown, grid_of
from tailwalk.report.words import short_release
from tailwalk.runs.index import Entry
from tailwalk.series import Series
from tailwalk.words import listed

_NAMED = 2  # of more cases only the number is told
_MIB = 1 << 20
_TIME = len("2026-11-30 11:52")
_ID = 8  # digits of an id that tell some ten thousand runs apart


def runs_shown(found: Sequence[Entry]) -> Shown:
    """Id, time, kernel, rig, file system and cases of each run."""
    return Shown(title="", parts=[grid_of(
        [Column("run", "name"), Column("UTC", "word", least=_TIME, rank=1),
         Column("kernel", "word"), Column("release", "word", rank=2), Column("rig", "word", rank=3),
         Column("on", "word", rank=4), Column("counted", "word", wraps="words")],
        [[entry.id[:_ID], entry.created[:16].replace("T", " "), entry.spec,
          short_release(entry.release), entry.rig,
          f"{entry.filesystem} {show_size(entry.block_size)}", _cases(entry)]
         for entry in found])])


def _cases(entry: Entry) -> str:
    """The suite where the cases are one, few names, or a number; and how many figures if more. Of a
    program its command line."""
    if entry.program:
        return entry.program
    suite = next((name for name, members in SUITES.items() if members == entry.cases), None)
    names = suite or (", ".join(entry.cases) if len(entry.cases) <= _NAMED else
                      f"{len(entry.cases)} cases")
    if entry.figures == len(entry.cases):
        return names
    return f"{names}: {entry.figures} figures"


def kernels_shown(listing: Listing) -> Shown:
    """What the archive has and what is cached, of each kernel where it comes from."""
    parts: list[Grid | Said] = []
    if listing.available:
        parts += [_listed({"spec": 0, "version": 2, "suite": 1, "state": 0}, [GridRow(
            [*map(Cell, (f"{kernel.spec}{'*' if kernel.newest else ''}", kernel.version,
                         kernel.suite, _state(kernel)))],
            "faint" if kernel.missing else "") for kernel in listing.available]),
            Said("* what debian:LINE means. --format json names the packages of each."),
            Said(f"Suites: {', '.join(listing.suites)}."), BLANK]
    if listing.cached:
        parts.append(_listed({"cached": 0, "from": 0, "MiB": 1}, [GridRow(
            [*map(Cell, (held.release, held.origin, f"{held.size / _MIB:.0f}"))])
            for held in listing.cached]))
    else:
        parts.append(Said("No kernel is cached yet."))
    return Shown(title="", parts=parts)


def _state(kernel: Available) -> str:
    if kernel.missing:
        return "lacks " + listed([
            name.removesuffix(f"-{kernel.release}").removeprefix("linux-")
            for name in kernel.missing])
    return "cached" if kernel.cached else f"{kernel.download / _MIB:.0f} MiB to fetch"


def series_shown(series: Iterable[Series]) -> Shown:
    """What each series is for and does."""
    ranks = {"series": 0, "for": 1, "patches": 2, "what it does": 0}
    return Shown(title="", parts=[_listed(ranks, [
        GridRow([*map(Cell, (one.name, one.holds, str(len(one.patches)), one.title))])
        for one in series])])


def _listed(ranks: Mapping[str, int], rows: Sequence[GridRow]) -> Grid:
    """Rows under headings, each with the rank of its column."""
    return Grid(rows=rows, columns=[
        Column(heading, "figure" if heading == "MiB" else "word", wraps="words", rank=rank)
        for heading, rank in ranks.items()])
