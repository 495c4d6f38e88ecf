# SPDX-License-Identifier: GPL-2.0-or-later
"""Running a program of the user's in a guest, on a fresh file system, and counting it.

The program is carried to the guest with its root (programs/), and run there (rigs/running.py). A
TCG plugin (plugins/tasks) tells its instructions and the kernel's on its behalf from the kernel's
other work.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from tailwalk.cache import digest_bytes
from tailwalk.cases import show_size
from tailwalk.errors import GuestError, KernelError
from tailwalk.framing import FrameType, read_output
from tailwalk.kernels import Kernel
from tailwalk.kernels.spec import require_measurable
from tailwalk.plugins.build import build_plugin
from tailwalk.programs.plan import ExecPlan
from tailwalk.programs.prepare import Prepared, prepare
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.recording import newborn_address, symbol_text, watched
from tailwalk.rigs.running import (
    INTERRUPTED,
    Interrupts,
    Sink,
    program_job,
    program_machine,
    read_files,
    run_program,
)
from tailwalk.runs.execution import Execution, Instructions
from tailwalk.runs.record import made_now
from tailwalk.vm.state import kernel_record

_RESULT = struct.Struct("<6Q")


@dataclass(frozen=True)
class Executed:
    """A program that has ended: the record, and what of its root was left out, as sentences."""

    execution: Execution
    notes: Sequence[str] = ()


class GivenUpError(GuestError):
    """A program that did not end in time, or before Ctrl-C came, with what it cost so far."""

    def __init__(self, message: str, executed: Executed, *, interrupted: bool) -> None:
        super().__init__(message)
        self.executed = executed
        self.interrupted = interrupted


def execute(kernel: Kernel, plan: ExecPlan, *, bench: Bench | None = None,
            prepared: Prepared | None = None, sink: Sink | None = None,
            interrupts: Interrupts | None = None) -> Executed:
    """Run the plan's program, `prepared` for guests of the bench or now, on the kernel; what it
    writes goes to the sink as it is written. Of `interrupts` the first gives it up.

    Raises UsageError for a program, root or file that cannot be taken, ToolError where QEMU loads
    no plugin, KernelError where a driver is missing or tasks cannot be told apart, GivenUpError for
    a program that does not end in time, GuestError where the guest panics, or the program cannot be
    run or ends the guest.
    """
    plan.check()
    require_measurable(kernel.spec)
    bench = bench or Bench.prepare()
    prepared = prepared or prepare(plan, memory=bench.machine.memory, cache=bench.cache,
                                   progress=bench.progress)
    carried = read_files(plan)
    bench = replace(bench, machine=program_machine(bench.machine, plan, prepared))
    plugin = build_plugin("tasks", bench.qemu, bench.cache).path
    booted = bench.boot(kernel, plan.filesystem, drivers=prepared.drivers)
    job, named = program_job(plan, prepared, carried, bench.cache)
    newborn = newborn_address(symbol_text(bench, kernel, booted))
    with watched(bench, kernel, booted, job,
                 plugins=[(plugin, f",newborn={newborn}")]) as (guest, outputs):
        ending = run_program(guest, plan, sink, interrupts or Interrupts())
        instructions, tasks, switches = _counts(outputs()[0], kernel)
    bench.cache.check(prepared.content.parent)
    killed = os.WIFSIGNALED(ending.status)
    conditions = bench.conditions(plan.filesystem)
    facts = {**({"root": prepared.title} if prepared.title else {}), **plan.facts()}
    executed = Executed(
        Execution(
            **made_now(), kernel=kernel_record(kernel, booted.said),
            conditions=msgspec.structs.replace(
                conditions, machine={**conditions.machine, **facts}),
            command=[str(plan.program), *plan.arguments], program=prepared.digest,
            files=[*(f"{one.name} {len(one.content)}B" for one in carried),
                   *(f"{one.name} {show_size(one.size)} filled by {show_size(one.fill)}"
                     for one in plan.made)],
            status=None if killed else os.WEXITSTATUS(ending.status),
            signal=os.WTERMSIG(ending.status) if killed else None,
            instructions=instructions, tasks=tasks, switches=switches,
            inputs=digest_bytes(booted.key.encode(), named, plugin.read_bytes())),
        prepared.notes)
    if ending.given_up:
        why = ("when Ctrl-C came" if ending.given_up == INTERRUPTED
               else f"after {plan.seconds:g} seconds (--timeout)")
        raise GivenUpError(
            f"{plan.program} was given up {why}: what it wrote and cost is what it had come to by "
            "then. Give it more time, or less to do.", executed,
            interrupted=ending.given_up == INTERRUPTED)
    return executed


def _counts(output: bytes, kernel: Kernel) -> tuple[Instructions, int, int]:
    """What the plugin wrote (plugins/tasks/tasks.c): instructions, tasks and switches."""
    results = [frame for frame in read_output(output) if frame.type is FrameType.TASKS]
    if not results:
        raise GuestError("the plugin has not counted to the program's end: the result is torn. "
                         "Run it again.")
    user, inside, others, _, tasks, switches = results[-1].unpack(FrameType.TASKS, _RESULT)
    if not switches:
        raise KernelError(f"the plugin saw no context switch on {kernel.spec}: this kernel changes "
                          "tasks in a way that it does not know, so that instructions cannot be "
                          "told apart.")
    return Instructions(user=user, kernel=inside, others=others), tasks, switches
