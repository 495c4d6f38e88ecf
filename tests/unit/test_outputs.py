# SPDX-License-Identifier: GPL-2.0-or-later
"""What commands write has one shape: the same options of the same names."""

import click
import pytest

from tailwalk.cli import group


def file_options(command: str) -> dict[str, list[str]]:
    found = group.get_command(click.Context(group), command)
    assert found is not None
    return {str(option.name): option.opts for option in found.params if option.metavar == "FILE"}


@pytest.mark.parametrize("command", ["run", "compare", "why", "sweep", "track", "host", "exec",
                                     "verify"])
def test_every_record_is_written_by_the_same_option(command: str) -> None:
    assert file_options(command)["output"] == ["-o", "--output", "--json"]


def test_what_is_no_record_is_not_called_one() -> None:
    assert file_options("report")["output"] == ["-o", "--output"]
