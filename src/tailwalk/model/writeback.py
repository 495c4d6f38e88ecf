# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules by which data reach the disk: writeback, the journal's commit and checkpoint."""

from __future__ import annotations

from collections.abc import Iterator

from tailwalk.model.caching import EVERY_BLOCK
from tailwalk.model.contents import CLEAR, COPY, FORGET, HOME, LAND
from tailwalk.model.file import File, clearing_flags
from tailwalk.model.words import (
    ASYNC_WRITE,
    CACHED,
    CONVERTING,
    DELAY,
    DELAYED,
    DIRTY,
    EIO,
    ENOSPC,
    FOLIO_DIRTY,
    FOLIO_UPTODATE,
    HOLE,
    MAPPED,
    MAPPING,
    NEW,
    RUNNING,
    UNCOMMITTED,
    UNITS,
    UNJOURNALLED,
    UNWRITTEN,
    UNWRITTEN_EXTENT,
    UPTODATE,
    WRITE_ERROR,
    WRITEBACK,
    WRITTEN,
)

_COMMITTED = clearing_flags(UNCOMMITTED)


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
        needs = flags & (DELAY | UNWRITTEN) if flags & DIRTY and flags & MAPPED else 0
        if needs != kind:
            if kind:
                yield range(start, index)
            start, kind = index, needs
    if kind:
        yield range(start, in_file)


def _map_block(file: File, index: int) -> None:
    """mpage_map_one_extent() with dioread_nolock, and mpage_process_folio(), for one block."""
    if file.blocks[index] & MAPPING == DELAYED:
        file.change_backing(index, drop=MAPPING, add=UNWRITTEN_EXTENT)
    if file.blocks[index] & MAPPING == UNWRITTEN_EXTENT:
        file.change_backing(index, add=CONVERTING)
    file.change_buffer(index, drop=DELAY | UNWRITTEN)


def _submit(file: File) -> None:
    """mpage_submit_folio() and ext4_bio_write_folio(), fs/ext4/page-io.c, v6.18."""
    if not file.folio & FOLIO_DIRTY:
        return
    file.folio &= ~FOLIO_DIRTY
    file.change(CLEAR, file.size, file.walker.end_of_folio)
    for index, flags in enumerate(file.ring):
        if index * UNITS >= file.size:
            file.change_buffer(index, add=UPTODATE, drop=DIRTY)
        elif not flags & DIRTY or flags & (DELAY | UNWRITTEN) or not flags & MAPPED:
            if not flags & MAPPED:
                file.change_buffer(index, drop=DIRTY)
            if file.ring[index] & DIRTY or file.blocks[index] & RUNNING:
                file.folio |= FOLIO_DIRTY
        else:
            file.change_buffer(index, add=ASYNC_WRITE, drop=DIRTY | NEW)
            file.change_block(COPY, index)
            file.folio |= WRITEBACK


def _give_up(file: File) -> None:
    """mpage_release_unused_pages() with invalidate, fs/ext4/inode.c, v6.18: the one place where
    ext4 takes a folio's uptodate flag away."""
    for index, block in enumerate(file.blocks):
        if block & MAPPING == DELAYED:
            file.change_backing(index, drop=MAPPING, add=HOLE)
        file.change_backing(index, drop=CONVERTING)
    file.invalidate(0, file.walker.end_of_folio)
    if not file.walker.setting.ring_survives:
        file.drop_ring()
    file.folio &= ~FOLIO_UPTODATE


def end_writeback(file: File, *, failed: int | None = None) -> int:
    """ext4_end_io_end() and ext4_finish_bio(), fs/ext4/page-io.c, v6.18.

    `failed` is the block whose write fails, or EVERY_BLOCK. Returns 0 or EIO.
    """
    error = 0
    in_flight = [index for index, flags in enumerate(file.ring) if flags & ASYNC_WRITE]
    for index in in_flight:
        if failed in (index, EVERY_BLOCK):
            error = EIO
            file.change_buffer(index, add=WRITE_ERROR, drop=ASYNC_WRITE)
            file.change_block(FORGET, index)
        else:
            file.change_buffer(index, drop=ASYNC_WRITE)
            file.change_block(LAND, index)
        file.mark_failed(index, failed=failed in (index, EVERY_BLOCK))
    for index in in_flight:
        if file.blocks[index] & CONVERTING:
            # One failed write keeps every extent of its io_end unwritten.
            file.change_backing(index, drop=CONVERTING, add=0 if error else WRITTEN)
            if error:
                file.mark_failed(index, failed=True)
    file.folio &= ~WRITEBACK
    return error


def commit(file: File) -> int:
    """The journal commits. data=ordered: the data of blocks that became written reach the disk
    first (ext4_normal_submit_inode_data_buffers()). data=journal: the data themselves go to the
    journal, and their buffers become dirty for the checkpoint (__jbd2_journal_refile_buffer())."""
    if file.journalled:
        for index, block in enumerate(file.blocks):
            if block & RUNNING:
                file.change_block(COPY, index)
                file.change_backing(index, drop=RUNNING)
                file.change_buffer(index, add=DIRTY)
                file.folio |= FOLIO_DIRTY
    elif file.folio & CACHED and any(block & UNCOMMITTED for block in file.blocks):
        _submit(file)
        end_writeback(file)
    file.blocks = file.blocks.translate(_COMMITTED)
    return 0


def checkpoint(file: File, *, failed: int | None = None) -> int:
    """jbd2_log_do_checkpoint(), fs/jbd2/checkpoint.c, and end_buffer_write_sync(), fs/buffer.c,
    v6.18: what is in the journal goes home. This is the one place where a buffer of an uptodate
    folio loses its uptodate flag, namely where its write fails.

    `failed` is the block whose write fails, or EVERY_BLOCK. Returns 0 or EIO.
    """
    error = 0
    for index, flags in enumerate(file.ring):
        if not flags & DIRTY or file.blocks[index] & RUNNING:
            continue
        if failed in (index, EVERY_BLOCK):
            error = EIO
            file.change_buffer(index, add=WRITE_ERROR, drop=DIRTY | UPTODATE)
            file.change_block(FORGET, index)
        else:
            file.change_buffer(index, add=UPTODATE, drop=DIRTY | WRITE_ERROR)
            file.change_block(HOME, index)
        file.mark_failed(index, failed=failed in (index, EVERY_BLOCK))
    return error


def leave_journal(file: File) -> int:
    """chattr -j: ext4_change_inode_journal_flag(), fs/ext4/inode.c, v6.18, flushes the journal
    and keeps the page cache."""
    commit(file)
    checkpoint(file)
    file.folio |= UNJOURNALLED
    return 0
