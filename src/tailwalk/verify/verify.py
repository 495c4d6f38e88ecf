# SPDX-License-Identifier: GPL-2.0-or-later
"""Verify a kernel: sessions side by side until the goal is reached or something is found."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tailwalk.cache import Cache
from tailwalk.errors import UsageError
from tailwalk.kernels import Kernel
from tailwalk.kernels.spec import checks_itself
from tailwalk.machines import GUEST
from tailwalk.probe.build import build_exerciser
from tailwalk.progress import SILENT, Progress, Task
from tailwalk.refusals import temporary_folder
from tailwalk.rigs.cores import cores, run_jobs
from tailwalk.runs.record import made_now
from tailwalk.verify.configuration import CONFIGURATIONS, Configuration
from tailwalk.verify.frames import Tally
from tailwalk.verify.image import IMAGE_SIZE, make_original
from tailwalk.verify.record import Finding, Verification
from tailwalk.verify.session import DEFAULT_MEMORY, PLAIN, Found, Manner, Session, Stage, original
from tailwalk.vm.disk import FATES, Disk
from tailwalk.vm.qemu import Machine, find_qemu
from tailwalk.vm.state import boot, kernel_record, prepare_boot

Engine = Literal["auto", "tcg", "kvm"]

SESSION_OPERATIONS = 5000
"""A session is no longer, so that a replay is short; the next has the next seed."""

_DRIVERS = ("virtio_pci", "virtio_blk", "ext4")
_SEEDS = 1 << 48
_MOST = 1_000_000_000
_MOST_WORKERS = 1000
_MOST_MEMORY = 1 << 20
MOST_WRITERS = 16
"""As many as the probe lets be (probe/exercise/exercise.h)."""
MOST_FAILING_WRITES = 20
"""Percent: what was told of them has to fit into a line of the probe's job."""


def _require(option: str, value: float | None, least: int, most: int) -> None:
    """Raise UsageError for a value that is neither missing nor in the range."""
    if value is not None and not least <= value <= most:
        raise UsageError(f"{option} {value}: give a number between {least} and {most:,}.")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """How much is to be done.

    Attributes:
        operations: random operations in all, those before power cuts not counted; None: until
            the time is up.
        power_cuts: in all; None: until the time is up, one for each session of the operations.
        seconds: sessions that have not begun by then are left out.
    """

    operations: int | None = None
    power_cuts: int | None = None
    seconds: float | None = None

    def check(self) -> Goal:
        """Itself, if it can be reached; raises UsageError naming the value that makes no sense."""
        _require("--operations", self.operations, 0, _MOST)
        _require("--power-cuts", self.power_cuts, 0, _MOST)
        _require("--seconds", self.seconds, 0, _MOST)
        if self.seconds is None and None in (self.operations, self.power_cuts):
            raise UsageError("without a number of seconds both a number of operations and one of "
                             "power cuts are needed.")
        if not (self.operations is None or self.power_cuts is None
                or self.operations or self.power_cuts):
            raise UsageError("--operations 0 --power-cuts 0: there is nothing to do.")
        return self


Work = Callable[[Session], Tally]


def plan(configurations: Sequence[Configuration], goal: Goal,
         seed: int) -> Iterator[tuple[Configuration, int, Work]]:
    """The sessions that reach the goal, as configuration, seed and what to do: round by round,
    each configuration with the round's seed; after the largest seed comes 0. Without a limit they
    go on for ever."""
    count = len(configurations)
    operations = goal.operations
    share = None if operations is None else -(-operations // count)
    for turn in itertools.count():
        left = SESSION_OPERATIONS if share is None else share - turn * SESSION_OPERATIONS
        now = (seed + turn) % _SEEDS
        work = False
        for number, one in enumerate(configurations):
            if left > 0:
                work = True
                yield one, now, partial(Session.exercise,
                                        operations=min(left, SESSION_OPERATIONS))
            if goal.power_cuts is None or turn * count + number < goal.power_cuts:
                work = True
                yield one, now, Session.cut_power
        if not work:
            return


def choose_engine(engine: Engine, progress: Progress = SILENT) -> Literal["tcg", "kvm"]:
    """`auto` is KVM where it runs guests (up to 11 seconds to find out), else TCG.

    Raises UsageError for `kvm` where it does not run guests.
    """
    from tailwalk.vm.kvm import kvm_runs_guests

    if engine == "tcg":
        return engine
    with progress.task("try KVM"):
        runs, found = kvm_runs_guests()
    if engine == "kvm" and not runs:
        raise UsageError(f"--engine kvm: KVM runs no guests here: {found}. Use --engine tcg.")
    return "kvm" if runs else "tcg"


def verification_machine(engine: Literal["tcg", "kvm"], memory: int = DEFAULT_MEMORY,
                         append: str = "", *, tells_errors: bool = False) -> Machine:
    """The virtual machine of every session: two CPUs, so that writeback, reclaim and other readers
    run while the exerciser writes, and a disk for each fate."""
    return Machine(
        engine=engine, cpus=2, memory=memory, disks=(IMAGE_SIZE,) * len(FATES),
        tells_errors=tells_errors,
        cpu=GUEST.kvm.cpu if engine == "kvm" else GUEST.cpu,
        # An oops ends the guest, which is the finding; warnings reach the console, where they are
        # looked for.
        append=f"oops=panic loglevel=5 {append}".strip())


def _check_manner(manner: Manner, kernel: Kernel, goal: Goal) -> None:
    _require("--writers", manner.writers, 1, MOST_WRITERS)
    _require("--fail-writes", manner.failing_writes, 0, MOST_FAILING_WRITES)
    if manner.failing and not checks_itself(kernel.spec):
        raise UsageError(f"--fail-allocations {manner.failing}: {kernel.spec} has no fault "
                         "injection; give a debug: kernel.")
    if manner.failing_writes and goal.operations != 0:
        raise UsageError(f"--fail-writes {manner.failing_writes}: what a disk that fails holds is "
                         "looked at after power cuts; give --operations 0.")
    if manner.failing_writes and (manner.writers > 1 or manner.failing):
        raise UsageError(f"--fail-writes {manner.failing_writes} is for one writer whose "
                         "allocations do not fail: leave out --writers and --fail-allocations.")


def verify(kernel: Kernel, goal: Goal, *, configurations: Sequence[Configuration] = CONFIGURATIONS,
           seed: int = 1, engine: Engine = "auto", memory: int = DEFAULT_MEMORY, append: str = "",
           manner: Manner = PLAIN, keep: Path | None = None, workers: int | None = None,
           cache: Cache | None = None, disk: Callable[[Path], Disk] = Disk,
           progress: Progress = SILENT) -> Verification:
    """Exercise the kernel's ext4 until the goal is reached, or something is found.

    `memory` is the guest's, in MiB; `append` are more kernel parameters; `keep` is a directory for
    the disk image of a finding; `workers` the number of guests side by side (default: one for each
    core); `disk` what serves an image whose power is cut. Raises UsageError, ToolError,
    KernelError, GuestError or CacheError.
    """
    goal.check()
    _require("--first", seed, 0, _SEEDS - 1)
    _require("--workers", workers, 1, _MOST_WORKERS)
    _require("--memory", memory, 1, _MOST_MEMORY)
    _check_manner(manner, kernel, goal)
    cache = cache or Cache(progress=progress)
    chosen = choose_engine(engine, progress)
    machine = verification_machine(chosen, memory, append,
                                   tells_errors=bool(manner.failing_writes))
    qemu = find_qemu()
    start = prepare_boot(kernel, machine, probe=build_exerciser(cache), qemu=qemu,
                         drivers=_DRIVERS, cache=cache)
    booted = boot(start, machine, qemu=qemu, cache=cache, progress=progress)
    with temporary_folder() as folder:
        for block_size in {one.block_size for one in configurations}:
            make_original(block_size, original(folder, block_size))
        stage = Stage(kernel=kernel, machine=machine, qemu=qemu, booted=booted, folder=folder,
                      keep=keep, manner=manner, append=append, disk=disk)
        begin = time.monotonic()
        tally, finding = _work_through(stage, plan(configurations, goal, seed), goal,
                                       workers=workers or cores(), progress=progress)
        seconds = time.monotonic() - begin
    done: dict[str, Any] = {**made_now(), **vars(tally),
                            "landed": dict(sorted(tally.landed.items()))}
    return Verification(
        **done, kernel=kernel_record(kernel, booted.said),
        engine=chosen, seed=seed, configurations=[one.name for one in configurations],
        seconds=round(seconds, 1), **vars(manner), finding=finding)


def _work_through(stage: Stage, sessions: Iterator[tuple[Configuration, int, Work]], goal: Goal, *,
                  workers: int, progress: Progress) -> tuple[Tally, Finding | None]:
    """Run the sessions side by side; the first finding ends them all."""
    total = Tally()
    lock = threading.Lock()
    end = None if goal.seconds is None else time.monotonic() + goal.seconds

    def work(task: Task) -> None:
        while True:
            with lock:
                late = end is not None and time.monotonic() >= end
                following = None if late else next(sessions, None)
            if following is None:
                return
            configuration, seed, what = following
            task.say(f"{total.operations} operations, {total.power_cuts} power cuts; "
                     f"{configuration.name}, session {seed}")
            done = what(Session(stage, configuration, seed, advance=task.advance))
            with lock:
                total.add(done)

    with progress.task(f"verify {stage.kernel.spec}", goal.operations) as task:
        try:
            run_jobs([partial(work, task)] * workers, workers=workers)
        except Found as found:
            total.add(found.tally)
            return total, found.finding
    return total, None
