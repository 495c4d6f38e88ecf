# SPDX-License-Identifier: GPL-2.0-or-later
"""Decompression of kernel payloads, modules and archives, a piece at a time.

The kernel's Kconfig choices (KERNEL_GZIP and its siblings, MODULE_COMPRESS_*) say which formats
there are: what Python reads is read in Python, the others go through the format's own program. A
piece is small, so that a signal does not have to wait for what a few bytes may unpack to.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from tailwalk.errors import KernelError, ToolError
from tailwalk.kernels.bounds import MIB, PACKAGE, UNPACKED
from tailwalk.refusals import naming

PIECE = 64 << 10

# xz at its most asks for 65 MiB, the kernel's own for 33.
_LZMA_MEMORY = 512 * MIB


class _Part:
    """The next `size` bytes of a stream."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, size: int = PIECE) -> bytes:
        """Up to so many bytes; none at the end."""
        piece = self._stream.read(min(size, self._left))
        self._left -= len(piece)
        return piece


@dataclass(frozen=True)
class Format:
    """A compressed format: its name, first bytes, and what undoes it."""

    name: str
    magic: bytes
    undo: Callable[[_Part], Iterator[bytes]]


def format_of(content: bytes) -> Format | None:
    """The compressed format that `content` begins as, if any."""
    return next((known for known in _FORMATS if content.startswith(known.magic)), None)


def unpacked(stream: BinaryIO, what: str, *, size: int = PACKAGE) -> Iterator[bytes]:
    """What the next `size` bytes of a file hold, in pieces: decompressed if they are compressed.

    Raises KernelError, naming `what`, where it is damaged or cut short; ToolError where the
    format's program is not installed.
    """
    head = stream.read(8)
    stream.seek(-len(head), io.SEEK_CUR)
    known, part = format_of(head), _Part(stream, size)
    if known is None:
        yield from iter(part.read, b"")
        return
    try:
        yield from known.undo(part)
    except (lzma.LZMAError, zlib.error, EOFError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's, not the data's
        raise KernelError(f"{what} is damaged: its {known.name} data cannot be decompressed "
                          f"({error}). Fetch or build it anew.") from error


def decompress(content: bytes, what: str, *, most: int = UNPACKED) -> bytes:
    """What a compressed stream holds: `most` bytes, in memory.

    Raises KernelError, naming `what`, where it is damaged, cut short, of no known format or holds
    more; ToolError where the format's program is not installed.
    """
    if format_of(content) is None:
        raise KernelError(f"{what} is in no known compressed format (it begins with the bytes "
                          f"{content[:6].hex(' ') or 'of nothing'}): it is damaged or no kernel.")
    return joined(unpacked(io.BytesIO(content), what), what, most=most)


def joined(pieces: Iterator[bytes], what: str, *, most: int = UNPACKED) -> bytes:
    """Pieces as one, `most` bytes; raises KernelError, naming `what`, where they are more."""
    whole = io.BytesIO()
    for piece in pieces:
        if whole.write(piece) and whole.tell() > most:
            raise KernelError(f"{what} unpacks to more than {most // MIB:,} MiB, which no kernel "
                              "has: it was made to fill the memory, or is no kernel.")
    return whole.getvalue()


def _gzip(stream: _Part) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=stream) as file:  # type: ignore[call-overload]
        yield from iter(lambda: file.read(PIECE), b"")


def _python(make: Callable[[], lzma.LZMADecompressor | bz2.BZ2Decompressor],
            magic: bytes) -> Callable[[_Part], Iterator[bytes]]:
    def undo(stream: _Part) -> Iterator[bytes]:
        rest = stream.read()
        while rest.startswith(magic):  # several may follow each other; other bytes mean nothing
            engine = make()
            while not engine.eof:
                if engine.needs_input and not rest and not (rest := stream.read()):
                    raise EOFError("it ends too early")
                yield engine.decompress(rest, PIECE)
                rest = b""
            rest = engine.unused_data
            if len(rest) < len(magic):
                rest += stream.read()
    return undo


def _program(name: str, *arguments: str) -> Callable[[_Part], Iterator[bytes]]:
    def undo(stream: _Part) -> Iterator[bytes]:
        program = shutil.which(name)
        if program is None:
            raise ToolError(f"the kernel is compressed with {name}, and there is no program "
                            f"{name} on this machine: install the package {name}.")
        with tempfile.TemporaryFile() as packed, tempfile.TemporaryFile() as said:
            with naming(tempfile.gettempdir()):
                for piece in iter(stream.read, b""):
                    packed.write(piece)
            packed.seek(0)
            with subprocess.Popen([program, *arguments], stdin=packed, stdout=subprocess.PIPE,
                                  stderr=said) as process:
                output = process.stdout
                assert output is not None
                try:
                    yield from iter(lambda: output.read(PIECE), b"")
                except BaseException:
                    process.kill()
                    raise
            if process.returncode:
                said.seek(0)
                raise ValueError(said.read(PIECE).decode(errors="replace").strip() or name)
    return undo


def _lzma(form: int) -> Callable[[], lzma.LZMADecompressor]:
    return lambda: lzma.LZMADecompressor(form, memlimit=_LZMA_MEMORY)


_GZIP, _XZ, _BZIP2, _LZMA = b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"BZh", b"\x5d\0\0"
_FORMATS = (
    Format("gzip", _GZIP, _gzip),
    Format("xz", _XZ, _python(_lzma(lzma.FORMAT_XZ), _XZ)),
    Format("zstd", b"\x28\xb5\x2f\xfd", _program("zstd", "-dcq")),
    # The kernel uses lz4's legacy frame, which lz4's own program alone reads.
    Format("lz4", b"\x02\x21\x4c\x18", _program("lz4", "-dcq")),
    Format("bzip2", _BZIP2, _python(bz2.BZ2Decompressor, _BZIP2)),
    Format("lzma", _LZMA, _python(_lzma(lzma.FORMAT_ALONE), _LZMA)),
    Format("lzop", b"\x89LZO", _program("lzop", "-dc")),
)
