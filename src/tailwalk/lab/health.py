# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine needs for Tailwalk, and the line that mends what it lacks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tailwalk.cache import Cache
from tailwalk.errors import TailwalkError, ToolError
from tailwalk.filesystems import KINDS, USUAL
from tailwalk.kernels.mirrors import ELSEWHERE
from tailwalk.kernels.toolchain import find_toolchain
from tailwalk.probe.build import build_probe
from tailwalk.refusals import temporary_folder
from tailwalk.vm.filesystem import mkfs_program
from tailwalk.vm.kvm import kvm_runs_guests
from tailwalk.vm.qemu import find_qemu

# Three Debian kernels with their saved states take 1.2 GiB, v6.18 built from source
# 0.7 (its archive, the unpacked tree, and what a build leaves for the next one).
_ROOM_GIB = 2


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
        yield _try(f"mkfs.{kind}", partial(mkfs_program, kind),
                   "missing" if kind == USUAL else "optional")
    yield _zstd()
    yield _try("compiler for src: specs", lambda: find_toolchain().version, "optional")
    yield _apt()
    yield _room(cache)
    yield _try("kvm", _kvm, "optional")


def _try(name: str, look: Callable[[], str], otherwise: str = "missing") -> Look:
    try:
        return Look(name, "ok", look())
    except TailwalkError as error:
        return Look(name, otherwise, str(error))


def _compile() -> str:
    with temporary_folder() as folder:
        probe = build_probe(Cache(folder))
        return f"builds the probe, {probe.path.stat().st_size // 1024} KiB"


def _kvm() -> str:
    runs, reason = kvm_runs_guests()
    if not runs:
        raise ToolError(f"{reason}; only --rig timed needs it")
    return reason


def _zstd() -> Look:
    found = shutil.which("zstd")
    return Look("zstd", "ok" if found else "missing", found or "Debian's kernels are compressed "
                 "with zstd, and there is no program zstd here: as root, run apt-get install zstd")


def _apt() -> Look:
    found = shutil.which("apt-get")
    if found:
        return Look("apt-get", "ok", found)
    return Look("apt-get", "optional", "this machine has no apt-get, so debian: and src:VERSION "
                 f"specs cannot be fetched. {ELSEWHERE}")


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
