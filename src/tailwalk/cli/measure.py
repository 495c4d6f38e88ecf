# SPDX-License-Identifier: GPL-2.0-or-later
"""From a command's arguments to runs: files and kept runs are read, specs are measured."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tailwalk.cli.options import options_given
from tailwalk.errors import UsageError
from tailwalk.kernels import parse_spec
from tailwalk.kernels.spec import require_measurable
from tailwalk.progress import SILENT, Progress
from tailwalk.rigs.plan import Pace, Plan
from tailwalk.runs import Run, read_run, read_runs

if TYPE_CHECKING:
    from tailwalk.rigs.bench import Bench
    from tailwalk.rigs.pool import Pool

_SPEC = re.compile(r"(debian|src|debug|image):.*", re.DOTALL)
_RUN_ID = re.compile(r"[0-9a-f]{4,12}")


def is_spec(argument: str) -> bool:
    """Is the argument a kernel spec, and not a record's path or a run's id?

    Raises SpecError for what is none of them.
    """
    if _SPEC.fullmatch(argument) is None and (
            is_path(argument) or _RUN_ID.fullmatch(argument)):
        return False
    parse_spec(argument)
    return True


def is_path(argument: str) -> bool:
    """Is the argument meant as a file, and not as the id of a kept run?"""
    return argument.endswith(".json") or "/" in argument or (
        argument != "" and Path(argument).exists())


def refuse_program(command: str, arguments: Sequence[str]) -> None:
    """Raise UsageError where a command that takes kernels and records is given, after --, what is
    neither: words of a program, as `tailwalk exec` takes them."""
    after = list(arguments)[list(arguments).index("--") + 1:] if "--" in arguments else []
    program = next((word for word in after if not (
        _SPEC.fullmatch(word) or _RUN_ID.fullmatch(word) or word.endswith(".json"))), None)
    if program is not None:
        raise UsageError(f"{command} runs no program, and {program} stands after --: it "
                         "measures the system calls of cases. What a program executes on a kernel "
                         f"is counted by tailwalk exec SPEC -- {shlex.join(after)}")


def refuse_conditions(arguments: Iterable[str], names: Iterable[str]) -> None:
    """Raise UsageError where records alone are named, and any of the current command's parameters
    `names`, which say how to measure, was given."""
    if not any(map(is_spec, arguments)) and (given := options_given(names)):
        raise UsageError(f"{', '.join(given)}: nothing is measured, since only records are named, "
                         "and they stay what they are. Leave it out, or name a kernel spec.")


def read_argument(argument: str, *, progress: Progress = SILENT) -> Run:
    """The run in a file, or the kept run with an id that begins so; raises RecordError."""
    if is_path(argument):
        return read_run(Path(argument))
    from tailwalk.runs.store import Store

    return Store(progress=progress).get(argument)


def read_arguments(argument: str, *, progress: Progress = SILENT) -> list[Run]:
    """As `read_argument`, of a file that may hold a list of runs."""
    if is_path(argument):
        return read_runs(Path(argument))
    return [read_argument(argument, progress=progress)]


def runs_for(arguments: Sequence[str], plan: Plan | None, *, fresh: bool = False,
             dask: str | None = None, progress: Progress = SILENT) -> list[Run]:
    """The run of each argument, in order: a spec's is measured, any other is read.

    Everything is read before anything is measured, so that a wrong argument costs no measurement.
    Where `plan` is None, specs are measured as the first run that was read. Raises UsageError where
    what would be measured does not compare with it, and what `read_argument`, `parse_spec`,
    `resolve` and `measure` raise.
    """
    specs = list(dict.fromkeys(argument for argument in arguments if is_spec(argument)))
    runs = {argument: read_argument(argument, progress=progress)
            for argument in arguments if argument not in specs}
    if specs:
        if plan is None:
            plan = _plan_of(next(iter(runs.values())))
        runs |= zip(specs, measured(specs, plan, beside=next(iter(runs.values()), None),
                                    fresh=fresh, dask=dask, progress=progress), strict=True)
    return [runs[argument] for argument in arguments]


def measured(specs: Sequence[str], plan: Plan, *, beside: Run | None = None, fresh: bool = False,
             dask: str | None = None, progress: Progress = SILENT) -> list[Run]:
    """Runs of the specs on the plan's rig. Those of the exact rig are reused where the results
    directory has them; they are made on the Dask cluster at the address `dask`, or on this
    machine.

    Raises UsageError for a kernel that checks itself, on the exact rig for figures that would not
    compare with the record `beside`, and what `resolve` and `measure` raise.
    """
    require_measurable(*specs)
    if plan.rig == "timed":
        return _timed(specs, plan, dask=dask, progress=progress)
    from tailwalk.kernels import resolve
    from tailwalk.rigs.bench import Bench
    from tailwalk.rigs.exact import measure
    from tailwalk.runs.store import Store

    if beside is not None:  # better now than after a build
        _check_beside(beside, specs[0], plan, Bench.prepare())
    kernels = [resolve(spec, progress=progress) for spec in specs]
    found = measure(kernels, plan, bench=Bench.prepare(progress=progress),
                    store=Store(progress=progress), fresh=fresh, pool=pool_at(dask))
    reused = [spec for spec, one in zip(specs, found, strict=True) if one.reused]
    if reused:
        progress.note(f"{', '.join(reused)}: measured before under identical inputs, reused "
                      "(--fresh measures again)")
    return [one.run for one in found]


def _check_beside(record: Run, spec: str, plan: Plan, bench: Bench) -> None:
    """Raise UsageError where a spec that is measured by the plan would not compare with a record,
    such as one of another version of QEMU."""
    import msgspec

    from tailwalk.compare.agreement import check_conditions

    bench = replace(bench, machine=replace(bench.machine, append=plan.append))
    change = msgspec.structs.replace
    check_conditions(record, change(
        record, rig="exact", unit="instructions/call", conditions=bench.conditions(plan.filesystem),
        kernel=change(record.kernel, spec=spec, release="not measured yet")))


def _timed(specs: Sequence[str], plan: Plan, *, dask: str | None,
           progress: Progress) -> list[Run]:
    from tailwalk.kernels import resolve
    from tailwalk.rigs.timed import measure_timed, require_kvm
    from tailwalk.runs.store import Store

    if dask is not None:
        raise UsageError(f"--dask {dask}: times of different machines do not compare; the timed "
                         "rig measures on this one. Leave --dask out.")
    plan.check()
    require_kvm()  # before a kernel is fetched for it
    store = Store(progress=progress).ready()
    kernels = [resolve(spec, progress=progress) for spec in specs]
    runs = measure_timed(kernels, plan, progress=progress)
    for run in runs:
        store.add(run)
    return runs


def pool_at(dask: str | None) -> Pool | None:
    """The pool of workers of the Dask cluster at an address; None: this machine's."""
    if dask is None:
        return None
    from tailwalk.rigs.dask_pool import DaskPool

    return DaskPool(dask)


def _plan_of(run: Run) -> Plan:
    """The plan that measures what the run did, on its rig.

    Raises UsageError for a run of the host rig, which no spec can be measured beside.
    """
    if run.rig == "host":
        raise UsageError(f"the run of {run.kernel.spec} ({run.kernel.release}) is of the host rig: "
                         "only other runs of that rig compare with it. Boot the other kernel and "
                         "run tailwalk host there.")
    rounds = max(sum(repetitions for _, repetitions in figure.calls) for figure in run.figures)
    return Plan(cases=[figure.case for figure in run.figures],
                filesystem=run.conditions.filesystem, rig=run.rig,
                pace=Pace(rounds=rounds) if run.rig == "timed" else Pace()).check()
