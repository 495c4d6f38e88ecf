"""Sequences: runs of system calls that the model and a real kernel can both make, and what the
model says is seen after each.

A sequence names only what a program can do and a file system cannot refuse to show, so the same
document drives a guest. What a kernel is free to do (which folios it makes, what it evicts, when
it writes back) may change nothing in what is expected; where it may, no answer is expected.

Versions of the format:
    tailwalk.sequence/1: the first.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from tailwalk.cases import PAGE
from tailwalk.errors import ModelError
from tailwalk.model.caching import read, reclaim
from tailwalk.model.contents import (
    FIRST_VERSION,
    NOWHERE,
    ON_DISK,
    fresh_together,
)
from tailwalk.model.designs import Design
from tailwalk.model.file import File, Machine
from tailwalk.model.truncation import punch, truncate
from tailwalk.model.view import in_cache, readable
from tailwalk.model.words import (
    DELAYED,
    DIRTY,
    FOLIO_DIRTY,
    HOLE,
    MAPPING,
    UNITS,
    UNWRITTEN_EXTENT,
    WRITEBACK,
    WRITTEN,
    Mode,
    Setting,
    State,
)
from tailwalk.model.writeback import checkpoint, commit, end_writeback, start_writeback
from tailwalk.model.writing import store, write

SEQUENCE_SCHEMA = "tailwalk.sequence/1"

Layout = Literal["hole", "preallocated", "written"]
_MAPPINGS: dict[Layout, int] = {
    "hole": HOLE, "preallocated": UNWRITTEN_EXTENT, "written": WRITTEN}


class Write(msgspec.Struct, frozen=True, tag_field="do", tag="write"):
    """pwrite(2) of `length` bytes of `value` (1 to 255) at `offset`."""

    offset: int
    length: int
    value: int


class Store(msgspec.Struct, frozen=True, tag_field="do", tag="store"):
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


class Drop(msgspec.Struct, frozen=True, tag_field="do", tag="drop"):
    """posix_fadvise(2), POSIX_FADV_DONTNEED, on the whole file: evict what is clean."""


Step = Write | Store | Truncate | Punch | Read | Fsync | Drop


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
        for number, step in enumerate(self.steps, start=1):
            if not _fits(step, self.unit, end):
                raise ModelError(
                    f"step {number} ({step}): positions are multiples of {self.unit} bytes up to "
                    f"{end}, lengths and values at least 1, and values at most 255.")
        return self


def _fits(step: Step, unit: int, end: int) -> bool:
    if isinstance(step, Truncate):
        return 0 <= step.size <= end and not step.size % unit
    if isinstance(step, Read | Fsync | Drop):
        return True
    value = step.value if isinstance(step, Write | Store) else 1
    return (step.offset >= 0 and step.length > 0 and step.offset + step.length <= end
            and not step.offset % unit and not step.length % unit and 1 <= value <= 255)


FILLER = 0xEE
"""What written blocks hold before the first step."""

Extent = tuple[int, int, int]
"""Offset, length, and the byte value that fills the range."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What is seen after a step.

    Attributes:
        result: what the call returns: bytes written, else 0.
        size: st_size.
        contents: what read(2) gives, as ranges of one value in order.
        segments: a letter for each block of the file: D where SEEK_DATA finds data, H where
            SEEK_HOLE finds a hole, ? where it is the kernel's to say (a preallocated block that
            it may or may not have in the cache).
        dirty: after fsync False: no page of the file is dirty or under writeback (cachestat(2));
            else None: not asked.
    """

    result: int
    size: int
    contents: list[Extent]
    segments: str
    dirty: bool | None


def expect(sequence: Sequence, design: Design) -> list[Expected]:
    """What the model says is seen after each step, with a design of the walk.

    A pure function. Raises ModelError for a sequence that the model cannot make.
    """
    sequence.check()
    return list(_Run(sequence, design).steps())


class _Run:
    def __init__(self, sequence: Sequence, design: Design) -> None:
        self.sequence = sequence
        blocks = len(sequence.layout)
        per_page = PAGE // sequence.block_size
        journal = sequence.mode == "journal"
        if journal and blocks > 4:
            raise ModelError(f"a sequence of {blocks} blocks with data=journal: the model's folio "
                             "is one page there, so give at most 4 blocks of 1KiB.")
        setting = Setting(mode=sequence.mode, buffers=blocks,
                          blocks_per_page=blocks if journal else per_page)
        self.machine = Machine(setting, design.walk())
        units = blocks * UNITS
        state = State(
            b"", bytes(_MAPPINGS[kind] for kind in sequence.layout),
            bytes(ON_DISK if kind == "written" else NOWHERE
                  for kind in sequence.layout for _ in range(UNITS)), 0, units, units)
        self.file = File(self.machine, state)
        # What each version of a unit stands for.
        self.values = [{FIRST_VERSION: FILLER} for _ in range(units)]

    def steps(self) -> Iterator[Expected]:
        for step in self.sequence.steps:
            result = self._make(step)
            yield Expected(result=result, size=self.file.size * self.sequence.unit,
                           contents=self._contents(), segments=self._segments(),
                           dirty=self._dirty() if isinstance(step, Fsync) else None)

    def _make(self, step: Step) -> int:
        file, unit = self.file, self.sequence.unit
        if isinstance(step, Write):
            start, end = step.offset // unit, (step.offset + step.length) // unit
            versions = self._versions(start, end, step.value)
            return write(file, start, end, versions=versions) * unit
        if isinstance(step, Store):
            start, end = step.offset // unit, (step.offset + step.length) // unit
            versions = self._versions(start, min(end, file.size), step.value)
            for position in range(start, min(end, file.size)):
                store(file, position, versions=versions)
            return 0
        if isinstance(step, Truncate):
            if step.size // unit != file.size:
                truncate(file, step.size // unit)
            return 0
        if isinstance(step, Punch):
            if file.journalled:
                self._sync()
            return punch(file, step.offset // unit, (step.offset + step.length) // unit)
        if isinstance(step, Read):
            return read(file) if file.size else 0
        if isinstance(step, Fsync):
            self._sync()
            return 0
        # POSIX_FADV_DONTNEED starts writeback first and evicts what is clean by then; whether
        # that is everything is the kernel's to say, and nothing that is expected depends on it.
        reclaim(file)
        return 0

    def _versions(self, start: int, end: int, value: int) -> bytes:
        versions = fresh_together(self.file.units, self.file.units)
        for position in range(start, end):
            self.values[position][versions[position]] = value
        return versions

    def _sync(self) -> None:
        """ext4_sync_file(): write back, wait, commit; and what has only to be gone from the list
        of dirty pages."""
        file = self.file
        start_writeback(file)
        if file.folio & WRITEBACK:
            end_writeback(file)
        commit(file)
        if file.journalled:
            checkpoint(file)
            file.folio &= ~FOLIO_DIRTY

    def _contents(self) -> list[Extent]:
        unit = self.sequence.unit
        found: list[Extent] = []
        for position, version in enumerate(readable(self.file.state())):
            value = 0 if version < FIRST_VERSION else self.values[position][version]
            if found and found[-1][2] == value:
                offset, length, _ = found[-1]
                found[-1] = (offset, length + unit, value)
            else:
                found.append((position * unit, unit, value))
        return found

    def _segments(self) -> str:
        state = self.file.state()
        letters = []
        for index in range(-(-state.size // UNITS)):
            mapping = state.blocks[index] & MAPPING
            if mapping in (DELAYED, WRITTEN):
                letters.append("D")
            elif mapping == HOLE:
                letters.append("H")
            elif state.ring and state.ring[index] & DIRTY and in_cache(state, index):
                letters.append("D")
            else:
                letters.append("?")
        return "".join(letters)

    def _dirty(self) -> bool:
        return bool(self.file.folio & (FOLIO_DIRTY | WRITEBACK))


def random_sequence(seed: int, *, mode: Mode = "ordered", block_size: int = PAGE,
                    blocks: int = 8, steps: int = 20) -> Sequence:
    """A sequence that depends on its arguments alone."""
    choose = random.Random(f"{seed} {mode} {block_size} {blocks} {steps}")
    unit, units = block_size // UNITS, blocks * UNITS
    size = units
    made: list[Step] = []

    def place(end: int) -> tuple[int, int]:
        start = choose.randrange(end)
        length = min(end - start, choose.choice((1, 1, 2, 3, 4, end)))
        return start * unit, length * unit

    makers: list[tuple[int, Callable[[], Step]]] = [
        (8, lambda: Write(*place(units), choose.randint(1, 255))),
        (2, lambda: Store(*place(size), choose.randint(1, 255)) if size else Read()),
        (2, lambda: Truncate(choose.randint(0, units) * unit)),
        (2, lambda: Punch(*place(units))),
        (2, Read), (2, Fsync), (1, Drop)]
    weights = [weight for weight, _ in makers]
    for _ in range(steps):
        [(_, make)] = choose.choices(makers, weights)
        step = make()
        made.append(step)
        if isinstance(step, Write):
            size = max(size, (step.offset + step.length) // unit)
        elif isinstance(step, Truncate):
            size = step.size // unit
    kinds: tuple[Layout, ...] = ("hole", "preallocated", "written")
    return Sequence(mode=mode, block_size=block_size,
                    layout=[choose.choice(kinds) for _ in range(blocks)], steps=made)

