# SPDX-License-Identifier: GPL-2.0-or-later
"""What is learned of other users of a CPU."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from skips import not_here
from tailwalk.errors import UsageError
from tailwalk.host.disturbance import (
    CpuTime,
    CpuWatch,
    DiskWatch,
    allowed_cpu,
    cpu_times,
    device_bytes,
    process_bytes,
    task_ticks,
)


def test_reads_this_machine() -> None:
    times = cpu_times()
    assert set(os.sched_getaffinity(0)) <= set(times)
    assert times[0].idle > 0
    assert task_ticks(1 << 30) == 0
    assert task_ticks(os.getpid()) >= 0


def test_a_threads_ticks_are_its_own() -> None:
    end = threading.Event()
    idle = threading.Thread(target=end.wait)
    idle.start()
    try:
        begin = time.thread_time()
        while time.thread_time() - begin < 0.3:
            pass
        assert task_ticks(idle.native_id) < 0.1 * os.sysconf("SC_CLK_TCK")
        assert task_ticks(threading.get_native_id()) >= 0.25 * os.sysconf("SC_CLK_TCK")
    finally:
        end.set()
        idle.join()


def watched(end: dict[int, CpuTime], *, ours: int = 0) -> CpuWatch:
    """A watch of CPU 0 from nothing to `end`, to which each task adds `ours`."""
    looks = iter([{0: CpuTime(0, 0, 0)}, end])
    return CpuWatch(0, times=lambda: next(looks), ticks=lambda _: ours)


def test_a_quiet_cpu_is_not_spoken_of() -> None:
    watch = watched({0: CpuTime(900, 100, 5)}, ours=895)
    watch.account(1)
    assert watch.notes() == []


def test_others_and_the_hypervisor_are_named() -> None:
    watch = watched({0: CpuTime(600, 200, 200)}, ours=250)
    watch.account(1)
    watch.account(2)
    others, hypervisor = watch.notes()
    assert others.startswith("other processes had 10% of CPU 0")
    assert hypervisor.startswith("the hypervisor had 20% of CPU 0")


def test_a_cpu_that_went_away_is_not_spoken_of() -> None:
    assert watched({}).notes() == []


def test_takes_the_idlest_cpu() -> None:
    looks = iter([{cpu: CpuTime(0, 0, 0) for cpu in range(4)},
                  {cpu: CpuTime(0, idle, 0) for cpu, idle in enumerate((3, 9, 10, 5))}])
    allowed = {0, 1, 3}
    assert allowed_cpu(None, allowed=allowed, times=lambda: next(looks)) == 1
    assert allowed_cpu(3, allowed=allowed) == 3
    with pytest.raises(UsageError, match="--cpu 2: this process may run on CPU 0, 1, 3"):
        allowed_cpu(2, allowed=allowed)


def disk(moved: int | None, *, ours: int) -> DiskWatch:
    """A watch of ten seconds in which a disk moved so many bytes, or is none, and each process
    `ours`."""
    looks, clock = iter([0, moved]), iter([0.0, 10.0])
    return DiskWatch(Path(), moved=lambda _: next(looks), own=lambda _: ours,
                     clock=lambda: next(clock))


def test_a_busy_disk_is_named() -> None:
    watch = disk(700 * 10**6, ours=50 * 10**6)
    watch.account(1)
    watch.account(2)
    assert watch.notes() == ["others moved 60 MB a second on this disk meanwhile: rounds may "
                             "be fewer and intervals wider for it"]


@pytest.mark.parametrize(("moved", "ours"), [(110, 100), (190, 100), (40, 0), (None, 0)])
def test_a_quiet_disk_is_not_spoken_of(moved: int | None, ours: int) -> None:
    watch = disk(None if moved is None else moved * 10**6, ours=ours * 10**6)
    watch.account(1)
    assert watch.notes() == []


def test_what_a_process_writes_is_counted(tmp_path: Path) -> None:
    disk, before = device_bytes(tmp_path), process_bytes(os.getpid())
    with (tmp_path / "file").open("wb") as stream:
        stream.write(bytes(1 << 20))
        stream.flush()
        os.fsync(stream.fileno())
    if disk is None or not before:
        not_here("this file system has no one disk, or its bytes are not shown")
    assert process_bytes(os.getpid()) - before >= 1 << 20
    after = device_bytes(tmp_path)
    assert after is not None
    assert after - disk >= 1 << 20
