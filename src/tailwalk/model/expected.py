# SPDX-License-Identifier: GPL-2.0-or-later
"""What the model says is seen after each step of a sequence.

The model's folio is the whole file; a kernel is free to make smaller ones. So what depends on
the folio is expected only while the kernel's page cache of the file is certain to be one folio;
contents, sizes and results never depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import msgspec

from tailwalk.cases import PAGE
from tailwalk.errors import ModelError
from tailwalk.model import bh, blk, folio
from tailwalk.model.contents import FIRST_VERSION, NOWHERE, ON_DISK, fresh_together
from tailwalk.model.designs import Design
from tailwalk.model.file import File, Walker
from tailwalk.model.rules import (
    checkpoint,
    commit,
    end_writeback,
    punch,
    read,
    reclaim,
    start_writeback,
    store,
    truncate,
    write,
)
from tailwalk.model.sequence import FILLER, Layout, Sequence, Step
from tailwalk.model.view import holes, in_cache, readable
from tailwalk.model.words import EFAULT, UNITS, Setting, State

_MAPPINGS: dict[Layout, int] = {
    "hole": blk.HOLE, "preallocated": blk.UNWRITTEN, "written": blk.WRITTEN}

SHOWN_FLAGS = folio.CACHED | folio.UPTODATE | folio.DIRTY | folio.WRITEBACK
"""The flags of a folio that a program can see."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What is seen after a step.

    Attributes:
        result: what the call returns: bytes, 0, or a negative error.
        size: st_size, bytes.
        contents: what read(2) gives, the value of each half block of the file.
        segments: a letter for each block of the file: D where SEEK_DATA finds data, H where
            SEEK_HOLE finds a hole, ? where it depends on which folios the kernel made.
        folio: which of SHOWN_FLAGS the one folio has that caches the file (mincore(2),
            cachestat(2)); None where the kernel may have made other folios.
        clean: no page of the file may be dirty or under writeback (after fsync).
    """

    result: int
    size: int
    contents: bytes
    segments: str
    folio: int | None
    clean: bool


def expect(sequence: Sequence, design: Design) -> list[Expected]:
    """What the model says is seen after each step, with a design of the walk.

    A pure function. Raises ModelError for a sequence that the model cannot make.
    """
    sequence.check()
    return list(_Run(sequence, design).steps())


@cache
def _walker(setting: Setting, design: Design) -> Walker:
    return Walker(setting.check(), design.walk())


class _Run:
    def __init__(self, sequence: Sequence, design: Design) -> None:
        self.sequence = sequence
        blocks = len(sequence.layout)
        per_page = PAGE // sequence.block_size
        journal = sequence.mode == "journal"
        if journal and blocks > per_page:
            raise ModelError(f"a sequence of {blocks} blocks of {sequence.block_size} bytes with "
                             "data=journal: the model's folio is one page there.")
        setting = Setting(mode=sequence.mode, buffers=blocks,
                          blocks_per_page=min(blocks, per_page))
        units = blocks * UNITS
        self.file = File(_walker(setting, design), State(
            b"", bytes(_MAPPINGS[kind] for kind in sequence.layout),
            bytes(ON_DISK if kind == "written" else NOWHERE
                  for kind in sequence.layout for _ in range(UNITS)), 0, units, units))
        # What each version of a unit stands for.
        self.values = [{FIRST_VERSION: FILLER} for _ in range(units)]
        self.folios = _Folios(self.file)

    def steps(self) -> Iterator[Expected]:
        file, unit = self.file, self.sequence.unit
        for step in self.sequence.steps:
            start, there, end = ((step.offset + length) // unit
                                 for length in (0, step.copied, step.length))
            self.folios.before(step, start, there, end)
            result = self._make(step, start, there, end)
            self.folios.after(step)
            yield Expected(
                result=result if result < 0 else result * unit, size=file.size * unit,
                contents=self._contents(), segments=self.folios.segments(),
                folio=file.folio & SHOWN_FLAGS if self.folios.one else None,
                clean=step.do == "fsync")

    def _make(self, step: Step, start: int, there: int, end: int) -> int:
        """What the call returns: units, 0, or a negative error."""
        file = self.file
        match step.do:
            case "write":
                return self._write(start, end, there, self._versions(start, there, step.value))
            case "store":
                versions = self._versions(start, end, step.value)
                for position in range(start, end):
                    store(file, position, versions=versions)
            case "truncate":
                truncate(file, start)
            case "punch":
                if file.journalled and start < file.size:
                    # ext4_truncate_page_cache_block_range(), fs/ext4/inode.c, v6.18
                    self._write_back()
                punch(file, start, end)
            case "read":
                if file.size:
                    read(file)
                return file.size
            case "drop":
                reclaim(file)
            case "fsync":
                self._sync()
            case "writeback":
                self._write_back()
        return 0

    def _write(self, at: int, end: int, there: int, versions: bytes) -> int:
        """generic_perform_write(), mm/filemap.c, v6.18: a copy that ends early and of which
        nothing is accepted is tried once more, with what there is."""
        begun, goal = at, end
        while at < end:
            copied = max(min(there, goal) - at, 0)
            accepted = write(self.file, at, goal, copied=copied, versions=versions)
            at += accepted
            if accepted:
                goal = end
            elif copied:
                goal = at + copied
            else:
                break
        return at - begun or EFAULT

    def _versions(self, start: int, end: int, value: int) -> bytes:
        versions = fresh_together(self.file.units, self.file.units)
        for position in range(start, end):
            self.values[position][versions[position]] = value
        return versions

    def _write_back(self) -> None:
        start_writeback(self.file)
        if self.file.folio & folio.WRITEBACK:
            end_writeback(self.file)

    def _sync(self) -> None:
        """ext4_sync_file(), fs/ext4/fsync.c, v6.18: write back, wait, commit."""
        file = self.file
        self._write_back()
        commit(file)
        if file.journalled:
            checkpoint(file)
            file.folio &= ~folio.DIRTY

    def _contents(self) -> bytes:
        return bytes(0 if version < FIRST_VERSION else self.values[position][version]
                     for position, version in enumerate(readable(self.file.state())))


class _Folios:
    """What is certain about the folios that a kernel has made where the model has one.

    Attributes:
        one: what is cached is certain to be one folio, the model's, or nothing is cached.
        unsure: blocks that have become data in the model and may be none on a kernel with other
            folios, or the other way round.
    """

    def __init__(self, file: File) -> None:
        self.file = file
        self.one = True
        self.unsure: set[int] = set()
        self._was = file.state()
        self._synced = False
        self._left = False

    def before(self, step: Step, start: int, there: int, end: int) -> None:
        """A step begins, on so many units, of which the program reaches those up to `there`."""
        self._was = self.file.state()
        self._range = start, len(self._was.blocks) * UNITS if step.do == "truncate" else end
        self._reached = there

    def after(self, step: Step) -> None:
        """The step has been made."""
        # What a write prepares and then does not take in may stay: with the running transaction
        # (BJ_Reserved, fs/jbd2/transaction.c, v6.18), or as a dirty folio behind the end of the
        # file, which writeback passes over (mpage_process_page_bufs(), fs/ext4/inode.c, v6.18).
        if step.do == "write" and step.readable is not None:
            self._left = True
        sure = self.one and self._keeps_one(step)
        if not sure:
            self._doubt(step)
        self._settle(step)
        empty = (step.do == "truncate" and not step.offset) or (
            step.do == "drop" and self._synced and not self._left)
        self.one = sure or empty
        self._synced = step.do == "fsync"

    def _keeps_one(self, step: Step) -> bool:
        if step.do == "drop":
            return not (self.file.journalled and self._left)
        if not self.file.walker.setting.large:
            return True
        was, end = self._was, self.file.walker.end_of_folio
        # ext4_truncate_failed_write(), fs/ext4/truncate.h, v6.18; then the copy is tried again.
        cut_off = (step.do == "write" and not self.file.delalloc
                   and self._range[1] > self.file.size)
        if not was.folio & folio.CACHED:
            # __filemap_get_folio(), mm/filemap.c, v6.18, makes a folio as long as the write.
            return (not self.file.folio & folio.CACHED
                    or (step.do == "write" and self._range == (0, end) and not cut_off))
        if step.do == "truncate":
            return self._range[0] == end or self._survives(self._range[0], end)
        if step.do == "punch":
            low, high = self._range
            return self._survives(low, end if high >= was.size else high)
        return not cut_off or self._survives(was.size, end)

    def _survives(self, start: int, end: int) -> bool:
        """Is the folio certain to stay whole when a part of it is truncated? A split fails where a
        dirty buffer stays."""
        return any(flags & bh.DIRTY and (index * UNITS < start or (index + 1) * UNITS > end)
                   for index, flags in enumerate(self._was.ring))

    def _doubt(self, step: Step) -> None:
        """write_begin and page_mkwrite map the blocks of a whole folio, as far as the range or
        the file goes; that of the pages that the program reached is the least of it."""
        was, (start, end) = self._was, self._range
        if step.do == "write":
            reaches = end
        elif step.do == "store":
            start, reaches = 0, was.size
        else:
            return
        certain = self._certain(step)
        self.unsure |= {
            index for index in range(start // UNITS, -(-reaches // UNITS))
            if index not in certain
            and was.blocks[index] & blk.MAPPING not in (blk.DELAYED, blk.WRITTEN)}

    def _certain(self, step: Step) -> range:
        """Blocks that a write or store makes data of, whatever the folios."""
        per_page = self.file.walker.setting.blocks_per_page
        first, last = self._range[0] // UNITS, -(-self._range[1] // UNITS)
        if step.do == "store":
            first -= first % per_page
            last = min(-(-last // per_page) * per_page, -(-self._was.size // UNITS))
        elif self._reached < self._range[1]:
            last = min(last, (self._reached // UNITS // per_page + 1) * per_page)
        return range(first, last)

    def _settle(self, step: Step) -> None:
        if step.do in ("write", "store"):
            self.unsure -= set(self._certain(step))
        elif step.do == "truncate":
            self.unsure -= set(range(-(-self.file.size // UNITS), len(self._was.blocks)))
        elif step.do == "punch":
            start, end = self._range
            self.unsure -= set(range(-(-start // UNITS), end // UNITS))

    def segments(self) -> str:
        """As of `Expected`."""
        state = self.file.state()
        if self.one:
            letters = holes(state).replace(".", "H")
        else:
            letters = "".join(_segment(state, index)
                              for index in range(-(-state.size // UNITS)))
        return "".join("?" if index in self.unsure else letter
                       for index, letter in enumerate(letters))


def _segment(state: State, index: int) -> str:
    """A block's letter, whatever the folios: a preallocated block is data where it is cached."""
    mapping = state.blocks[index] & blk.MAPPING
    if mapping in (blk.DELAYED, blk.WRITTEN):
        return "D"
    if mapping == blk.HOLE:
        return "H"
    dirty = state.ring and state.ring[index] & bh.DIRTY and in_cache(state, index)
    return "D" if dirty else "?"
