# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk kernels`: what can be had, and what is cached."""

from __future__ import annotations

import click

from tailwalk.cli.console import open_progress, show, write
from tailwalk.kernels.listing import list_kernels


@click.command()
@click.option("--refresh", is_flag=True, help="Ask the archive anew, however fresh its index is.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table",
              show_default=True, help="How to write it.")
def kernels(refresh: bool, form: str) -> None:
    """List the kernels that Debian's archive has, and those in the cache.

    debian:SERIES means the newest of the series that can boot, marked with an asterisk; one
    that cannot says which package it lacks, since the archive has it no longer.
    """
    with open_progress() as progress:
        listing = list_kernels(progress=progress, refresh=refresh)
    if form == "json":
        import msgspec

        write(msgspec.json.format(msgspec.json.encode(listing), indent=1).decode() + "\n")
    else:
        from tailwalk.report.lists import kernels_shown
        from tailwalk.report.terminal import terminal

        show(lambda console: terminal(kernels_shown(listing), console))
