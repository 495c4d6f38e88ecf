# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules: what a call, a fault, the kernel's own writeback or its memory's reclaim does to a
file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from tailwalk.model import bh, blk, folio
from tailwalk.model.contents import CLEAR, COPY, FILL, FORGET, HOME, LAND
from tailwalk.model.file import File, clearing_flags
from tailwalk.model.walks import GetBlock
from tailwalk.model.words import EIO, ENOSPC, UNITS

# Reading, giving up rings and folios, splitting.

EVERY_BLOCK = -1
"""In place of a block: every block that there is."""


def read(file: File, unreadable: int | None = None) -> int:
    """Fill the folio, as read(2), a fault or readahead does: ext4_mpage_readpages(),
    fs/ext4/readpage.c, v6.18.

    `unreadable` is a block that the device cannot read, or EVERY_BLOCK. Returns 0 or EIO.
    """
    if file.is_uptodate():
        return 0
    file.cache_folio()
    in_file = -(-file.size // UNITS)
    mapped = [index < in_file and block & blk.MAPPING == blk.WRITTEN
              for index, block in enumerate(file.blocks)]
    first_hole = mapped.index(False) if False in mapped else len(mapped)
    if file.ring or any(mapped[first_hole:]):
        return _read_by_buffers(file, in_file, unreadable)
    file.change(CLEAR, first_hole * UNITS, file.walker.end_of_folio)
    if unreadable is not None and first_hole and unreadable < first_hole:
        return EIO
    file.change(FILL, 0, first_hole * UNITS)
    file.folio |= folio.UPTODATE
    return 0


def _read_by_buffers(file: File, in_file: int, unreadable: int | None) -> int:
    """block_read_full_folio() and end_buffer_async_read(), fs/buffer.c, v6.18."""
    file.attach_ring()
    error = 0
    for index in range(len(file.ring)):
        if file.ring[index] & bh.UPTODATE:
            continue
        if not file.ring[index] & bh.MAPPED:
            if index < in_file:
                file.look_up(index)
            if not file.ring[index] & bh.MAPPED:
                file.change_block(CLEAR, index)
                file.change_buffer(index, add=bh.UPTODATE)
                continue
        if unreadable in (index, EVERY_BLOCK):
            error = EIO
            continue
        file.change_block(FILL, index)
        file.change_buffer(index, add=bh.UPTODATE)
    if not error:
        file.folio |= folio.UPTODATE
    return error


def reclaim(file: File) -> None:
    """Evict a clean folio: remove_mapping(), mm/vmscan.c."""
    if not file.folio & (folio.DIRTY | folio.WRITEBACK) and (not file.ring or file.droppable()):
        file.drop_folio()


def split(file: File, half: int) -> None:
    """__folio_split(), mm/huge_memory.c, v6.18, of a folio that has no ring or one that can go:
    the first (0) or second (1) half as a folio of its own. Half folios share nothing but the
    file's size, so following one at a time loses nothing."""
    if file.ring:
        file.drop_ring()
    blocks = len(file.blocks) // 2
    base, length = half * blocks * UNITS, blocks * UNITS
    file.blocks = file.blocks[half * blocks:(half + 1) * blocks]
    file.units = file.units[base:base + length]
    file.size, file.disksize = (min(max(size - base, 0), length)
                                for size in (file.size, file.disksize))


# Calls that shorten a file, lengthen it or make a hole in it.


def truncate(file: File, size: int) -> None:
    """ftruncate(2): the part of ext4_setattr(), fs/ext4/inode.c, v6.18, that sets a size."""
    old = file.size
    if size > old and old % UNITS:
        file.zero_in_block(old, old + UNITS)
    file.size = file.disksize = size
    if size > old:
        file.size_extended(old, size)
        _truncate_cache(file, size, file.walker.end_of_folio)
    else:
        truncate_to_size(file)


def truncate_to_size(file: File) -> None:
    """truncate_pagecache() and ext4_truncate(): drop what lies behind i_size."""
    _truncate_cache(file, file.size, file.walker.end_of_folio)
    if file.size % UNITS:
        file.zero_in_block(file.size, file.size + UNITS)
    file.free_blocks(-(-file.size // UNITS), len(file.blocks))
    file.disksize = min(file.disksize, file.size)


def _truncate_cache(file: File, start: int, end: int) -> None:
    """truncate_inode_pages_range(), mm/truncate.c, v6.18, for the one folio."""
    if not file.folio & folio.CACHED or start >= end:
        return
    if file.folio & folio.WRITEBACK:
        end_writeback(file)  # folio_wait_writeback()
    if start == 0 and end == file.walker.end_of_folio:
        file.drop_folio()
        return
    # truncate_inode_partial_folio()
    file.change(CLEAR, start, end)
    file.invalidate(start, end)
    setting = file.walker.setting
    # A folio that is split loses its ring and stays, here in one piece.
    if (setting.large and not (setting.splittable and file.drop_ring())
            and not file.folio & folio.DIRTY):
        file.drop_folio()


def punch(file: File, start: int, end: int) -> None:
    """fallocate(2) with FALLOC_FL_PUNCH_HOLE: ext4_punch_hole(), fs/ext4/inode.c, v6.18."""
    if start >= file.size:
        return
    if end > file.size:
        page = file.walker.setting.blocks_per_page * UNITS
        end = -(-file.size // page) * page
    file.disksize = max(file.disksize, min(file.size, end))
    _truncate_cache(file, start, end)
    file.zero_partial_blocks(start, end)
    file.free_blocks(-(-start // UNITS), end // UNITS)


# write(2) and stores through a mapping.


def write(file: File, start: int, end: int, *, copied: int | None = None,
          refuse: int | None = None, unreadable: bool = False,
          versions: bytes | None = None) -> int:
    """write(2) of a range of the folio: generic_perform_write() with ext4_write_begin() and
    ext4_write_end(), ext4_da_write_begin() and ext4_da_write_end(), or
    ext4_journalled_write_end() (fs/ext4/inode.c, v6.18).

    Args:
        file: changed.
        start, end: the range, in units.
        copied: units that the copy from the program brings over before it faults (None: all).
        refuse: the get_block call that gets ENOSPC.
        unreadable: does the read of a partly written block fail?
        versions: what is written, where two files are to get the same.

    Returns the units accepted, or ENOSPC or EIO.
    """
    copied = end - start if copied is None else copied
    error = _write_begin(file, start, end, refuse, unreadable)
    if error:
        file.zero_new(start, end)
        if end > file.size:
            truncate_to_size(file)
        return error
    file.store(start, start + copied, versions)
    old_size = file.size
    accepted = (_journalled_write_end if file.journalled else _write_end)(
        file, start, end, copied)
    _grow(file, start + accepted, accepted)
    if old_size < start:
        file.size_extended(old_size, start)
        file.zero_partial_blocks(old_size, start)
    if end > file.size and not file.delalloc:
        truncate_to_size(file)
    return accepted


def _write_begin(file: File, start: int, end: int, refuse: int | None, unreadable: bool) -> int:
    file.cache_folio()
    file.attach_ring()
    begun = file.begin_walk(start, end, refuse)
    file.clear_all(begun.zeroed)
    error = begun.error
    for index in begun.reads:
        error = file.read_buffer(index, unreadable=unreadable) or error
    if not error and file.journalled:
        for index in file.walker.span(start, end).touched:
            file.journal_access(index)
    return error


def _write_end(file: File, start: int, end: int, copied: int) -> int:
    ended = file.walker.end(file.ring, file.is_uptodate(), start, end, copied)
    file.ring = ended.ring
    for index in ended.given_back:
        file.change_backing(index, drop=blk.MAPPING, add=blk.HOLE)
    file.clear_all(ended.zeroed)
    if ended.uptodate:
        file.folio |= folio.UPTODATE
    if ended.dirtied:
        file.folio |= folio.DIRTY
    return ended.accepted


def _journalled_write_end(file: File, start: int, end: int, copied: int) -> int:
    """Up to v7.3 its ext4_walk_page_buffers() walks the whole ring in every design."""
    if copied < end - start and not file.is_uptodate():
        file.zero_new(start, end)
        return 0
    if copied < end - start:
        file.zero_new(start + copied, end)
    taken = file.walker.span(start, start + copied).touched
    partial = False
    for index in range(len(file.ring)):
        if index in taken:
            file.journal_buffer(index)
        elif not file.ring[index] & bh.UPTODATE:
            partial = True
    if not partial:
        file.folio |= folio.UPTODATE
    return copied


def _grow(file: File, new_size: int, accepted: int) -> None:
    """ext4_update_inode_size(), or with delayed allocation the part of ext4_da_do_write_end()
    that leaves i_disksize to writeback unless the last block is allocated already."""
    if file.delalloc:
        if new_size > file.size:
            file.size = new_size
            last = file.ring[(new_size - 1) // UNITS]
            if accepted and last & bh.MAPPED and not last & (bh.DELAY | bh.UNWRITTEN):
                file.disksize = max(file.disksize, new_size)
    else:
        file.size = max(file.size, new_size)
        file.disksize = max(file.disksize, new_size)


def store(file: File, unit: int, *, refuse: int | None = None,
          versions: bytes | None = None) -> int:
    """A store through a shared mapping: ext4_page_mkwrite(), fs/ext4/inode.c, v6.18, and the
    bytes. The unit lies before i_size.

    Returns 0, or ENOSPC or EIO for SIGBUS.
    """
    error = read(file)
    if error:
        return error
    end = file.size
    if file.delalloc:
        error = _generic_mkwrite(file, end, refuse)
    elif not file.journalled and file.ring and all(
            flags & bh.MAPPED for flags in file.ring[:-(-end // UNITS)]):
        error = 0
    else:
        error = _ext4_mkwrite(file, end, refuse)
    if error:
        return error
    if file.journalled:
        file.folio |= folio.DIRTY  # ext4_journalled_dirty_folio() leaves the buffers alone
    else:
        file.dirty_all()
    file.store(unit, unit + 1, versions)
    return 0


def _generic_mkwrite(file: File, end: int, refuse: int | None) -> int:
    """block_page_mkwrite(), fs/buffer.c, v6.18."""
    file.attach_ring()
    file.ring, file.blocks, error = _generic_begin(file.ring, file.blocks, end, file.get_block,
                                                   refuse)
    if any(flags & bh.DIRTY for flags in file.ring):
        file.folio |= folio.DIRTY
    if error:
        file.zero_new(0, end)
        return error
    _write_end(file, 0, end, end)
    return 0


@cache
def _generic_begin(ring: bytes, blocks: bytes, end: int, get_block: GetBlock,
                   refuse: int | None) -> tuple[bytes, bytes, int]:
    """__block_write_begin_int(), fs/buffer.c, v6.18 to v7.3, for an uptodate folio: no design
    changes it."""
    after, backing = bytearray(ring), bytearray(blocks)
    calls = 0
    for i in range(len(ring)):
        if i * UNITS >= end:
            after[i] |= bh.UPTODATE
            continue
        after[i] &= ~bh.NEW
        if not after[i] & bh.MAPPED:
            if calls == refuse:
                return bytes(after), bytes(backing), ENOSPC
            calls += 1
            flags, backing[i] = get_block(backing[i])
            after[i] = after[i] & ~(bh.NEW | bh.MAPPED | bh.UNWRITTEN) | flags
            if after[i] & bh.NEW:
                after[i] = after[i] & ~bh.NEW | bh.UPTODATE | bh.DIRTY
                continue
        after[i] |= bh.UPTODATE
    return bytes(after), bytes(backing), 0


def _ext4_mkwrite(file: File, end: int, refuse: int | None) -> int:
    """ext4_block_page_mkwrite(), fs/ext4/inode.c, v6.18."""
    file.attach_ring()
    begun = file.begin_walk(0, end, refuse)
    if begun.error:
        file.zero_new(0, end)
        return begun.error
    if not file.journalled:
        _write_end(file, 0, end, end)
        return 0
    for index in file.walker.span(0, end).touched:
        file.journal_buffer(index)
    return 0


# How data reach the disk: writeback, the journal's commit and checkpoint.

_COMMITTED = clearing_flags(blk.UNCOMMITTED)


def start_writeback(file: File, *, refuse: int | None = None, fatal: bool = False,
                    failed: int | None = None) -> int:
    """ext4_do_writepages(), fs/ext4/inode.c, v6.18, up to the submission of the folio.

    `refuse` is the extent whose allocation fails; `fatal` says that ext4 gives the data up
    rather than try again (invalidate_dirty_pages). Journalled data are committed, and written
    to the end, with `failed` as in `end_writeback`. Returns 0, ENOSPC or EIO.
    """
    if file.journalled:
        commit(file)
        _submit(file)
        return end_writeback(file, failed=failed)
    in_file = -(-file.size // UNITS)
    disksize = file.walker.end_of_folio
    mapped = False
    for number, extent in enumerate(list(_extents_to_map(file, in_file))):
        if number == refuse:
            if fatal:
                _give_up(file)
                return ENOSPC
            if not mapped:
                return ENOSPC
            disksize = extent.start * UNITS
            break
        for index in extent:
            _map_block(file, index)
        mapped = True
    _submit(file)
    if mapped:
        file.disksize = max(file.disksize, min(disksize, file.size))
    return 0


def _extents_to_map(file: File, in_file: int) -> Iterator[range]:
    """mpage_add_bh_to_extent(): runs of dirty buffers that are delayed, or are unwritten."""
    start, kind = 0, 0
    for index, flags in enumerate(file.ring[:in_file]):
        needs = flags & (bh.DELAY | bh.UNWRITTEN) if flags & bh.DIRTY and flags & bh.MAPPED else 0
        if needs != kind:
            if kind:
                yield range(start, index)
            start, kind = index, needs
    if kind:
        yield range(start, in_file)


def _map_block(file: File, index: int) -> None:
    """mpage_map_one_extent() with dioread_nolock, and mpage_process_folio(), for one block."""
    if file.blocks[index] & blk.MAPPING == blk.DELAYED:
        file.change_backing(index, drop=blk.MAPPING, add=blk.UNWRITTEN)
    if file.blocks[index] & blk.MAPPING == blk.UNWRITTEN:
        file.change_backing(index, add=blk.CONVERTING)
    file.change_buffer(index, drop=bh.DELAY | bh.UNWRITTEN)


def _submit(file: File) -> None:
    """mpage_submit_folio() and ext4_bio_write_folio(), fs/ext4/page-io.c, v6.18."""
    if not file.folio & folio.DIRTY:
        return
    file.folio &= ~folio.DIRTY
    file.change(CLEAR, file.size, file.walker.end_of_folio)
    for index, flags in enumerate(file.ring):
        if index * UNITS >= file.size:
            file.change_buffer(index, add=bh.UPTODATE, drop=bh.DIRTY)
        elif not flags & bh.DIRTY or flags & (bh.DELAY | bh.UNWRITTEN) or not flags & bh.MAPPED:
            if not flags & bh.MAPPED:
                file.change_buffer(index, drop=bh.DIRTY)
            if file.ring[index] & bh.DIRTY or file.blocks[index] & blk.RUNNING:
                file.folio |= folio.DIRTY
        else:
            file.change_buffer(index, add=bh.ASYNC_WRITE, drop=bh.DIRTY | bh.NEW)
            file.change_block(COPY, index)
            file.folio |= folio.WRITEBACK


def _give_up(file: File) -> None:
    """mpage_release_unused_pages() with invalidate, fs/ext4/inode.c, v6.18: the one place where
    ext4 takes a folio's uptodate flag away."""
    for index, block in enumerate(file.blocks):
        if block & blk.MAPPING == blk.DELAYED:
            file.change_backing(index, drop=blk.MAPPING, add=blk.HOLE)
        file.change_backing(index, drop=blk.CONVERTING)
    file.invalidate(0, file.walker.end_of_folio)
    file.drop_ring()
    file.folio &= ~folio.UPTODATE


def end_writeback(file: File, *, failed: int | None = None) -> int:
    """ext4_end_io_end() and ext4_finish_bio(), fs/ext4/page-io.c, v6.18.

    `failed` is the block whose write fails, or EVERY_BLOCK. Returns 0 or EIO.
    """
    error = 0
    in_flight = [index for index, flags in enumerate(file.ring) if flags & bh.ASYNC_WRITE]
    for index in in_flight:
        if failed in (index, EVERY_BLOCK):
            error = EIO
            file.change_buffer(index, add=bh.WRITE_ERROR, drop=bh.ASYNC_WRITE)
            file.change_block(FORGET, index)
        else:
            file.change_buffer(index, drop=bh.ASYNC_WRITE)
            file.change_block(LAND, index)
        file.mark_failed(index, failed=failed in (index, EVERY_BLOCK))
    for index in in_flight:
        if file.blocks[index] & blk.CONVERTING:
            # One failed write keeps every extent of its io_end unwritten.
            file.change_backing(index, drop=blk.CONVERTING, add=0 if error else blk.WRITTEN)
            if error:
                file.mark_failed(index, failed=True)
    file.folio &= ~folio.WRITEBACK
    return error


def commit(file: File) -> None:
    """The journal commits. data=ordered: the data of blocks that became written reach the disk
    first (ext4_normal_submit_inode_data_buffers()). data=journal: the data themselves go to the
    journal, and their buffers become dirty for the checkpoint (__jbd2_journal_refile_buffer())."""
    if file.journalled:
        for index, block in enumerate(file.blocks):
            if block & blk.RUNNING:
                file.change_block(COPY, index)
                file.change_backing(index, drop=blk.RUNNING)
                file.change_buffer(index, add=bh.DIRTY)
                file.folio |= folio.DIRTY
    elif file.folio & folio.CACHED and any(block & blk.UNCOMMITTED for block in file.blocks):
        _submit(file)
        end_writeback(file)
    file.blocks = file.blocks.translate(_COMMITTED)


def checkpoint(file: File, *, failed: int | None = None) -> int:
    """jbd2_log_do_checkpoint(), fs/jbd2/checkpoint.c, and end_buffer_write_sync(), fs/buffer.c,
    v6.18: what is in the journal goes home. This is the one place where a buffer of an uptodate
    folio loses its uptodate flag, namely where its write fails.

    `failed` is the block whose write fails, or EVERY_BLOCK. Returns 0 or EIO.
    """
    error = 0
    for index, flags in enumerate(file.ring):
        if not flags & bh.DIRTY or file.blocks[index] & blk.RUNNING:
            continue
        if failed in (index, EVERY_BLOCK):
            error = EIO
            file.change_buffer(index, add=bh.WRITE_ERROR, drop=bh.DIRTY | bh.UPTODATE)
            file.change_block(FORGET, index)
        else:
            file.change_buffer(index, add=bh.UPTODATE, drop=bh.DIRTY | bh.WRITE_ERROR)
            file.change_block(HOME, index)
        file.mark_failed(index, failed=failed in (index, EVERY_BLOCK))
    return error


def leave_journal(file: File) -> None:
    """chattr -j: ext4_change_inode_journal_flag(), fs/ext4/inode.c, v6.18, flushes the journal
    and keeps the page cache."""
    commit(file)
    checkpoint(file)
    file.folio |= folio.UNJOURNALLED
