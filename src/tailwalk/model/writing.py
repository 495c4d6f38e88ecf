# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of writing: write(2) and stores through a mapping."""

from __future__ import annotations

from functools import cache

from tailwalk.model.caching import read
from tailwalk.model.file import File
from tailwalk.model.truncation import truncate_to_size
from tailwalk.model.walks import GetBlock, Range
from tailwalk.model.words import (
    DELAY,
    DIRTY,
    ENOSPC,
    FOLIO_DIRTY,
    FOLIO_UPTODATE,
    HOLE,
    MAPPED,
    MAPPING,
    NEW,
    UNITS,
    UNWRITTEN,
    UPTODATE,
)


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
    begun = file.walker.begin(file.ring, file.blocks, file.is_uptodate(), start, end,
                               file.get_block, refuse)
    file.ring, file.blocks = begun.ring, begun.blocks
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
        file.change_backing(index, drop=MAPPING, add=HOLE)
    file.clear_all(ended.zeroed)
    if ended.uptodate:
        file.folio |= FOLIO_UPTODATE
    if ended.dirtied:
        file.folio |= FOLIO_DIRTY
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
        elif not file.ring[index] & UPTODATE:
            partial = True
    if not partial:
        file.folio |= FOLIO_UPTODATE
    return copied


def _grow(file: File, new_size: int, accepted: int) -> None:
    """ext4_update_inode_size(), or with delayed allocation the part of ext4_da_do_write_end()
    that leaves i_disksize to writeback unless the last block is allocated already."""
    if file.delalloc:
        if new_size > file.size:
            file.size = new_size
            last = file.ring[(new_size - 1) // UNITS]
            if accepted and last & MAPPED and not last & (DELAY | UNWRITTEN):
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
            flags & MAPPED for flags in file.ring[:-(-end // UNITS)]):
        error = 0
    else:
        error = _ext4_mkwrite(file, end, refuse)
    if error:
        return error
    if file.journalled:
        file.folio |= FOLIO_DIRTY  # ext4_journalled_dirty_folio() leaves the buffers alone
    else:
        file.dirty_all()
    file.store(unit, unit + 1, versions)
    return 0


def _generic_mkwrite(file: File, end: int, refuse: int | None) -> int:
    """block_page_mkwrite(), fs/buffer.c, v6.18."""
    file.attach_ring()
    ring, blocks, zeroed, error = _generic_begin(file.ring, file.blocks, end, file.get_block,
                                                 refuse)
    file.ring, file.blocks = ring, blocks
    file.clear_all(zeroed)
    if any(flags & DIRTY for flags in ring):
        file.folio |= FOLIO_DIRTY
    if error:
        file.zero_new(0, end)
        return error
    _write_end(file, 0, end, end)
    return 0


@cache
def _generic_begin(ring: bytes, blocks: bytes, end: int, get_block: GetBlock,
                   refuse: int | None) -> tuple[bytes, bytes, tuple[Range, ...], int]:
    """__block_write_begin_int(), fs/buffer.c, v6.18 to v7.3, for an uptodate folio: no design
    changes it."""
    after, backing = bytearray(ring), bytearray(blocks)
    calls = 0
    for i in range(len(ring)):
        if i * UNITS >= end:
            after[i] |= UPTODATE
            continue
        after[i] &= ~NEW
        if not after[i] & MAPPED:
            if calls == refuse:
                return bytes(after), bytes(backing), (), ENOSPC
            calls += 1
            flags, backing[i] = get_block(backing[i])
            after[i] = after[i] & ~(NEW | MAPPED | UNWRITTEN) | flags
            if after[i] & NEW:
                after[i] = after[i] & ~NEW | UPTODATE | DIRTY
                continue
        after[i] |= UPTODATE
    return bytes(after), bytes(backing), (), 0


def _ext4_mkwrite(file: File, end: int, refuse: int | None) -> int:
    """ext4_block_page_mkwrite(), fs/ext4/inode.c, v6.18."""
    file.attach_ring()
    begun = file.walker.begin(file.ring, file.blocks, True, 0, end, file.get_block, refuse)
    file.ring, file.blocks = begun.ring, begun.blocks
    if begun.error:
        file.zero_new(0, end)
        return begun.error
    if not file.journalled:
        _write_end(file, 0, end, end)
        return 0
    for index in file.walker.span(0, end).touched:
        file.journal_buffer(index)
    return 0
