# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences: runs of system calls on one small file that the model and a real kernel can both
make."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal, get_args

from tailwalk.cases import PAGE
from tailwalk.errors import ModelError
from tailwalk.model.words import UNITS, Mode

Layout = Literal["hole", "preallocated", "written"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

Action = Literal["write", "store", "truncate", "punch", "read", "fsync", "writeback", "drop"]
"""pwrite(2); a store through a shared mapping, before the end of the file; ftruncate(2);
fallocate(2), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE; read(2) of the whole file; fsync(2);
sync_file_range(2), SYNC_FILE_RANGE_WRITE_AND_WAIT: the file's data, without a commit; 1 to
/proc/sys/vm/drop_caches: evict what is clean. As enum action in probe/replay.c has them."""
ACTIONS: tuple[Action, ...] = get_args(Action)
_WEIGHTS = (8, 2, 2, 2, 2, 1, 1, 1)


@dataclass(frozen=True)
class Step:
    """One thing that is done to the file.

    Attributes:
        do: what.
        offset, length: where, bytes; for truncate `offset` is the new size.
        value: of the bytes that are written or stored, 1 to 255.
        readable: bytes after which the memory ends that a write takes them from; None: not before
            the write does.
    """

    do: Action
    offset: int = 0
    length: int = 0
    value: int = 0
    readable: int | None = None

    @property
    def copied(self) -> int:
        """Bytes that there are to copy."""
        return self.length if self.readable is None else self.readable

    def fits(self, unit: int, end: int) -> bool:
        """Can the model make it in a file of up to `end` bytes?"""
        positions = self.offset, self.length, self.copied
        ranged, valued = self.do in ("write", "store", "punch"), self.do in ("write", "store")
        return (min(positions) >= 0 and not any(position % unit for position in positions)
                and self.offset + self.length <= end and self.copied <= self.length
                and (self.length > 0) == ranged and (1 <= self.value <= 255) == valued)


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """A file and what is done to it.

    Attributes:
        mode: how the file system is mounted (`words.Setting`).
        block_size: bytes.
        layout: what each block is before the first step. The file is that long, nothing of it is
            cached, and written blocks hold FILLER bytes on disk.
        steps: in order; every position is a multiple of half a block, and none lies behind the
            layout's end.
    """

    mode: Mode = "ordered"
    block_size: int = PAGE
    layout: list[Layout]
    steps: list[Step]

    @property
    def unit(self) -> int:
        """Bytes in half a block."""
        return self.block_size // UNITS

    def check(self) -> Sequence:
        """Itself; raises ModelError naming the step that the model cannot make."""
        size = end = len(self.layout) * self.block_size
        if self.block_size not in (1024, 2048, 4096):
            raise ModelError(f"a sequence with blocks of {self.block_size} bytes: give 1024, "
                             "2048 or 4096.")
        for number, step in enumerate(self.steps, start=1):
            if not step.fits(self.unit, end):
                raise ModelError(
                    f"step {number} ({step}): positions are multiples of {self.unit} bytes up to "
                    f"{end}, lengths and values at least 1, and values at most 255.")
            if step.do == "store" and step.offset + step.length > size:
                raise ModelError(f"step {number} ({step}): a store behind the end of the file, "
                                 f"which has {size} bytes then.")
            size = size_after(step, size)
        return self


def size_after(step: Step, size: int) -> int:
    """The size of a file of `size` bytes after a step. On ext4 a write of which nothing can be
    copied still moves the end of the file to its offset: ext4_da_do_write_end() and
    ext4_update_inode_size(), v6.18."""
    if step.do == "truncate":
        return step.offset
    return max(size, step.offset + step.copied) if step.do == "write" else size


FILLER = 0xEE
"""What written blocks hold before the first step."""

CLOSING = (Step("read"), Step("fsync"), Step("drop"), Step("read"))
"""How a random sequence ends: what the cache holds, and then what the disk holds."""


def random_sequence(seed: int, *, mode: Mode = "ordered", block_size: int = PAGE,
                    blocks: int = 8, steps: int = 16) -> Sequence:
    """A sequence that depends on its arguments alone: `steps` random ones, then CLOSING.

    Where the file is longer than a page, most begin with a write of all of it, short or not,
    which makes one folio of it.
    """
    choose = random.Random(f"{seed} {mode} {block_size} {blocks} {steps}")
    unit, units = block_size // UNITS, blocks * UNITS
    size = units * unit
    made: list[Step] = []

    def place(end: int) -> tuple[int, int]:
        start = choose.randrange(end)
        length = min(end - start, choose.choice((1, 1, 2, 3, 4, end)))
        return start * unit, length * unit

    def write(offset: int, length: int) -> Step:
        readable = choose.randrange(length // unit) * unit if choose.random() < 0.25 else None
        return Step("write", offset, length, choose.randint(1, 255), readable)

    def make(do: Action) -> Step:
        match do:
            case "write":
                return write(*place(units))
            case "store" if size:
                return Step(do, *place(size // unit), choose.randint(1, 255))
            case "store":
                return Step("read")
            case "truncate":
                return Step(do, choose.randint(0, units) * unit)
            case "punch":
                return Step(do, *place(units))
            case _:
                return Step(do)

    for number in range(steps):
        [do] = choose.choices(ACTIONS, _WEIGHTS)
        whole = not number and units * unit > PAGE and choose.random() < 0.8
        step = write(0, units * unit) if whole else make(do)
        made.append(step)
        size = size_after(step, size)
    return Sequence(mode=mode, block_size=block_size,
                    layout=[choose.choice(LAYOUTS) for _ in range(blocks)],
                    steps=[*made, *CLOSING])
