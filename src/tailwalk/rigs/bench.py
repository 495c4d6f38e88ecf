# SPDX-License-Identifier: GPL-2.0-or-later
"""What every guest of a measurement shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tailwalk.cache import Cache
from tailwalk.cases import Filesystem
from tailwalk.filesystems import find_kind
from tailwalk.kernels import Kernel
from tailwalk.machines import GUEST
from tailwalk.probe.build import Probe, build_probe
from tailwalk.progress import SILENT, Progress
from tailwalk.runs import Conditions
from tailwalk.vm.guest import Guest, Job
from tailwalk.vm.memory import Memory, Saved
from tailwalk.vm.qemu import Machine, Qemu, find_qemu, kernel_command_line, machine_arguments
from tailwalk.vm.state import BOOT_SECONDS, Booted, Start, boot, prepare_boot

CPUS = "cpus"
"""The condition that a guest has several."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every guest of a measurement shares.

    `counted` is what was counted already of cases that are alone in their guests (rigs/alone.py):
    the profile of one that was just measured need not count it again.
    """

    machine: Machine
    qemu: Qemu
    probe: Probe
    cache: Cache
    progress: Progress = SILENT
    boot_seconds: float = BOOT_SECONDS
    counted: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False,
                                                     compare=False)

    @classmethod
    def prepare(cls, *, machine: Machine | None = None, cache: Cache | None = None,
                progress: Progress = SILENT) -> Bench:
        """Find QEMU and build the probe; raises ToolError."""
        cache = cache or Cache(progress=progress)
        if exposed := cache.exposed():
            progress.note(exposed)
        return cls(machine=machine or Machine(), qemu=find_qemu(), probe=build_probe(cache),
                   cache=cache, progress=progress)

    def start(self, kernel: Kernel, filesystem: Filesystem, *,
              drivers: Sequence[str] = ()) -> Start:
        """What boots the kernel with the file system's drivers, and these."""
        wanted = tuple(dict.fromkeys((*find_kind(filesystem.kind).drivers, *drivers)))
        return prepare_boot(kernel, self.machine, probe=self.probe, qemu=self.qemu,
                            drivers=wanted, cache=self.cache)

    def boot(self, kernel: Kernel, filesystem: Filesystem, *,
             drivers: Sequence[str] = ()) -> Booted:
        """The kernel, booted as from `start`."""
        return self.go_on(self.start(kernel, filesystem, drivers=drivers))

    def go_on(self, start: Start) -> Booted:
        """The state of what is booted from there."""
        return boot(start, self.machine, qemu=self.qemu, cache=self.cache, progress=self.progress,
                    seconds=self.boot_seconds)

    def guest(self, kernel: Kernel, booted: Booted, job: Job, *, state: Saved | None = None,
              memory: Memory | None = None, inherited: Sequence[int] = ()) -> Guest:
        """A guest that goes on with a job from the saved state, or from one that it was brought
        to later; with a copy of its `memory` it can be saved. The machine's plugins write to the
        `inherited` descriptors."""
        return Guest(self.machine, qemu=self.qemu, kernel=kernel.image,
                     initramfs=booted.initramfs, name=kernel.spec, sought=kernel.sought, job=job,
                     state=state or booted.state, memory=memory, inherited=inherited)

    def conditions(self, filesystem: Filesystem) -> Conditions:
        """What the figures of this bench depend on, besides kernel and cases."""
        shown = GUEST.show_cpu(self.machine.cpu)
        return Conditions(
            filesystem=filesystem, probe=self.probe.digest,
            machine={
                "qemu": self.qemu.version,
                "qemu digest": self.qemu.digest,
                "cpu": shown,
                **({"cpu features": self.machine.cpu} if shown != self.machine.cpu else {}),
                "memory": f"{self.machine.memory} MiB",
                # Pages of 4 KiB, each copied at its first store.
                **({"memory mapped from": "a file"} if self.machine.engine == "kvm" else {}),
                **({CPUS: str(self.machine.cpus)} if self.machine.cpus > 1 else {}),
                "arguments": " ".join(machine_arguments(self.machine)),
                "kernel command line": kernel_command_line(self.machine),
                **({"append": self.machine.append} if self.machine.append else {}),
            })
