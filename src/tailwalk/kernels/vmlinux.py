# SPDX-License-Identifier: GPL-2.0-or-later
"""From the bytes of a kernel file to the uncompressed ELF that QEMU starts directly.

A bzImage's layout is that of Documentation/arch/x86/boot.rst: a setup header at 0x1f1 whose
fields `payload_offset` and `payload_length` (boot protocol 2.08, Linux 2.6.26, and later) say
where the compressed vmlinux lies.
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass

from tailwalk.errors import KernelError
from tailwalk.kernels.compression import decompress, format_of

_ELF = b"\x7fELF"
_EXECUTABLES = ("ET_EXEC", "ET_DYN")
_PHYS32_ENTRY = 18
_SECTOR = 512
_XLF_KERNEL_64 = 1
_ARM64, _RISCV = b"ARM\x64", b"RSC\x05"
_OTHERS = {"EM_386": "x86 (32-bit)", "EM_ARM": "arm", "EM_AARCH64": "arm64", "EM_RISCV": "riscv",
           "EM_PPC64": "powerpc64", "EM_S390": "s390", "EM_LOONGARCH": "loongarch",
           "EM_MIPS": "mips"}
_BANNER = re.compile(rb"Linux version (\d+\.\d+[^ \0]{0,100}) \([^\0]{10,800}\) "
                     rb"[^\0\n]*#[^\0\n]*\n")


@dataclass(frozen=True)
class Vmlinux:
    """An uncompressed kernel.

    Attributes:
        content: the ELF file's bytes.
        release: what `uname -r` says on it.
        banner: what /proc/version says on it: compiler and build.
        pvh: has it the entry point by which QEMU starts an ELF kernel (CONFIG_PVH)?
    """

    content: bytes
    release: str
    banner: str
    pvh: bool


def is_bzimage(content: bytes) -> bool:
    """Has it an x86 setup header?"""
    return content[0x202:0x206] == b"HdrS"


def read_vmlinux(content: bytes, what: str) -> Vmlinux:
    """The uncompressed kernel in a vmlinux, vmlinuz or bzImage.

    Raises KernelError, naming `what`, for what is damaged, cut short, for another architecture or
    no kernel at all; ToolError where a decompressor is missing.
    """
    if content.startswith(_ELF):
        elf = content
    elif is_bzimage(content):
        elf = _payload(content, what)
    elif content[0x38:0x3c] in (_ARM64, _RISCV):
        other = "arm64" if content[0x38:0x3c] == _ARM64 else "riscv"
        raise KernelError(f"{what} is a kernel for {other}; the guest is an x86-64 machine. Give a "
                          "kernel for x86-64.")
    elif format_of(content):
        elf = decompress(content, what)
        if not elf.startswith(_ELF):
            raise KernelError(f"{what} is compressed, but holds no ELF vmlinux: it is no kernel "
                              "for x86-64. Give a vmlinuz, bzImage, vmlinux or kernel .deb.")
    else:
        raise KernelError(f"{what} is no kernel image: it begins with the bytes "
                          f"{content[:8].hex(' ') or 'of nothing'}. Give a vmlinuz, bzImage, "
                          "vmlinux or kernel .deb for x86-64.")
    pvh = _has_pvh_note(elf, what)
    match = _BANNER.search(elf)
    if match is None:
        raise KernelError(f"{what} is an x86-64 program, but no kernel: it holds no "
                          "'Linux version' banner. Give the vmlinux of a kernel build.")
    return Vmlinux(elf, match[1].decode(errors="replace"),
                   match[0].decode(errors="replace").strip(), pvh)


def _payload(content: bytes, what: str) -> bytes:
    """The decompressed payload of a bzImage."""
    if len(content) < 0x208:
        raise KernelError(f"{what} is cut short: it ends within the header of a bzImage, after "
                          f"{len(content)} bytes. Fetch or build it anew.")
    setup_sectors = content[0x1f1] or 4
    version, = struct.unpack_from("<H", content, 0x206)
    if version < 0x20c or len(content) < 0x260:
        raise KernelError(f"{what} has boot protocol {version >> 8}.{version & 0xff:02d}; a 64-bit "
                          "kernel that QEMU can start has 2.12 (Linux 3.8) or later.")
    flags, = struct.unpack_from("<H", content, 0x236)
    if not flags & _XLF_KERNEL_64:
        raise KernelError(f"{what} is a 32-bit x86 kernel; give one for x86-64.")
    offset, length = struct.unpack_from("<II", content, 0x248)
    start = (setup_sectors + 1) * _SECTOR + offset
    payload = content[start:start + length]
    if length < 8 or len(payload) < length:
        raise KernelError(f"{what} is cut short: its payload should be {length} bytes at "
                          f"{start}, and the file ends at {len(content)}. Fetch or build it anew.")
    form = format_of(payload)
    if payload.startswith(_ELF):  # CONFIG_KERNEL_UNCOMPRESSED
        return payload
    if form is None or form.name == "gzip":
        return decompress(payload, what)
    # All but gzip, which has it inside, are followed by their size (scripts/Makefile.lib,
    # size_append).
    size, = struct.unpack("<I", payload[-4:])
    elf = decompress(payload[:-4], what)
    if len(elf) != size:
        raise KernelError(f"{what} is damaged: its payload should have {size} bytes and has "
                          f"{len(elf)}. Fetch or build it anew.")
    return elf


def _has_pvh_note(elf: bytes, what: str) -> bool:
    """Has an x86-64 executable Xen's note XEN_ELFNOTE_PHYS32_ENTRY (xen/interface/elfnote.h)?

    Raises KernelError for what is no such executable, or not all of one.
    """
    from elftools.common.exceptions import ELFError
    from elftools.construct import ConstructError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.segments import NoteSegment

    try:
        file = ELFFile(io.BytesIO(elf))
        segments = list(file.iter_segments())
        notes: list[tuple[object, object]] = [
            (note["n_name"], note["n_type"]) for segment in segments
            if isinstance(segment, NoteSegment) for note in segment.iter_notes()]
    except (ELFError, ConstructError, ArithmeticError, AttributeError, LookupError, TypeError,
            ValueError) as error:
        raise KernelError(f"{what} is cut short or damaged: it is no whole ELF file ({error}). "
                          "Fetch or build it anew.") from error
    machine = file["e_machine"]
    if machine != "EM_X86_64" or file.elfclass != 64 or not file.little_endian:
        other = _OTHERS.get(machine, f"ELF machine {machine}")
        raise KernelError(f"{what} is a program for {other}; the guest is an x86-64 machine. Give "
                          "a kernel for x86-64.")
    ends = [segment["p_offset"] + segment["p_filesz"] for segment in segments
            if segment["p_type"] == "PT_LOAD"]
    if file["e_type"] not in _EXECUTABLES or not ends:
        raise KernelError(f"{what} is an ELF file, but nothing that can be started (a module or an "
                          "object file?). Give the vmlinux of a kernel build.")
    if max(ends) > len(elf):
        raise KernelError(f"{what} is cut short: an ELF segment should end at byte {max(ends)}, "
                          f"and the file ends at {len(elf)}.")
    return ("Xen", _PHYS32_ENTRY) in notes
