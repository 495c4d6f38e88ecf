# SPDX-License-Identifier: GPL-2.0-or-later
"""The vmlinux in a bzImage.

The layout is that of Documentation/arch/x86/boot.rst: a setup header at 0x1f1 whose fields
`payload_offset` and `payload_length` (boot protocol 2.08, Linux 2.6.26, and later) say where the
compressed vmlinux lies.
"""

from __future__ import annotations

import struct

from tailwalk.errors import KernelError

_ELF = b"\x7fELF"
_GZIP = b"\x1f\x8b"
_SECTOR = 512
_XLF_KERNEL_64 = 1


def is_bzimage(content: bytes) -> bool:
    """Has it an x86 setup header?"""
    return content[0x202:0x206] == b"HdrS"


def bzimage_payload(content: bytes, what: str) -> tuple[bytes, int | None]:
    """The payload, and the size that it has to have unpacked where that stands behind it."""
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
    if payload.startswith((_ELF, _GZIP)):  # an ELF: CONFIG_KERNEL_UNCOMPRESSED
        return payload, None
    # All but gzip, which has it inside, are followed by their size (scripts/Makefile.lib,
    # size_append).
    size, = struct.unpack("<I", payload[-4:])
    return payload[:-4], size
