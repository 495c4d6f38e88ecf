# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs on several kernels, guests side by side, and the record of what they came to."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from tailwalk.errors import TailwalkError, UsageError
from tailwalk.filesystems import find_kind
from tailwalk.kernels import Kernel
from tailwalk.kernels.symbols import packed_names
from tailwalk.machines import GUEST
from tailwalk.programs.plan import ExecPlan
from tailwalk.programs.prepare import Prepared
from tailwalk.rigs.bench import CPUS, Bench
from tailwalk.rigs.cores import as_finished, cores
from tailwalk.rigs.exec import Executed, ProgramPortion, program_portion, run_portion
from tailwalk.rigs.running import Interrupts, Sink
from tailwalk.runs.program import CallRow, Program, ProgramOnKernel, all_requests
from tailwalk.runs.store import Store
from tailwalk.vm.qemu import MOST_CPUS, Engine, Machine


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A program that is to run so often on each kernel, in guests with so many MiB of memory and so
    many CPUs."""

    plan: ExecPlan
    memory: int = 1024
    repeat: int = 1
    cpus: int = 1

    def check(self) -> Asked:
        """Itself, if it can be run; raises UsageError as `ExecPlan.check`, and for CPUs that a
        guest cannot have, or whose runs are not repeated."""
        self.plan.check()
        if not 1 <= self.cpus <= MOST_CPUS:
            raise UsageError(f"--cpus {self.cpus}: a guest has 1 to {MOST_CPUS}.")
        if self.cpus > 1 and (host := platform.machine()) not in GUEST.hosts_of_several_cpus:
            raise UsageError(
                f"--cpus {self.cpus}: QEMU lets several CPUs of an {GUEST.title} guest run side by "
                f"side only where this machine orders accesses to memory as they do, and it is "
                f"{host}: leave it out, or use another machine.")
        if self.cpus > 1 and self.repeat < _FEWEST:
            raise UsageError(
                f"--repeat {self.repeat}: with --cpus {self.cpus} a run is one of many that could "
                f"have been, and says nothing alone: give {_FEWEST} or more.")
        return self

    def machine(self, usual: Machine) -> Machine:
        """The guests' machine. Several CPUs run side by side, in real time: no guest's clock could
        be the instructions of all."""
        several: Engine = "tcg"
        return dataclasses.replace(
            usual, memory=self.memory, cpus=self.cpus,
            engine=several if self.cpus > 1 else usual.engine)


@dataclass(frozen=True)
class Ran:
    """What a program came to on a kernel, as a record and run by run; of a record that was there
    already the runs are not known."""

    program: Program
    runs: Sequence[Executed] = ()


_FEWEST = 2
"""Repetitions where counts are not exact."""

ProgramPool = Callable[[Bench, Sequence[tuple[ProgramPortion, Sink | None]]],
                       Generator[tuple[int, Executed | TailwalkError]]]
"""Where programs run: as `Pool`, each with what takes its output."""


def on_cores(interrupts: Interrupts) -> ProgramPool:
    """This machine's cores; of the interrupts the first gives all up."""
    def run(bench: Bench, portions: Sequence[tuple[ProgramPortion, Sink | None]]) -> (
            Generator[tuple[int, Executed | TailwalkError]]):
        each = max((portion.machine.cpus for portion, _ in portions), default=1)
        return as_finished([partial(run_portion, bench, portion, sink=sink, interrupts=interrupts)
                            for portion, sink in portions], workers=max(1, cores() // each))

    return run


def run_each(kernels: Sequence[Kernel], asked: Asked, prepared: Prepared, *, bench: Bench,
             pool: ProgramPool, store: Store, fresh: bool,
             sinks: Sequence[Sink | None] = ()) -> Generator[tuple[int, Ran | TailwalkError]]:
    """Run a program, `prepared` for the bench's guests, on each kernel: the kernel's number and
    what it came to, as they finish. A record of the store's with identical inputs and as many
    repetitions is taken instead unless `fresh`, or counts are not exact, and new ones are kept
    there. A sink gets what the first run on its kernel writes.

    Close the iterator (contextlib.closing) to stop early.
    """
    waiting: list[tuple[int, ProgramPortion, Sink | None]] = []
    for number, (kernel, sink) in enumerate(zip(kernels, sinks or [None] * len(kernels),
                                                strict=True)):
        try:
            portion = program_portion(kernel, asked.plan, bench=bench, prepared=prepared)
        except TailwalkError as error:
            yield number, error
            continue
        found = None if fresh or asked.cpus > 1 else store.find_program(
            portion.inputs, repetitions=asked.repeat)
        if found is not None:
            yield number, Ran(found)
        else:
            waiting += [(number, portion, None if again else sink)
                        for again in range(asked.repeat)]
    if not waiting:
        return
    runs: dict[int, dict[int, Executed]] = {}
    failed: set[int] = set()
    with closing(pool(bench, [(portion, sink) for _, portion, sink in waiting])) as finished:
        for at, outcome in finished:
            number = waiting[at][0]
            if isinstance(outcome, TailwalkError):
                if number not in failed:
                    failed.add(number)
                    yield number, outcome
                continue
            done = runs.setdefault(number, {})
            done[at] = outcome
            if len(done) == asked.repeat:
                repeated = [done[at] for at in sorted(done)]
                program = program_record([repeated])
                store.keep(program)
                yield number, Ran(program, repeated)


def program_record(runs: Sequence[Sequence[Executed]]) -> Program:
    """What a program came to on each kernel: one run or more of it on each."""
    first = runs[0][0].execution
    return Program(
        tailwalk=first.tailwalk, created=first.created, command=first.command,
        program=first.program, files=first.files, conditions=first.conditions,
        exact=CPUS not in first.conditions.machine,
        kernels=[_on_kernel(repeated) for repeated in runs])


def median_run(repeated: Sequence[Executed]) -> Executed:
    """The run in which the kernel executed the median; the earlier of two."""
    return sorted(repeated, key=_by_kernel)[(len(repeated) - 1) // 2]


def _by_kernel(one: Executed) -> int:
    return one.execution.instructions.kernel


def _on_kernel(repeated: Sequence[Executed]) -> ProgramOnKernel:
    one = median_run(repeated)
    execution, counted, totals = one.execution, one.counted, one.counted.totals
    calls = list(counted.calls)
    if len(repeated) > 1:
        calls = list(_with_spreads(calls, [other.counted.calls for other in repeated]))
    in_all = [each.counted.totals.kernel + each.counted.totals.others for each in repeated]
    undisked = _undisked(one)
    return ProgramOnKernel(
        disk=None if undisked else all_requests(calls), undisked=undisked,
        wrote=None if undisked or one.root_is_image else sum(
            row.wrote or 0 for row in calls
            if row.file == execution.conditions.filesystem.kind),
        spread=(min(in_all), max(in_all)) if len(repeated) > 1 else None, cpus=totals.cpus,
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
