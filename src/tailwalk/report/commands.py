# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that measure a run's figures again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from tailwalk.cases import SUITES, Case, Filesystem, find_cases, show_size
from tailwalk.cases.sweep import RANDOM, named_offsets, sweep_cases
from tailwalk.cases.workload import Value
from tailwalk.compare.agreement import all_cases, figures_by_case
from tailwalk.errors import UsageError
from tailwalk.rigs.plan import DEFAULT_CALLS, SWEEP_CALLS, UPGRADE_CALLS
from tailwalk.runs import Conditions, Figure, KernelRecord, Run
from tailwalk.runs.metrics import DEFAULT_RIG, RIGS

if TYPE_CHECKING:
    from tailwalk.profile.record import Profile
    from tailwalk.runs.program import Program


def case_arguments(cases: Sequence[Case], filesystem: Filesystem) -> list[str]:
    """The options that mean cases which differ in nothing but their names."""
    case = cases[0]
    names = tuple(case.name for case in cases)
    suite = next((name for name, members in SUITES.items() if members == names), None)
    found = [part for name in ((suite,) if suite else names) for part in ("--case", name)]
    return found + _sizes(case, "fill", "offset") + _other_arguments(case, filesystem)


def _sizes(case: Case, *names: str) -> list[str]:
    """Options for those of the case's parameters that are not as by default."""
    return [part for name in names
            if case.has(name)
            and case.parameters[name] != case.declared.declared[name].default
            for part in (f"--{name.replace('_', '-')}", show_size(case.parameters[name]))]


def _other_arguments(case: Case, filesystem: Filesystem) -> list[str]:
    """Options for what is not as usual."""
    found = _sizes(case, "file_size")
    if not case.uptodate:
        found.append("--partial")
    return found + _filesystem_arguments(filesystem)


def _filesystem_arguments(filesystem: Filesystem) -> list[str]:
    found, usual = list[str](), Filesystem()
    if filesystem.kind != usual.kind:
        found += ["--fs", filesystem.kind]
    if filesystem.block_size != usual.block_size:
        found += ["--fs-block-size", show_size(filesystem.block_size)]
    if filesystem.mount_options:
        found += ["--mount-options", filesystem.mount_options]
    return found


def _guest_arguments(figures: Sequence[Figure], conditions: Conditions, usual: int) -> list[str]:
    """--calls and --append, where they are not what the command takes by itself."""
    found = []
    calls = {figure.main.number for figure in figures}
    if calls != {usual} and len(calls) == 1:
        found += ["--calls", str(calls.pop())]
    if append := conditions.machine.get("append"):
        found += ["--append", append]
    return found


def run_commands(runs: Sequence[Run], *, command: str | None = None) -> list[str]:
    """The command lines that measure the figures of runs with the same cases again: one for each
    group of cases that differ in their names alone. `command` is run or compare by itself.

    Those of the host rig say on which kernel to run them. None where another program measured.
    """
    if not RIGS[runs[0].rig].boots:
        return [f"{line}  # on {run.kernel.release}" for run in runs for line in _host(run)]
    command = command or ("run" if len(runs) == 1 else "compare")
    specs = [run.kernel.exact_spec for run in runs]
    first = runs[0]
    rest = [] if first.rig == DEFAULT_RIG else ["--rig", first.rig]
    if RIGS[first.rig].metric.repeatable:
        rest += _guest_arguments(first.figures, first.conditions, DEFAULT_CALLS)
    cases = all_cases([figures_by_case(run) for run in runs])
    # A line for each set of conditions, not for each stretch of the run's order.
    groups = groupby(sorted(cases, key=_key), key=_key)
    members = [sorted(group, key=cases.index) for _, group in groups]
    return [shlex.join(["tailwalk", command, *specs,
                        *case_arguments(group, first.conditions.filesystem), *rest])
            for group in sorted(members, key=lambda group: cases.index(group[0]))]


def upgrade_commands(runs: Sequence[Run]) -> list[str]:
    """The command line that measures an upgrade again; those of its comparison where no single one
    does."""
    first = runs[0]
    cases = dict.fromkeys([*all_cases([figures_by_case(run) for run in runs]),
                           *(one.case for run in runs for one in run.left_out)])
    named = find_cases(dict.fromkeys(case.name for case in cases))
    fills = list(dict.fromkeys(case.fill for case in cases if case.cached))
    made = next((chosen for chosen in ([], fills) if {*cases} == (
        {case.fitted(fill=fill) for case in named for fill in chosen} or {*named})), None)
    if made is None or first.rig != DEFAULT_RIG:
        return run_commands(runs, command="compare")
    names = {case.name for case in named}
    suite = next((name for name, members in SUITES.items() if {*members} == names), None)
    words = [] if suite == "lts" else [suite] if suite else [case.name for case in named]
    return [shlex.join([
        "tailwalk", "upgrade", *(run.kernel.exact_spec for run in runs),
        *(part for word in words for part in ("--case", word)),
        *(part for fill in made for part in ("--fill", show_size(fill))),
        *_filesystem_arguments(first.conditions.filesystem),
        *_guest_arguments(first.figures, first.conditions, UPGRADE_CALLS)])]


def _key(case: Case) -> tuple[int, ...]:
    return tuple(case.get(name) or 0 for name in ("fill", "offset", "file_size", "uptodate"))


def _host(run: Run) -> list[str]:
    if "mount point" not in run.conditions.machine:
        return []  # not measured by tailwalk: an import
    def place(case: Case) -> tuple[Value | None, ...]:
        return case.get("offset"), case.get("file_size")

    cases = [figure.case for figure in run.figures]
    lines = []
    for measured in dict.fromkeys(map(place, cases)):
        group = [case for case in cases if place(case) == measured]
        names = dict.fromkeys(case.name for case in group)
        fills = dict.fromkeys(case.fill for case in group if case.cached)
        lines.append(shlex.join([
            "tailwalk", "host", run.conditions.machine["mount point"],
            *(part for name in names for part in ("--case", name)),
            *(part for fill in fills for part in ("--fill", show_size(fill))),
            *_sizes(group[0], "offset", "file_size")]))
    return lines


def why_commands(profiles: Sequence[Profile]) -> list[str]:
    """The command lines that take profiles again: one for two kernels under the same conditions,
    else one each."""
    def line(*chosen: Profile) -> str:
        first = chosen[0]
        return shlex.join(["tailwalk", "why", *(one.kernel.exact_spec for one in chosen),
                           *case_arguments([first.figure.case], first.conditions.filesystem),
                           *_guest_arguments([first.figure], first.conditions, DEFAULT_CALLS)])

    cases = {profile.figure.case for profile in profiles}
    systems = {profile.conditions.filesystem for profile in profiles}
    if len(cases) == len(systems) == 1:
        return [line(*profiles)]
    return [line(profile) for profile in profiles]


def why_command(old: KernelRecord, new: KernelRecord, case: Case, filesystem: Filesystem) -> str:
    """The command line that profiles a case on two kernels."""
    return shlex.join(["tailwalk", "why", old.exact_spec, new.exact_spec,
                       *case_arguments([case], filesystem)])


def sweep_command(runs: Sequence[Run]) -> str | None:
    """The command line that measures a sweep again; None where no single one does."""
    run = runs[0]
    cases = [figure.case for figure in run.figures]
    filesystem = run.conditions.filesystem
    first = cases[0]
    names = list(dict.fromkeys(case.name for case in cases))
    fills = list(dict.fromkeys(case.fill for case in cases))
    places = _places(cases, filesystem)
    partial = not all(case.uptodate for case in cases)
    if places is None or not _means(cases, names, fills, places, filesystem, partial):
        return None
    options = ["--fills", ",".join(map(show_size, fills)), "--offsets", ",".join(places)]
    others = _other_arguments(first.changed(uptodate=not partial), filesystem)
    return shlex.join([
        "tailwalk", "sweep", *(run.kernel.exact_spec for run in runs),
        *(part for name in names for part in ("--case", name)), *options, *others,
        *_guest_arguments(run.figures, run.conditions, SWEEP_CALLS)])


def _places(cases: Sequence[Case], filesystem: Filesystem) -> list[str] | None:
    """Names of the places of the largest fill's cells; the others are at random, if any."""
    largest = max(case.fill for case in cases)
    filled = [case for case in cases if case.fill == largest and case.name == cases[0].name]
    named = {offset: place for place, offset in reversed(
        named_offsets(filled[0], filesystem).items())}
    found = [named[case.offset] for case in filled if case.offset in named]
    if not found:
        return None
    return list(dict.fromkeys(found)) + ([RANDOM] if len(found) < len(filled) else [])


def _means(cases: Sequence[Case], names: Sequence[str], fills: Sequence[int],
           places: Sequence[str], filesystem: Filesystem, partial: bool) -> bool:
    """Does a sweep with these arguments measure just these cases?"""
    made: list[Case] = []
    try:
        for case in find_cases(names):
            sized = case.changed(file_size=cases[0].file_size)
            made += sweep_cases(sized, fills=fills, places=places, filesystem=filesystem,
                                partial=partial)
    except UsageError:
        return False
    return made == list(cases)


_AROUND = {"user": "--user", "directory": "--chdir", "append": "--append", "cpus": "--cpus"}
_USUAL_MEMORY = "1024 MiB"


def program_commands(program: Program, command: str, *, columns: Sequence[int] = (),
                     calls: Sequence[str] = ()) -> list[str]:
    """The command line that runs a program again, on these of its kernels, where they are not all;
    `calls`: with those alone. What a record has but the name of, a root and files, is there by
    it."""
    specs = [KernelRecord(spec=kernel.spec, release=kernel.release, digest=kernel.digest,
                          provenance=kernel.provenance).exact_spec
             for kernel in program.kernels]
    machine = program.conditions.machine
    kind, _, root = machine.get("root", "").partition(" ")
    found = [part for name in calls for part in ("--call", name)]
    if root:
        found += ["--packages", root.partition(":")[0]] if kind == "packages" else ["--root", root]
    for file in program.files:
        name, _, rest = file.partition(" ")
        size, _, fill = rest.partition(" filled by ")
        found += ["--make", f"{name}:{size}:{fill}"] if fill else ["--file", name]
    for variable in filter(None, machine.get("environment", "").split("; ")):
        found += ["--env", variable]
    for name, option in _AROUND.items():
        if name in machine:
            found += [option, machine[name]]
    if "disk" in machine:
        found += ["--disk", machine["disk"].replace(" ", "")]
    if machine.get("memory", _USUAL_MEMORY) != _USUAL_MEMORY:
        found += ["--memory", machine["memory"].partition(" ")[0]]
    if not program.exact:
        found += ["--repeat", str(program.kernels[0].repetitions)]
    if "standard input" in machine:
        found += ["--stdin", "FILE"]
    return [shlex.join([
        "tailwalk", command, *(specs[at] for at in columns or range(len(specs))), *found,
        *_filesystem_arguments(program.conditions.filesystem), "--", *program.command])]
