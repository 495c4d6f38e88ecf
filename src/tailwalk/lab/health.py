# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine needs for Tailwalk, the line that mends what it lacks, and whether the exact rig
repeats itself on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from tailwalk.cache import Cache
from tailwalk.cases import Filesystem, find_cases
from tailwalk.errors import TailwalkError, ToolError
from tailwalk.filesystems import KINDS, USUAL
from tailwalk.kernels import Kernel
from tailwalk.kernels.mirrors import ELSEWHERE
from tailwalk.kernels.toolchain import find_toolchain
from tailwalk.probe.build import build_probe
from tailwalk.progress import SILENT, Progress
from tailwalk.refusals import temporary_folder
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.cores import run_jobs
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Figure
from tailwalk.vm.filesystem import mkfs_command
from tailwalk.vm.kvm import kvm_runs_guests
from tailwalk.vm.qemu import find_qemu

# Three Debian kernels with their saved states take 1.2 GiB, v6.18 built from source
# 0.7 (its archive, the unpacked tree, and what a build leaves for the next one).
_ROOM_GIB = 2
_BOOTS = 2


@dataclass(frozen=True)
class Look:
    """One thing looked at.

    Attributes:
        name: what it is.
        state: `ok`; `missing`: Tailwalk cannot measure without it; `optional`: something else
            cannot be done without it.
        found: what is there, or what is wrong and how to mend it.
    """

    name: str
    state: str
    found: str


def examine(cache: Cache | None = None) -> Iterator[Look]:
    """Look at everything, one after the other; trying KVM takes some seconds."""
    cache = cache or Cache()
    yield _try("qemu", lambda: f"{find_qemu().program}, version {find_qemu().version}")
    yield _try("cc and a static libc", _compile)
    for kind in (kind for kind, row in KINDS.items() if row.mkfs):
        yield _try(f"mkfs.{kind}", partial(_mkfs, kind),
                   "missing" if kind == USUAL else "optional")
    yield _program("zstd", "missing", "Debian's kernels are compressed with zstd, and there is no "
                   "program zstd here: as root, run apt-get install zstd")
    yield _try("compiler for src: specs", lambda: find_toolchain().version, "optional")
    yield _program("apt-get", "optional", "this machine has no apt-get, so debian: and "
                   f"src:VERSION specs cannot be fetched. {ELSEWHERE}")
    yield _room(cache)
    yield _try("kvm", _kvm, "optional")


def _try(name: str, look: Callable[[], str], otherwise: str = "missing") -> Look:
    try:
        return Look(name, "ok", look())
    except TailwalkError as error:
        return Look(name, otherwise, str(error))


def _mkfs(kind: str) -> str:
    return mkfs_command(Filesystem(kind=kind))[0]


def _compile() -> str:
    with temporary_folder() as folder:
        probe = build_probe(Cache(folder))
        return f"builds the probe, {probe.path.stat().st_size // 1024} KiB"


def _kvm() -> str:
    runs, reason = kvm_runs_guests()
    if not runs:
        raise ToolError(f"{reason}; only --rig timed needs it")
    return reason


def _program(name: str, otherwise: str, lack: str) -> Look:
    found = shutil.which(name)
    return Look(name, "ok" if found else otherwise, found or lack)


def _room(cache: Cache) -> Look:
    at = cache.root
    while not at.exists():
        at = at.parent
    free = shutil.disk_usage(at).free / 2**30
    text = f"{free:.1f} GiB free for the cache in {cache.root}"
    if free >= _ROOM_GIB:
        return Look("disk space", "ok", text)
    return Look("disk space", "missing", f"{text}, where {_ROOM_GIB} are needed: free some, or "
                 "point TAILWALK_CACHE at a larger disk")


@dataclass(frozen=True)
class SelfTest:
    """One case's figures from boots that share nothing but the kernel."""

    figures: Sequence[Figure]

    @property
    def agrees(self) -> bool:
        """Are they steady and the same, to the instruction?"""
        return (all(figure.main.reliable for figure in self.figures)
                and len({(figure.main.value, figure.written) for figure in self.figures}) == 1)


def self_test(kernel: Kernel, *, progress: Progress = SILENT) -> SelfTest:
    """Measure pwrite_u1k in two boots of the kernel, each with a cache of its own.

    Raises ToolError, KernelError or GuestError.
    """
    plan = Plan(cases=find_cases(["pwrite_u1k"]))

    def one() -> Figure:
        with temporary_folder() as folder:
            bench = Bench.prepare(cache=Cache(folder), progress=progress)
            [measured] = measure([kernel], plan, bench=bench)
            return measured.run.figures[0]

    return SelfTest(run_jobs([one] * _BOOTS))
