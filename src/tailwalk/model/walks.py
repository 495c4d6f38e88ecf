# SPDX-License-Identifier: GPL-2.0-or-later
"""The walks over a folio's ring of buffer heads, in the designs that are compared.

A buffered write walks the ring twice: `begin` mirrors ext4_block_write_begin() (fs/ext4/inode.c)
and `end` mirrors block_write_end(), folio_zero_new_buffers() and block_commit_write()
(fs/buffer.c), all as of v6.18. What a walk does at a buffer is the same in every design of the
ring; a design is the *route*: which buffers are visited. Buffers before the written range are the
prefix, those it touches the span, those behind it the tail.

Positions are in any unit that blocks are a whole number of: the checker counts half blocks,
prediction counts bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

from tailwalk.cases.ring import touched_blocks
from tailwalk.model import bh, blk
from tailwalk.model.words import ENOSPC

Counts = Counter[str]
"""What a walk cost.

    prefix, span, tail: buffers visited before, in and behind the written range.
    hops: links of the ring followed to reach a buffer that is not visited on the way.
    lookups: uses of an index or a bitmap in place of a walk.
    flags: flag operations (tests, sets and clears) on buffers and folio.
    get_block: calls of get_block.
"""

Range = tuple[int, int]
"""Start and end of a range of positions in the folio."""

GetBlock = Callable[[int], tuple[int, int]]
"""From a block's byte to the flags its buffer gets and the block's byte afterwards."""

class Span:
    """A written range of a folio and the blocks that it touches.

    Attributes:
        start, end: the range.
        block: size of a block.
        buffers: buffers in the ring.
        touched: the blocks that are not outside the range, which both walks of v6.18 say with
            block_end <= from || block_start >= to.
    """

    __slots__ = ("block", "buffers", "end", "start", "touched")

    def __init__(self, start: int, end: int, *, block: int, buffers: int) -> None:
        self.start, self.end, self.block, self.buffers = start, end, block, buffers
        self.touched = touched_blocks(start, end, block)

    def partly(self, index: int) -> bool:
        """Is only a part of the block in the range?"""
        return index * self.block < self.start or (index + 1) * self.block > self.end

    def rest_of(self, index: int) -> Iterator[Range]:
        """The parts of a block that lie outside the range (folio_zero_segments)."""
        low, high = index * self.block, (index + 1) * self.block
        if high > self.end:
            yield max(self.end, low), high
        if low < self.start:
            yield low, min(self.start, high)

    def first(self, length: int) -> Span:
        """The range's first `length` positions."""
        if self.start + length == self.end:
            return self
        return span_of(self.start, self.start + length, self.block, self.buffers)


@cache
def span_of(start: int, end: int, block: int, buffers: int) -> Span:
    """The one `Span` of a range: what is remembered of a span is remembered under its identity."""
    return Span(start, end, block=block, buffers=buffers)


class Buffer:
    """A buffer head under a walk, which counts the operations on its flags."""

    __slots__ = ("flags", "operations")

    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.operations = 0

    def test(self, flag: int) -> bool:
        self.operations += 1
        return bool(self.flags & flag)

    def set(self, flag: int) -> None:
        self.operations += 1
        self.flags |= flag

    def clear(self, flag: int) -> None:
        self.operations += 1
        self.flags &= ~flag


CommitAt = Callable[[int, bool], tuple[int, int]]
"""The body of the commit's loop: from a buffer's flags and whether it is outside the range to the
flags afterwards and the flag operations."""


class Visit(NamedTuple):
    """What a walk does at one buffer: its flags and block afterwards, whether the block's bytes
    outside the range are zeroed, whether the block is read, whether get_block is called or
    refuses, and the flag operations."""

    flags: int
    block: int
    zeroes: bool
    reads: bool
    calls: bool
    refused: bool
    operations: int


class Begun(NamedTuple):
    """What ext4_block_write_begin() leaves: the ring and blocks, the ranges of the cache that it
    zeroed, the buffers that it reads, the calls of get_block, and 0 or the error."""

    ring: bytes
    blocks: bytes
    zeroed: tuple[Range, ...]
    reads: tuple[int, ...]
    calls: int
    error: int


class Ended(NamedTuple):
    """What block_write_end() leaves: the ring, the blocks whose reservation it gives back, the
    ranges of the cache that it zeroed, the positions it accepts, whether the folio is uptodate,
    and whether it made it dirty."""

    ring: bytes
    given_back: tuple[int, ...]
    zeroed: tuple[Range, ...]
    accepted: int
    uptodate: bool
    dirtied: bool


Visits = Callable[[Any, Any, Any, Any, Any], Any]
"""A route, as `designs` has them."""


class Cut(NamedTuple):
    """A route cut at the ends of the span: it visits `start` to `first` of the prefix, `first` to
    `last` of the span, and `last` to `stop` of the tail."""

    start: int
    first: int
    last: int
    stop: int


def cut(route: Visits, span: Span, uptodate: bool) -> Cut:
    """Where a route, which visits a run of buffers, meets the span."""
    def visited(i: int) -> bool:
        return bool(route(i, span.start, span.end, span.block, not uptodate))

    touched = span.touched
    start = 0 if visited(0) else bisect_left(range(touched.start), True, key=visited)
    stop = bisect_left(range(span.buffers), True, lo=start, key=lambda i: not visited(i))
    first = max(start, touched.start)
    last = max(first, min(stop, touched.stop))
    return Cut(start, first, last, max(last, stop))


@cache
def begin_at(flags: int, block: int, *, partly: bool, uptodate: bool, get_block: GetBlock,
             refuse: bool = False) -> Visit:
    """The body of the loop of ext4_block_write_begin(), fs/ext4/inode.c, v6.18 to v7.3, at a
    buffer in the range. Outside it only marks those of an uptodate folio uptodate."""
    buffer = Buffer(flags)

    def step(*, zeroes: bool = False, reads: bool = False, calls: bool = False,
             refused: bool = False) -> Visit:
        return Visit(buffer.flags, block, zeroes, reads, calls, refused, buffer.operations)

    if buffer.test(bh.NEW):
        buffer.clear(bh.NEW)
    calls = not buffer.test(bh.MAPPED)
    if calls:
        if refuse:
            return step(refused=True)
        got, block = get_block(block)
        buffer.flags = buffer.flags & ~(bh.NEW | bh.MAPPED | bh.UNWRITTEN) | got
        if buffer.test(bh.NEW) and not uptodate:
            return step(calls=True, zeroes=partly)
    if uptodate:
        buffer.set(bh.UPTODATE)
        return step(calls=calls)
    return step(calls=calls, reads=(not buffer.test(bh.UPTODATE) and not buffer.test(bh.DELAY)
                                    and not buffer.test(bh.UNWRITTEN) and partly))


def commit_at(flags: int, outside: bool) -> tuple[int, int]:
    """The body of the loop of block_commit_write(), fs/buffer.c, v6.18 to v7.3: the flags
    afterwards and the flag operations."""
    buffer = Buffer(flags)
    if outside:
        buffer.test(bh.UPTODATE)
    else:
        buffer.set(bh.UPTODATE)
        buffer.set(bh.DIRTY)
    if buffer.test(bh.NEW):
        buffer.clear(bh.NEW)
    return buffer.flags, buffer.operations


@cache
def begin_inside(ring: bytes, blocks: bytes, first: int, span: Span, uptodate: bool,
                 get_block: GetBlock, refuse: int | None) -> Begun:
    """The loop of ext4_block_write_begin() over those buffers of the span, `first` the first of
    them, that `ring` and `blocks` are cut down to."""
    after, backing = bytearray(ring), bytearray(blocks)
    zeroed: list[Range] = []
    reads: list[int] = []
    calls = error = 0
    for at, flags in enumerate(ring):
        i = first + at
        step = begin_at(flags, blocks[at], partly=span.partly(i),
                        uptodate=uptodate, get_block=get_block, refuse=calls == refuse)
        after[at], backing[at] = step.flags, step.block
        calls += step.calls
        if step.zeroes:
            zeroed.extend(span.rest_of(i))
        if step.reads:
            reads.append(i)
        if step.refused:
            error = ENOSPC
            break
    return Begun(bytes(after), bytes(backing), tuple(zeroed), tuple(reads), calls, error)


_MARKED = bytes(flags | bh.UPTODATE for flags in range(256))
_IS_UPTODATE = bytes(flags & bh.UPTODATE for flags in range(256))
_IS_NEW = bytes(flags & bh.NEW for flags in range(256))
_IS_DIRTY = bytes(flags & bh.DIRTY for flags in range(256))


@cache
def _tables(at: CommitAt) -> tuple[bytes, bytes]:
    """What the commit's body leaves of every combination of flags, inside the write and outside."""
    inside, outside = (bytes(at(flags, apart)[0] for flags in range(256))
                       for apart in (False, True))
    return inside, outside


class RingWalk:
    """Both walks over a ring of buffer heads along a design's routes.

    `indexed` says that a route which begins inside the ring gets there by an index and not by
    following the ring's links. `at` is the body of the commit's loop.
    """

    maps_whole_calls = False
    """Is the mapping asked for once for all folios of a call, by extents?"""

    def __init__(self, begin: Visits, commit: Visits, *, indexed: bool = False,
                 at: CommitAt = commit_at) -> None:
        self._begin_cut = cache(partial(cut, begin))
        self._commit_cut = cache(partial(cut, commit))
        self._indexed = indexed
        self._commit_at = at
        # A body that depends on the flags alone is a table over them.
        self._inside, self._outside = _tables(at)

    def plan(self, span: Span, uptodate: bool) -> object:
        """What tells this walk of a span from others: walks with equal plans do the same."""
        return self._begin_cut(span, uptodate), self._commit_cut(span, uptodate), self._commit_at

    def begin(self, ring: bytes, blocks: bytes, *, span: Span, uptodate: bool,
              get_block: GetBlock, refuse: int | None = None) -> Begun:
        """ext4_block_write_begin(), fs/ext4/inode.c, v6.18: prepare the buffers of `span`; `refuse`
        is the get_block call that gets ENOSPC."""
        start, first, last, stop = self._begin_cut(span, uptodate)
        inside = begin_inside(ring[first:last], blocks[first:last], first, span, uptodate,
                              get_block, refuse)
        prefix, tail = ring[start:first], ring[last:stop]
        if uptodate:
            prefix = prefix.translate(_MARKED)
            if not inside.error:
                tail = tail.translate(_MARKED)
        return inside._replace(ring=ring[:start] + prefix + inside.ring + tail + ring[stop:],
                               blocks=blocks[:first] + inside.blocks + blocks[last:])

    def end(self, ring: bytes, *, span: Span, uptodate: bool, copied: int) -> Ended:
        """block_write_end(), fs/buffer.c, v6.18: take in the first `copied` positions of `span`."""
        zeroed: tuple[Range, ...] = ()
        before = ring
        if copied < span.end - span.start:
            if not uptodate:
                copied = 0
            ring, zeroed = zero_new_buffers(ring, span.start + copied, span.end,
                                            block=span.block, uptodate=uptodate)
        # block_commit_write()
        start, first, last, stop = self._commit_cut(span.first(copied), uptodate)
        prefix, tail = ring[start:first], ring[last:stop]
        after = (ring[:start] + prefix.translate(self._outside)
                 + ring[first:last].translate(self._inside) + tail.translate(self._outside)
                 + ring[stop:])
        complete = uptodate or 0 not in (prefix + tail).translate(_IS_UPTODATE)
        return Ended(after, (), zeroed, copied, complete,
                     after.translate(_IS_DIRTY) != before.translate(_IS_DIRTY))

    def cost(self, ring: bytes, blocks: bytes, *, span: Span, uptodate: bool,
             get_block: GetBlock) -> tuple[Counts, Counts]:
        """What `begin` and `end` cost for a write that is taken in whole."""
        start, first, last, stop = visited = self._begin_cut(span, uptodate)
        begin = self._count(visited)
        if uptodate:
            begin["flags"] += first - start + stop - last
        for i in range(first, last):
            step = begin_at(ring[i], blocks[i], partly=span.partly(i), uptodate=uptodate,
                            get_block=get_block)
            begin["flags"] += step.operations
            begin["get_block"] += step.calls
        start, first, last, stop = visited = self._commit_cut(span, uptodate)
        commit = self._count(visited)
        for outside, run in ((True, ring[start:first] + ring[last:stop]),
                             (False, ring[first:last])):
            commit["flags"] += sum(run.count(flags) * self._commit_at(flags, outside)[1]
                                   for flags in set(run))
        return begin, commit

    def _count(self, visited: Cut) -> Counts:
        start, first, last, stop = visited
        reached = "lookups" if self._indexed else "hops"
        there = 0 if not start or stop <= start else 1 if self._indexed else start
        return Counts({"prefix": first - start, "span": last - first, "tail": stop - last,
                       reached: there})


class BitmapWalk:
    """iomap's per-folio state: __iomap_write_begin() and __iomap_write_end(),
    fs/iomap/buffered-io.c, v6.18, on top of ext4's block mapping.

    The folio holds an uptodate and a dirty bit for each block; the mapping is asked for by
    extents. The other flags of the ring stand in for that mapping, so that every other rule of
    the model serves this design too.
    """

    maps_whole_calls = True

    def plan(self, span: Span, uptodate: bool) -> object:  # noqa: ARG002
        """Nothing but the design."""
        return BitmapWalk

    def begin(self, ring: bytes, blocks: bytes, *, span: Span, uptodate: bool,
              get_block: GetBlock, refuse: int | None = None) -> Begun:
        """The iterations of iomap_iter() over the extents of the range, as one."""
        flags, after = bytearray(ring), bytearray(blocks)
        zeroed: list[Range] = []
        reads: list[int] = []
        calls = 0
        for i in span.touched:
            before = blocks[i] & blk.MAPPING
            if i == span.touched.start or before != blocks[i - 1] & blk.MAPPING:
                if calls == refuse:
                    # iomap_end() gives back what was reserved for this write.
                    return Begun(ring, blocks, (), (), calls, ENOSPC)
                calls += 1
            got, after[i] = get_block(after[i])
            flags[i] = flags[i] & ~(bh.MAPPED | bh.UNWRITTEN | bh.NEW | bh.DELAY) | got
            if before == blk.DELAYED:
                flags[i] &= ~bh.NEW  # reserved by an earlier write: not ours to give back
            if uptodate or flags[i] & bh.UPTODATE or not span.partly(i):
                continue
            if before == blk.WRITTEN:
                reads.append(i)
            else:
                zeroed.extend(span.rest_of(i))
        return Begun(bytes(flags), bytes(after), tuple(zeroed), tuple(reads), calls, 0)

    def end(self, ring: bytes, *, span: Span, uptodate: bool, copied: int) -> Ended:
        """iomap_write_end() and the file system's iomap_end()."""
        flags = bytearray(ring)
        given_back: list[int] = []
        if copied < span.end - span.start and not uptodate:
            copied = 0
        taken = span.first(copied).touched if copied else ()
        for i in span.touched:
            if i in taken:
                flags[i] |= bh.UPTODATE | bh.DIRTY
            elif flags[i] & bh.NEW and flags[i] & bh.DELAY:
                flags[i] &= ~(bh.MAPPED | bh.DELAY)
                given_back.append(i)
            elif not flags[i] & bh.UPTODATE:
                # Nothing keeps the mapping for the next read, which asks for it anew.
                flags[i] &= ~(bh.MAPPED | bh.UNWRITTEN)
            flags[i] &= ~bh.NEW
        complete = all(flag & bh.UPTODATE for flag in flags)
        return Ended(bytes(flags), tuple(given_back), (), copied, uptodate or complete,
                     bool(copied))

    def cost(self, ring: bytes, blocks: bytes, *, span: Span, uptodate: bool,
             get_block: GetBlock) -> tuple[Counts, Counts]:
        """The begin looks at the folio's flag and, where that is clear, at the bits of the blocks
        that are written in part; the end sets the range in both bitmaps at once."""
        begun = self.begin(ring, blocks, span=span, uptodate=uptodate, get_block=get_block)
        looked_at = 0 if uptodate else sum(span.partly(i) for i in span.touched)
        return (Counts(span=looked_at, lookups=looked_at, flags=1 + looked_at,
                       get_block=begun.calls), Counts(lookups=2, flags=2))


Walk = RingWalk | BitmapWalk
"""A design's two passes of a buffered write over one folio."""


def zero_new_buffers(ring: bytes, start: int, end: int, *, block: int,
                     uptodate: bool) -> tuple[bytes, tuple[Range, ...]]:
    """folio_zero_new_buffers(), fs/buffer.c, v6.18: the ring and the ranges of the cache zeroed.
    It walks the whole ring in every design."""
    if not any(ring.translate(_IS_NEW)):
        return ring, ()
    after = bytearray(ring)
    zeroed: list[Range] = []
    for i, flags in enumerate(ring):
        if flags & bh.NEW and (i + 1) * block > start and i * block < end:
            if not uptodate:
                zeroed.append((max(start, i * block), min(end, (i + 1) * block)))
                after[i] |= bh.UPTODATE
            after[i] = after[i] & ~bh.NEW | bh.DIRTY
    return bytes(after), tuple(zeroed)
