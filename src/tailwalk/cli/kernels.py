# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk kernels`: what can be had, and what is cached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tailwalk.cli.console import open_progress
from tailwalk.cli.outputs import Outputs, format_option
from tailwalk.kernels.listing import Available, Listing, list_kernels
from tailwalk.runs.record import encode
from tailwalk.words import listed

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_MIB = 1 << 20


@click.command()
@click.option("--refresh", is_flag=True, help="Ask the archive anew, however fresh its index is.")
@format_option("table", "json", help="How to write it.")
def kernels(refresh: bool) -> None:
    """List the kernels that Debian's archive has, and those in the cache.

    debian:SERIES means the newest of the series that can boot, marked with an asterisk; one
    that cannot says which package it lacks, since the archive has it no longer.
    """
    with open_progress() as progress:
        listing = list_kernels(progress=progress, refresh=refresh)
    Outputs().show(lambda console: _tables(listing, console), json=lambda: encode(listing))


def _tables(listing: Listing, console: Console) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from tailwalk.report.table import ASCII, UNICODE

    rule = (ASCII if console.options.ascii_only else UNICODE).rule
    parts: list[RenderableType] = []
    if listing.available:
        table = Table("spec", "version", "suite", "state", box=rule, pad_edge=False)
        for kernel in listing.available:
            table.add_row(kernel.spec + ("*" if kernel.newest else ""), kernel.version,
                          kernel.suite, _state(kernel), style="dim" if kernel.missing else "")
        parts += [table, Text("* what debian:SERIES means. --format json names the packages of "
                              f"each.\nSuites: {', '.join(listing.suites)}.\n")]
    if listing.cached:
        table = Table("cached", "from", box=rule, pad_edge=False)
        table.add_column("MiB", justify="right")
        for held in listing.cached:
            table.add_row(held.release, held.origin, f"{held.size / _MIB:.0f}")
        parts.append(table)
    else:
        parts.append(Text("No kernel is cached yet."))
    return Group(*parts)


def _state(kernel: Available) -> str:
    if kernel.missing:
        return "lacks " + listed([
            name.removesuffix(f"-{kernel.release}").removeprefix("linux-")
            for name in kernel.missing])
    return "cached" if kernel.cached else f"{kernel.download / _MIB:.0f} MiB to fetch"
