# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk region`: what marks the region of a program that is counted."""

from __future__ import annotations

import click

from tailwalk.cli.console import write
from tailwalk.cli.outputs import Outputs, output_options
from tailwalk.region import build_region_program, region_header


@click.command()
@output_options(output="Write the program to this file in place of the header.")
def region() -> None:
    """Print tailwalk.h, whose two macros mark what `tailwalk exec` counts of a C program.

    They are TAILWALK_BEGIN and TAILWALK_END, and no-ops elsewhere. For scripts there is a static
    program in its place: tailwalk region -o region, and then `region begin` and `region end`.
    """
    outputs = Outputs().check()
    if outputs.files("output"):
        program = build_region_program()
        outputs.save("output", program.read_bytes)
        for file in outputs.files("output"):
            file.chmod(0o755)
    else:
        write(region_header())
