# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk why`: which kernel functions a call's instructions are in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tailwalk.cases import Case, Filesystem
from tailwalk.cli.console import open_progress, show, terminal_of_output, write
from tailwalk.cli.measure import is_spec, refuse_conditions
from tailwalk.cli.options import (
    cases_from,
    condition_options,
    filesystem_from,
    filesystem_options,
    options_given,
    require_writable,
    size,
)
from tailwalk.errors import UsageError
from tailwalk.kernels.spec import require_measurable
from tailwalk.progress import Progress
from tailwalk.rigs.plan import DEFAULT_CALLS
from tailwalk.runs.record import encode, write_whole
from tailwalk.vm.filesystem import KINDS
from tailwalk.words import listed

if TYPE_CHECKING:
    from tailwalk.profile.record import Profile

_VERSUS: dict[str, Any] = {
    "fill": size, "file_size": size, "offset": str, "fs": click.Choice(KINDS),
    "fs_block_size": size, "mount_options": str,
}
_CONDITIONS = (*_VERSUS, "partial")


def _versus_options(function: Any) -> Any:
    """--vs-OPTION for each option that is a condition of the measurement."""
    for name, kind in reversed(_VERSUS.items()):
        option = name.replace("_", "-")
        function = click.option(
            f"--vs-{option}", type=kind, default=None,
            help=f"Set beside it the same kernel with this --{option}.")(function)
    return function


@click.command()
@click.argument("kernels", nargs=-1, required=True, metavar="SPEC|PROFILE.json...")
@click.option("-c", "--case", "name", default="pwrite_u1k", show_default=True, metavar="CASE",
              help="The case whose call is profiled.")
@condition_options
@filesystem_options
@_versus_options
@click.option("--calls", type=int, default=DEFAULT_CALLS, show_default=True,
              help="Calls made; the profile is that of the modal ones.")
@click.option("--append", default="", metavar="TEXT",
              help="More kernel parameters for the guest.")
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
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE",
              help="Also draw a flame graph.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE",
              help="Also write functions and flame graph as one self-contained page.")
@click.option("-o", "--output", "outputs", multiple=True, type=click.Path(path_type=Path),
              metavar="FILE", help="Also write the profile to FILE; once for each profile.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table",
              show_default=True, help="json is the profile, or the difference of two.")
def why(kernels: tuple[str, ...], tree: bool, folded: bool, annotate: str | None, others: bool,
        everything: bool, raw: bool, svg: Path | None, html: Path | None, outputs: tuple[Path, ...],
        form: str, **given: Any) -> None:
    """Count the kernel instructions of one call by function, on one kernel or two.

    With two kernels, or one under two conditions (--fill 4KiB --vs-fill 1MiB), the table shows
    the difference, largest first, and names the functions that carry it. A spec is profiled; the
    path of a profile is read.
    """
    _check(kernels, given, outputs, [svg, html, *outputs])
    views = {"--tree": tree, "--folded": folded, "--annotate": annotate is not None,
             "--format json": form == "json"}
    if len(asked := [option for option, is_asked in views.items() if is_asked]) > 1:
        raise UsageError(f"{listed(asked)} each say what to print; give one of them.")
    refuse_conditions(kernels, given)
    said = bool(options_given(set(given) - {"calls", "append"}))
    with open_progress() as progress:
        profiles = _profiles(kernels, given, said=said, progress=progress)
    for profile, path in zip(profiles, outputs, strict=False):
        write_whole(path, encode(profile))
    if svg is not None:
        from tailwalk.report.profile_flame import flame_svg
        write_whole(svg, flame_svg(profiles, raw=raw).encode())
    if html is not None:
        from tailwalk.report.page import page
        from tailwalk.report.page_why import why_section
        write_whole(html, page([why_section(profiles, raw=raw)]).encode())
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
    elif form == "json":
        write(_json(profiles, raw=raw))
    else:
        _show_table(profiles, everything=everything, others=others, raw=raw)


def _check(kernels: Sequence[str], given: dict[str, Any], outputs: Sequence[Path],
           files: Sequence[Path | None]) -> None:
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
    if len(outputs) > count:
        raise UsageError(f"--output is given {len(outputs)} times for {count} "
                         f"profile{'s' if count > 1 else ''}.")
    require_writable(*files, read=kernels)


def _profiles(kernels: Sequence[str], given: dict[str, Any], *, said: bool,
              progress: Progress) -> list[Profile]:
    """The profile of each argument, in order; files are read before anything is measured.

    Beside a profile that was read, a spec is profiled as that one was, unless the options `said`
    how.
    """
    from tailwalk.profile.record import read_profile

    read = {name: read_profile(Path(name)) for name in kernels if not is_spec(name)}
    specs = [name for name in kernels if name not in read]
    require_measurable(*specs)
    if not specs:
        return [read[name] for name in kernels]

    from tailwalk.kernels import resolve
    from tailwalk.profile.measure import Subject, profile
    from tailwalk.rigs.bench import Bench

    conditions = _conditions(given)
    if read and not said:
        model = next(iter(read.values()))
        conditions = [(model.figure.case, model.conditions.filesystem)]
    resolved = [resolve(spec, progress=progress) for spec in specs]
    made = profile(
        [Subject(kernel=kernel, case=case, filesystem=filesystem)
         for kernel in resolved for case, filesystem in conditions],
        calls=given["calls"], append=given["append"], bench=Bench.prepare(progress=progress))
    if len(conditions) > 1:
        return made
    fresh = iter(made)
    return [read[name] if name in read else next(fresh) for name in kernels]


def _conditions(given: dict[str, Any]) -> list[tuple[Case, Filesystem]]:
    """What to profile on each spec: one case, or with --vs-... options two."""
    first = {name: given[name] for name in _CONDITIONS}
    other = {name: value for name in _VERSUS if (value := given[f"vs_{name}"]) is not None}
    found = []
    for options in (first, first | other) if other else (first,):
        filesystem = filesystem_from(options)
        cases = cases_from(options | {"names": (given["name"],)}, filesystem)
        if len(cases) != 1:
            raise UsageError(f"--case {given['name']} is a suite of {len(cases)} cases; a profile "
                             f"is of one, such as {cases[0].name}.")
        found.append((cases[0], filesystem))
    return found


def _json(profiles: Sequence[Profile], *, raw: bool) -> str:
    if len(profiles) == 1:
        return encode(profiles[0]).decode()
    from tailwalk.profile.difference import difference
    return encode(difference(*profiles, raw=raw)).decode()


def _show_table(profiles: Sequence[Profile], *, everything: bool, others: bool,
                raw: bool) -> None:
    from tailwalk.report.profile_table import SHOWN, difference_table, profile_table

    shown = None if everything else SHOWN
    if len(profiles) == 1:
        show(lambda console: profile_table(profiles[0], console, shown=shown, others=others,
                                           raw=raw))
        return
    from tailwalk.profile.difference import difference
    found = difference(*profiles, raw=raw)
    show(lambda console: difference_table(found, profiles, console, shown=shown, others=others))
