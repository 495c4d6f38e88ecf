# SPDX-License-Identifier: GPL-2.0-or-later
"""What a host's figures depend on besides its kernel: file system, CPU, clock."""

from __future__ import annotations

import os
import re
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


@dataclass(frozen=True)
class Mount:
    """A mounted file system (a line of /proc/self/mountinfo, proc(5))."""

    point: str
    kind: str
    options: str


def parse_mountinfo(text: str) -> list[Mount]:
    """The mounts in /proc/self/mountinfo, in its order; lines that are none are left out."""
    mounts = []
    for line in text.splitlines():
        before, dash, after = line.partition(" - ")
        first, second = before.split(), after.split()
        if not dash or len(first) < 6 or len(second) < 3:
            continue
        options = dict.fromkeys([*first[5].split(","), *second[2].split(",")])
        mounts.append(Mount(_unescaped(first[4]), second[0], ",".join(options)))
    return mounts


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


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
