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

import msgspec

from tailwalk.cache import Cache, digest_bytes
from tailwalk.kernels import Kernel
from tailwalk.kernels.modules import load_order
from tailwalk.kernels.unpacked import check_unpacked
from tailwalk.probe.build import Probe
from tailwalk.probe.protocol import Ready
from tailwalk.progress import SILENT, Progress
from tailwalk.runs import KernelRecord
from tailwalk.runs.record import SOFTWARE_CHECKSUMS
from tailwalk.vm.checksums import Checksum, checksums
from tailwalk.vm.guest import Guest
from tailwalk.vm.initramfs import make_initramfs
from tailwalk.vm.memory import Memory, Saved, read_state
from tailwalk.vm.qemu import Machine, Qemu, machine_digest

# Ten times what a Debian kernel takes on one busy core of 2023.
BOOT_SECONDS = 120.0

_SAID = "kernel.json"
_FORM = b"memory apart"


@dataclass(frozen=True)
class Start:
    """What a guest boots from: the kernel, the first file system with the probe and the drivers
    in it, and the key that names all of it with machine and QEMU."""

    kernel: Kernel
    initramfs: bytes
    key: str


@dataclass(frozen=True)
class Booted:
    """A saved state: the entry of the cache that holds it, the key that names all of its inputs,
    and what the kernel said of itself."""

    key: str
    place: Path
    memory: int
    said: KernelSaid

    @property
    def initramfs(self) -> Path:
        """The first file system."""
        return self.place / "initramfs"

    @property
    def state(self) -> Saved:
        """What guests go on from."""
        return read_state(self.place, self.memory)


class KernelSaid(msgspec.Struct, frozen=True):
    """A booted kernel: its release (`uname -r`), and what computes its checksums."""

    release: str
    checksums: tuple[Checksum, ...]

    def provenance(self) -> dict[str, str]:
        """What records say of the checksums."""
        found = {f"checksum {one.name}": one.code for one in self.checksums}
        if slow := [f"{one.name} is computed in software by {one.code}, though the CPU has an "
                    f"instruction for it ({one.unused})" for one in self.checksums if one.unused]:
            found[SOFTWARE_CHECKSUMS] = "; ".join(slow)
        return found


def prepare_boot(kernel: Kernel, machine: Machine, *, probe: Probe, qemu: Qemu,
                 drivers: tuple[str, ...], cache: Cache) -> Start:
    """What boots the kernel on the machine with `drivers` loaded.

    Raises KernelError where a driver is neither built in nor a module.
    """
    modules = load_order(kernel, drivers, cache=cache)
    # A driver that is built in reads them from the kernel's command line.
    parameters = {"brd": f"rd_nr={machine.ram_disks} rd_size={machine.ram_disk_kib} max_part=0"}
    initramfs = make_initramfs(probe.path.read_bytes(), modules, parameters)
    key = digest_bytes(_FORM, kernel.digest.encode(), digest_bytes(initramfs).encode(),
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
        memory = Memory(machine.memory_bytes)
        with progress.task(f"boot {kernel.spec}"), Guest(
                machine, qemu=qemu, kernel=kernel.image, initramfs=archive, memory=memory,
                name=kernel.spec) as guest:
            guest.greet(deadline)
            ready = guest.await_ready(deadline)
            guest.save(deadline).keep(folder)
        (folder / _SAID).write_bytes(msgspec.json.encode(kernel_said(ready, start)))
        check_unpacked(kernel, cache)

    folder = cache.entry("state", start.key, make, doing=f"boots {kernel.spec}")
    return Booted(start.key, folder, machine.memory_bytes,
                  msgspec.json.decode((folder / _SAID).read_bytes(), type=KernelSaid))


def kernel_record(kernel: Kernel, said: KernelSaid) -> KernelRecord:
    """The kernel as records name it."""
    return KernelRecord(spec=kernel.spec, release=said.release, digest=kernel.digest,
                        provenance={**kernel.provenance, **said.provenance()})


def kernel_said(ready: Ready, start: Start) -> KernelSaid:
    """What a kernel said when it had booted, and what its image says besides."""
    image = start.kernel.image.read_bytes()

    def names(name: str) -> bool:
        symbol = b"\0" + name.encode() + b"\0"
        return symbol in image or symbol in start.initramfs

    return KernelSaid(ready.release, checksums(ready, names))
