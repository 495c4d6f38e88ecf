# SPDX-License-Identifier: GPL-2.0-or-later
"""From the bytes of a kernel file to the uncompressed ELF that QEMU starts directly."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from tailwalk.errors import KernelError
from tailwalk.kernels.bounds import NOTES, SEGMENTS
from tailwalk.kernels.compression import decompress, format_of
from tailwalk.machines import GUEST

_ELF = b"\x7fELF"
_EXECUTABLES = ("ET_EXEC", "ET_DYN")
_ARM64, _RISCV = b"ARM\x64", b"RSC\x05"
_OTHERS = {"EM_386": "x86 (32-bit)", "EM_ARM": "arm", "EM_AARCH64": "arm64", "EM_RISCV": "riscv",
           "EM_PPC64": "powerpc64", "EM_S390": "s390", "EM_LOONGARCH": "loongarch",
           "EM_MIPS": "mips"}
_BEGINNING = b"Linux version "
_LONGEST_BANNER = 2_000
_BANNER = re.compile(rb"Linux version (\d+\.\d+[^ ]*) \(.{10,800}\) [^#]*#.*")
# __NEW_UTS_LEN, include/uapi/linux/utsname.h; it names a directory of modules, too.
_RELEASE = re.compile(r"[!-.0-~]{1,64}")


@dataclass(frozen=True)
class Vmlinux:
    """An uncompressed kernel.

    Attributes:
        content: the ELF file's bytes.
        release: what `uname -r` says on it.
        banner: what /proc/version says on it: compiler and build.
        startable: has it the note by which QEMU starts an ELF kernel?
    """

    content: bytes
    release: str
    banner: str
    startable: bool


def read_vmlinux(content: bytes, what: str) -> Vmlinux:
    """The uncompressed kernel in a vmlinux, vmlinuz or the machine's boot image.

    Raises KernelError, naming `what`, for what is damaged, cut short, for another architecture or
    no kernel at all; ToolError where a decompressor is missing.
    """
    if content.startswith(_ELF):
        elf = content
    elif GUEST.image.recognised(content):
        elf = _payload(content, what)
    elif content[0x38:0x3c] in (_ARM64, _RISCV):
        other = "arm64" if content[0x38:0x3c] == _ARM64 else "riscv"
        raise KernelError(f"{what} is a kernel for {other}; the guest is an "
                          f"{GUEST.title} machine. Give a kernel for {GUEST.title}.")
    elif format_of(content):
        elf = decompress(content, what)
        if not elf.startswith(_ELF):
            raise KernelError(f"{what} is compressed, but holds no ELF vmlinux: it is no kernel "
                              f"for {GUEST.title}. Give a vmlinuz, {GUEST.image.name}, vmlinux or "
                              "kernel .deb.")
    else:
        raise KernelError(f"{what} is no kernel image: it begins with the bytes "
                          f"{content[:8].hex(' ') or 'of nothing'}. Give a vmlinuz, "
                          f"{GUEST.image.name}, vmlinux or kernel .deb for {GUEST.title}.")
    startable = _has_entry_note(elf, what)
    banner = _banner(elf)
    if banner is None:
        raise KernelError(f"{what} is an {GUEST.title} program, but no kernel: it holds no "
                          "'Linux version' banner. Give the vmlinux of a kernel build.")
    release, text = (part.decode(errors="replace") for part in (banner[1], banner[0]))
    if _RELEASE.fullmatch(release) is None or not text.isprintable():
        raise KernelError(f"{what} says of itself {text!a}: a kernel's release has up to 64 "
                          "signs of ASCII and no slash, and what is said of its build no control "
                          "characters. Build it anew.")
    return Vmlinux(elf, release, text, startable)


def _banner(elf: bytes) -> re.Match[bytes] | None:
    """What /proc/version says: the first such line in a kernel."""
    at = elf.find(_BEGINNING)
    while at >= 0:
        line, end, _ = elf[at:at + _LONGEST_BANNER].partition(b"\n")
        if end and b"\0" not in line and (match := _BANNER.fullmatch(line)):
            return match
        at = elf.find(_BEGINNING, at + 1)
    return None


def _payload(content: bytes, what: str) -> bytes:
    """The vmlinux in the machine's boot image."""
    payload, size = GUEST.image.payload(content, what)
    elf = payload if payload.startswith(_ELF) else decompress(payload, what)
    if size is not None and len(elf) != size:
        raise KernelError(f"{what} is damaged: its payload should have {size} bytes and has "
                          f"{len(elf)}. Fetch or build it anew.")
    return elf


def _has_entry_note(elf: bytes, what: str) -> bool:
    """Has an executable of the machine the note by which QEMU starts it?

    Raises KernelError for what is no such executable, or not all of one.
    """
    from elftools.common.exceptions import ELFError
    from elftools.construct import ConstructError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.segments import NoteSegment

    try:
        file = ELFFile(io.BytesIO(elf))
        if file["e_phnum"] > SEGMENTS:
            raise ELFError(f"it has {file['e_phnum']} segments")
        segments = list(file.iter_segments())
        if any(segment["p_filesz"] > NOTES for segment in segments
               if isinstance(segment, NoteSegment)):
            raise ELFError("its notes have no end")
        notes: list[tuple[object, object]] = [
            (note["n_name"], note["n_type"]) for segment in segments
            if isinstance(segment, NoteSegment) for note in segment.iter_notes()]
    except (ELFError, ConstructError, ArithmeticError, AttributeError, LookupError, TypeError,
            ValueError) as error:
        raise KernelError(f"{what} is cut short or damaged: it is no whole ELF file ({error}). "
                          "Fetch or build it anew.") from error
    machine = file["e_machine"]
    if machine != GUEST.elf or file.elfclass != 64 or not file.little_endian:
        other = _OTHERS.get(machine, f"ELF machine {machine}")
        raise KernelError(f"{what} is a program for {other}; the guest is an {GUEST.title} "
                          f"machine. Give a kernel for {GUEST.title}.")
    ends = [segment["p_offset"] + segment["p_filesz"] for segment in segments
            if segment["p_type"] == "PT_LOAD"]
    if file["e_type"] not in _EXECUTABLES or not ends:
        raise KernelError(f"{what} is an ELF file, but nothing that can be started (a module or an "
                          "object file?). Give the vmlinux of a kernel build.")
    if max(ends) > len(elf):
        raise KernelError(f"{what} is cut short: an ELF segment should end at byte {max(ends)}, "
                          f"and the file ends at {len(elf)}.")
    return GUEST.image.entry_note in notes
