# SPDX-License-Identifier: GPL-2.0-or-later
"""The timed rig: cases in guests under KVM, in nanoseconds.

All kernels' guests exist side by side, but one runs at a time: a guest stops itself after each
round, and the next one goes on. So a round is the same minute of the same CPU for every kernel, and
one table is one experiment.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial

import msgspec

from tailwalk.cache import digest_bytes
from tailwalk.cases import Case
from tailwalk.errors import ToolError
from tailwalk.framing import FrameType
from tailwalk.host.surroundings import CpuWatch, allowed_cpu, machine_facts
from tailwalk.kernels import Kernel
from tailwalk.kernels.spec import require_measurable
from tailwalk.machines import GUEST
from tailwalk.progress import Progress
from tailwalk.refusals import naming, temporary_folder
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.job import CaseError, case_prologue, measured_run
from tailwalk.rigs.plan import Plan
from tailwalk.rigs.timing import (
    Batches,
    Record,
    make_figure,
    method_notes,
    round_lines,
    round_order,
    take_round,
)
from tailwalk.runs import Run
from tailwalk.runs.record import Missing, made_now
from tailwalk.vm.guest import Guest
from tailwalk.vm.kvm import kvm_runs_guests
from tailwalk.vm.qemu import Machine
from tailwalk.vm.state import KernelSaid, kernel_record, kernel_said

TIMED_MACHINE = Machine(engine="kvm", cpu=GUEST.kvm.cpu)

# A guest cannot be asked back how dear a call is. With these a vDSO clock is under 1% of a batch of
# any call above 150 ns, and the dearest seed case takes some 15 ms a round.
_BATCHES = Batches(number=32, calls=32)

# An ordinary kernel boots under KVM in 2 s; one that is interpreted would take an hour.
_ROUND_SECONDS = 300.0


def require_kvm(trial: Callable[[], tuple[bool, str]] = kvm_runs_guests) -> None:
    """Raise ToolError, saying what was tried, unless KVM runs guests on this machine."""
    runs, reason = trial()
    if not runs:
        raise ToolError(f"the timed rig needs KVM, and KVM runs no guest here: {reason}. Measure "
                        "on another machine, or count instructions with --rig exact, which needs "
                        "no KVM.")


def measure_timed(kernels: Sequence[Kernel], plan: Plan, *,
                  bench: Bench | None = None, progress: Progress | None = None) -> list[Run]:
    """Measure the plan's cases on each kernel, rounds interleaved between them.

    Without a `bench` of the caller's, guests run under KVM, and ToolError is raised where it runs
    none. Raises UsageError, KernelError or GuestError; no guest is left.
    """
    plan.check_for("timed")
    require_measurable(*(kernel.spec for kernel in kernels))
    cpu = allowed_cpu(plan.cpu)
    if bench is None:
        require_kvm()
        bench = Bench.prepare(machine=TIMED_MACHINE)
    if progress is not None:
        bench = replace(bench, progress=progress)
    bench = replace(bench, machine=replace(bench.machine, append=plan.append))
    parted, elsewhere = plan.parted(plan.filesystem.kind)
    cases = [list(parted) for _ in kernels]
    missing = [list(elsewhere) for _ in kernels]
    while True:
        try:
            return _measure(kernels, plan, cases, missing, bench=bench, cpu=cpu)
        except _CaseEndedError as error:
            # All begin again: a round is the same minute for every kernel.
            cases[error.number].remove(error.missing.case)
            missing[error.number].append(error.missing)


class _CaseEndedError(CaseError):
    """A case has no figure on the kernel of this number."""

    def __init__(self, missing: Missing, number: int) -> None:
        super().__init__(missing)
        self.number = number


def _measure(kernels: Sequence[Kernel], plan: Plan, cases: Sequence[Sequence[Case]],
             missing: Sequence[list[Missing]], *, bench: Bench, cpu: int) -> list[Run]:
    begin = case_prologue(plan.filesystem, bench.cache)
    watch = CpuWatch(cpu)
    with ExitStack() as stack:
        guests = [_Running(kernel, bench, plan, found, begin, stack)
                  for kernel, found in zip(kernels, cases, strict=True)]
        for guest in guests:
            with bench.progress.task(f"boot {guest.kernel.spec}"):
                guest.boot(cpu)
        rounds = plan.pace.rounds
        with bench.progress.task("measure", rounds * len(guests)) as task:
            for number in range(rounds):
                for which in random.Random(number).sample(range(len(guests)), len(guests)):
                    try:
                        guests[which].one_round(number)
                    except CaseError as error:
                        raise _CaseEndedError(error.missing, which) from error
                    task.advance()
        for guest in guests:
            watch.account(guest.thread)
        disturbed = watch.notes()
        for guest in guests:
            guest.finish()
    return [guest.run(cpu, disturbed, left) for guest, left in zip(guests, missing, strict=True)]


class _Running:
    """A kernel's guest, which lasts as long as the stack, and what is known of its cases so far."""

    def __init__(self, kernel: Kernel, bench: Bench, plan: Plan, cases: Sequence[Case],
                 begin: bytes, stack: ExitStack) -> None:
        self.kernel = kernel
        self.said = KernelSaid("", ())
        self.thread = 0
        self._records = {case: Record(case, _BATCHES) for case in cases}
        self._bench, self._plan = bench, plan
        self._rounds = [round_order(cases, number) for number in range(plan.pace.rounds)]
        self._job = b"".join([begin, *(round_lines(groups, self._records) + b"pause\n"
                                       for groups in self._rounds), b"end\n"])
        self._start = bench.start(kernel, plan.filesystem)
        archive = stack.enter_context(temporary_folder()) / "initramfs"
        archive.write_bytes(self._start.initramfs)
        self._guest = stack.enter_context(Guest(
            bench.machine, qemu=bench.qemu, kernel=kernel.image, initramfs=archive,
            name=kernel.spec, sought=kernel.sought, job=self._job))

    def boot(self, cpu: int) -> None:
        """Wait until the guest has booted and stopped itself, its processor pinned to a CPU."""
        deadline = time.monotonic() + self._bench.boot_seconds
        self._guest.greet(deadline)
        [processor] = self._guest.command("query-cpus-fast", deadline)
        self.thread = int(processor["thread-id"])
        # A guest that has ended says why by its frames' end.
        with naming(f"pinning a guest to CPU {cpu}"), suppress(ProcessLookupError):
            os.sched_setaffinity(self.thread, {cpu})
        self.said = kernel_said(self._guest.await_ready(deadline), self._start)

    def one_round(self, number: int) -> None:
        """Let the guest go on until it has done its next round, which has this number; raises
        CaseError for a case without a figure."""
        deadline = time.monotonic() + _ROUND_SECONDS
        self._guest.resume(deadline)
        take_round(self._rounds[number], self._records, partial(self._guest.frame, deadline))
        self._guest.await_pause(deadline)

    def finish(self) -> None:
        """Let the guest come to its end."""
        deadline = time.monotonic() + _ROUND_SECONDS
        self._guest.resume(deadline)
        self._guest.frame(deadline).expect(FrameType.DONE)
        self._guest.finish(deadline)

    def run(self, cpu: int, disturbed: Sequence[str], missing: list[Missing]) -> Run:
        """The record of the kernel."""
        notes = [*method_notes(list(self._records.values())), *disturbed]
        kernel = kernel_record(self.kernel, self.said)
        found = self._bench.conditions(self._plan.filesystem)
        conditions = msgspec.structs.replace(found, machine={
            **found.machine, "host cpu": machine_facts(cpu)["cpu"],
            "host kernel": os.uname().release})
        return measured_run(
            [make_figure(record, notes) for record in self._records.values()], missing,
            **made_now(), rig="timed", kernel=kernel, conditions=conditions,
            inputs=digest_bytes(kernel.digest.encode(), msgspec.json.encode(conditions), self._job))
