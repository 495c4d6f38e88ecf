# SPDX-License-Identifier: GPL-2.0-or-later
"""Prediction: what a call costs, in counts.

Counts are exact: the walk of a design, taken over a ring of the size that the folio has, in the
state that the benchmark keeps it in (every block written, mapped and dirty); and what else a call
does that depends on case, folio and place. `calibrate` makes instructions of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tailwalk.cases import PAGE, Case, show_size
from tailwalk.cases.places import folio_size
from tailwalk.cases.ring import written_ranges
from tailwalk.errors import ModelError
from tailwalk.model import bh, blk
from tailwalk.model.designs import Design
from tailwalk.model.file import reserve
from tailwalk.model.synced import synced
from tailwalk.model.walks import Counts, span_of
from tailwalk.model.writeback import Whole

_SYNCED = "overwrite_fdatasync"
"""The workload whose call is a write and fdatasync(2)."""

RANDOM: Final = "random"
Place = int | Literal["random"]

TERMS = {
    "prefix": "visits before the range",
    "tail": "visits behind the range",
    "span": "visits in the range",
    "clean": "clean buffers that writeback passes",
    "beyond": "of these, by the end of a bio that wrote what lies before",
    "searches": "searches for those that may be dirty",
    "folios": "folios written to",
    "large": "of these, folios larger than a page",
    "levels": "levels of the page cache's tree descended",
    "siblings": "folios found by a slot that is not their first",
    "words": "words of 8 bytes copied",
    "bytes": "bytes copied one by one",
    "pieces": "pieces copied (vectors, cut at folio ends)",
    "writev": "call is writev",
    "write": "call is write",
    "inside": "walks that begin before the range",
    "faulted": "vectors faulted in, again before every folio",
    "touched": "pages of these touched",
    "hops": "links followed",
    "lookups": "uses of an index or a bitmap",
    "get_block": "calls of get_block",
    "synced": "folios written back",
    "written": "dirty buffers that writeback writes",
}
"""What instructions are a sum over. Each has a loop or a branch of its own in the kernel:
`large` folio_size(), include/linux/mm.h; `levels` xas_load() and `siblings` xas_descend(),
lib/xarray.c; `words` and `bytes` rep_movs_alternative(), arch/x86/lib/copy_user_64.S; `writev`
import_iovec(), lib/iov_iter.c; `write` the file's own position, fs/read_write.c; `faulted`
iomap_write_iter(), fs/iomap/buffered-io.c, where ext4 faults in nothing that is there (all
v6.18)."""

_SLOT_BITS = 6
"""A node of the page cache's tree has 2**6 slots (XA_CHUNK_SHIFT)."""
_BY_WORDS = 64
"""Bytes from which on rep_movs_alternative() copies by `rep movsq`."""
_MOST_BYTES, _MOST_VECTORS = (1 << 31) - PAGE, 1024
"""What one call takes (MAX_RW_COUNT, include/linux/fs.h; UIO_MAXIOV, include/uapi/linux/uio.h)."""
_LARGEST_ENTRY = 2048 * PAGE
"""Bytes in the largest folio that a tree of such nodes could hold (MAX_XAS_ORDER)."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one call does, or the mean over random places.

    Attributes:
        case: the call; its offset counts for nothing where `place` is random.
        design: of the walks.
        block_size, folio: bytes.
        place: the file offset, or RANDOM for every block-aligned place in a folio alike.
        terms: the counts by the names of TERMS.
        flags: flag operations.
    """

    case: Case
    design: str
    block_size: int
    folio: int
    place: Place
    terms: dict[str, float]
    flags: float

    @property
    def visits(self) -> float:
        """Buffers visited by both walks."""
        return self.terms["prefix"] + self.terms["span"] + self.terms["tail"]


def cost_of(case: Case, design: Design, *, block_size: int, folio: int | None = None,
            place: Place | None = None) -> Cost:
    """What a call of a case costs in counts.

    Args:
        case: the call; `uptodate` False leaves the last page's data out of every folio.
        design: of the walks.
        block_size: of the file system, bytes.
        folio: bytes of the folios that cache the file; None: what `case.fill` asks for. x86-64
            makes them of up to 2 MiB; larger ones, which its page cache could hold, extrapolate.
        place: file offset, or RANDOM; None: `case.offset`.

    Raises ModelError for a case that is no overwrite, or for sizes that no kernel could have.
    """
    if not predictable(case):
        raise ModelError(f"{case.name} is no overwrite, synced or not, which is what the model "
                         "predicts: name a case such as pwrite_u1k or overwrite_fdatasync_u1k.")
    if case.length > _MOST_BYTES or case.vectors > _MOST_VECTORS:
        raise ModelError(f"{case.name} takes {case.length} bytes in {case.vectors} vectors: a call "
                         f"takes at most {_MOST_BYTES} in {_MOST_VECTORS}.")
    folio = folio_size(case.fill) if folio is None else folio
    if folio < PAGE or folio > _LARGEST_ENTRY or folio & (folio - 1):
        raise ModelError(f"a folio of {show_size(folio)}: folios are powers of two from "
                         f"{show_size(PAGE)} to {show_size(_LARGEST_ENTRY)}.")
    if block_size < 1024 or block_size > folio or block_size & (block_size - 1):
        raise ModelError(f"--fs-block-size {show_size(block_size)}: blocks are powers of two from "
                         f"1KiB to the folio's {show_size(folio)}.")
    place = case.offset if place is None else place
    places: Sequence[int] = (int(place),) if place != RANDOM else [
        offset for offset in range(0, folio, block_size)
        if case.uptodate or offset + case.length <= folio - PAGE]
    if not places:
        raise ModelError(f"a write of {case.length} bytes fits nowhere before the last page of a "
                         f"folio of {show_size(folio)}: give a larger --fill.")
    terms = dict.fromkeys(TERMS, 0.0)
    flags = 0.0
    for offset in places:
        for name, value in _terms(case, design, offset, block_size, folio).items():
            if name == "flags":
                flags += value / len(places)
            else:
                terms[name] += value / len(places)
    return Cost(case=case, design=design.name, block_size=block_size, folio=folio, place=place,
                terms=terms, flags=flags)


def predictable(case: Case) -> bool:
    """Is it a call whose counts are known?"""
    return case.declared.family == "overwrite" or case.workload == _SYNCED


def _terms(case: Case, design: Design, offset: int, block_size: int,
           folio: int) -> dict[str, int]:
    total = Counts()
    walk = design.walk()
    inside = 0
    chunks = list(written_ranges(offset, case.length, folio))
    for start, end in chunks:
        buffers = folio // block_size
        span = span_of(start, end, block_size, buffers)
        ring = bytearray((bh.UPTODATE | bh.DIRTY | bh.MAPPED,)) * buffers
        if not case.uptodate:
            left_out = -(-PAGE // block_size)
            ring[-left_out:] = bytes(left_out)
        # An overwrite of mapped blocks calls get_block of none.
        for counts in walk.cost(bytes(ring), bytes((blk.WRITTEN,)) * buffers, span=span,
                                uptodate=case.uptodate, get_block=reserve):
            total += counts
            inside += counts["prefix"] > 0
        if case.workload == _SYNCED:
            total += synced(design.writeback if folio > PAGE else Whole, [span.touched],
                            buffers=buffers)
    pieces = list(_pieces(case, chunks))
    words, odd = map(sum, zip(*(_copied(start, end) for start, end in pieces), strict=True))
    order = (folio // PAGE).bit_length() - 1
    faulted, touched = _faulted_in(case, chunks) if walk.maps_whole_calls else (0, 0)
    return {**{name: total[name] for name in
               ("prefix", "tail", "span", "hops", "lookups", "flags", "synced", "clean",
                "beyond", "written", "searches")},
            "folios": len(chunks), "large": len(chunks) * (order > 0),
            "levels": len(chunks) * _levels(case.file_size, order),
            "siblings": sum(_is_sibling(start, order) for start, _ in chunks),
            "words": words, "bytes": odd, "pieces": len(pieces),
            "writev": case.workload == "writev", "write": case.workload == "write",
            "inside": inside, "faulted": faulted, "touched": touched,
            # An overwrite lies in one extent.
            "get_block": 1 if walk.maps_whole_calls else total["get_block"]}


def _levels(file_size: int, order: int) -> int:
    """Nodes that xas_load() goes down through to a folio in a file of whole folios."""
    last = max(-(-file_size // PAGE), 1 << order) - 1
    height = 0
    while last:
        last >>= _SLOT_BITS
        height += 1
    return height - _level(order)


def _level(order: int) -> int:
    """How far above the lowest nodes of the tree an entry of an order stands."""
    return order // _SLOT_BITS


def _is_sibling(start: int, order: int) -> bool:
    """Does a position in a folio belong to another than the first of the folio's slots?"""
    return start // PAGE >= 1 << _SLOT_BITS * _level(order)


def _copied(start: int, end: int) -> tuple[int, int]:
    """Words and single bytes that a piece is copied in, without the first word, which aligns."""
    rest = end - start - (8 - start % 8 if end - start >= _BY_WORDS else 0)
    return rest // 8, rest % 8


def _pieces(case: Case, chunks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The ranges of folios that the vectors are copied to in turn."""
    left = case.size
    for start, end in chunks:
        while start < end:
            length = min(left, end - start)
            yield start, start + length
            start += length
            left = left - length or case.size


def _faulted_in(case: Case, chunks: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Before each folio, the vectors of which something is left to copy and the pages that hold
    it, added up (fault_in_iov_iter_readable(), lib/iov_iter.c, v6.18); vectors begin on pages."""
    vectors = pages = done = 0
    for start, end in chunks:
        whole, begun = divmod(done, case.size)
        left = case.vectors - whole
        vectors += left
        pages += left * -(-case.size // PAGE) - begun // PAGE
        done += end - start
    return vectors, pages
