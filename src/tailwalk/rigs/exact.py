# SPDX-License-Identifier: GPL-2.0-or-later
"""The exact rig: cases in a guest under QEMU's TCG, counted in executed instructions.

Under -icount the guest's time-stamp counter advances by one for each instruction, so two reads
around a system call tell how many instructions it took. Every call is counted on its own and the
figure is the mode: the other calls took a timer tick, a timestamp's update or a journal commit,
which a mean would mix in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from tailwalk import __version__
from tailwalk.cache import Cache, digest_bytes
from tailwalk.cases import Case, Filesystem
from tailwalk.errors import GuestError, TailwalkError, UsageError
from tailwalk.kernels import Kernel
from tailwalk.kernels.spec import require_measurable
from tailwalk.probe.build import Probe, build_probe
from tailwalk.probe.protocol import Calls, Folios, Frame, read_calls, read_folios
from tailwalk.progress import SILENT, Progress
from tailwalk.rigs.plan import Plan, require_plan
from tailwalk.rigs.pool import Counted, LocalPool, Pool, Portion
from tailwalk.runs import Conditions, Figure, FolioCount, Run
from tailwalk.runs.store import Store
from tailwalk.vm.cpu import show_cpu
from tailwalk.vm.filesystem import packed_image
from tailwalk.vm.guest import Guest
from tailwalk.vm.qemu import Machine, Qemu, find_qemu, kernel_command_line, machine_arguments
from tailwalk.vm.state import BOOT_SECONDS, Booted, Start, boot, kernel_record, prepare_boot

# A guest measures this many cases before a fresh one goes on from the saved state: a constant, so
# that what a case finds does not depend on how many cores share the work.
_CASES_PER_GUEST = 6

# No frame for this long, in seconds, is taken for a hang: a slow machine needs some ten for the
# dearest case.
FRAME_SECONDS = 120.0

_STEADY_SHARE = 0.5


@dataclass(frozen=True)
class Measured:
    """A run, and whether it is one that was there already."""

    run: Run
    reused: bool


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every guest of a measurement shares."""

    machine: Machine
    qemu: Qemu
    probe: Probe
    cache: Cache
    progress: Progress = SILENT
    boot_seconds: float = BOOT_SECONDS

    @classmethod
    def prepare(cls, *, machine: Machine | None = None, cache: Cache | None = None,
                progress: Progress = SILENT) -> Bench:
        """Find QEMU and build the probe; raises ToolError."""
        cache = cache or Cache()
        return cls(machine=machine or Machine(), qemu=find_qemu(), probe=build_probe(cache),
                   cache=cache, progress=progress)

    def start(self, kernel: Kernel, filesystem: Filesystem) -> Start:
        """What boots the kernel with a RAM disk and the file system's driver."""
        return prepare_boot(kernel, self.machine, probe=self.probe, qemu=self.qemu,
                            drivers=("brd", filesystem.kind), cache=self.cache)

    def boot(self, kernel: Kernel, filesystem: Filesystem) -> Booted:
        """The kernel, booted with a RAM disk and the file system's driver."""
        return self._boot(self.start(kernel, filesystem))

    def _boot(self, start: Start) -> Booted:
        return boot(start, self.machine, qemu=self.qemu, cache=self.cache, progress=self.progress,
                    seconds=self.boot_seconds)

    def guest(self, kernel: Kernel, booted: Booted, job: bytes, *,
              inherited: Sequence[int] = ()) -> Guest:
        """A guest that goes on from the saved state with a job; the machine's plugins write to
        the `inherited` descriptors."""
        return Guest(self.machine, qemu=self.qemu, kernel=kernel.image,
                     initramfs=booted.initramfs, name=kernel.spec, sought=kernel.sought, job=job,
                     state=booted.state, inherited=inherited)

    def count(self, portion: Portion) -> Counted:
        """Do a portion in a guest of its own; raises GuestError."""
        booted = self._boot(portion.start)
        with self.guest(portion.start.kernel, booted, portion.job) as guest:
            return Counted(booted.said, collect_figures(guest, portion.cases, portion.calls))

    def conditions(self, filesystem: Filesystem) -> Conditions:
        """What the figures of this bench depend on, besides kernel and cases."""
        shown = show_cpu(self.machine.cpu)
        return Conditions(
            filesystem=filesystem, probe=self.probe.digest,
            machine={
                "qemu": self.qemu.version,
                "qemu digest": self.qemu.digest,
                "cpu": shown,
                **({"cpu features": self.machine.cpu} if shown != self.machine.cpu else {}),
                "memory": f"{self.machine.memory} MiB",
                "arguments": " ".join(machine_arguments(self.machine)),
                "kernel command line": kernel_command_line(self.machine),
                **({"append": self.machine.append} if self.machine.append else {}),
            })


def prologue(filesystem: Filesystem, cache: Cache) -> bytes:
    """The part of a job that makes the file system on the RAM disk and mounts it."""
    image = packed_image(filesystem, cache)
    return b"".join([
        f"disk /dev/ram0 {len(image)}\n".encode(), image,
        f"mount {filesystem.kind} /dev/ram0 {filesystem.mount_options}\n".encode()])


def case_line(case: Case, calls: int) -> bytes:
    """The line of a job that measures a case."""
    return (f"case {case.call} {case.size} {case.vectors} {case.offset} {case.fill} "
            f"{case.file_size} {int(case.uptodate)} {calls}\n").encode()


def measure(kernels: Sequence[Kernel], plan: Plan, *, bench: Bench | None = None,
            store: Store | None = None, fresh: bool = False,
            pool: Pool | None = None) -> list[Measured]:
    """Measure the plan's cases on each kernel, guests side by side on the machine's cores, or in
    another `pool`.

    With a store, a record with identical inputs is returned instead unless `fresh`, and new
    records are added to it, each as soon as it is complete. Raises UsageError, ToolError,
    KernelError or GuestError; guests of the other kernels are then stopped.
    """
    found: dict[int, Measured] = {}
    with closing(measure_each(kernels, plan, bench=bench, store=store, fresh=fresh,
                              pool=pool)) as finished:
        for number, outcome in finished:
            if isinstance(outcome, TailwalkError):
                raise outcome
            found[number] = outcome
    return [found[number] for number in range(len(kernels))]


def measure_each(kernels: Sequence[Kernel], plan: Plan, *, bench: Bench | None = None,
                 store: Store | None = None, fresh: bool = False,
                 pool: Pool | None = None) -> Generator[tuple[int, Measured | TailwalkError]]:
    """As `measure`, but one kernel after the other as they finish, each with its number; a kernel
    that cannot be measured gives its error and does not stop the others.

    Close the iterator (contextlib.closing) to stop early.
    """
    require_plan(plan, Plan, rig="exact")
    plan.check()
    if plan.rig != "exact":
        raise UsageError(f"the plan is for the {plan.rig} rig, and was given to the exact rig, "
                         "which counts instructions: give it to that one, or say rig exact.")
    require_measurable(*(kernel.spec for kernel in kernels))
    if store:
        store.ready()
    bench = bench or Bench.prepare()
    bench = replace(bench, machine=replace(bench.machine, append=plan.append))
    begin = prologue(plan.filesystem, bench.cache)
    groups = [plan.cases[at:at + _CASES_PER_GUEST]
              for at in range(0, len(plan.cases), _CASES_PER_GUEST)]
    jobs = [begin + b"".join(case_line(case, plan.calls) for case in group) + b"end\n"
            for group in groups]
    starts: dict[int, Start] = {}
    for number, kernel in enumerate(kernels):
        try:
            start = bench.start(kernel, plan.filesystem)
        except TailwalkError as error:
            yield number, error
            continue
        known = store.find(_inputs(start, jobs)) if store and not fresh else None
        if known is None:
            starts[number] = start
        else:
            yield number, Measured(known, True)
    if not starts:
        return
    # Kernels take turns, so that the first guests of several boot side by side.
    owners = [(number, group) for group in range(len(groups)) for number in starts]
    portions = [Portion(start=starts[number], job=jobs[group], cases=groups[group],
                        calls=plan.calls) for number, group in owners]
    parts: dict[int, dict[int, Counted]] = {number: {} for number in starts}
    with (bench.progress.task("measure", len(portions)) as task,
          closing((pool or LocalPool()).work(bench, portions)) as finished):
        for portion, outcome in finished:
            task.advance()
            number, group = owners[portion]
            if number not in parts:
                continue
            if isinstance(outcome, TailwalkError):
                del parts[number]
                yield number, outcome
                continue
            parts[number][group] = outcome
            if len(parts[number]) == len(groups):
                run = _record(bench, plan, starts[number], _inputs(starts[number], jobs),
                              [parts[number][group] for group in range(len(groups))])
                if store:
                    store.add(run)
                yield number, Measured(run, False)


def _inputs(start: Start, jobs: Sequence[bytes]) -> str:
    # The spec is no input of the figures, but the record is that of the kernel asked for.
    return digest_bytes(start.kernel.spec.encode(), start.key.encode(), *jobs)


def collect_figures(guest: Guest, cases: Sequence[Case], calls: int) -> list[Figure]:
    """Let a guest that was started from a saved state do its job: a figure for each case.

    Raises GuestError as `Guest.frame`, and where the frames are not those of the job.
    """
    guest.start_job(FRAME_SECONDS)
    frames = guest.frames(FRAME_SECONDS)
    figures = []
    for case in cases:
        folios = read_folios(_due(frames, case))
        figures.append(make_figure(case, folios, read_calls(_due(frames, case), calls)))
    for frame in frames:
        raise GuestError(f"the probe sent a {frame.type.name} frame after its last case.")
    return figures


def _due(frames: Iterator[Frame], case: Case) -> Frame:
    frame = next(frames, None)
    if frame is None:
        raise GuestError(f"the probe was done before it had measured {case.name}.")
    return frame


def make_figure(case: Case, folios: Folios, calls: Calls) -> Figure:
    """The figure of a case: the mode of its calls; where two are as common, unsteady.

    `calls.nothing` is what the counter reads cost without a call; its instructions, with the
    system call in place of the no-op, are the user side of every count.
    """
    value, times = max(Counter(calls.counts).items(), key=lambda item: (item[1], item[0]))
    share = times / len(calls.counts)
    notes = []
    if folios.counts is None:
        notes.append("the kernel shows no page flags: folio orders are unknown")
    return Figure(
        case=case, value=value, user=calls.nothing, share=share, steady=share > _STEADY_SHARE,
        calls=[(count, len(list(same))) for count, same in groupby(calls.counts)],
        folios=None if folios.counts is None else [
            FolioCount(order=order, folios=count) for order, count in folios.counts.items()],
        written=folios.written, notes=notes)


def _record(bench: Bench, plan: Plan, start: Start, inputs: str, parts: Sequence[Counted]) -> Run:
    return Run(
        tailwalk=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        rig="exact", unit="instructions/call",
        kernel=kernel_record(start.kernel, parts[0].said),
        conditions=bench.conditions(plan.filesystem),
        inputs=inputs,
        figures=[figure for part in parts for figure in part.figures])
