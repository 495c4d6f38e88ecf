# SPDX-License-Identifier: GPL-2.0-or-later
"""The state of one folio of a file: what it is made of, and how a file is set up.

Versions named here and in the other modules of this package are Linux versions; a rule that
names no version holds from v6.16 (large folios for ext4) to v7.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from tailwalk.cases import KIB, PAGE
from tailwalk.errors import ModelError

_LARGEST_BLOCK = 64 * KIB
"""Bytes in the largest block that ext4 has."""

UNITS = 2
"""Units of contents in a block: the least with which a write can begin or end inside a block."""

def in_blocks(units: int) -> str:
    """A position or length in blocks."""
    return f"{units / UNITS:g}"


Mode = Literal["ordered", "nodelalloc", "writeback", "journal"]
MODES: tuple[Mode, ...] = get_args(Mode)

EIO, EFAULT, ENOSPC = -5, -14, -28
ERRORS = {EIO: "EIO", ENOSPC: "ENOSPC"}


class State(NamedTuple):
    """Everything the model knows between two rules.

    Attributes:
        ring: one byte of buffer flags for each buffer head; empty where the folio has no ring.
        blocks: one byte for each block: mapping and block flags.
        units: one symbol for each unit: what cache, disk and copy hold (`contents`).
        folio: flags of the folio.
        size: i_size, in units from the folio's start (at most the folio's end).
        disksize: i_disksize, likewise: the size that a crash leaves.
    """

    ring: bytes
    blocks: bytes
    units: bytes
    folio: int
    size: int
    disksize: int


def _powers(most: int) -> list[int]:
    return [1 << order for order in range(most.bit_length())]


def _any_of(numbers: Sequence[int]) -> str:
    return " or ".join(filter(None, [", ".join(map(str, numbers[:-1])), str(numbers[-1])]))


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The file system and folio that an exploration is about.

    Attributes:
        mode: `ordered`: data=ordered with delayed allocation and dioread_nolock, ext4's default
            (data=writeback with delayed allocation takes the same steps). `nodelalloc`:
            data=ordered, blocks allocated by the write (ext4_should_dioread_nolock() is false
            then). `writeback`: the same with data=writeback, where a crash may show stale blocks
            by design. `journal`: data=journal.
        buffers: buffer heads in the folio's ring.
        blocks_per_page: blocks in a page: 4 for 1 KiB blocks, 1 for blocks of a page or more.
        pages_per_block: pages in a block: 1, or 2 to 16 for the blocks larger than a page that
            ext4 has in v7.3 (s_min_folio_order): no folio is smaller than a block.
    """

    mode: Mode = "ordered"
    buffers: int = 4
    blocks_per_page: int = 1
    pages_per_block: int = 1

    @property
    def large(self) -> bool:
        """Is the folio larger than a page?"""
        return self.splittable or self.pages_per_block > 1

    @property
    def splittable(self) -> bool:
        """Is the folio larger than the smallest that the mapping may hold?"""
        return self.buffers > self.blocks_per_page

    def check(self) -> Setting:
        """Itself, if the rules hold for it; raises ModelError naming the value that is wrong."""
        if self.mode not in MODES:
            raise ModelError(f"mode {self.mode!r} is none of {', '.join(MODES)}.")
        if not 1 <= self.buffers <= 64:
            raise ModelError(f"a folio of {self.buffers} buffers: the model takes 1 to 64.")
        page = PAGE // KIB
        parts, multiples = _powers(page), _powers(_LARGEST_BLOCK // PAGE)
        if self.blocks_per_page not in parts:
            raise ModelError(f"{self.blocks_per_page} blocks in a page of {page} KiB: give "
                             f"{_any_of(parts)} (blocks of "
                             f"{_any_of([page // part for part in parts])} KiB).")
        if self.pages_per_block not in multiples:
            raise ModelError(f"{self.pages_per_block} pages of {page} KiB in a block: give "
                             f"{_any_of(multiples)} (ext4 has blocks of up to "
                             f"{_LARGEST_BLOCK // KIB} KiB).")
        if self.pages_per_block > 1 and self.blocks_per_page > 1:
            raise ModelError(f"{self.pages_per_block} pages in a block and "
                             f"{self.blocks_per_page} blocks in a page: one of them is 1.")
        if self.buffers % self.blocks_per_page:
            raise ModelError(f"a folio of {self.buffers} buffers is no whole number of pages of "
                             f"{self.blocks_per_page} blocks: give a multiple.")
        if self.mode == "journal" and self.splittable:
            raise ModelError(
                "data=journal has the smallest folios alone up to v7.3 "
                f"(ext4_set_inode_mapping_order), so {self.buffers} buffers do not fit one of "
                f"{self.blocks_per_page}.")
        return self
