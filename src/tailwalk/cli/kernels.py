# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk kernels`: what can be had, and what is cached."""

from __future__ import annotations

import click

from tailwalk.cli.console import open_progress
from tailwalk.cli.outputs import Outputs, output_options
from tailwalk.kernels.listing import list_kernels
from tailwalk.report.lists import kernels_shown
from tailwalk.runs.record import encode


@click.command()
@click.option("--refresh", is_flag=True, help="Ask the archive anew, however fresh its index is.")
@output_options("table", "json", form_help="json is the record itself.")
def kernels(refresh: bool) -> None:
    """List the kernels that Debian's archive has, and those in the cache.

    debian:LINE means the newest of the stable line that can boot, marked with an asterisk; one
    that cannot says which package it lacks, since the archive has it no longer.
    """
    with open_progress() as progress:
        listing = list_kernels(progress=progress, refresh=refresh)
    Outputs().print(lambda: kernels_shown(listing), json=lambda: encode(listing))
