# SPDX-License-Identifier: GPL-2.0-or-later
"""The record of a program that ran on one or more kernels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from tailwalk.filesystems import find_kind
from tailwalk.kernels.symbols import packed_names
from tailwalk.programs.plan import ExecPlan
from tailwalk.rigs.exec import Executed
from tailwalk.runs.program import CallRow, Program, ProgramOnKernel, all_requests


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A program that is to run so often on each kernel, in guests with so many MiB of memory."""

    plan: ExecPlan
    memory: int = 1024
    repeat: int = 1


def program_record(runs: Sequence[Sequence[Executed]]) -> Program:
    """What a program came to on each kernel: one run or more of it on each."""
    first = runs[0][0].execution
    return Program(
        tailwalk=first.tailwalk, created=first.created, command=first.command,
        program=first.program, files=first.files, conditions=first.conditions,
        kernels=[_on_kernel(repeated) for repeated in runs])


def median_run(repeated: Sequence[Executed]) -> Executed:
    """The run in which the kernel executed the median; the earlier of two."""
    return sorted(repeated, key=lambda one: one.execution.instructions.kernel)[
        (len(repeated) - 1) // 2]


def _on_kernel(repeated: Sequence[Executed]) -> ProgramOnKernel:
    one = median_run(repeated)
    execution, counted, totals = one.execution, one.counted, one.counted.totals
    calls = list(counted.calls)
    if len(repeated) > 1:
        calls = list(_with_spreads(calls, [other.counted.calls for other in repeated]))
    undisked = _undisked(one)
    return ProgramOnKernel(
        disk=None if undisked else all_requests(calls), undisked=undisked,
        wrote=None if undisked or one.root_is_image else sum(
            row.wrote or 0 for row in calls
            if row.file == execution.conditions.filesystem.kind),
        spec=execution.kernel.spec, release=execution.kernel.release,
        digest=execution.kernel.digest, provenance=execution.kernel.provenance,
        repetitions=len(repeated), user=totals.user, kernel=totals.kernel, others=totals.others,
        driver=totals.driver, unattributed=counted.unattributed, tasks=totals.tasks,
        switches=totals.switches, status=execution.status, signal=execution.signal, calls=calls,
        regions=counted.regions, symbols=packed_names(counted.symbols), inputs=execution.inputs)


def _undisked(one: Executed) -> str:
    """Why it is not known what the disk was asked for; empty where it is."""
    kind = one.execution.conditions.filesystem.kind
    if find_kind(kind).mkfs is None:
        return f"{kind} lies in memory, on no disk"
    if unread := one.counted.totals.unread:
        return f"{unread:,} requests to disks could not be read"
    if not one.counted.totals.disk:
        return "the kernel asks for what its disks are to do in a way that is not known"
    return ""


def _with_spreads(calls: Iterable[CallRow],
                  repeated: Sequence[Sequence[CallRow]]) -> Iterable[CallRow]:
    known = [{row.name: row.instructions for row in rows} for rows in repeated]
    for row in calls:
        each = [rows.get(row.name, 0) for rows in known]
        yield replace(row, spread=(min(each), max(each)))
