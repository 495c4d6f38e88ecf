# SPDX-License-Identifier: GPL-2.0-or-later
"""Running a program of the user's in a guest, on a fresh file system, and counting it.

The program is carried to the guest with its root (programs/), and run there (rigs/running.py). A
TCG plugin (plugins/calls, rigs/counted.py) tells its instructions and the kernel's on its behalf
from the kernel's other work.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from tailwalk.cache import digest_bytes
from tailwalk.cases import show_size
from tailwalk.errors import GuestError, KernelError
from tailwalk.kernels import Kernel
from tailwalk.kernels.spec import require_measurable
from tailwalk.plugins.build import Plugin, build_plugin
from tailwalk.programs.plan import ExecPlan, text_of
from tailwalk.programs.prepare import Prepared, prepare
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.counted import CountedProgram, counting_calls
from tailwalk.rigs.left import LEAVE, kept_state
from tailwalk.rigs.running import (
    INTERRUPTED,
    Interrupts,
    Sink,
    program_job,
    program_machine,
    read_files,
    root_job,
    run_program,
)
from tailwalk.runs.execution import Execution, Instructions
from tailwalk.runs.record import Conditions, encode, made_now
from tailwalk.vm.memory import read_state
from tailwalk.vm.qemu import Machine
from tailwalk.vm.state import Start, kernel_record


@dataclass(frozen=True)
class Executed:
    """A program that has ended: the record, what was counted, what of its root was left out, as
    sentences, and whether its root is a disk of its own, with an ext4 file system."""

    execution: Execution
    counted: CountedProgram
    notes: Sequence[str] = ()
    root_is_image: bool = False


class GivenUpError(GuestError):
    """A program that did not end in time, or before Ctrl-C came, with what it cost so far."""

    def __init__(self, message: str, executed: Executed, *, interrupted: bool) -> None:
        super().__init__(message)
        self.executed = executed
        self.interrupted = interrupted

    def __reduce__(self) -> tuple[Callable[..., GivenUpError], tuple[str], dict[str, object]]:
        return partial(GivenUpError, executed=self.executed, interrupted=self.interrupted), (
            str(self),), {}


_SPEECHLESS = 3
"""The probe's exit status where it cannot even say what went wrong (probe/x86_64/transport.c)."""


@dataclass(frozen=True, kw_only=True)
class ProgramPortion:
    """A program on one kernel, ready for a guest: nothing else decides what it comes to.

    Attributes:
        start: what the guest boots from, on the `machine`.
        prepared: the program in its root.
        job: what runs it, after the root is made.
        files: that are there when it begins, as a record says them.
        plugin: what counts.
        inputs: digest of all of this.
    """

    start: Start
    machine: Machine
    plan: ExecPlan
    prepared: Prepared
    job: bytes
    files: Sequence[str]
    plugin: Plugin
    conditions: Conditions
    inputs: str


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
    return run_portion(bench, program_portion(kernel, plan, bench=bench, prepared=prepared),
                       sink=sink, interrupts=interrupts)


def program_portion(kernel: Kernel, plan: ExecPlan, *, bench: Bench,
                    prepared: Prepared | None = None) -> ProgramPortion:
    """What runs the program of a plan that was checked on the kernel; raises as `execute`, before
    anything is booted."""
    require_cpus(kernel, bench.machine)
    prepared = prepared or prepare(plan, memory=bench.machine.memory, cache=bench.cache,
                                   progress=bench.progress)
    carried = read_files(plan)
    bench = replace(bench, machine=program_machine(bench.machine, plan, prepared))
    start = bench.start(kernel, plan.filesystem, drivers=prepared.drivers)
    job = program_job(plan, prepared, carried, bench.cache)
    plugin = build_plugin("calls", bench.qemu, bench.cache)
    conditions = bench.conditions(plan.filesystem)
    facts = {**({"root": prepared.title} if prepared.title else {}), **plan.facts()}
    conditions = msgspec.structs.replace(
        conditions, machine={**conditions.machine, **facts})
    return ProgramPortion(
        start=start, machine=bench.machine, plan=plan, prepared=prepared, job=job, plugin=plugin,
        conditions=conditions,
        files=[*(f"{one.name} {len(one.content)}B" for one in carried),
               *(f"{one.name} {show_size(one.size)} filled by {show_size(one.fill)}"
                 for one in plan.made)],
        # The spec and the conditions' words are no inputs of the counts, but the record has them.
        inputs=digest_bytes(kernel.spec.encode(), start.key.encode(), root_job(prepared)[1], job,
                            plugin.digest.encode(), *map(os.fsencode, plan.between),
                            encode(conditions)))


def require_cpus(kernel: Kernel, machine: Machine) -> None:
    """Raise KernelError for a kernel that has no use for several CPUs, where there are such."""
    banner = kernel.provenance.get("banner", "")
    if machine.cpus > 1 and banner and not re.search(r"\bSMP\b", banner):
        raise KernelError(f"the kernel {kernel.spec} was built for one CPU (CONFIG_SMP is off): "
                          "leave out --cpus, or take another kernel.")


def run_portion(bench: Bench, portion: ProgramPortion, *, sink: Sink | None = None,
                interrupts: Interrupts | None = None) -> Executed:
    """Run a program in a guest of its own; raises as `execute`."""
    plan, prepared, kernel = portion.plan, portion.prepared, portion.start.kernel
    bench = replace(bench, machine=portion.machine)
    booted = bench.go_on(portion.start)
    root, named = root_job(prepared)
    state, used = None, [prepared.content.parent]
    if prepared.title:
        used.append(kept_state(bench, kernel, booted, [*root, LEAVE], named=named))
        state = read_state(used[-1], portion.machine.memory_bytes)
    with counting_calls(bench, kernel, booted, [portion.job] if state else [*root, portion.job],
                        plugin=portion.plugin.path, state=state,
                        between=plan.between) as (guest, counts):
        ending = run_program(guest, plan, sink, interrupts or Interrupts())
        speechless = bool(plan.user) and ending.status == _SPEECHLESS << 8
        try:
            counted = counts()
        except GuestError as torn:  # as nothing was counted
            if speechless:
                raise _unbegun(portion) from torn
            raise
    if speechless and any(row.call == "ioperm" for row in counted.calls):
        raise _unbegun(portion)
    for place in used:
        bench.cache.check(place)
    totals = counted.totals
    came = totals.user + totals.kernel > 0, counted.regions is not None
    for option, name, has_come in zip(("--from", "--to"), plan.between, came, strict=True):
        if text_of(name) and not has_come and not ending.given_up:
            raise GuestError(
                f"{option} {name}: {plan.program} wrote no such text, by write(2) or writev(2) to "
                "its descriptor 1, or none after what --from names. A program that keeps what it "
                "writes for later has to flush it.")
    killed = os.WIFSIGNALED(ending.status)
    executed = Executed(
        Execution(
            **made_now(), kernel=kernel_record(kernel, booted.said), conditions=portion.conditions,
            command=[str(plan.program), *plan.arguments], program=prepared.digest,
            files=list(portion.files),
            status=None if killed else os.WEXITSTATUS(ending.status),
            signal=os.WTERMSIG(ending.status) if killed else None,
            instructions=Instructions(user=totals.user, kernel=totals.kernel,
                                      others=totals.others),
            tasks=totals.tasks, switches=totals.switches, inputs=portion.inputs),
        counted, prepared.notes, bool(prepared.image))
    if ending.given_up:
        why = ("when Ctrl-C came" if ending.given_up == INTERRUPTED
               else f"after {plan.seconds:g} seconds (--timeout)")
        raise GivenUpError(
            f"{plan.program} was given up {why}: what it wrote and cost is what it had come to by "
            "then. Give it more time, or less to do.", executed,
            interrupted=ending.given_up == INTERRUPTED)
    return executed


def _unbegun(portion: ProgramPortion) -> GuestError:
    """Of a program that was not begun and could not say so: who is not root has no ports to say it
    by."""
    user = portion.plan.user
    return GuestError(
        f"{portion.plan.program} could not be begun as {user} on {portion.start.kernel.spec}: "
        f"{user} may not run it or enter {portion.plan.directory}, or the kernel runs nothing of "
        "its kind, as minimal ones run no script (name its interpreter before it). Without --user "
        "the reason is named.")
