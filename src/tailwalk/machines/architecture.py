# SPDX-License-Identifier: GPL-2.0-or-later
"""What there is to know of a machine that guests can be: one record of this for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class BootImage:
    """The file that a kernel for the machine is installed as.

    Attributes:
        name: the kernel's word for it.
        recognised: is a file's content one?
        payload: the compressed or plain vmlinux in one, and what it has to have unpacked where the
            file says so, bytes; raises KernelError, naming the file, for what is damaged.
        entry_note: name and type of the ELF note by which QEMU starts a vmlinux.
        entry: what that note is called.
        entry_option: the kernel option that makes it.
    """

    name: str
    recognised: Callable[[bytes], bool]
    payload: Callable[[bytes, str], tuple[bytes, int | None]]
    entry_note: tuple[str, int]
    entry: str
    entry_option: str


@dataclass(frozen=True, kw_only=True)
class Code:
    """The machine's instructions.

    Attributes:
        objdump: what objdump -m calls them.
        slot: bytes, more than the longest of them.
        nop: the one that fills up a slot.
        distance_bytes: how many bytes at an instruction's end are the distance that it jumps or
            calls; 0 where it does not.
    """

    objdump: str
    slot: int
    nop: bytes
    distance_bytes: Callable[[bytes], int]


@dataclass(frozen=True, kw_only=True)
class Entries:
    """The functions by which a kernel for the machine is entered, as regular expressions that match
    a whole name.

    Attributes:
        text: the symbols where the code of all of them begins and ends.
        calls: of system calls.
        compat_calls: of those of 32-bit programs, a regular expression too.
        call: what a call of the name in its first group is done by.
        compat_call: the same of a 32-bit program's, where that is another function.
        exceptions: of exceptions, named by the first group.
        page_fault: of page faults.
        interrupts: of interrupts, named by the first group.
        stubs: what goes on to one of the interrupts' entries, and to which.
    """

    text: tuple[str, str]
    calls: str
    compat_calls: str
    call: str
    compat_call: str
    exceptions: str
    page_fault: str
    interrupts: str
    stubs: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class KvmTrial:
    """The small guest that tells whether KVM runs guests, and the CPU that guests have there.

    Attributes:
        cpu: as QEMU's -cpu takes it.
        source: of the guest.
        flags: of the compiler, for it.
        status: QEMU's, where the guest came to its end.
        stages: what it was at after each letter that it says.
    """

    cpu: str
    source: Path
    flags: tuple[str, ...]
    status: int
    stages: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A machine that guests can be.

    How its probe makes itself heard is in `probe/NAME`, what plugins know of its code in
    `plugins/NAME.h`.

    Attributes:
        name: the kernel's for ARCH=.
        title: in words.
        elf: its ELF files' e_machine.
        page: bytes in a page.
        largest_folio: order of the largest folio in the page cache.
        compiler: of programs that run on it.
        debian: Debian's name for it.
        flavour: how the kernels of the archive that guests boot end.
        sources: its folder below arch/ of the kernel's source.
        kernel_begin: addresses from there on are the kernel's.
        newborn: the functions that a new task begins with, as a regular expression.
        entries: the ways into a kernel.
        labels: symbols inside a function of assembler code, and the function.
        checksum_instructions: checksums that its CPUs have an instruction for: since which
            extension, and the number of that in a modalias.
        qemu: the program.
        qemu_package: that has it.
        machine: as QEMU's -machine takes it.
        hosts_of_several_cpus: what `uname -m` says of machines on which several of its CPUs can
            run side by side.
        counting: arguments by which its counter advances by one for each instruction.
        cpu: that exact guests have, as QEMU's -cpu takes it.
        cpu_title: that CPU in few words.
        pausing: arguments by which a guest can stop itself, at an instruction and not at a moment.
        exiting: arguments of the probe's way out: a byte written there ends QEMU.
        channel: device that takes the probe's frames, to be followed by a chardev.
        console: device of the kernel's console, to be followed by a chardev.
        program_begin: address at which a static program is.
        parameters: of the kernel.
        one_cpu_parameters: of the kernel where it has one CPU.
        lone_parameters: those of `parameters` that are left out where it has several.
        command_line: characters that the kernel takes of its parameters.
        is_halted: does QEMU's `info registers` show a processor that stands still and takes no
            interrupt?
    """

    name: str
    title: str
    elf: str
    page: int
    largest_folio: int
    compiler: str
    debian: str
    flavour: str
    sources: str
    kernel_begin: int
    newborn: str
    entries: Entries
    labels: Mapping[str, str]
    checksum_instructions: Mapping[str, tuple[str, int]]
    image: BootImage
    code: Code
    qemu: str
    qemu_package: str
    machine: str
    counting: tuple[str, ...]
    cpu: str
    cpu_title: str
    hosts_of_several_cpus: tuple[str, ...]
    pausing: tuple[str, ...]
    exiting: tuple[str, ...]
    channel: str
    console: str
    program_begin: int
    parameters: tuple[str, ...]
    one_cpu_parameters: tuple[str, ...]
    lone_parameters: tuple[str, ...]
    command_line: int
    kvm: KvmTrial
    is_halted: Callable[[str], bool]

    def show_cpu(self, cpu: str) -> str:
        """A CPU in few words, where it is the guests' usual one."""
        return self.cpu_title if cpu == self.cpu else cpu
