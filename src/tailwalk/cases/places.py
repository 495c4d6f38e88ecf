# SPDX-License-Identifier: GPL-2.0-or-later
"""Places in a folio, by name."""

from __future__ import annotations

from tailwalk.cases.case import Case, Filesystem
from tailwalk.cases.size import LARGEST_FOLIO, PAGE, show_size
from tailwalk.errors import UsageError

PLACES: dict[str, str] = {
    "first": "at the folio's first byte",
    "quarter": "a quarter into the folio",
    "half": "half way into the folio",
    "last": "so that it ends with the folio, on a block's boundary",
    "unaligned": "half way into the folio and 100 bytes further, on no boundary",
    "crossing": "half before and half after the folio's end",
}


def folio_size(fill: int) -> int:
    """Bytes of the folios that writes of `fill` bytes ask for (mapping_max_folio_size and
    fgf_set_order, v6.16 on): the largest power of two in them, from a page to the largest."""
    return min(max(PAGE, 1 << fill.bit_length() >> 1), LARGEST_FOLIO)


def place_offset(place: str, case: Case, filesystem: Filesystem) -> int:
    """The file offset of a place in the first folio of the case's file.

    `crossing` may lead into the second. Raises UsageError for an unknown place, or one that a
    write of this length does not fit into.
    """
    folio = folio_size(case.fill)
    block = filesystem.block_size
    blocks = -(-case.length // block) * block
    if place == "first":
        return 0
    if place == "quarter":
        return folio // 4
    if place == "half":
        return folio // 2
    if place == "last":
        return max(0, folio - blocks)
    if place == "unaligned":
        return folio // 2 + 100
    if place == "crossing":
        if case.length > 2 * folio:
            raise UsageError(f"a write of {case.length} bytes does not cross just one end of a "
                             f"folio of {show_size(folio)}; give a larger --fills.")
        return folio - case.length // 2
    hint = " Many random places are for tailwalk sweep." if place == "random" else ""
    raise UsageError(f"{place!r} is no place in a folio: take {', '.join(PLACES)}, or an offset in "
                     f"bytes or KiB.{hint}")
