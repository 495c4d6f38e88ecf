# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of a sweep: one case over folio sizes and places in the folio."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tailwalk.cases.case import Case, Filesystem
from tailwalk.cases.places import PLACES, folio_size, place_offset
from tailwalk.cases.size import PAGE, parse_size
from tailwalk.errors import UsageError

RANDOM = "random"

# Positions in a folio that stand for all of them. Cost is linear in the position, so one from
# each of 16 equal parts of the folio gives the mean of all to a hundredth of its range.
_RANDOM_OFFSETS = 16
_SEED = 1


def sweep_cases(case: Case, *, fills: Sequence[int], places: Sequence[str],
                filesystem: Filesystem, partial: bool = False) -> tuple[Case, ...]:
    """The case at each place of a folio, for each fill; `random` stands for up to 16 cases.

    A place is a name of `PLACES`, `random`, or an offset in bytes or KiB. Offsets that two places
    share are measured once. With `partial`, the folios of every fill of two pages or more are not
    uptodate, and places that would write to their last page are left out.

    Raises UsageError for a place that is none, or a fill too small for it.
    """
    found: dict[Case, None] = {}
    for fill in fills:
        filled = case.changed(fill=fill)
        if partial and fill >= 2 * PAGE:
            filled = filled.changed(uptodate=False)
        for place in places:
            for offset in _offsets(place, filled, filesystem):
                cell = filled.changed(offset=offset)
                if not partial or _spares_last_page(cell):
                    found.setdefault(cell.check(), None)
    return tuple(found)


def _spares_last_page(case: Case) -> bool:
    return case.uptodate or case.offset % case.fill + case.length <= case.fill - PAGE


def _offsets(place: str, case: Case, filesystem: Filesystem) -> Iterator[int]:
    if place == RANDOM:
        yield from random_offsets(case, filesystem)
    elif place in PLACES:
        yield place_offset(place, case, filesystem)
    elif place[:1].isdigit():
        yield parse_size(place)
    else:
        raise UsageError(f"{place!r} is no place in a folio: take {', '.join(PLACES)} or "
                         f"{RANDOM}, or an offset in bytes or KiB.")


def random_offsets(case: Case, filesystem: Filesystem) -> Iterator[int]:
    """Block-aligned offsets that sample the file: one position from each of up to 16 equal parts
    of a folio, in a folio of its own choice; the same offsets on every call."""
    folio = folio_size(case.fill)
    block = filesystem.block_size
    positions = max(1, folio // block)
    parts = min(_RANDOM_OFFSETS, positions)
    choose = random.Random(_SEED)
    folios = max(1, (case.file_size - case.length) // folio)
    for part in range(parts):
        low, high = part * positions // parts, (part + 1) * positions // parts
        yield choose.randrange(folios) * folio + choose.randrange(low, high) * block


def named_offsets(case: Case, filesystem: Filesystem) -> dict[str, int]:
    """The offsets of the places that a write of this case fits into."""
    found = {}
    for place in PLACES:
        try:
            found[place] = place_offset(place, case, filesystem)
        except UsageError:
            continue
    return found
