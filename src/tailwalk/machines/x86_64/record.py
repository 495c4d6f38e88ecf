# SPDX-License-Identifier: GPL-2.0-or-later
"""x86-64."""

from __future__ import annotations

import re
from pathlib import Path

from tailwalk.machines.architecture import Architecture, BootImage, Code, Entries, KvmTrial
from tailwalk.machines.x86_64.bzimage import bzimage_payload, is_bzimage
from tailwalk.machines.x86_64.cpu import GUEST_CPU

_OUTCOME = 0x29

# Bit 9 of the flags lets interrupts in.
_HALTED = re.compile(r"FL=[0-9a-f]*[014589cd][0-9a-f]{2} .*HLT=1")

_SHORT_JUMPS = (0xeb, *range(0x70, 0x80))


def _distance_bytes(body: bytes) -> int:
    if body[0] in _SHORT_JUMPS:
        return 1
    return 4 if body[0] in (0xe8, 0xe9) or (body[0] == 0x0f and 0x80 <= body[1] < 0x90) else 0


X86_64 = Architecture(
    name="x86_64", title="x86-64", elf="EM_X86_64", page=4096, largest_folio=9, compiler="cc",
    debian="amd64", flavour="cloud-amd64", sources="x86", kernel_begin=1 << 63,
    # arch/x86/entry/entry_64.S; before v6.7 without the suffix.
    newborn="ret_from_fork(?:_asm)?",
    # arch/x86/include/asm/idtentry.h, arch/x86/include/asm/syscall_wrapper.h; for 32 bits
    # arch/x86/entry/entry_64_compat.S, before v6.7 with entry_INT80_compat.
    entries=Entries(
        text=("__entry_text_start", "__entry_text_end"), calls="entry_SYSCALL_64",
        compat_calls="asm_int80_emulation|entry_(?:INT80|SYSCALL|SYSENTER)_compat",
        call=r"__x64_sys_(\w+)", compat_call=r"__ia32_(?:compat_)?sys_(?:ia32_)?(\w+)",
        exceptions=r"asm_exc_(\w+)", page_fault="asm_exc_page_fault",
        interrupts=r"asm_(?:sysvec_)?(\w*interrupt\w*|sysvec_\w+)",
        stubs={"irq_entries_start": "asm_common_interrupt",
               "spurious_entries_start": "asm_spurious_interrupt"}),
    labels={
        **dict.fromkeys((
            "entry_SYSCALL_64_safe_stack", "entry_SYSCALL_64_after_hwframe",
            "syscall_return_via_sysret", "entry_SYSRETQ_unsafe_stack", "entry_SYSRETQ_end",
        ), "entry_SYSCALL_64"),
        **dict.fromkeys(("entry_SYSENTER_compat_after_hwframe", "__end_entry_SYSENTER_compat"),
                        "entry_SYSENTER_compat"),
        **dict.fromkeys((
            "entry_SYSCALL_compat_safe_stack", "entry_SYSCALL_compat_after_hwframe",
            "entry_SYSRETL_compat_unsafe_stack", "entry_SYSRETL_compat_end",
        ), "entry_SYSCALL_compat"),
    },
    # X86_FEATURE_XMM4_2, arch/x86/include/asm/cpufeatures.h: word 4, bit 20.
    checksum_instructions={"crc32c": ("SSE4.2", 0x94)},
    image=BootImage(
        name="bzImage", recognised=is_bzimage, payload=bzimage_payload,
        # XEN_ELFNOTE_PHYS32_ENTRY, include/xen/interface/elfnote.h
        entry_note=("Xen", 18), entry="PVH entry point", entry_option="CONFIG_PVH"),
    # No instruction is longer than 15 bytes.
    code=Code(objdump="i386:x86-64", slot=16, nop=b"\x90", distance_bytes=_distance_bytes),
    qemu="qemu-system-x86_64", qemu_package="qemu-system-x86",
    machine="pc,usb=off,vmport=off,smbus=off",
    # Single-threaded, as -icount requires; shift 0: the time-stamp counter and every clock advance
    # by one nanosecond an instruction; sleep=off: an idle guest does not wait for real time.
    counting=("-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"),
    cpu=GUEST_CPU,
    cpu_title="x86-64-v3 without CX16",  # the level of the psABI whose features it has
    hosts_of_several_cpus=("x86_64", "AMD64"),  # stores are seen in order on no other
    pausing=("-action", "panic=pause", "-device", "pvpanic,ioport=0x505"),
    exiting=("-device", "isa-debug-exit,iobase=0x501,iosize=1"),
    channel="isa-debugcon,iobase=0xe9", console="isa-serial",
    program_begin=0x400000,  # GNU ld's
    # What each is for; none moves a figure but `mitigations` (9 instructions a call).
    parameters=(
        "console=ttyS0",  # a panic's text, for humans
        "quiet",  # every character on a serial line costs the guest thousands of instructions
        "panic=-1",  # a panic reboots at once, and QEMU ends at a reboot
        "mitigations=off",  # the CPU has nothing to mitigate, and kernels differ in their guesses
        "tsc=reliable",  # no watchdog compares the counter with another clock
        "nokaslr",  # addresses stay the same from boot to boot
        "no_timer_check",  # seconds of waiting for a timer that works
        "acpi=off",  # nothing to enumerate; halves the boot of a small kernel
        "transparent_hugepage=always",
        "cryptomgr.notests",  # its threads test ciphers, millions of instructions, in the calls
    ),
    # No calibration of one timer against another; a second CPU has no other timer.
    one_cpu_parameters=("nolapic_timer",),
    # Debian's kernels find other CPUs by ACPI alone (CONFIG_X86_MPPARSE is off).
    lone_parameters=("acpi=off",),
    # COMMAND_LINE_SIZE of arch/x86/include/asm/setup.h, the NUL at the end included.
    command_line=2047,
    is_halted=lambda registers: _HALTED.search(registers) is not None,
    kvm=KvmTrial(
        # This machine's own. Without IA32_ARCH_CAPABILITIES, which some hypervisors offer and then
        # refuse to set, so that QEMU aborts; it tells a guest which mitigations it needs, and
        # guests run with none.
        cpu="host,-arch-capabilities",
        source=Path(__file__).parent / "kvm_guest.S",
        flags=(f"-DOUTCOME={_OUTCOME}", "-Wl,-Ttext=0x100000,--build-id=none,-e,start"),
        status=_OUTCOME << 1 | 1,  # what isa-debug-exit makes of the byte
        stages={
            "": "before its first instruction",
            "p": "on its way to 64-bit mode",
            "l": "at an exception",
            "x": "in user mode or on its way there and back",
            "u": "at its end",
        }))
