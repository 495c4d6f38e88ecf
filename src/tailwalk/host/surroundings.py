# SPDX-License-Identifier: GPL-2.0-or-later
"""What a host's figures depend on besides its kernel: file system, CPU, clock, and what else its
CPU and disk do while they are measured on."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from tailwalk.cache import digest_bytes
from tailwalk.cases import Filesystem
from tailwalk.errors import HostError, UsageError
from tailwalk.kernels.spec import HOST
from tailwalk.runs import KernelRecord

_CLOCK = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_THP = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_NOTES = Path("/sys/kernel/notes")
_MOUNT = re.compile(r"^(?:\S+ ){4}(\S+) (\S+) .*?- (\S+) \S+ (\S+)", re.MULTILINE)
# How long the CPUs are watched to find the one with least to do, in seconds.
_WATCH = 0.1

_SAID_FROM = 0.02
_DISK_SAID_FROM = 5e6  # bytes a second


@dataclass(frozen=True)
class Mount:
    """A mounted file system (a line of /proc/self/mountinfo, proc(5))."""

    point: str
    kind: str
    options: str


def parse_mountinfo(text: str) -> list[Mount]:
    """The mounts in /proc/self/mountinfo, in its order; lines that are none are left out."""
    return [Mount(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point), kind,
                  ",".join(dict.fromkeys([*own.split(","), *its.split(",")])))
            for point, own, kind, its in _MOUNT.findall(text)]


def mount_of(directory: Path, mounts: list[Mount]) -> Mount | None:
    """The mount that a directory (an absolute path without links) lies on: of those whose point is
    nearest to it, the last, which covers the others."""
    above = [mount for mount in mounts if directory.is_relative_to(mount.point)]
    deepest = max((len(Path(mount.point).parts) for mount in above), default=0)
    return next((mount for mount in reversed(above)
                 if len(Path(mount.point).parts) == deepest), None)


@dataclass(frozen=True)
class Place:
    """A directory to measure in, and the file system it lies on."""

    directory: Path
    filesystem: Filesystem
    mount_point: str


def examine_place(directory: Path, size: int) -> Place:
    """The directory, if a file of `size` bytes can be made there.

    Raises UsageError where it is no directory, HostError where it cannot be written or has not
    the room.
    """
    try:
        real = directory.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise UsageError(f"there is no directory {directory}: name one on the file system that is "
                         "to be measured.") from error
    if not real.is_dir():
        raise UsageError(f"{directory} is no directory: name one on the file system that is to be "
                         "measured.")
    status = os.statvfs(real)
    if status.f_flag & os.ST_RDONLY:
        raise HostError(f"the file system of {directory} is mounted read-only: measuring writes to "
                        "a file. Name a directory that can be written.")
    if not os.access(real, os.W_OK | os.X_OK):
        raise HostError(f"no file can be made in {directory}: you lack the permission. Name a "
                        "directory of your own.")
    free = status.f_frsize * (status.f_bfree if os.geteuid() == 0 else status.f_bavail)
    # Some file systems have no notion of room (fuse): they say 0 blocks of 0.
    if status.f_blocks and free < size:
        raise HostError(f"{directory} has {free // 1024} KiB free, and measuring takes a file of "
                        f"{size // 1024} KiB: free some, name another directory, or give a "
                        "smaller --file-size.")
    mount = mount_of(real, parse_mountinfo(read_text(Path("/proc/self/mountinfo"))))
    return Place(real, Filesystem(kind=mount.kind if mount else "unknown",
                                  block_size=status.f_bsize,
                                  mount_options=mount.options if mount else ""),
                 mount.point if mount else "unknown")


def running_kernel() -> KernelRecord:
    """The kernel this machine runs: its digest is that of the notes it was linked with, its build
    ID among them, or of its version where they cannot be read."""
    name = os.uname()
    try:
        notes = _NOTES.read_bytes()
    except OSError:
        notes = b""
    return KernelRecord(spec=HOST, release=name.release,
                        digest=digest_bytes(notes, name.release.encode(), name.version.encode()),
                        provenance={"version": name.version, "machine": name.machine})


def machine_facts(cpu: int) -> dict[str, str]:
    """CPU model, number of CPUs, frequency governor of `cpu`, clock, transparent huge pages,
    whether a hypervisor is below."""
    processor = read_text(Path("/proc/cpuinfo"))
    model = re.search(r"^model name\s*: (.*)$", processor, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.*)$", processor, re.MULTILINE)
    huge = re.search(r"\[(\w+)\]", read_text(_THP))
    governor = read_text(Path(f"/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor")).strip()
    return {
        "cpu": model[1] if model else "unknown",
        "cpus": str(os.cpu_count()),
        "governor": governor or "unknown",
        "clock": read_text(_CLOCK).strip() or "unknown",
        "transparent huge pages": huge[1] if huge else "unknown",
        "virtual machine": "yes" if flags and "hypervisor" in flags[1].split() else "no",
    }


def read_text(path: Path) -> str:
    """A file of the kernel's; empty where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


@dataclass(frozen=True)
class CpuTime:
    """What a CPU has done since it started, in ticks (/proc/stat, proc(5))."""

    busy: int
    idle: int
    stolen: int


def cpu_times() -> Mapping[int, CpuTime]:
    """The times of each CPU."""
    times = {}
    for line in read_text(Path("/proc/stat")).splitlines():
        match = re.match(r"cpu(\d+) (.*)", line)
        if match:
            user, nice, system, idle, iowait, irq, softirq, stolen = (
                int(word) for word in match[2].split()[:8])
            times[int(match[1])] = CpuTime(user + nice + system + irq + softirq, idle + iowait,
                                           stolen)
    return times


def task_ticks(task: int) -> int:
    """CPU time of a thread, by its id, in ticks; 0 where it is gone. A process of one thread has
    that one's."""
    # Not /proc/TASK/stat: of any thread, that is the sum over its process.
    fields = read_text(Path(f"/proc/{task}/task/{task}/stat")).rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]) if len(fields) > 12 else 0


Times = Callable[[], Mapping[int, CpuTime]]


def allowed_cpu(wanted: int | None, *, allowed: Collection[int] = (),
                times: Times = cpu_times) -> int:
    """`wanted`, or of the CPUs this process may run on (or of those `allowed`) the one that is idle
    most of the time.

    Raises UsageError for a CPU that it may not run on.
    """
    allowed = sorted(allowed or os.sched_getaffinity(0))
    if wanted is not None:
        if wanted not in allowed:
            raise UsageError(f"--cpu {wanted}: this process may run on CPU "
                             f"{', '.join(map(str, allowed))}.")
        return wanted
    before = times()
    time.sleep(_WATCH)
    after = times()

    def idle(cpu: int) -> int:
        return after[cpu].idle - before[cpu].idle if cpu in before and cpu in after else 0

    return max(allowed, key=idle)


class CpuWatch:
    """What happens on a CPU besides the tasks that are measured."""

    def __init__(self, cpu: int, *, times: Times = cpu_times,
                 ticks: Callable[[int], int] = task_ticks) -> None:
        """Begin to watch; `times` and `ticks` say what CPUs and a task have done."""
        self._cpu, self._times, self._ticks = cpu, times, ticks
        self._begin, self._ours = times().get(cpu), 0

    def account(self, task: int) -> None:
        """Count what a task (a process or thread that began after this watch) has done so far as
        ours: at its end, once."""
        self._ours += self._ticks(task)

    def notes(self) -> list[str]:
        """What other processes and the hypervisor took of the CPU since, as sentences; nothing
        where that is under 2%."""
        begin, end = self._begin, self._times().get(self._cpu)
        if begin is None or end is None:
            return []
        busy, stolen = end.busy - begin.busy, end.stolen - begin.stolen
        total = max(1, busy + stolen + end.idle - begin.idle)
        takers = {"other processes": max(0, busy - self._ours), "the hypervisor": stolen}
        return [f"{taker} had {ticks / total:.0%} of CPU {self._cpu} meanwhile: intervals may "
                "be wider for it"
                for taker, ticks in takers.items() if ticks / total >= _SAID_FROM]


def device_bytes(directory: Path) -> int | None:
    """Bytes read from and written to the disk below a directory since it started; None where the
    file system has no one disk."""
    device = directory.stat().st_dev
    statistics = read_text(Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat"))
    fields = statistics.split()  # Documentation/block/stat.rst: sectors of 512 bytes
    return 512 * (int(fields[2]) + int(fields[6])) if len(fields) > 6 else None


def process_bytes(pid: int) -> int:
    """Bytes that a process had read from disks and has given them to write (proc(5)); 0 where
    that is not shown."""
    found = re.findall(r"^(?:read|write)_bytes: (\d+)$", read_text(Path(f"/proc/{pid}/io")),
                       re.MULTILINE)
    return sum(int(number) for number in found)


class DiskWatch:
    """What happens on the disk below a directory besides the processes that are measured."""

    def __init__(self, directory: Path, *, moved: Callable[[Path], int | None] = device_bytes,
                 own: Callable[[int], int] = process_bytes,
                 clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to watch; `moved` and `own` say what the disk and a process have moved."""
        self._directory, self._moved, self._own, self._clock = directory, moved, own, clock
        self._bytes, self._ours = moved(directory), 0
        self._begin = clock()

    def account(self, pid: int) -> None:
        """Count what a process (that began after this watch) has read and written so far as ours:
        at its end, once."""
        self._ours += self._own(pid)

    def notes(self) -> list[str]:
        """What others moved to and from the disk since, as a sentence; nothing where that is
        little, or less than those processes did."""
        end = self._moved(self._directory)
        if self._bytes is None or end is None:
            return []
        seconds = max(0.001, self._clock() - self._begin)
        others = end - self._bytes - self._ours
        if others < max(self._ours, _DISK_SAID_FROM * seconds):
            return []
        return [f"others moved {others / seconds / 1e6:.0f} MB a second on this disk meanwhile: "
                "rounds may be fewer and intervals wider for it"]
