# SPDX-License-Identifier: GPL-2.0-or-later
"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from click.core import ParameterSource

from tailwalk.cases import PLACES, Case, Filesystem, find_cases, parse_size, place_offset
from tailwalk.errors import UsageError
from tailwalk.rigs.plan import DEFAULT_CALLS, Pace, Plan
from tailwalk.vm.filesystem import KINDS

Function = TypeVar("Function", bound=Callable[..., Any])


def size(value: str | int) -> int:
    """Bytes in an option's value: 4096, 4KiB, 1MiB."""
    if isinstance(value, int):
        return value
    try:
        return parse_size(value)
    except UsageError as error:
        raise click.BadParameter(str(error)) from error


_CASE_PARAMETERS = ("fill", "file_size")


def filesystem_options(function: Function) -> Function:
    """--fs, --fs-block-size and --mount-options, for `filesystem_from`."""
    for option in reversed((
        click.option("--fs", type=click.Choice(KINDS), default="ext4",
                     show_default=True, help="File system under test."),
        click.option("--fs-block-size", type=size, default="4KiB", show_default=True,
                     help="Its block size."),
        click.option("--mount-options", default="", help="Its mount options, as after mount -o."),
    )):
        function = option(function)
    return function


def case_options(function: Function) -> Function:
    """--case and what `condition_options` adds, for `cases_from`."""
    return click.option(
        "-c", "--case", "names", multiple=True, default=("seed",), show_default="seed",
        metavar="CASE|SUITE", help="What to measure; may be repeated.",
    )(condition_options(function))


def condition_options(function: Function) -> Function:
    """--fill, --file-size, --offset and --partial: how the cases' page cache is filled, and where
    they write."""
    for option in reversed((
        click.option("--fill", type=size, default=None,
                     help="Size of the writes that fill the page cache.  [default: 1MiB]"),
        click.option("--file-size", type=size, default=None,
                     help="Size of the file.  [default: 10MiB]"),
        click.option("--offset", default="first", metavar="SIZE|PLACE", show_default=True,
                     help="File offset that every call writes to, or a place in the file's first "
                          f"folio: {', '.join(PLACES)}."),
        click.option("--partial", is_flag=True,
                     help="Leave every folio not uptodate, its last page neither read nor "
                          "written."),
    )):
        function = option(function)
    return function


def guest_options(function: Function) -> Function:
    """--calls and --append, for `exact_plan_from`."""
    for option in reversed((
        click.option("--calls", type=int, default=DEFAULT_CALLS, show_default=True,
                     help="Calls counted for each case on the exact rig."),
        click.option("--append", default="", metavar="TEXT",
                     help="More kernel parameters for the guest."),
    )):
        function = option(function)
    return function


def exact_plan_options(function: Function) -> Function:
    """Everything a plan on the exact rig is made of, for `exact_plan_from`."""
    return case_options(filesystem_options(guest_options(function)))


def one_case_options(function: Function) -> Function:
    """As `exact_plan_options` for a single case, for `one_case_plan_from`."""
    return click.option(
        "-c", "--case", "name", default="pwrite_u1k", show_default=True, metavar="CASE",
        help="The case to measure.",
    )(condition_options(filesystem_options(guest_options(function))))


def plan_options(function: Function) -> Function:
    """Everything a plan is made of, for `plan_from`."""
    function = click.option(
        "--rounds", type=int, default=Pace.rounds, show_default=True,
        help="Rounds through all cases on the timed rig.")(function)
    function = click.option(
        "--rig", type=click.Choice(["exact", "timed"]), default="exact", show_default=True,
        help="exact counts instructions anywhere; timed takes nanoseconds where KVM runs guests.",
    )(function)
    return exact_plan_options(function)


def dask_option(function: Function) -> Function:
    """--dask, for `runs_for`."""
    return click.option(
        "--dask", metavar="ADDRESS",
        help="Measure on the Dask cluster whose scheduler is there, such as tcp://HOST:8786.",
    )(function)


def require_writable(*files: Path | None, read: Iterable[str] = ()) -> None:
    """Raise UsageError for a file that cannot be written, or that is one of the records `read`:
    better now than after a measurement."""
    records = [Path(name) for name in read if Path(name).is_file()]
    for file in files:
        if file is None:
            continue
        if not file.absolute().parent.is_dir():
            raise UsageError(f"{file}: there is no directory {file.absolute().parent}; make it "
                             "first.")
        if file.is_dir():
            raise UsageError(f"{file} is a directory: name a file to write.")
        if file.is_file() and any(map(file.samefile, records)):
            raise UsageError(f"{file} is a record that is read here, and would be lost: name "
                             "another file to write.")


def filesystem_from(given: dict[str, Any]) -> Filesystem:
    """Take the file system out of a command's parameters; raises UsageError for blocks of 0."""
    return Filesystem(kind=given.pop("fs"), block_size=given.pop("fs_block_size"),
                      mount_options=given.pop("mount_options")).check()


def options_given(names: Iterable[str]) -> list[str]:
    """Those of the current command's parameters that the user gave, as options: --fill."""
    context = click.get_current_context()
    asked = {name for name in names
             if context.get_parameter_source(name) is not ParameterSource.DEFAULT}
    return [parameter.opts[-1] for parameter in context.command.params if parameter.name in asked]


def cases_from(given: dict[str, Any], filesystem: Filesystem) -> tuple[Case, ...]:
    """Take the cases, which are to run on `filesystem`, out of a command's parameters.

    Raises UsageError for an unknown name or a case that cannot be run.
    """
    changes = {name: value for name in _CASE_PARAMETERS
               if (value := given.pop(name)) is not None}
    changes["uptodate"] = not given.pop("partial")
    place = given.pop("offset")
    cases = []
    for named in find_cases(given.pop("names")):
        case = msgspec.structs.replace(named, **changes)
        offset = (parse_size(place) if place[:1].isdigit()
                  else place_offset(place, case, filesystem))
        cases.append(msgspec.structs.replace(case, offset=offset).check())
    return tuple(cases)


def exact_plan_from(given: dict[str, Any]) -> Plan:
    """Take a plan on the exact rig out of a command's parameters; errors as `cases_from`."""
    filesystem = filesystem_from(given)
    return Plan(cases=cases_from(given, filesystem), filesystem=filesystem,
                calls=given.pop("calls"), append=given.pop("append")).check()


def one_case_plan_from(given: dict[str, Any]) -> Plan:
    """Take a plan of one case out of a command's parameters; errors as `cases_from`."""
    name = given.pop("name")
    plan = exact_plan_from(given | {"names": (name,)})
    if len(plan.cases) != 1:
        raise UsageError(f"--case {name} is a suite of {len(plan.cases)} cases; give one, such as "
                         f"{plan.cases[0].name}.")
    return plan


def plan_from(given: dict[str, Any]) -> Plan:
    """Take a plan out of the current command's parameters; errors as `cases_from`, and for an
    option that the chosen rig has no use for."""
    rig, rounds = given.pop("rig"), given.pop("rounds")
    idle, other = ("rounds", "timed") if rig == "exact" else ("calls", "exact")
    for option in options_given([idle]):
        raise UsageError(f"{option} is for --rig {other}: the {rig} rig, which is chosen here, has "
                         "no use for it.")
    return replace(exact_plan_from(given), rig=rig, pace=Pace(rounds=rounds)).check()
