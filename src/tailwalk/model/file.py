# SPDX-License-Identifier: GPL-2.0-or-later
"""One file and its one folio under the rules: the working copy that a rule changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from typing import NamedTuple, TypeVar

from tailwalk.model import bh, blk, contents, folio
from tailwalk.model.walks import Begun, Ended, GetBlock, Span, Walk, span_of, zero_new_buffers
from tailwalk.model.words import EIO, UNITS, Mode, Setting, State

T = TypeVar("T")


@cache
def setting_flags(flags: int) -> bytes:
    """The translation of a ring that sets `flags` in every buffer."""
    return bytes(value | flags for value in range(256))


@cache
def clearing_flags(flags: int) -> bytes:
    """The translation of a ring or of blocks that clears `flags` everywhere."""
    return bytes(value & ~flags for value in range(256))


_DISCARDED = clearing_flags(bh.DIRTY | bh.MAPPED | bh.NEW | bh.DELAY | bh.UNWRITTEN)
_ALL_DIRTY = setting_flags(bh.DIRTY)


def reserve(block: int) -> tuple[int, int]:
    """ext4_da_get_block_prep(), v6.18: delayed allocation."""
    mapping = block & blk.MAPPING
    if mapping in (blk.HOLE, blk.DELAYED):
        return bh.MAPPED | bh.NEW | bh.DELAY, block & ~blk.MAPPING | blk.DELAYED
    if mapping == blk.UNWRITTEN:
        return bh.MAPPED | bh.NEW | bh.UNWRITTEN, block
    return bh.MAPPED, block


def _allocate(block: int) -> tuple[int, int]:
    """ext4_get_block() with create, v6.18, in a journalled or ordered transaction: a hole is
    allocated and an unwritten extent becomes written at once."""
    if block & blk.MAPPING == blk.WRITTEN:
        return bh.MAPPED, block
    return bh.MAPPED | bh.NEW, block | blk.WRITTEN | blk.UNCOMMITTED


def _allocate_unordered(block: int) -> tuple[int, int]:
    """The same with data=writeback: the commit does not wait for the data."""
    flags, block = _allocate(block)
    return flags, block & ~blk.UNCOMMITTED


class Inode(NamedTuple):
    """How an inode writes.

    Attributes:
        journalled: ext4_should_journal_data().
        delalloc: are blocks allocated at writeback? Then ext4_should_dioread_nolock() is true too.
        get_block: what ext4 passes to the walk.
    """

    journalled: bool
    delalloc: bool
    get_block: GetBlock


_INODES: dict[Mode, Inode] = {
    "ordered": Inode(False, True, reserve),
    "nodelalloc": Inode(False, False, _allocate),
    "writeback": Inode(False, False, _allocate_unordered),
    "journal": Inode(True, False, _allocate),
}


class Walker:
    """A design of the walk in a setting: what rules ask about besides the state.

    Walks are pure functions of ring, mapping and range, so each is walked once and remembered.
    A rival walk is walked beside it where its plan is another, and `differed` is set when it
    does anything else.
    """

    def __init__(self, setting: Setting, walk: Walk, *, rival: Walk | None = None) -> None:
        self.setting = setting
        self.walk = walk
        self.rival = rival
        self.differed = False
        self.end_of_folio = setting.buffers * UNITS
        self.inode = _INODES[setting.mode]
        # chattr -j on a file system that is mounted with delayed allocation
        self.unjournalled = _INODES["ordered"]
        self._begin = cache(self._walk_begin)
        self._end = cache(self._walk_end)
        self._plans_differ = cache(self._rival_plans_else)
        self._half: Walker | None = None

    def half(self) -> Walker:
        """The walker for one half of a folio that was split."""
        if self._half is None:
            setting = replace(self.setting, buffers=self.setting.buffers // 2)
            self._half = Walker(setting, self.walk, rival=self.rival)
        return self._half

    def for_state(self, state: State) -> Walker:
        """The walker whose folio has the size of the state's."""
        walker = self
        while walker.setting.buffers > len(state.blocks):
            walker = walker.half()
        return walker

    def begin(self, ring: bytes, blocks: bytes, uptodate: bool, start: int, end: int,
              get_block: GetBlock, refuse: int | None) -> Begun:
        """The design's ext4_block_write_begin()."""
        return self._noted(self._begin(ring, blocks, uptodate, start, end, get_block, refuse))

    def end(self, ring: bytes, uptodate: bool, start: int, end: int, copied: int) -> Ended:
        """The design's block_write_end()."""
        return self._noted(self._end(ring, uptodate, start, end, copied))

    def _noted(self, walked: tuple[T, bool]) -> T:
        self.differed |= walked[1]
        return walked[0]

    def _walk_begin(self, ring: bytes, blocks: bytes, uptodate: bool, start: int, end: int,
                    get_block: GetBlock, refuse: int | None) -> tuple[Begun, bool]:
        span = self.span(start, end)
        return self._beside_rival(lambda walk: walk.begin(
            ring, blocks, span=span, uptodate=uptodate, get_block=get_block, refuse=refuse),
            (span,), uptodate)

    def _walk_end(self, ring: bytes, uptodate: bool, start: int, end: int,
                  copied: int) -> tuple[Ended, bool]:
        span = self.span(start, end)
        # A copy that fell short may be taken in as none at all.
        return self._beside_rival(lambda walk: walk.end(
            ring, span=span, uptodate=uptodate, copied=copied),
            (span.first(copied), span.first(0)), uptodate)

    def _beside_rival(self, make: Callable[[Walk], T], spans: tuple[Span, ...],
                      uptodate: bool) -> tuple[T, bool]:
        """What the design does, and whether the rival, where its plan is another, does else."""
        made = make(self.walk)
        differs = any(self._plans_differ(span, uptodate) for span in spans)
        return made, self.rival is not None and differs and make(self.rival) != made

    def _rival_plans_else(self, span: Span, uptodate: bool) -> bool:
        return (self.rival is not None
                and self.rival.plan(span, uptodate) != self.walk.plan(span, uptodate))

    def span(self, start: int, end: int) -> Span:
        """A written range, in units."""
        return span_of(start, end, UNITS, self.setting.buffers)


class File:
    """A working copy of a state, and the steps that several rules share."""

    __slots__ = (*State._fields, *Inode._fields, "walker")

    def __init__(self, walker: Walker, state: State) -> None:
        self.walker = walker
        self.ring, self.blocks, self.units, self.folio, self.size, self.disksize = state
        self.journalled, self.delalloc, self.get_block = (
            walker.unjournalled if self.folio & folio.UNJOURNALLED else walker.inode)

    def state(self) -> State:
        """The state as it is now."""
        return State(self.ring, self.blocks, self.units, self.folio, self.size, self.disksize)

    # Contents of the cache.

    def change(self, table: bytes, start: int, end: int) -> None:
        """Take one step of `contents` in a range of units."""
        units = self.units
        if units:  # empty where contents are not followed
            self.units = units[:start] + units[start:end].translate(table) + units[end:]

    def change_block(self, table: bytes, index: int) -> None:
        """Take one step of `contents` in a block."""
        self.change(table, index * UNITS, (index + 1) * UNITS)

    def store(self, start: int, end: int, versions: bytes | None) -> None:
        """A program's bytes reach the cache: unused versions, or those of `versions` (one for
        each unit of the folio)."""
        if versions is None:
            self.change(contents.STORE, start, end)
        else:
            stored = contents.store_versions(self.units[start:end], versions[start:end])
            self.units = self.units[:start] + stored + self.units[end:]

    def clear_all(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Zero ranges of the cache."""
        for start, end in ranges:
            self.change(contents.CLEAR, start, end)

    # Flags of buffers, blocks and the folio.

    def is_uptodate(self) -> bool:
        """folio_test_uptodate()."""
        return bool(self.folio & folio.UPTODATE)

    def change_buffer(self, index: int, *, add: int = 0, drop: int = 0) -> None:
        """Set and clear flags of one buffer."""
        ring = self.ring
        self.ring = (ring[:index] + bytes((ring[index] & ~drop | add,)) + ring[index + 1:])

    def change_backing(self, index: int, *, add: int = 0, drop: int = 0) -> None:
        """Set and clear bits of one block."""
        blocks = self.blocks
        self.blocks = (blocks[:index] + bytes((blocks[index] & ~drop | add,))
                       + blocks[index + 1:])

    def look_up(self, index: int) -> None:
        """ext4_get_block() without create: a buffer gets the flags of its block's mapping."""
        flags = {blk.WRITTEN: bh.MAPPED, blk.UNWRITTEN: bh.UNWRITTEN}.get(
            self.blocks[index] & blk.MAPPING)
        if flags is not None:
            self.change_buffer(index, add=flags, drop=bh.NEW | bh.MAPPED | bh.UNWRITTEN)

    def begin_walk(self, start: int, end: int, refuse: int | None) -> Begun:
        """The design's begin walk over the ring of the folio."""
        begun = self.walker.begin(self.ring, self.blocks, self.is_uptodate(), start, end,
                                  self.get_block, refuse)
        self.ring, self.blocks = begun.ring, begun.blocks
        return begun

    def cache_folio(self) -> None:
        """Have a folio in the cache (FGP_CREAT): a new one is memory that nobody filled."""
        self.folio |= folio.CACHED

    def attach_ring(self) -> None:
        """create_empty_buffers(), fs/buffer.c, v6.18, unless the folio has a ring."""
        if not self.ring:
            flags = ((bh.UPTODATE if self.folio & folio.UPTODATE else 0)
                     | (bh.DIRTY if self.folio & folio.DIRTY else 0))
            self.ring = bytes((flags,)) * len(self.blocks)

    def dirty_all(self) -> None:
        """block_dirty_folio(), fs/buffer.c, v6.18."""
        self.ring = self.ring.translate(_ALL_DIRTY)
        self.folio |= folio.DIRTY

    def droppable(self) -> bool:
        """Would ext4_release_folio() let the ring go? Neither a dirty buffer nor one of the
        running transaction does (drop_buffers(), jbd2_journal_try_to_free_buffers())."""
        return (not self.folio & folio.WRITEBACK
                and not any(flags & (bh.DIRTY | bh.ASYNC_WRITE) for flags in self.ring)
                and not any(block & blk.RUNNING for block in self.blocks))

    def drop_ring(self) -> bool:
        """try_to_free_buffers(), fs/buffer.c, v6.18: whether the ring went."""
        if not self.droppable():
            return False
        self.ring = b""
        self.folio &= ~folio.DIRTY
        return True

    def drop_folio(self) -> None:
        """Take the folio out of the cache with all that it held."""
        self.ring = b""
        self.folio &= folio.UNJOURNALLED
        self.blocks = self.blocks.translate(clearing_flags(blk.RUNNING))
        self.change(contents.LOSE, 0, self.walker.end_of_folio)

    def invalidate(self, start: int, end: int) -> None:
        """Discard the buffers that lie wholly in a range: block_invalidate_folio(), fs/buffer.c,
        or for journalled data jbd2_journal_invalidate_folio(), fs/jbd2/transaction.c, v6.18."""
        if not self.ring:
            return
        first, last = -(-start // UNITS), end // UNITS
        if first >= last:
            return
        ring = self.ring
        self.ring = ring[:first] + ring[first:last].translate(_DISCARDED) + ring[last:]
        blocks = self.blocks
        self.blocks = (blocks[:first] + blocks[first:last].translate(clearing_flags(blk.RUNNING))
                       + blocks[last:])

    def free_blocks(self, first: int, last: int) -> None:
        """Make holes of the blocks from `first` up to but not `last`."""
        if first < last:
            self.blocks = self.blocks[:first] + bytes(last - first) + self.blocks[last:]
            self.change(contents.FREE, first * UNITS, last * UNITS)

    # Steps that several rules take.

    def read_buffer(self, index: int, *, unreadable: bool = False) -> int:
        """ext4_read_bh_lock(), fs/ext4/super.c, v6.18: 0 or EIO. A buffer with a write error is
        uptodate without being read (ext4_buffer_uptodate(), fs/ext4/ext4.h)."""
        if not self.ring[index] & bh.WRITE_ERROR:
            if unreadable:
                return EIO
            self.change_block(contents.FILL, index)
        self.change_buffer(index, add=bh.UPTODATE)
        return 0

    def zero_new(self, start: int, end: int) -> None:
        """folio_zero_new_buffers(), or ext4_journalled_zero_new_buffers() for journalled data."""
        if not any(flags & bh.NEW for flags in self.ring):
            return
        ring, zeroed = zero_new_buffers(self.ring, start, end, block=UNITS,
                                        uptodate=self.is_uptodate())
        self.clear_all(zeroed)
        if not self.journalled:
            if ring != self.ring:
                self.ring = ring
                self.folio |= folio.DIRTY
            return
        for index, (before, after) in enumerate(zip(self.ring, ring, strict=True)):
            if before != after:
                self.change_buffer(index, drop=bh.NEW)
                self.journal_buffer(index)

    def journal_access(self, index: int) -> None:
        """do_journal_get_write_access(): a buffer that waits for its checkpoint joins the running
        transaction, dirty for the journal and no more for the device
        (__jbd2_journal_file_buffer(), fs/jbd2/transaction.c)."""
        if self.ring[index] & bh.MAPPED and self.ring[index] & bh.DIRTY:
            self.change_buffer(index, drop=bh.DIRTY)
            self.change_backing(index, add=blk.RUNNING)

    def journal_buffer(self, index: int) -> None:
        """write_end_fn(), fs/ext4/inode.c, v6.18."""
        if self.ring[index] & bh.MAPPED:
            self.journal_access(index)
            self.change_buffer(index, add=bh.UPTODATE, drop=bh.NEW | bh.DIRTY)
            self.change_backing(index, add=blk.RUNNING)
            self.folio |= folio.DIRTY

    def zero_in_block(self, start: int, end: int) -> None:
        """__ext4_block_zero_page_range(), fs/ext4/inode.c, v6.18."""
        self.cache_folio()
        self.attach_ring()
        index = start // UNITS
        if not self.ring[index] & bh.MAPPED:
            self.look_up(index)
            if not self.ring[index] & bh.MAPPED:
                return
        if self.is_uptodate():
            self.change_buffer(index, add=bh.UPTODATE)
        if not self.ring[index] & bh.UPTODATE:
            self.read_buffer(index)
        self.change(contents.CLEAR, start, min(end, (index + 1) * UNITS))
        if self.journalled:
            self.journal_access(index)
            self.change_backing(index, add=blk.RUNNING)
        else:
            self.change_buffer(index, add=bh.DIRTY)
        self.folio |= folio.DIRTY

    def zero_partial_blocks(self, start: int, end: int) -> None:
        """ext4_zero_partial_blocks(), fs/ext4/inode.c, v6.18."""
        if start // UNITS == (end - 1) // UNITS:
            if start % UNITS or end % UNITS:
                self.zero_in_block(start, end)
            return
        if start % UNITS:
            self.zero_in_block(start, start + UNITS)
        if end % UNITS:
            self.zero_in_block(end - end % UNITS, end)

    def size_extended(self, old: int, new: int) -> None:
        """pagecache_isize_extended(), mm/truncate.c, v6.18: zero what lay behind the old size."""
        per_page = self.walker.setting.blocks_per_page
        rounded = -(-old // UNITS) * UNITS
        if old >= new or per_page == 1 or new <= rounded or not rounded % (per_page * UNITS):
            return
        if self.folio & folio.CACHED and self.folio & folio.DIRTY:
            self.change(contents.CLEAR, old, new)

    def mark_failed(self, index: int, *, failed: bool) -> None:
        """Remember that an I/O error was reported for a block, or forget it.

        What a failed write left on disk may be read and land again with the block's next write,
        so it is forgotten only once the block is this file's own throughout.
        """
        units = self.units[index * UNITS:(index + 1) * UNITS]
        cached, on_disk = map(units.translate, (contents.CACHE_VALUE, contents.DISK_VALUE))
        if not failed and contents.STALE in cached + on_disk:
            return
        self.change_backing(index, drop=blk.FAILED, add=blk.FAILED if failed else 0)
