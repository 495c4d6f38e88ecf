# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk why`: which kernel functions a call's instructions are in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from tailwalk.cli.console import open_lab, show, terminal_of_output, write
from tailwalk.cli.options import (
    append_option,
    calls_option,
    cases_from,
    condition_options,
    filesystem_from,
    filesystem_options,
    one_case_option,
    options,
    options_given,
    refuse_conditions,
    size,
)
from tailwalk.cli.outputs import Outputs, file_option, format_option
from tailwalk.errors import UsageError
from tailwalk.lab.records import is_spec
from tailwalk.rigs.plan import DEFAULT_CALLS, Plan
from tailwalk.runs.record import encode
from tailwalk.vm.filesystem import KINDS
from tailwalk.words import listed

if TYPE_CHECKING:
    from tailwalk.profile.record import Profile

_VERSUS: dict[str, Any] = {
    "fill": size, "file_size": size, "offset": str, "fs": click.Choice(KINDS),
    "fs_block_size": size, "mount_options": str,
}
_CONDITIONS = (*_VERSUS, "partial")


_versus_options = options(*(
    click.option(f"--vs-{option}", type=kind, default=None,
                 help=f"Set beside it the same kernel with this --{option}.")
    for option, kind in ((name.replace("_", "-"), kind) for name, kind in _VERSUS.items())))


@click.command()
@click.argument("kernels", nargs=-1, required=True, metavar="SPEC|PROFILE.json...")
@one_case_option("The case whose call is profiled.")
@condition_options
@filesystem_options
@_versus_options
@calls_option(DEFAULT_CALLS, "Calls made; the profile is that of the modal ones.")
@append_option
@click.option("--tree", is_flag=True, help="Show the call tree instead.")
@click.option("--folded", is_flag=True,
              help="Print folded stacks, as flame-graph tools take them.")
@click.option("--annotate", metavar="FUNCTION",
              help="Show the function's instructions and the loops in it instead.")
@click.option("--others", is_flag=True, help="Also show what calls that are not modal did besides.")
@click.option("--all", "everything", is_flag=True,
              help="Leave no function out of a table or tree, however little it executes.")
@click.option("--raw", is_flag=True,
              help="Show each kernel's own names: pair nothing that was renamed or inlined.")
@file_option("--svg", help="Also draw a flame graph.")
@file_option("--html", help="Also write functions and flame graph as one self-contained page.")
@file_option("-o", "--output", multiple=True,
             help="Also write the profile to FILE; once for each profile.")
@format_option("table", "json", help="json is the profile, or the difference of two.")
def why(kernels: tuple[str, ...], tree: bool, folded: bool, annotate: str | None, others: bool,
        everything: bool, raw: bool, **given: Any) -> None:
    """Count the kernel instructions of one call by function, on one kernel or two.

    With two kernels, or one under two conditions (--fill 4KiB --vs-fill 1MiB), the table shows
    the difference, largest first, and names the functions that carry it. A spec is profiled; the
    path of a profile is read.
    """
    outputs = Outputs()
    _check(kernels, given, outputs)
    views = {"--tree": tree, "--folded": folded, "--annotate": annotate is not None,
             "--format json": outputs.form == "json"}
    if len(asked := [option for option, is_asked in views.items() if is_asked]) > 1:
        raise UsageError(f"{listed(asked)} each say what to print; give one of them.")
    refuse_conditions(kernels, given)
    said = bool(options_given(set(given) - {"calls", "append"}))
    plans = _plans(given) if any(map(is_spec, kernels)) else []
    with open_lab() as lab:
        profiles = lab.profiles(kernels, plans, as_read=not said)

    def drawing() -> str:
        from tailwalk.report.profile_flame import flame_svg

        return flame_svg(profiles, raw=raw)

    def page_text() -> str:
        from tailwalk.report.page import page
        from tailwalk.report.page_why import why_section

        return page([why_section(profiles, raw=raw)])

    outputs.save("output", *(partial(encode, profile) for profile in profiles))
    outputs.save("svg", drawing)
    outputs.save("html", page_text)
    if annotate is not None:
        from tailwalk.report.profile_annotate import annotation
        show(lambda console: annotation(profiles, annotate, console))
    elif tree:
        from tailwalk.report.profile_tree import tree_text
        terminal = terminal_of_output()
        write(tree_text(profiles, everything=everything, raw=raw,
                        width=terminal.width if terminal else None,
                        ascii_only=terminal is not None and terminal.options.ascii_only))
    elif folded:
        from tailwalk.report.profile_tree import folded_stacks
        write(folded_stacks(profiles, raw=raw))
    else:
        _show_counts(profiles, outputs, everything=everything, others=others, raw=raw)


def _check(kernels: Sequence[str], given: dict[str, Any], outputs: Outputs) -> None:
    """Refuse what cannot be meant before anything is measured."""
    versus = [name for name in given if name.startswith("vs_") and given[name] is not None]
    count = len(kernels) + bool(versus)
    if count > 2:
        names = ", ".join([*kernels, *(f"--{name.replace('_', '-')}" for name in versus)])
        raise UsageError(f"two profiles at most are set against each other, and {names} ask for "
                         f"{count}: give two kernels, or one and --vs-... conditions.")
    if versus and not is_spec(kernels[0]):
        raise UsageError(f"--{versus[0].replace('_', '-')}: {kernels[0]} is a profile that was "
                         "taken before; give a kernel spec to measure under two conditions.")
    if (files := len(outputs.files("output"))) > count:
        raise UsageError(f"--output is given {files} times for {count} "
                         f"profile{'s' if count > 1 else ''}.")
    outputs.check(read=kernels)


def _plans(given: dict[str, Any]) -> list[Plan]:
    """How to profile each spec: once, or with --vs-... options under two conditions."""
    first = {name: given[name] for name in _CONDITIONS}
    other = {name: value for name in _VERSUS if (value := given[f"vs_{name}"]) is not None}
    found = []
    for conditions in (first, first | other) if other else (first,):
        filesystem = filesystem_from(conditions)
        cases = cases_from(conditions | {"names": (given["name"],)}, filesystem)
        if len(cases) != 1:
            raise UsageError(f"--case {given['name']} is a suite of {len(cases)} cases; a profile "
                             f"is of one, such as {cases[0].name}.")
        found.append(Plan(cases=cases, filesystem=filesystem, calls=given["calls"],
                          append=given["append"]).check())
    return found


def _show_counts(profiles: Sequence[Profile], outputs: Outputs, *, everything: bool, others: bool,
                 raw: bool) -> None:
    from tailwalk.profile.difference import difference
    from tailwalk.report.profile_table import SHOWN, difference_table, profile_table

    shown = None if everything else SHOWN
    if len(profiles) == 1:
        outputs.show(lambda console: profile_table(profiles[0], console, shown=shown,
                                                   others=others, raw=raw),
                     json=lambda: encode(profiles[0]))
        return
    found = difference(*profiles, raw=raw)
    outputs.show(lambda console: difference_table(found, profiles, console, shown=shown,
                                                  others=others), json=lambda: encode(found))
