# SPDX-License-Identifier: GPL-2.0-or-later
"""The exact rig: cases in a guest under QEMU's TCG, counted in executed instructions.

Under -icount the guest's time-stamp counter advances by one for each instruction, so two reads
around a system call tell how many instructions it took.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from tailwalk.cache import digest_bytes
from tailwalk.cases import Case
from tailwalk.errors import GuestError, TailwalkError
from tailwalk.kernels import Kernel
from tailwalk.kernels.spec import require_measurable
from tailwalk.plugins.build import build_plugin
from tailwalk.rigs.alone import alone_job, by_guest, is_alone, needs_job
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.cores import collected
from tailwalk.rigs.counting import Counted, Pool, Portion, on_cores
from tailwalk.rigs.job import case_prologue, counting_job, measured_run
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Run
from tailwalk.runs.metrics import RIGS
from tailwalk.runs.record import made_now
from tailwalk.runs.store import Store
from tailwalk.vm.state import Start, kernel_record

# A guest measures this many cases before a fresh one goes on from the saved state: a constant, so
# that what a case finds does not depend on how many cores share the work.
_CASES_PER_GUEST = 12
_CASES_PER_STATE = 24  # of those that each go on from the state of one guest


@dataclass(frozen=True)
class Measured:
    """A run, and whether it is one that was there already."""

    run: Run
    reused: bool


def measure(kernels: Sequence[Kernel], plan: Plan, *, bench: Bench | None = None,
            store: Store | None = None, fresh: bool = False,
            pool: Pool | None = None) -> list[Measured]:
    """Measure the plan's cases on each kernel, guests side by side on the machine's cores, or in
    another `pool`.

    With a store, a record with identical inputs that has every metric of the rig's is returned
    instead unless `fresh`, and new records are kept in it, each as soon as it is complete. Raises
    UsageError, ToolError, KernelError or GuestError; guests of the other kernels are then stopped.
    """
    found = collected(measure_each(kernels, plan, bench=bench, store=store, fresh=fresh,
                                   pool=pool))
    return [found[number] for number in range(len(kernels))]


def measure_each(kernels: Sequence[Kernel], plan: Plan, *, bench: Bench | None = None,
                 store: Store | None = None, fresh: bool = False,
                 pool: Pool | None = None) -> Generator[tuple[int, Measured | TailwalkError]]:
    """As `measure`, but one kernel after the other as they finish, each with its number; a kernel
    that cannot be measured gives its error and does not stop the others.

    Close the iterator (contextlib.closing) to stop early.
    """
    plan.check_for("exact")
    require_measurable(*(kernel.spec for kernel in kernels))
    if store:
        store.ready()
    bench = bench or Bench.prepare()
    bench = replace(bench, machine=replace(bench.machine, append=plan.append))
    begin = case_prologue(plan.filesystem, bench.cache)
    cases, elsewhere = plan.parted(plan.filesystem.kind)
    groups, jobs, plugin = _shared_out(cases, begin, plan.calls, bench)
    starts: dict[int, Start] = {}
    for number, kernel in enumerate(kernels):
        try:
            start = bench.start(kernel, plan.filesystem)
        except TailwalkError as error:
            yield number, error
            continue
        known = store.find(
            _inputs(start, jobs), having=RIGS["exact"].metrics,
            since=bench.cache.doubted("state", start.key)) if store and not fresh else None
        if known is None or any(one.failed for one in known.left_out):
            starts[number] = start
        else:
            yield number, Measured(known, True)
    if not starts:
        return
    # Kernels take turns, so that the first guests of several boot side by side.
    owners = [(number, group) for group in range(len(groups)) for number in starts]
    portions = [Portion(start=starts[number], begin=begin, cases=groups[group], calls=plan.calls,
                        plugin=plugin if is_alone(groups[group][0]) else None)
                for number, group in owners]
    parts: dict[int, dict[int, Counted]] = {number: {} for number in starts}
    with (bench.progress.task("measure", len(portions)) as task,
          closing((pool or on_cores)(bench, portions)) as finished):
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
            task.say(", ".join(
                f"{starts[at].kernel.spec} {sum(len(groups[one]) for one in counted)} of "
                f"{len(cases)} cases" for at, counted in parts.items()))
            if len(parts[number]) == len(groups):
                start = starts[number]
                done = [parts[number][group] for group in range(len(groups))]
                order = {case: at for at, case in enumerate(cases)}
                try:
                    run = measured_run(
                        sorted((figure for part in done for figure in part.figures),
                               key=lambda figure: order[figure.case]),
                        [*elsewhere, *(one for part in done for one in part.missing)],
                        **made_now(), rig="exact", kernel=kernel_record(start.kernel, done[0].said),
                        conditions=bench.conditions(plan.filesystem), inputs=_inputs(start, jobs))
                except GuestError as error:
                    yield number, error
                    continue
                if store:
                    store.keep(run)
                yield number, Measured(run, False)


def _shared_out(cases: Sequence[Case], begin: bytes, calls: int,
                bench: Bench) -> tuple[list[list[Case]], list[bytes], bytes | None]:
    """The cases of each portion, what its figures follow from, and the plugin of those whose cases
    are alone."""
    together = [case for case in cases if not is_alone(case)]
    alone: dict[bytes, list[Case]] = {}
    for case in cases:
        if is_alone(case):
            alone.setdefault(needs_job(begin, case), []).append(case)
    plugin = build_plugin("split", bench.qemu, bench.cache).path.read_bytes() if alone else None
    groups, jobs = [], []
    # What takes longest comes first, so that no core has it to do when the others are done.
    for job, needing in sorted(alone.items(), key=lambda item: -len(item[1])):
        for group in _parted_by_guest(needing):
            groups.append(group)
            jobs.append(b"".join([plugin or b"", job,
                                  *(alone_job(one, calls) for one in by_guest(group))]))
    for group in _parted(together, _CASES_PER_GUEST):
        groups.append(group)
        jobs.append(counting_job(begin, group, calls))
    return groups, jobs, plugin


def _parted_by_guest(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Those that share a guest are in one part."""
    guests = [[case for case in guest if case in cases] for guest in by_guest(cases)]
    while guests:
        part = guests.pop(0)
        while guests and len(part) + len(guests[0]) <= _CASES_PER_STATE:
            part += guests.pop(0)
        yield part


def _parted(cases: Sequence[Case], most: int) -> Iterator[list[Case]]:
    for at in range(0, len(cases), most):
        yield list(cases[at:at + most])


def _inputs(start: Start, jobs: Sequence[bytes]) -> str:
    # The spec is no input of the figures, but the record is that of the kernel asked for.
    return digest_bytes(start.kernel.spec.encode(), start.key.encode(), *jobs)
