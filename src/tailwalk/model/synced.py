# SPDX-License-Identifier: GPL-2.0-or-later
"""What it costs to write a folio's dirty buffers back, in counts: the buffers that the walks of
`writeback` pass, told by the number of them and not walked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tailwalk.model.writeback import Whole

TRACK_GROUP, TRACK_MIN = 128, 8
"""fs/buffer.c, with the series `flush`."""

_WALKS = 3
"""To find blocks to map, to choose and to submit; the fourth is at the end of each bio."""


def synced(kind: type[Whole], places: Sequence[range], *, buffers: int,
           group: int = TRACK_GROUP, least: int = TRACK_MIN) -> Counter[str]:
    """The walks over a ring in which these places were written, apart from one another, whose
    blocks are allocated and lie on the disk as they do in the file.

        synced: folios.
        written: buffers that were dirty.
        clean: others that were passed, by all walks together.
        beyond: of these, at the end of a bio, behind the last that it wrote: that ext4_finish_bio()
            finds by a second comparison.
        searches: for the next of those that may be dirty.
        bios: of which the end is told.
    """
    written = sum(map(len, places))
    counts = Counter(synced=1, written=written, bios=len(places), clean=0, beyond=0,
                     searches=0)
    tracked = kind.tracks and buffers >= least
    if tracked and all(2 * len(place) < buffers for place in places):
        # A run ends with its group of bits.
        runs = sum((place.stop - 1) // group - place.start // group + 1 for place in places)
        counts["searches"] = _WALKS * runs
    else:  # half of the folio was written at once, or nothing is known
        counts["clean"] = _WALKS * (buffers - written)
    if not tracked:
        counts["clean"] += len(places) * buffers - written
        counts["beyond"] = sum(buffers - place.stop for place in places)
    return counts
