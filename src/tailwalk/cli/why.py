# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk why`: which kernel functions a call's instructions are in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from tailwalk.cli.console import open_lab, terminal_of_output
from tailwalk.cli.options import (
    append_option,
    calls_option,
    condition_options,
    filesystem_options,
    fresh_option,
    one_case_option,
    one_case_plan_from,
    options,
    options_given,
    refuse_conditions,
    size,
)
from tailwalk.cli.outputs import Outputs, output_options
from tailwalk.cli.program_options import TakesProgram, asked_from, call_option, program_options
from tailwalk.cli.program_view import View
from tailwalk.cli.programs import show_functions, taken
from tailwalk.errors import UsageError
from tailwalk.filesystems import KINDS
from tailwalk.lab.records import is_spec, names_program
from tailwalk.profile.difference import difference
from tailwalk.report.grid import Shown
from tailwalk.report.profile_tree import flame_svg, folded_stacks, forest_of, tree_text
from tailwalk.report.why import SHOWN, annotation_shown, why_section, why_shown
from tailwalk.rigs.plan import DEFAULT_CALLS, Plan
from tailwalk.runs.record import encode
from tailwalk.words import listed

_VERSUS: dict[str, Any] = {
    "fill": size, "file_size": size, "offset": str, "fs": click.Choice(list(KINDS)),
    "fs_block_size": size, "mount_options": str,
}
_versus_options = options(*(
    click.option(f"--vs-{option}", type=kind, default=None,
                 help=f"Set beside it the same kernel with this --{option}.")
    for option, kind in ((name.replace("_", "-"), kind) for name, kind in _VERSUS.items())))


@click.command(cls=TakesProgram)
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
@output_options("table", "json", form_help="json is the profile, or the difference of two.",
                record="Also write the profile to this file; once for each profile.",
                multiple=True, svg="Also draw a flame graph.",
                html="Also write functions and flame graph as one self-contained page.")
@call_option
@program_options
@fresh_option
def why(kernels: tuple[str, ...], tree: bool, folded: bool, annotate: str | None, others: bool,
        everything: bool, raw: bool, fresh: bool, **given: Any) -> None:
    """Count the kernel instructions of one call by function, on one kernel or two.

    With two kernels, or one under two conditions (--fill 4KiB --vs-fill 1MiB), the table shows
    the difference, largest first, and names the functions that carry it. A spec is profiled; the
    path of a profile is read. With a program after --, or its records, all of its calls are
    counted, or those that --call names.
    """
    outputs = Outputs()
    records = any(map(names_program, kernels))
    asked = asked_from(given | {"annotate": annotate, "others": others}, records=records)
    only = given.pop("only")
    if asked is not None or records:
        view = View(only=only, functions=not (tree or folded), tree=tree, folded=folded, raw=raw,
                    everything=everything)
        view.check(len(kernels))
        outputs.check(read=kernels)
        with open_lab(fresh=fresh) as lab:
            program = taken(lab, kernels, asked)
        show_functions(program, view, outputs)
        return
    if fresh:
        raise UsageError("--fresh: profiles are always taken anew; leave it out.")
    _check(kernels, given, outputs)
    views = {"--tree": tree, "--folded": folded, "--annotate": annotate is not None,
             "--format json": outputs.form == "json"}
    if len(several := [option for option, is_asked in views.items() if is_asked]) > 1:
        raise UsageError(f"{listed(several)} each say what to print; give one of them.")
    refuse_conditions(kernels, given)
    said = bool(options_given(set(given) - {"calls", "append"}))
    plans = _plans(given) if any(map(is_spec, kernels)) else []
    with open_lab() as lab:
        profiles = lab.profiles(kernels, plans, as_read=not said)
    outputs.save("output", *(partial(encode, profile) for profile in profiles))

    def shown() -> Shown | list[Shown] | str:
        if annotate is not None:
            return annotation_shown(profiles, annotate)
        if tree:
            terminal = terminal_of_output()
            return tree_text(forest_of(profiles, raw=raw), everything=everything,
                             width=terminal.width if terminal else None,
                             ascii_only=terminal is not None and terminal.options.ascii_only)
        if folded:
            return folded_stacks(forest_of(profiles, raw=raw))
        return why_shown(profiles, shown=None if everything else SHOWN, others=others, raw=raw)

    outputs.put(shown, svg=lambda: flame_svg(forest_of(profiles, raw=raw)),
                sections=lambda: [why_section(profiles, raw=raw)],
                json=lambda: encode(profiles[0] if len(profiles) == 1 else
                                    difference(*profiles, raw=raw)))


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
    first = {name: value for name, value in given.items() if not name.startswith("vs_")}
    other = {name: value for name in _VERSUS if (value := given[f"vs_{name}"]) is not None}
    return [one_case_plan_from(dict(conditions), "a profile is of one")
            for conditions in ((first, first | other) if other else (first,))]
