# SPDX-License-Identifier: GPL-2.0-or-later
"""The upgrade test: an old kernel, the new one and later ones, measured or read, and the worst
cases of the new one profiled, or all that moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import msgspec

from tailwalk.cases import Case, show_size
from tailwalk.compare.applications import places_of
from tailwalk.compare.upgrade import Upgrade, with_profiles
from tailwalk.errors import TailwalkError, UsageError
from tailwalk.lab.lab import Lab, check_specs
from tailwalk.lab.plans import plan_like
from tailwalk.lab.records import is_spec, read_argument
from tailwalk.profile.causes import Explained, explain
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Run
from tailwalk.runs.program import Program
from tailwalk.words import listed

PROFILED = 10
"""Cases that are profiled unless another number is asked for."""


def upgrade_runs(lab: Lab, kernels: Sequence[str], plan: Plan,
                 programs: Sequence[Program] = ()) -> list[Run]:
    """The run of each of some kernels, the old one's first, each a spec, which is measured by the
    plan, or a record.

    Raises UsageError before anything is measured where the kernels are not several, or a record
    has not the plan's cases, or one of the `programs` beside them lacks the old kernel or the new
    one, and as `Lab.runs`.
    """
    _check_several(kernels)
    records = {name: read_argument(name, progress=lab.progress)
               for name in kernels if not is_spec(name)}
    first = next(iter(records.values()), None)
    specs = [name for name in kernels if name not in records]
    for name, record in records.items():
        _check_cases(name, record, plan)
    check_specs(specs)
    known = {name: records[name].kernel if name in records else lab.kernel(name)
             for name in kernels}
    _check_different({name: kernel.digest for name, kernel in known.items()})
    for program in programs:
        places_of(program, [*known.values()])
    made = lab.measure(specs, plan, beside=first) if specs else []
    measured = dict(zip(specs, made, strict=True))
    return [measured[name] if name in measured else _of_cases(records[name], plan.cases)
            for name in kernels]


def explained(lab: Lab, found: Upgrade, runs: Sequence[Run], plan: Plan, *,
              profiled: int | Literal["all"] | None = None) -> Upgrade:
    """The upgrade from the first of some runs to the others, with what the profiles of its worst
    cases say, or why one has no profile.

    `profiled` is how many of the cases that regressed on the second kernel are profiled; `all`:
    each of them, and each that improved; None: `PROFILED` of those that are not accepted, so that
    a gate that passes needs the old kernel's record alone.
    """
    chosen = found.moved() if profiled == "all" else found.worst()[:profiled]
    if profiled is None:
        chosen = [one for one in chosen if not found.accepts(one)][:PROFILED]
    cases = [one.parameters for one in chosen]
    return with_profiles(found, _explained(lab, runs[:2], cases, plan))


def _check_several(kernels: Sequence[str]) -> None:
    if len(kernels) < 2:
        raise UsageError(f"only {' '.join(kernels) or 'nothing'} is named: give the old kernel and "
                         "the new one.")
    for name in kernels:
        if kernels.count(name) > 1:
            raise UsageError(f"{name} is named twice: a kernel is no upgrade of itself.")


def _check_different(digests: Mapping[str, str]) -> None:
    for digest in digests.values():
        alike = [name for name, other in digests.items() if other == digest]
        if len(alike) > 1:
            raise UsageError(f"{listed(alike)} are the same kernel: name one of them.")


def upgrade_plan_like(record: Run) -> Plan:
    """The plan by which a record was measured; raises as `plan_like`."""
    calls = max(figure.main.number for figure in record.figures)
    return replace(plan_like(record).check_for("exact"), calls=calls,
                   append=record.conditions.machine.get("append", ""))


def _check_cases(name: str, record: Run, plan: Plan) -> None:
    """Raise UsageError where a record lacks one of the plan's cases."""
    has = {*(figure.case for figure in record.figures), *(one.case for one in record.left_out)}
    lacking = [case.name for case in plan.cases if case not in has]
    if not lacking:
        return
    fills = {one.name: one.fill for one in has if one.cached}
    for case in plan.cases:
        if case not in has and case.cached and fills.get(case.name, case.fill) != case.fill:
            raise UsageError(
                f"--fill {show_size(case.fill)}: {name}, the record of {record.kernel.spec}, has "
                f"{case.name} with a fill of {show_size(fills[case.name])}. Leave the option out, "
                "or measure that kernel again with it.")
    shown = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
    raise UsageError(
        f"{name}, the record of {record.kernel.spec}, has not {shown}, with the parameters that "
        f"are asked for: {len(lacking)} of {len(plan.cases)} cases. Ask for what it has, measure "
        "that kernel again, or leave the options out: the new kernel is then measured as the "
        "record was.")


def _of_cases(record: Run, cases: Sequence[Case]) -> Run:
    """The record with these of its cases alone, by its own name."""
    wanted = set(cases)
    left_out = [one for one in record.left_out if one.case in wanted]
    return msgspec.structs.replace(
        record, origin=record.id, missing=left_out or msgspec.UNSET,
        figures=[figure for figure in record.figures if figure.case in wanted])


def _explained(lab: Lab, runs: Sequence[Run], cases: Sequence[Case],
               plan: Plan) -> dict[Case, Explained | str]:
    """What the profiles of each case on two kernels say, or why there is none."""
    if not cases:
        return {}
    specs = [run.kernel.exact_spec for run in runs]
    try:
        for run, spec in zip(runs, specs, strict=True):
            if (kernel := lab.kernel(spec)).digest != run.kernel.digest:
                raise UsageError(f"{spec} is another kernel by now: {kernel.release}, and not the "
                                 f"{run.kernel.release} of run {run.id}.")
        made = lab.profile_each(specs, [replace(plan, cases=[case]) for case in cases])
    except TailwalkError as error:
        return dict.fromkeys(cases, str(error))
    found: dict[Case, Explained | str] = {}
    for case in cases:
        try:
            for profile in (profiles := [made[spec, case] for spec in specs]):
                if isinstance(profile, TailwalkError):
                    raise profile
            found[case] = explain(*profiles)  # type: ignore[arg-type]
        except TailwalkError as error:
            found[case] = str(error)
    return found
