# SPDX-License-Identifier: GPL-2.0-or-later
"""Options that several commands share."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from tailwalk.cases import PLACES, Case, Filesystem, parse_size
from tailwalk.errors import UsageError
from tailwalk.filesystems import KINDS, USUAL
from tailwalk.lab.plans import chosen_cases
from tailwalk.lab.records import is_spec, may_be_argument
from tailwalk.rigs.plan import DEFAULT_CALLS, Pace, Plan
from tailwalk.runs.metrics import BOOTING, DEFAULT_RIG, RIGS

Function = TypeVar("Function", bound=Callable[..., Any])


_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_DECIMAL = re.compile(
    r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?")


def size(value: str | int) -> int:
    """Bytes in an option's value: 4096, 4KiB, 1MiB."""
    if isinstance(value, int):
        return value
    try:
        return parse_size(value)
    except UsageError as error:
        raise click.BadParameter(str(error)) from error


def number(least: int = -1 << 53, most: int = 1 << 53, *,
           whole: bool = True) -> Callable[[Any], int | float]:
    """The type of an option: a number in ASCII digits within bounds; what it counts may have closer
    ones. Its converter raises BadParameter for another text, nan and inf among them."""
    kind, pattern = (int, _WHOLE) if whole else (float, _DECIMAL)

    def convert(value: Any) -> int | float:
        if isinstance(value, str) and not pattern.fullmatch(value):
            raise click.BadParameter(f"{value!r} is no {'whole number' if whole else 'number'}.")
        found = kind(value)
        if not least <= found <= most:
            raise click.BadParameter(f"{value} is not from {least} to {most}.")
        return found

    convert.__name__ = "integer" if whole else "float"  # in the help
    return convert


def options(*made: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Several options as one decorator, in the order in which the help shows them."""
    def decorate(function: Function) -> Function:
        for option in reversed(made):
            function = option(function)
        return function

    return decorate


def case_option(*default: str, metavar: str = "CASE|SUITE",
                help: str = "What to measure; may be repeated.") -> Callable[[Function], Function]:
    """--case for one or more, as `names`."""
    return click.option(
        "-c", "--case", "names", multiple=True, default=default,
        show_default=", ".join(default) or None, metavar=metavar, help=help)


def one_case_option(help: str) -> Callable[[Function], Function]:
    """--case for a single one, as `name`."""
    return click.option("-c", "--case", "name", default="pwrite_u1k", show_default=True,
                        metavar="CASE", help=help)


def calls_option(default: int, help: str) -> Callable[[Function], Function]:
    """--calls."""
    return click.option("--calls", type=number(), default=default, show_default=True, help=help)


append_option = click.option(
    "--append", default="", metavar="TEXT", help="More kernel parameters for the guest.")

fresh_option = click.option(
    "--fresh", is_flag=True, help="Measure again what was measured before.")

dask_option = click.option(
    "--dask", metavar="ADDRESS",
    help="Measure on the Dask cluster whose scheduler is there, such as tcp://HOST:8786.")

filesystem_options = options(
    click.option("--fs", type=click.Choice(list(KINDS)), default=USUAL, show_default=True,
                 help="File system under test."),
    click.option("--fs-block-size", type=size, default="4KiB", show_default=True,
                 help="Its block size."),
    click.option("--mount-options", default="", help="Its mount options, as after mount -o."))
"""For `filesystem_from`."""

condition_options = options(
    click.option("--fill", type=size, default=None,
                 help="Size of the writes that fill the page cache.  [default: 1MiB]"),
    click.option("--file-size", type=size, default=None,
                 help="Size of the file.  [default: 10MiB]"),
    click.option("--offset", default="first", metavar="SIZE|PLACE", show_default=True,
                 help="File offset that every call writes to, or a place in the file's first "
                      f"folio: {', '.join(PLACES)}."),
    click.option("--partial", is_flag=True,
                 help="Leave every folio not uptodate, its last page neither read nor written."))
"""How the cases' page cache is filled, and where they write: with --case, for `cases_from`."""

guest_options = options(
    calls_option(DEFAULT_CALLS, "Calls counted for each case on the exact rig."), append_option)

exact_plan_options = options(
    case_option("seed"), condition_options, filesystem_options, guest_options)
"""Everything a plan on the exact rig is made of, for `exact_plan_from`."""

one_case_options = options(
    one_case_option("The case to measure."), condition_options, filesystem_options, guest_options)
"""The same for a single case, for `one_case_plan_from`."""

plan_options = options(
    exact_plan_options,
    click.option("--rig", type=click.Choice(list(BOOTING)), default=DEFAULT_RIG,
                 show_default=True, help="exact counts instructions anywhere; timed takes "
                                         "nanoseconds where KVM runs guests."),
    click.option("--rounds", type=number(), default=Pace.rounds, show_default=True,
                 help="Rounds through all cases on the timed rig."))
"""Everything a plan for guests is made of, for `plan_from`."""


def filesystem_from(given: dict[str, Any]) -> Filesystem:
    """Take the file system out of a command's parameters; raises UsageError for blocks of 0."""
    return Filesystem(kind=given.pop("fs"), block_size=given.pop("fs_block_size"),
                      mount_options=given.pop("mount_options")).check()


def refuse_program(command: str, arguments: Sequence[str]) -> None:
    """Raise UsageError where a command that takes kernels and records is given, after --, what is
    neither: words of a program, as `tailwalk exec` takes them."""
    after = list(arguments)[list(arguments).index("--") + 1:] if "--" in arguments else []
    program = next((word for word in after if not may_be_argument(word)), None)
    if program is not None:
        raise UsageError(f"{command} runs no program, and {program} stands after --: it "
                         "measures the system calls of cases. A program's are counted by exec, "
                         "compared by compare, explained by why, followed by track and sought by "
                         f"bisect, as in tailwalk exec SPEC -- {shlex.join(after)}")


def refuse_conditions(arguments: Iterable[str], names: Iterable[str]) -> None:
    """Raise UsageError where records alone are named, and any of the current command's parameters
    `names`, which say how to measure, was given."""
    if not any(map(is_spec, arguments)) and (given := options_given(names)):
        raise UsageError(f"{', '.join(given)}: nothing is measured, since only records are named, "
                         "and they stay what they are. Leave it out, or name a kernel spec.")


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
    return chosen_cases(given.pop("names"), filesystem, **{
        name: given.pop(name) for name in ("fill", "file_size", "offset", "partial")})


def exact_plan_from(given: dict[str, Any]) -> Plan:
    """Take a plan on the exact rig out of a command's parameters; errors as `cases_from`."""
    filesystem = filesystem_from(given)
    return Plan(cases=cases_from(given, filesystem), filesystem=filesystem,
                calls=given.pop("calls"), append=given.pop("append")).check()


def one_case_plan_from(given: dict[str, Any], way_out: str = "give one") -> Plan:
    """Take a plan of one case out of a command's parameters; errors as `cases_from`."""
    name = given.pop("name")
    plan = exact_plan_from(given | {"names": (name,)})
    if len(plan.cases) != 1:
        raise UsageError(f"--case {name} is a suite of {len(plan.cases)} cases; {way_out}, such "
                         f"as {plan.cases[0].name}.")
    return plan


def plan_from(given: dict[str, Any]) -> Plan:
    """Take a plan out of the current command's parameters; errors as `cases_from`, and for an
    option that the chosen rig has no use for."""
    rig, rounds = given.pop("rig"), given.pop("rounds")
    counts = RIGS[rig].metric.repeatable
    idle = "rounds" if counts else "calls"
    other = next(name for name in BOOTING if RIGS[name].metric.repeatable != counts)
    for option in options_given([idle]):
        raise UsageError(f"{option} is for --rig {other}: the {rig} rig, which is chosen here, has "
                         "no use for it.")
    return replace(exact_plan_from(given), rig=rig, pace=Pace(rounds=rounds)).check()
