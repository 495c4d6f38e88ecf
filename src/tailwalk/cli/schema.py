# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk schema`: the published form of the records."""

from __future__ import annotations

import json

import click
import msgspec

from tailwalk.cli.console import write
from tailwalk.compare import Comparison
from tailwalk.compare.steps import Track
from tailwalk.compare.upgrade import Upgrade
from tailwalk.kernels.listing import Listing
from tailwalk.profile.difference import Difference
from tailwalk.profile.record import Profile
from tailwalk.runs import Run
from tailwalk.runs.program import Program
from tailwalk.runs.schema import json_schema
from tailwalk.verify.record import Verification

RECORDS: dict[str, type[msgspec.Struct]] = {
    "run": Run, "comparison": Comparison, "profile": Profile, "difference": Difference,
    "verification": Verification, "track": Track, "kernels": Listing, "upgrade": Upgrade,
    "program": Program,
}


@click.command()
@click.argument("record", type=click.Choice(list(RECORDS)))
def schema(record: str) -> None:
    """Print the JSON Schema (draft 2020-12) of a record."""
    write(json.dumps(json_schema(RECORDS[record]), indent=1) + "\n")
