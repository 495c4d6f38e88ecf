# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk build`: a kernel from source, into the cache."""

from __future__ import annotations

import click

from tailwalk.cli.console import open_progress, say
from tailwalk.errors import SpecError
from tailwalk.kernels.resolve import resolve
from tailwalk.kernels.spec import SourceSpec, parse_spec


@click.command()
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@click.option("--refresh", is_flag=True, help="Ask the archive anew, however fresh its index is.")
def build(specs: tuple[str, ...], refresh: bool) -> None:
    """Build kernels from source with Tailwalk's minimal configuration.

    SPEC is src:6.18, src:6.18.15 or src:PATH, each with +SERIES or without; debug: in place of
    src: adds the kernel's own checks, for tailwalk verify. What is built stays
    in the cache: every command that takes a SPEC finds it there, and a series is built on top of
    the kernel without it.
    """
    for spec in specs:
        if not isinstance(parse_spec(spec), SourceSpec):
            raise SpecError(f"{spec} is not built from source: give src:VERSION or src:PATH, or "
                            "debug: in place of src:, with +SERIES or without.")
    with open_progress() as progress:
        for spec in specs:
            kernel = resolve(spec, progress=progress, refresh=refresh)
            say(f"{spec}: Linux {kernel.release}, {kernel.image}")
            for name, value in kernel.provenance.items():
                if name != "spec":
                    say(f"  {name}: {value}")
