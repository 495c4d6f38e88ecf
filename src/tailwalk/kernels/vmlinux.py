# SPDX-License-Identifier: GPL-2.0-or-later
"""From the bytes of a kernel file to the uncompressed ELF that QEMU starts directly.

A bzImage's layout is that of Documentation/arch/x86/boot.rst: a setup header at 0x1f1 whose
fields `payload_offset` and `payload_length` (boot protocol 2.08, Linux 2.6.26, and later) say
where the compressed vmlinux lies.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from tailwalk.errors import KernelError
from tailwalk.kernels.compression import decompress, format_of

_ELF = b"\x7fELF"
_ELF_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_X86_64 = 62
_EXECUTABLES = (2, 3)
_PT_LOAD, _PT_NOTE = 1, 4
_NOTE = struct.Struct("<III")
_PHYS32_ENTRY = 18
_SECTOR = 512
_XLF_KERNEL_64 = 1
_ARM64, _RISCV = b"ARM\x64", b"RSC\x05"
_OTHERS = {3: "x86 (32-bit)", 40: "arm", 183: "arm64", 243: "riscv", 21: "powerpc64", 22: "s390",
           258: "loongarch", 8: "mips"}
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


@dataclass(frozen=True)
class _Segment:
    kind: int
    offset: int
    size: int


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
    segments = _segments(elf, what)
    match = _BANNER.search(elf)
    if match is None:
        raise KernelError(f"{what} is an x86-64 program, but no kernel: it holds no "
                          "'Linux version' banner. Give the vmlinux of a kernel build.")
    return Vmlinux(elf, match[1].decode(errors="replace"),
                   match[0].decode(errors="replace").strip(), _has_pvh_note(elf, segments))


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


def _segments(elf: bytes, what: str) -> list[_Segment]:
    """The program headers of an x86-64 executable; raises KernelError for anything else."""
    if len(elf) < _ELF_HEADER.size:
        raise KernelError(f"{what} is cut short: {len(elf)} bytes are less than an ELF header.")
    ident, kind, machine, _, _, table, _, _, _, entry_size, count, *_ = (
        _ELF_HEADER.unpack_from(elf))
    if ident[4] != 2 or ident[5] != 1 or machine != _X86_64:
        other = _OTHERS.get(machine, f"ELF machine {machine}")
        raise KernelError(f"{what} is a program for {other}; the guest is an x86-64 machine. Give "
                          "a kernel for x86-64.")
    if kind not in _EXECUTABLES or entry_size != _PROGRAM_HEADER.size or count == 0:
        raise KernelError(f"{what} is an ELF file, but nothing that can be started (a module or an "
                          "object file?). Give the vmlinux of a kernel build.")
    if table + count * entry_size > len(elf):
        raise KernelError(f"{what} is cut short: it ends before its ELF program headers do.")
    segments = []
    for index in range(count):
        kind, _, offset, _, _, size, _, _ = (
            _PROGRAM_HEADER.unpack_from(elf, table + index * entry_size))
        segments.append(_Segment(kind, offset, size))
        if kind == _PT_LOAD and offset + size > len(elf):
            raise KernelError(f"{what} is cut short: an ELF segment should end at byte "
                              f"{offset + size}, and the file ends at {len(elf)}.")
    return segments


def _has_pvh_note(elf: bytes, segments: list[_Segment]) -> bool:
    """Is there Xen's note XEN_ELFNOTE_PHYS32_ENTRY (xen/interface/elfnote.h)?"""
    for segment in segments:
        if segment.kind != _PT_NOTE:
            continue
        notes = elf[segment.offset:segment.offset + segment.size]
        while len(notes) >= _NOTE.size:
            name_size, size, kind = _NOTE.unpack_from(notes)
            if kind == _PHYS32_ENTRY and notes[_NOTE.size:_NOTE.size + 4] == b"Xen\0":
                return True
            notes = notes[_NOTE.size + -(-name_size // 4) * 4 + -(-size // 4) * 4:]
    return False
