# SPDX-License-Identifier: GPL-2.0-or-later
"""Decompression of kernel payloads and modules.

The kernel's Kconfig choices (KERNEL_GZIP and its siblings, MODULE_COMPRESS_*) say which formats
there are: what Python reads is read in Python, the others go through the format's own program.
"""

from __future__ import annotations

import bz2
import lzma
import shutil
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from tailwalk.errors import KernelError, ToolError


class _DamageError(Exception):
    """The stream cannot be decompressed."""


@dataclass(frozen=True)
class Format:
    """A compressed format: its name, first bytes, and what undoes it."""

    name: str
    magic: bytes
    undo: Callable[[bytes], bytes]


def format_of(content: bytes) -> Format | None:
    """The compressed format that `content` begins as, if any."""
    return next((known for known in _FORMATS if content.startswith(known.magic)), None)


def decompress(content: bytes, what: str) -> bytes:
    """What a compressed stream holds.

    Raises KernelError, naming `what`, where it is damaged, cut short or of no known format;
    ToolError where the format's program is not installed.
    """
    known = format_of(content)
    if known is None:
        raise KernelError(f"{what} is in no known compressed format (it begins with the bytes "
                          f"{content[:6].hex(' ') or 'of nothing'}): it is damaged or no kernel.")
    try:
        return known.undo(content)
    except (_DamageError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError) as error:
        raise KernelError(f"{what} is damaged: its {known.name} data cannot be decompressed "
                          f"({error}). Fetch or build it anew.") from error


def _gzip(content: bytes) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    return _whole(stream.decompress(content), stream.eof)


def _lzma(form: int) -> Callable[[bytes], bytes]:
    def undo(content: bytes) -> bytes:
        stream = lzma.LZMADecompressor(form)
        return _whole(stream.decompress(content), stream.eof)
    return undo


def _bzip2(content: bytes) -> bytes:
    stream = bz2.BZ2Decompressor()
    return _whole(stream.decompress(content), stream.eof)


def _whole(content: bytes, ended: bool) -> bytes:
    if not ended:
        raise _DamageError("it ends too early")
    return content


def _program(name: str, *arguments: str) -> Callable[[bytes], bytes]:
    def undo(content: bytes) -> bytes:
        program = shutil.which(name)
        if program is None:
            raise ToolError(f"the kernel is compressed with {name}, and there is no program "
                            f"{name} on this machine: install the package {name}.")
        done = subprocess.run([program, *arguments], input=content, capture_output=True,
                              check=False)
        if done.returncode:
            raise _DamageError(done.stderr.decode(errors="replace").strip() or name)
        return done.stdout
    return undo


_FORMATS = (
    Format("gzip", b"\x1f\x8b\x08", _gzip),
    Format("xz", b"\xfd7zXZ\0", _lzma(lzma.FORMAT_XZ)),
    Format("zstd", b"\x28\xb5\x2f\xfd", _program("zstd", "-dcq")),
    # The kernel uses lz4's legacy frame, which lz4's own program alone reads.
    Format("lz4", b"\x02\x21\x4c\x18", _program("lz4", "-dcq")),
    Format("bzip2", b"BZh", _bzip2),
    Format("lzma", b"\x5d\0\0", _lzma(lzma.FORMAT_ALONE)),
    Format("lzop", b"\x89LZO", _program("lzop", "-dc")),
)
