# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a write lies: its part of each folio, and the buffers before, in and after that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tailwalk.cases.case import Case
from tailwalk.cases.size import PAGE


def touched_blocks(start: int, end: int, block: int) -> range:
    """The blocks that a range touches."""
    first = start // block
    return range(first, max(first, -(-end // block)))


def written_ranges(offset: int, length: int, folio: int) -> Iterator[tuple[int, int]]:
    """The ranges of folios that generic_perform_write(), mm/filemap.c, v6.18, writes in turn."""
    while length:
        start = offset % folio
        end = min(start + length, folio)
        yield start, end
        offset += end - start
        length -= end - start


class Sides(NamedTuple):
    """Buffers before, in and after the written range."""

    prefix: int
    span: int
    tail: int

    @property
    def visited(self) -> int:
        """All of them."""
        return sum(self)


def sides_of(case: Case, *, block_size: int, order: int) -> list[Sides]:
    """For each folio of `order` that the call writes to, in order: its buffers before, in and
    after what is written there."""
    folio = PAGE << order
    found = []
    for start, end in written_ranges(case.offset, case.length, folio):
        touched = touched_blocks(start, end, block_size)
        found.append(Sides(touched.start, len(touched), folio // block_size - touched.stop))
    return found
