# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules that shorten a file, lengthen it or make a hole in it."""

from __future__ import annotations

from tailwalk.model.contents import CLEAR
from tailwalk.model.file import File
from tailwalk.model.words import CACHED, FOLIO_DIRTY, UNITS, WRITEBACK
from tailwalk.model.writeback import end_writeback


def truncate(file: File, size: int) -> int:
    """ftruncate(2): the part of ext4_setattr(), fs/ext4/inode.c, v6.18, that sets a size."""
    old = file.size
    if size > old:
        if old % UNITS:
            file.zero_in_block(old, old + UNITS)
        file.size = file.disksize = size
        file.size_extended(old, size)
        _truncate_cache(file, size, file.walker.end_of_folio)
        return 0
    file.size = file.disksize = size
    truncate_to_size(file)
    return 0


def truncate_to_size(file: File) -> None:
    """truncate_pagecache() and ext4_truncate(): drop what lies behind i_size."""
    _truncate_cache(file, file.size, file.walker.end_of_folio)
    if file.size % UNITS:
        file.zero_in_block(file.size, file.size + UNITS)
    file.free_blocks(-(-file.size // UNITS), len(file.blocks))
    file.disksize = min(file.disksize, file.size)


def _truncate_cache(file: File, start: int, end: int) -> None:
    """truncate_inode_pages_range(), mm/truncate.c, v6.18, for the one folio."""
    if not file.folio & CACHED or start >= end:
        return
    if file.folio & WRITEBACK:
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
            and not file.folio & FOLIO_DIRTY):
        file.drop_folio()


def punch(file: File, start: int, end: int) -> int:
    """fallocate(2) with FALLOC_FL_PUNCH_HOLE: ext4_punch_hole(), fs/ext4/inode.c, v6.18."""
    if start >= file.size:
        return 0
    if end > file.size:
        page = file.walker.setting.blocks_per_page * UNITS
        end = -(-file.size // page) * page
    file.disksize = max(file.disksize, min(file.size, end))
    _truncate_cache(file, start, end)
    file.zero_partial_blocks(start, end)
    file.free_blocks(-(-start // UNITS), end // UNITS)
    return 0
