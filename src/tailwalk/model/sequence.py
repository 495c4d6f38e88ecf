# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences: runs of system calls on one small file that the model and a real kernel can both
make.

Versions of the format:
    tailwalk.sequence/1: the first.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal, get_args

import msgspec

from tailwalk.cases import PAGE
from tailwalk.errors import ModelError
from tailwalk.model.words import UNITS, Mode

SEQUENCE_SCHEMA = "tailwalk.sequence/1"

Layout = Literal["hole", "preallocated", "written"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)


class Write(msgspec.Struct, frozen=True, tag_field="do", tag="write"):
    """pwrite(2) of `length` bytes of `value` (1 to 255) at `offset`; the program's memory ends
    after `readable` bytes (None: not before the write does)."""

    offset: int
    length: int
    value: int
    readable: int | None = None


class MappedStore(msgspec.Struct, frozen=True, tag_field="do", tag="store"):
    """The same through a shared mapping; wholly before the end of the file."""

    offset: int
    length: int
    value: int


class Truncate(msgspec.Struct, frozen=True, tag_field="do", tag="truncate"):
    """ftruncate(2)."""

    size: int


class Punch(msgspec.Struct, frozen=True, tag_field="do", tag="punch"):
    """fallocate(2), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE."""

    offset: int
    length: int


class Read(msgspec.Struct, frozen=True, tag_field="do", tag="read"):
    """read(2) of the whole file."""


class Fsync(msgspec.Struct, frozen=True, tag_field="do", tag="fsync"):
    """fsync(2)."""


class Writeback(msgspec.Struct, frozen=True, tag_field="do", tag="writeback"):
    """sync_file_range(2), SYNC_FILE_RANGE_WRITE_AND_WAIT: the file's data, without a commit."""


class Drop(msgspec.Struct, frozen=True, tag_field="do", tag="drop"):
    """1 to /proc/sys/vm/drop_caches: evict what is clean."""


Step = Write | MappedStore | Truncate | Punch | Read | Fsync | Writeback | Drop


def name_of(step: Step) -> str:
    """What a record calls a step."""
    return str(step.__struct_config__.tag)


class Sequence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file and what is done to it.

    Attributes:
        schema: SEQUENCE_SCHEMA.
        mode: how the file system is mounted (`words.Setting`).
        block_size: bytes.
        layout: what each block is before the first step. The file is that long, nothing of it is
            cached, and written blocks hold FILLER bytes on disk.
        steps: in order; every position is a multiple of half a block, and none lies behind the
            layout's end.
    """

    schema: str = SEQUENCE_SCHEMA
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
        end = len(self.layout) * self.block_size
        if self.schema != SEQUENCE_SCHEMA:
            raise ModelError(f"a sequence of schema {self.schema!r}: this tailwalk knows "
                             f"{SEQUENCE_SCHEMA}.")
        if self.block_size not in (1024, 2048, 4096):
            raise ModelError(f"a sequence with blocks of {self.block_size} bytes: give 1024, "
                             "2048 or 4096.")
        size = end
        for number, step in enumerate(self.steps, start=1):
            if not _fits(step, self.unit, end):
                raise ModelError(
                    f"step {number} ({step}): positions are multiples of {self.unit} bytes up to "
                    f"{end}, lengths and values at least 1, and values at most 255.")
            if isinstance(step, MappedStore) and step.offset + step.length > size:
                raise ModelError(f"step {number} ({step}): a store behind the end of the file, "
                                 f"which has {size} bytes then.")
            size = size_after(step, size)
        return self


def _fits(step: Step, unit: int, end: int) -> bool:
    if isinstance(step, Truncate):
        return 0 <= step.size <= end and not step.size % unit
    if isinstance(step, Read | Fsync | Writeback | Drop):
        return True
    value = step.value if isinstance(step, Write | MappedStore) else 1
    readable = step.readable if isinstance(step, Write) else None
    return (step.offset >= 0 and step.length > 0 and step.offset + step.length <= end
            and not step.offset % unit and not step.length % unit and 1 <= value <= 255
            and (readable is None or (0 <= readable <= step.length and not readable % unit)))


def size_after(step: Step, size: int) -> int:
    """The size of a file of `size` bytes after a step. On ext4 a write of which nothing can be
    copied still moves the end of the file to its offset: ext4_da_do_write_end() and
    ext4_update_inode_size(), v6.18."""
    if isinstance(step, Truncate):
        return step.size
    if isinstance(step, Write):
        copied = step.length if step.readable is None else step.readable
        return max(size, step.offset + copied)
    return size


FILLER = 0xEE
"""What written blocks hold before the first step."""

CLOSING: tuple[Step, ...] = (Read(), Fsync(), Drop(), Read())
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

    def write(offset: int, length: int) -> Write:
        readable = choose.randrange(length // unit) * unit if choose.random() < 0.25 else None
        return Write(offset, length, choose.randint(1, 255), readable)

    makers: list[tuple[int, Callable[[], Step]]] = [
        (8, lambda: write(*place(units))),
        (2, lambda: MappedStore(*place(size // unit), choose.randint(1, 255)) if size else Read()),
        (2, lambda: Truncate(choose.randint(0, units) * unit)),
        (2, lambda: Punch(*place(units))),
        (2, Read), (1, Fsync), (1, Writeback), (1, Drop)]
    weights = [weight for weight, _ in makers]
    for number in range(steps):
        [(_, make)] = choose.choices(makers, weights)
        whole = not number and units * unit > PAGE and choose.random() < 0.8
        step = write(0, units * unit) if whole else make()
        made.append(step)
        size = size_after(step, size)
    return Sequence(mode=mode, block_size=block_size,
                    layout=[choose.choice(LAYOUTS) for _ in range(blocks)],
                    steps=[*made, *CLOSING])
