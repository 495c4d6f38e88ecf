# SPDX-License-Identifier: GPL-2.0-or-later
"""A booted guest, saved at the instruction at which it asks for its first job.

Booting is most of what a guest does, and it is the same every time: so it is done once for each
kernel, machine and probe, and every measurement goes on from the saved state. A guest that goes
on from its state and one that booted just now give the same figures (tests/guest).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tailwalk.cache import Cache, digest_bytes
from tailwalk.kernels import Kernel
from tailwalk.kernels.modules import load_order
from tailwalk.probe.build import Probe
from tailwalk.progress import SILENT, Progress
from tailwalk.rigs.guest import Guest
from tailwalk.rigs.initramfs import make_initramfs
from tailwalk.rigs.qemu import RAM_DISK_KIB, Machine, Qemu, machine_digest

# Ten times what a Debian kernel takes on one busy core of 2023.
BOOT_SECONDS = 120.0

# Parameters of modules; a driver that is built in reads them from the kernel's command line.
_PARAMETERS = {"brd": f"rd_nr=1 rd_size={RAM_DISK_KIB} max_part=0"}


@dataclass(frozen=True)
class Start:
    """What a guest boots from: the kernel, the first file system with the probe and the drivers
    in it, and the key that names all of it with machine and QEMU."""

    kernel: Kernel
    initramfs: bytes
    key: str


@dataclass(frozen=True)
class Booted:
    """A saved state: the files that go on from it, and the key that names all of its inputs."""

    key: str
    initramfs: Path
    state: Path
    release: str


def prepare_boot(kernel: Kernel, machine: Machine, *, probe: Probe, qemu: Qemu,
                 drivers: tuple[str, ...]) -> Start:
    """What boots the kernel on the machine with `drivers` loaded.

    Raises KernelError where a driver is neither built in nor a module.
    """
    modules = load_order(kernel, drivers)
    initramfs = make_initramfs(probe.path.read_bytes(), modules, _PARAMETERS)
    key = digest_bytes(kernel.digest.encode(), digest_bytes(initramfs).encode(),
                       machine_digest(machine, qemu).encode())
    return Start(kernel, initramfs, key)


def boot(start: Start, machine: Machine, *, qemu: Qemu, cache: Cache,
         progress: Progress = SILENT, seconds: float = BOOT_SECONDS) -> Booted:
    """The state of the booted kernel, from the cache or made now.

    Raises GuestError where the guest panics or does not come up within `seconds`.
    """
    kernel = start.kernel

    def make(folder: Path) -> None:
        archive = folder / "initramfs"
        archive.write_bytes(start.initramfs)
        deadline = time.monotonic() + seconds
        with progress.task(f"boot {kernel.spec}"), Guest(
                machine, qemu=qemu, kernel=kernel.image, initramfs=archive,
                name=kernel.spec) as guest:
            guest.greet(deadline)
            release = guest.await_ready(deadline)
            guest.save(folder / "state", deadline)
        (folder / "release").write_text(release)

    folder = cache.entry("state", start.key, make)
    return Booted(start.key, folder / "initramfs", folder / "state",
                  (folder / "release").read_text())
