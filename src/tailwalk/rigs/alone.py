# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases whose calls are not alike: each is counted alone in a guest, but for those that leave
little.

What such a case leaves behind would show in the next one. So what it needs is made in a guest that
stops itself then, and every case goes on from that one's state, as if no other had been there.

Such calls may wait, and then the guest stands idle and its time stamp jumps ahead, which is no
instruction. A TCG plugin (plugins/split) counts what is executed, tells the call's own work from
that of the kernel's threads, and sets apart what the RAM disk's driver executes, which belongs to
the machine and not to the kernel under test.
"""

from __future__ import annotations

import re
import statistics
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from threading import Lock

from tailwalk.cache import digest_bytes
from tailwalk.cases import Case, find_cases
from tailwalk.errors import GuestError, UsageError
from tailwalk.framing import FrameType, read_output
from tailwalk.kernels import Kernel
from tailwalk.machines import GUEST
from tailwalk.probe.job import job_line
from tailwalk.probe.protocol import (
    Calls,
    Folios,
    read_calls,
    read_folios,
    read_written,
)
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.job import (
    FRAME_SECONDS,
    CaseError,
    case_line,
    due,
    measuring,
    require_end,
)
from tailwalk.rigs.left import LEAVE, left_by
from tailwalk.rigs.recording import newborn_address, watched
from tailwalk.runs.record import Missing, Part
from tailwalk.vm.guest import Guest
from tailwalk.vm.memory import Saved
from tailwalk.vm.state import Booted

THREADS = {
    "jbd2": ("kjournald2",),
    "writeback": ("wb_workfn",),
    "ext4": ("ext4_end_io_rsv_work", "ext4_discard_work"),
    "xfs": ("xfsaild", "xfs_end_io", "xfs_buf_ioend_work", "xfs_inodegc_worker", "xfs_log_worker",
            "xlog_cil_push_work", "xlog_ioend_work"),
    "btrfs": ("btrfs_work_helper", "transaction_kthread", "cleaner_kthread", "btrfs_end_bio_work",
              "simple_end_io_work", "orig_write_end_io_work", "clone_write_end_io_work"),
    "io_uring": ("io_wq_worker", "io_sq_thread"),
    "reclaim": ("kswapd", "kcompactd"),
    "damon": ("kdamond_fn",),
    "rcu": ("rcu_gp_kthread", "rcu_tasks_kthread"),
    "softirqs": ("smpboot_thread_fn",),
    "console": ("nbcon_kthread_func",),
    "kworker": ("worker_thread",),
    "idle": ("do_idle",),
}
"""What the kernel's threads are called here, and the functions that tell one: those in which it
lives or which it was given to do."""

CALL, PROGRAM, OTHER = "call", "other programs", "other threads"

# The driver's work on a request ends where it says so: what the file system does then is its own.
DRIVER = ("brd_submit_bio", "bio_endio")
"""The functions that the RAM disk's driver begins with, and ends with."""

_DOINGS = 32
_SPLIT = struct.Struct(f"<5Q{_DOINGS}Q")
_NOTHINGS = 3  # passes before the first call (probe/calls.c)


@dataclass(frozen=True)
class Split:
    """One call, instructions: all but the driver's; in user mode; those of the driver; of threads
    and other programs by name."""

    total: int
    user: int
    apart: int
    others: dict[str, int]

    @property
    def parts(self) -> list[Part]:
        """The total by who executed it."""
        own = self.total - sum(self.others.values())
        return [Part(name=name, instructions=count)
                for name, count in {CALL: own, **self.others}.items() if count]


class UnrepeatedError(GuestError):
    """Two guests that did the same differ in a call."""


def is_alone(case: Case) -> bool:
    """Is it to be alone in its guest?"""
    return case.declared.counted == "median"


def needs_job(begin: bytes, case: Case) -> bytes:
    """The job that makes what a case needs and leaves it for others, after the job's `begin`."""
    values = case.values
    lines = [job_line("need", preparation=need.name,
                      **{one.name: values[one.name] for one in need.parameters})
             for need in case.declared.needs]
    return b"".join([begin, *lines, LEAVE])


def alone_job(cases: Sequence[Case], calls: int) -> bytes:
    """The job of a guest that finds there what its cases need."""
    return b"".join([*(case_line("alone", case, calls=case.calls_of(calls),
                                 disk=int(bool(case.declared.filesystems))) for case in cases),
                     job_line("end")])


def by_guest(cases: Sequence[Case]) -> list[list[Case]]:
    """The cases of each guest, of some that need the same: each alone, but for those that leave
    little.

    Those are in one guest, where each finds what the ones before it left. That is not to depend on
    what is asked for: so they are all that the suite `lts` has, up to the last that was asked for.
    """
    usual = [case for case in _usual(cases[0]) if case.declared.traceless]
    last = max((at for at, case in enumerate(usual) if case in cases), default=-1)
    together = [usual[:last + 1]] if last >= 0 else []
    return [*together, *([case] for case in cases if case not in usual)]


def _usual(like: Case) -> Iterator[Case]:
    """The cases of the suite `lts` that need just what one does."""
    needed = needs_job(b"", like)
    given = {one.name: like.values[one.name]
             for need in like.declared.needs for one in need.parameters
             if f"{{{one.name}}}" not in like.declared.pattern}
    for case in _suite():
        if case.declared.needs == like.declared.needs:
            with suppress(UsageError):  # such a file is too short for it
                changed = case.changed(**{name: value for name, value in given.items()
                                          if case.values[name] != value})
                if needs_job(b"", changed) == needed:
                    yield changed


@cache
def _suite() -> tuple[Case, ...]:
    return tuple(filter(is_alone, find_cases(["lts"])))


class States:
    """The states that several guests go on from, each made when it is first asked for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: dict[tuple[str, bytes], tuple[Lock, list[Saved]]] = {}

    def left_by(self, bench: Bench, kernel: Kernel, booted: Booted, job: bytes) -> Saved:
        """As the function `left_by`."""
        with self._lock:
            lock, found = self._made.setdefault((booted.key, job), (Lock(), []))
        with lock:
            if not found:
                found.append(left_by(bench, kernel, booted, job))
            return found[0]


def kept_plugin(bench: Bench, plugin: bytes) -> Path:
    """A file of the cache that holds the plugin, which may have come from another machine."""
    def keep(folder: Path) -> None:
        (folder / "plugin.so").write_bytes(plugin)

    return bench.cache.entry("plugin", digest_bytes(plugin), keep) / "plugin.so"


@lru_cache(maxsize=8)
def plugin_arguments(symbols: str) -> str:
    """What the plugin `split` has to know of a kernel by its `symbol_text`, as its arguments."""
    functions = {name: int(address, 16) for address, name in re.findall(
        r"^([0-9a-f]{16}) [tTwW] (\S+)", symbols, re.MULTILINE)}
    ends = sorted(set(functions.values()))
    fault = functions.get(GUEST.entries.page_fault, 0)
    found = [f",newborn={newborn_address(symbols)},fault={fault}"]
    if all(name in functions for name in DRIVER):
        found.append(",driver={}:{}".format(*(functions[name] for name in DRIVER)))
    for number, names in enumerate(THREADS.values()):
        begins = sorted(functions[name] for name in names if name in functions)
        found += [f",range={begin}:{ends[bisect_right(ends, begin)]}:{number}"
                  for begin in begins]
    return "".join(found)


def read_splits(output: bytes, cases: Sequence[Calls], kernel: str) -> list[list[Split]]:
    """Of each case of a guest each call, by what the plugin wrote of its steps and what the guest's
    own counter said.

    What a call does not wait for, the guest's counter knows to the instruction; where the
    processor stood still, it jumped, and the plugin's sum is the count. Raises GuestError where
    the two do not agree.
    """
    frames = [frame.unpack(FrameType.SPLIT, _SPLIT) for frame in read_output(output)
              if frame.type is FrameType.SPLIT]
    if len(frames) != sum(calls.steps * (_NOTHINGS + len(calls.counts)) for calls in cases):
        raise GuestError(f"the counting plugin saw {len(frames)} steps of "
                         f"{sum(len(calls.counts) for calls in cases)} calls on {kernel}: the "
                         "result is torn.")
    seen = iter(frames)
    return [_splits(seen, calls, kernel) for calls in cases]


def _splits(frames: Iterator[tuple[int, ...]], calls: Calls, kernel: str) -> list[Split]:
    splits = []
    for _ in range(_NOTHINGS * calls.steps):
        next(frames)
    for counted in calls.counts:
        user, inside, apart, halts, faults, *doings = map(sum, zip(
            *islice(frames, calls.steps), strict=True))
        seen = user + inside + apart + sum(doings)
        # An instruction that takes a page fault is executed again, and the plugin sees it twice.
        if not (seen - faults <= counted and (halts or counted <= seen)):
            raise GuestError(
                f"the books do not balance on {kernel}: the counting plugin saw {seen:,} "
                f"instructions, {faults} page faults and {halts} halts, and the guest's own "
                f"counter {counted:,}.")
        splits.append(Split(
            total=(seen if halts else counted) - apart, user=user, apart=apart,
            others={name: count for name, count in zip([OTHER, PROGRAM, *THREADS], doings,
                                                       strict=False) if count}))
    return splits


@dataclass(frozen=True)
class CountedAlone:
    """What a case's guest tells of it: the folios before its calls, and a value for each call."""

    folios: Folios
    calls: Calls
    written: tuple[int, ...] | None
    splits: list[Split]

    @property
    def shown(self) -> int:
        """The number of the call that the figure is of: the first that took just the median."""
        totals = [one.total for one in self.splits]
        return totals.index(statistics.median_low(totals))

    @property
    def steps(self) -> int:
        """How many steps lie between markers."""
        return (_NOTHINGS + len(self.calls.counts)) * self.calls.steps

    @property
    def steps_shown(self) -> tuple[int, int]:
        """The first of that call's steps among those, and the one after its last."""
        begin = (_NOTHINGS + self.shown) * self.calls.steps
        return begin, begin + self.calls.steps


FoundAlone = tuple[dict[Case, CountedAlone], list[Missing]]
"""What cases came to, and those that have no figure."""


def count_alone(bench: Bench, kernel: Kernel, booted: Booted, cases: Sequence[Case], calls: int, *,
                plugin: tuple[Path, str], state: Saved) -> list[CountedAlone]:
    """Count one case, or some that leave no trace, in a guest that goes on from the `state` of
    `left_by`, with the plugin `split` and its arguments (`plugin_arguments`).

    Raises CaseError for a case that has no figure, ToolError where QEMU loads no plugin,
    GuestError as `Guest.frame`, and where the books do not balance.
    """
    with watched(bench, kernel, booted, alone_job(cases, calls), state=state,
                 plugins=[plugin]) as (guest, outputs):
        found = _collect(guest, cases, calls)
        splits = read_splits(outputs()[0], [counted for _, counted, _ in found], kernel.spec)
        return [CountedAlone(*one, each) for one, each in zip(found, splits, strict=True)]


def count_those_that_can(bench: Bench, kernel: Kernel, booted: Booted, cases: Sequence[Case],
                         calls: int, *, plugin: tuple[Path, str], state: Saved, needs: bytes,
                         count: Callable[..., list[CountedAlone]] = count_alone) -> FoundAlone:
    """As `count_alone`, but a case that has no figure is one that is missing, and the others are
    counted in a guest that has not seen it.

    The state is what the job `needs` left. The bench keeps what this comes to.
    """
    left, missing = list(cases), list[Missing]()
    found = dict[Case, CountedAlone]()
    while left and not found:
        try:
            found = dict(zip(left, count(bench, kernel, booted, left, calls, plugin=plugin,
                                         state=state), strict=True))
        except CaseError as error:
            missing.append(error.missing)
            left.remove(error.missing.case)
    bench.counted[_key(booted, cases, calls, needs)] = found, missing
    return found, missing


def counted_before(bench: Bench, booted: Booted, cases: Sequence[Case], calls: int, *,
                   needs: bytes) -> FoundAlone | None:
    """What `count_those_that_can` came to last with this bench; None where it was not asked."""
    return bench.counted.get(_key(booted, cases, calls, needs))


def _key(booted: Booted, cases: Sequence[Case], calls: int, needs: bytes) -> tuple[str, str]:
    return booted.key, digest_bytes(needs, alone_job(cases, calls))


def trace_alone(bench: Bench, kernel: Kernel, booted: Booted, calls: int, *, plugin: Path,
                state: Saved, found: Mapping[Case, CountedAlone]) -> bytes:
    """What the plugin `trace` writes of the call that the figure of the last case is of, in another
    guest from the same state and with the same cases. Raises as `count_alone`, and UnrepeatedError
    where the two differ."""
    *before, (case, shown) = found.items()
    first = sum(one.steps for _, one in before)
    begin, end = (first + at for at in shown.steps_shown)
    with watched(bench, kernel, booted, alone_job([*found], calls), state=state,
                 plugins=[(plugin, f",steps={begin}:{end}")]) as (guest, outputs):
        *_, (_, counted, _) = _collect(guest, [*found], calls)
        if counted != shown.calls:
            raise UnrepeatedError(f"{case.name} on {kernel.spec} did not repeat itself to the "
                                  "instruction: its profile would be of another call.")
        return outputs()[0]


def _collect(guest: Guest, cases: Sequence[Case], calls: int) -> list[tuple[
        Folios, Calls, tuple[int, ...] | None]]:
    guest.start_job(FRAME_SECONDS)
    frames = guest.frames(FRAME_SECONDS)
    found = []
    for case in cases:
        number = case.calls_of(calls)
        with measuring(case):
            found.append((read_folios(due(frames, case)), read_calls(due(frames, case), number),
                          read_written(due(frames, case), number)))
    require_end(frames)
    return found
