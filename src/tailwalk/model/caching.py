# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of the page cache: reading, giving up rings and folios, splitting."""

from __future__ import annotations

from tailwalk.model.contents import CLEAR, FILL
from tailwalk.model.file import File, look_up
from tailwalk.model.words import (
    EIO,
    FOLIO_DIRTY,
    FOLIO_UPTODATE,
    MAPPED,
    MAPPING,
    NEW,
    UNITS,
    UNWRITTEN,
    UNWRITTEN_EXTENT,
    UPTODATE,
    WRITEBACK,
    WRITTEN,
    State,
)

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
    mapped = [index < in_file and block & MAPPING == WRITTEN
              for index, block in enumerate(file.blocks)]
    first_hole = mapped.index(False) if False in mapped else len(mapped)
    if file.ring or any(mapped[first_hole:]):
        return _read_by_buffers(file, in_file, unreadable)
    file.change(CLEAR, first_hole * UNITS, file.walker.end_of_folio)
    if unreadable is not None and first_hole and unreadable < first_hole:
        return EIO
    file.change(FILL, 0, first_hole * UNITS)
    file.folio |= FOLIO_UPTODATE
    return 0


def _read_by_buffers(file: File, in_file: int, unreadable: int | None) -> int:
    """block_read_full_folio() and end_buffer_async_read(), fs/buffer.c, v6.18."""
    file.attach_ring()
    error = 0
    for index in range(len(file.ring)):
        if file.ring[index] & UPTODATE:
            continue
        if not file.ring[index] & MAPPED:
            if index < in_file and file.blocks[index] & MAPPING >= UNWRITTEN_EXTENT:
                file.change_buffer(index, add=look_up(file.blocks[index]),
                                   drop=NEW | MAPPED | UNWRITTEN)
            if not file.ring[index] & MAPPED:
                file.change_block(CLEAR, index)
                file.change_buffer(index, add=UPTODATE)
                continue
        if unreadable in (index, EVERY_BLOCK):
            error = EIO
            continue
        file.change_block(FILL, index)
        file.change_buffer(index, add=UPTODATE)
    if not error:
        file.folio |= FOLIO_UPTODATE
    return error


def drop_buffers(file: File) -> int:
    """filemap_release_folio() on a folio that stays cached."""
    file.drop_ring()
    return 0


def reclaim(file: File) -> int:
    """Evict a clean folio: remove_mapping(), mm/vmscan.c."""
    if not file.folio & (FOLIO_DIRTY | WRITEBACK) and (not file.ring or file.droppable()):
        file.drop_folio()
    return 0


def split(file: File, half: int) -> State | None:
    """__folio_split(), mm/huge_memory.c, v6.18: the first (0) or second (1) half as a folio of
    its own, or None where the folio cannot be split. Half folios share nothing but the file's
    size, so following one at a time loses nothing."""
    if file.ring and not file.drop_ring():
        return None
    blocks = len(file.blocks) // 2
    base = half * blocks * UNITS
    end = base + blocks * UNITS

    def within(size: int) -> int:
        return min(max(size - base, 0), end - base)

    return State(b"", file.blocks[half * blocks:(half + 1) * blocks], file.units[base:end],
                 file.folio, within(file.size), within(file.disksize))
