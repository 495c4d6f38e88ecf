# SPDX-License-Identifier: GPL-2.0-or-later
"""A benchmark case and the file system it runs on."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from tailwalk.errors import UsageError

KIB = 1024
MIB = 1024 * KIB
PAGE = 4 * KIB
"""Bytes in a page of x86-64: a folio of order N holds 2**N of them."""

Call = Literal["write", "pwrite", "writev"]

_SIZE = re.compile(r"(\d+)\s*(B|K|KiB|M|MiB|G|GiB)?", re.IGNORECASE)
_FACTOR = {"": 1, "b": 1, "k": KIB, "kib": KIB, "m": MIB, "mib": MIB, "g": KIB * MIB,
           "gib": KIB * MIB}


def parse_size(text: str) -> int:
    """Bytes in `4096`, `4KiB`, `4k`, `1MiB` (powers of 1024 throughout).

    Raises UsageError for anything else.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a size: write bytes, or KiB or MiB, such as 4096, 4KiB "
                         "or 1MiB.")
    return int(match[1]) * _FACTOR[(match[2] or "").lower()]


def show_size(size: int) -> str:
    """The shortest exact form that `parse_size` reads back."""
    for unit, factor in (("GiB", KIB * MIB), ("MiB", MIB), ("KiB", KIB)):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{size}B"


class Filesystem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file system a run's cases write to.

    Attributes:
        kind: the kernel's name of it. Guests have ext4, xfs or btrfs; a host may have any other.
        block_size: file-system block size, bytes. 4 KiB is what mkfs.ext4 chooses for any real
            disk; left to itself it picks 1 KiB on a small image.
        mount_options: as mount(8) takes them after -o; empty for none.
    """

    kind: str = "ext4"
    block_size: int = 4 * KIB
    mount_options: str = ""

    def check(self) -> Filesystem:
        """Itself, if files can lie on it; raises UsageError naming the value that prevents it."""
        if self.block_size < 1:
            raise UsageError(f"--fs-block-size {self.block_size}: a block of nothing holds no "
                             "file; take 4KiB, or 1KiB or 2KiB.")
        return self


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One benchmark case: one system call over and over on a page cache filled beforehand.

    Attributes:
        name: libMicro's name of the case (`pwrite_u1k`), or one of its pattern.
        call: the system call that is measured. `write` and `writev` are preceded by an lseek(2)
            to `offset` before every call, outside the measured part, as in libMicro.
        size: bytes of each vector.
        vectors: vectors a call: 1, or 10 for writev (libMicro's default).
        offset: file offset of every call, bytes.
        fill: size in bytes of the writes that populate the page cache: it decides folio order.
        file_size: bytes in the file.
        uptodate: False: every folio is left without its last page's data, so that it is not
            uptodate and the kernel walks its whole ring whatever the design of the walk.
    """

    name: str
    call: Call
    size: int
    vectors: int = 1
    offset: int = 0
    fill: int = MIB
    file_size: int = 10 * MIB
    uptodate: bool = True

    @property
    def length(self) -> int:
        """Bytes that one call writes."""
        return self.size * self.vectors

    def check(self) -> Case:
        """Itself, if it can be run; raises UsageError naming the value that cannot."""
        if self.size < 1:
            raise UsageError(f"case {self.name}: a write of {self.size} bytes measures nothing; "
                             "give a size of at least 1.")
        if not 1 <= self.vectors <= 1024:
            raise UsageError(f"case {self.name}: {self.vectors} vectors; writev takes 1 to 1024.")
        if self.fill < 512 or self.fill > 64 * MIB:
            raise UsageError(f"--fill {show_size(self.fill)}: the page cache is filled by writes "
                             "of 512 bytes to 64MiB.")
        if self.file_size > 256 * MIB:
            raise UsageError(f"--file-size {show_size(self.file_size)}: a case's file has at most "
                             "256MiB.")
        if not self.uptodate:
            self._check_partial()
        if self.offset < 0 or self.offset + self.length > self.file_size:
            raise UsageError(
                f"case {self.name} writes {self.length} bytes at offset {self.offset}, past the "
                f"end of a file of {show_size(self.file_size)}: every call has to overwrite. Give "
                "a smaller --offset or a larger --file-size.")
        return self

    def _check_partial(self) -> None:
        if not 2 * PAGE <= self.fill <= 2 * MIB or self.fill & (self.fill - 1):
            raise UsageError(f"--fill {show_size(self.fill)}: folios that are not uptodate are "
                             "made by writes of 8KiB to 2MiB, a power of two.")
        if self.offset % self.fill + self.length > self.fill - PAGE:
            raise UsageError(
                f"case {self.name} at offset {self.offset} writes to the last page of its folio, "
                "which is the one whose data are left out: the folio would become uptodate. Give "
                "an --offset further ahead.")
