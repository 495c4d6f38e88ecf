# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU: which one, and the one list of arguments it is started with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from tailwalk.cache import digest_bytes, digest_file
from tailwalk.errors import ToolError, UsageError
from tailwalk.machines import GUEST

_OLDEST = (7, 2)

# QEMU's sets of descriptors.
_CHANNEL_SET = 1
STATE_SET = 2
"""The one of a saved state."""

RAM_DISK_KIB = 512 * 1024
"""Size of a guest's usual RAM disk: that of the images that vm/filesystem.py makes."""


@dataclass(frozen=True)
class Qemu:
    """The machine's QEMU: the program, its version and the sha256 of its file."""

    program: str
    version: str
    digest: str


MOST_CPUS = 16
"""Of a guest, as plugins know them (plugins/qemu_api.h)."""

Engine = Literal["icount", "tcg", "kvm"]

Backing = Path | int | None
"""What a virtio disk keeps its bytes in: a raw image file, a descriptor of a connection to an NBD
server, or None: it reads as zeros and forgets what is written."""


@dataclass(frozen=True)
class MemoryFile:
    """Where a guest's memory is: in a file, by its descriptor; where it is `shared` the guest's
    stores are stores to the file, else nobody sees them."""

    descriptor: int
    shared: bool


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The virtual machine a guest gets.

    Attributes:
        engine: `icount`: under TCG with -icount, so that the guest's time-stamp counter advances by
            one for each instruction executed; `tcg`: under TCG, a thread for each CPU, in real
            time; `kvm`: under KVM, in real time.
        cpus: more than one only where time is real.
        cpu: QEMU's CPU model with its features.
        memory: MiB.
        ram_disks: disks in the guest's memory, `/dev/ram0` first, of `ram_disk_kib` each; what was
            never written takes none.
        disks: sizes in bytes of its virtio disks, `/dev/vda` first.
        tells_errors: whether the guest is told that a write to a disk failed; else it is stopped.
        append: kernel parameters after Tailwalk's own.
        plugins: values for -plugin.
    """

    engine: Engine = "icount"
    cpus: int = 1
    cpu: str = GUEST.cpu
    memory: int = 1024
    ram_disks: int = 1
    ram_disk_kib: int = RAM_DISK_KIB
    disks: Sequence[int] = field(default=())
    tells_errors: bool = False
    append: str = ""
    plugins: Sequence[str] = field(default=())

    @property
    def memory_bytes(self) -> int:
        """The memory in bytes."""
        return self.memory << 20


def find_qemu() -> Qemu:
    """The QEMU on PATH.

    Raises ToolError where there is none or it is older than 7.2.
    """
    program = shutil.which(GUEST.qemu)
    if program is None:
        raise ToolError(f"{GUEST.qemu} is missing, which runs every kernel: as root, run apt-get "
                        f"install {GUEST.qemu_package}")
    return _asked(program)


@cache
def _asked(program: str) -> Qemu:
    text = subprocess.run([program, "--version"], capture_output=True, text=True,
                          check=False).stdout
    match = re.search(r"version (\d+)\.(\d+)(\S*)", text)
    if match is None:
        raise ToolError(f"{program} --version says {text.strip()!r}, which is no version of QEMU.")
    if (int(match[1]), int(match[2])) < _OLDEST:
        raise ToolError(f"{program} is version {match[1]}.{match[2]}; Tailwalk needs 7.2 or newer.")
    return Qemu(program, f"{match[1]}.{match[2]}{match[3]}", digest_file(Path(program)))


def plugin_interface(qemu: Qemu) -> int:
    """The version of QEMU's plugin interface to compile for (plugins/qemu_api.h)."""
    release = _release(qemu)
    if release < (9, 0):
        return 1
    return {(9, 0): 2, (9, 1): 3}.get(release, 4)


def state_as_file(qemu: Qemu) -> str | None:
    """What this QEMU calls a saved state whose descriptor is in the set STATE_SET; None where it
    takes the descriptor itself, as `fd:`.

    From 9.1 on QEMU deprecates `fd:` for plain files, and says so on the console; `file:` came
    with 8.2, too late for 7.2.
    """
    return f"file:/dev/fdset/{STATE_SET}" if _release(qemu) >= (9, 1) else None


def _release(qemu: Qemu) -> tuple[int, int]:
    major, minor = (int(part) for part in qemu.version.split(".")[:2])
    return major, minor


def kernel_command_line(machine: Machine) -> str:
    """The kernel's command line; raises UsageError where that is longer than the kernel takes."""
    alone = machine.cpus == 1
    one = GUEST.one_cpu_parameters if alone else ()
    usual = (name for name in GUEST.parameters if alone or name not in GUEST.lone_parameters)
    disk = f"brd.rd_nr={machine.ram_disks} brd.rd_size={machine.ram_disk_kib}"
    line = " ".join((*usual, disk, *one, *machine.append.split()))
    if (over := len(os.fsencode(line)) - GUEST.command_line) > 0:
        raise UsageError(f"--append is {over} bytes too long: a kernel takes {GUEST.command_line} "
                         "with Tailwalk's own parameters, and would leave out the last.")
    return line


def machine_arguments(machine: Machine) -> list[str]:
    """The arguments that make the virtual machine: what figures may depend on.

    Paths of this computer are left to `arguments`, so that this list is the same everywhere.
    """
    # SeaBIOS' MP table has one CPU of each socket.
    cpus = "1" if machine.cpus == 1 else f"{machine.cpus},sockets={machine.cpus}"
    if machine.engine == "icount":
        engine = [*GUEST.counting]
        # A calendar that starts at the same second and runs with the instructions.
        clock = ["-rtc", "base=2026-01-01T00:00:00,clock=vm", "-seed", "1"]
    elif machine.engine == "tcg":
        engine, clock = ["-accel", "tcg,thread=multi"], []
    else:
        engine, clock = ["-accel", "kvm"], []
    return [
        # Only the devices named here: none to probe, none to wait for.
        "-nodefaults", "-no-user-config", "-display", "none",
        "-machine", GUEST.machine,
        *engine,
        "-cpu", machine.cpu,
        "-smp", cpus,
        "-m", str(machine.memory),
        *clock,
        "-no-reboot",  # a panic ends QEMU
        *GUEST.pausing, *GUEST.exiting,
    ]


def arguments(machine: Machine, *, qemu: Qemu, kernel: Path, initramfs: Path, channel: int,
              control: int, job: int, restored: bool = False, memory: MemoryFile | None = None,
              disks: Sequence[Backing] = ()) -> list[str]:
    """QEMU's whole command line.

    Descriptors that it inherits are the write end of the pipe that carries the probe's frames, the
    end of a socket pair that carries QMP, and a memory file with the job. One that is to be
    `restored` waits for a saved state, but for its `memory`. `disks` are what the machine's disks
    keep their bytes in.
    """
    backings = [*disks, *[None] * (len(machine.disks) - len(disks))]
    failed = "report" if machine.tells_errors else "stop"
    drives = [part for number, (size, backing) in enumerate(
        zip(machine.disks, backings, strict=True)) for part in (
        "-drive", f"if=none,id=disk{number},format=raw,{_drive(size, backing)}",
        # What is discarded or zeroed would be beyond what an NBD server has to know. An error of
        # this machine's disk stops the guest, which never sees it (Guest says which it was),
        # unless its disks are to fail.
        "-device", f"virtio-blk-pci,drive=disk{number},discard=off,write-zeroes=off,"
                   f"rerror=stop,werror={failed}")]
    backend = [] if memory is None else [
        "-machine", "memory-backend=memory",
        "-object", f"memory-backend-file,id=memory,mem-path=/proc/self/fd/{memory.descriptor},"
                   f"size={machine.memory}M,share={'on' if memory.shared else 'off'}"]
    return [
        qemu.program,
        *machine_arguments(machine),
        *backend,
        # Frames leave by a port that needs no driver; append, because a pipe cannot be truncated.
        "-add-fd", f"fd={channel},set={_CHANNEL_SET}",
        "-chardev", f"file,id=channel,path=/dev/fdset/{_CHANNEL_SET},append=on",
        "-device", f"{GUEST.channel},chardev=channel",
        # The console is for humans and for panics.
        "-chardev", "stdio,id=console,signal=off", "-device", f"{GUEST.console},chardev=console",
        "-chardev", f"socket,id=control,fd={control}",
        "-mon", "chardev=control,mode=control",
        "-fw_cfg", f"name=opt/tailwalk/job,file=/proc/self/fd/{job}",
        *(part for plugin in machine.plugins for part in ("-plugin", plugin)),
        *drives,
        "-kernel", str(kernel), "-initrd", str(initramfs),
        "-append", kernel_command_line(machine),
        *(("-incoming", "defer") if restored else ()),
    ]


def _drive(size: int, backing: Backing) -> str:
    if backing is None:
        return f"file.driver=null-co,file.size={size},file.read-zeroes=on"
    if isinstance(backing, int):
        return f"file.driver=nbd,file.server.type=fd,file.server.str={backing}"
    # What the guest flushes has to outlive the guest, not this machine. A comma ends an option.
    return f"cache=unsafe,file={str(backing).replace(',', ',,')}"


def machine_digest(machine: Machine, qemu: Qemu) -> str:
    """Names QEMU and virtual machine; a saved state is good for exactly one of these."""
    return digest_bytes(qemu.digest.encode(), "\0".join(machine_arguments(machine)).encode(),
                        kernel_command_line(machine).encode(),
                        str(tuple(machine.disks)).encode())
