# SPDX-License-Identifier: GPL-2.0-or-later
"""What the commands that bisect go by, as their options say it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tailwalk.cli.options import one_case_plan_from
from tailwalk.cli.program_options import PROGRAM, asked_from, program_words
from tailwalk.errors import UsageError
from tailwalk.report.commands import case_arguments

if TYPE_CHECKING:
    from tailwalk.lab.sought import Sought

_AGAIN = (*PROGRAM, "append", "fs", "fs_block_size", "mount_options", "only")


def sought_from(given: dict[str, Any]) -> tuple[Sought, list[str]]:
    """Take what is sought out of the current command's parameters, and the arguments by which a
    step of git bisect run, which begins in another directory, seeks the same."""
    from tailwalk.lab.sought import OfCase, OfProgram

    asked, only = asked_from(given), given.pop("only")
    if asked is None:
        plan = one_case_plan_from(given)
        return OfCase(plan), case_arguments(plan.cases, plan.filesystem)
    if asked.cpus > 1:
        raise UsageError(f"--cpus {asked.cpus}: a search goes by exact counts, which those of a "
                         "guest with several CPUs are not: leave it out.")
    if len(only) > 1:
        raise UsageError(f"--call {only[0]}, --call {only[1]}: a search is for one call, or for "
                         "all that the kernel executes.")
    return OfProgram(asked, *only), _again()


def _again() -> list[str]:
    """The options of a program that the user gave, and the program."""
    context = click.get_current_context()
    found: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in _AGAIN or context.get_parameter_source(name) is ParameterSource.DEFAULT:
            continue
        value = context.params[name]
        if value == "-" and name == "given_input":
            raise UsageError("--stdin -: git bisect runs the program for each commit, and this "
                             "command's input is there once: name a file.")
        for one in value if isinstance(value, tuple) else (value,):
            path = isinstance(one, Path) or name == "given_input"
            found += [parameter.opts[-1], str(Path(one).absolute() if path else one)]
    program, *arguments = program_words()
    if not (context.params["root"] or context.params["packages"]):
        program = str(Path(shutil.which(program) or program).absolute())
    return [*found, "--", program, *arguments]
