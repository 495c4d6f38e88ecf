# SPDX-License-Identifier: GPL-2.0-or-later
"""How the dirty buffers of a folio reach the disk: the walks of writeback, and who marks buffers
meanwhile, step by step.

Without the series `flush` a ring is never tracked, and every walk passes all of it: `Whole`. With
it, walks go by what the ring knows: `Flush`. The wrong ones below differ in one function each.
Names are those of v6.18 with the series; v7.3 differs in nothing that is told here.
"""

from __future__ import annotations

from dataclasses import dataclass

from tailwalk.model import folio
from tailwalk.model.steps import (
    CpuStep,
    Rule,
    Shared,
    change,
    changed,
    clear_bits,
    clear_folio,
    lock,
    put,
    read,
    set_bit,
    set_folio,
    tell,
    test,
    unlock,
    wait_while,
)

GROUP = 2
"""Buffers in a group (TRACK_GROUP is 128)."""

_WHOLE_GROUP = (1 << GROUP) - 1
_WORDS = ("bits", "groups", "all", "writes")


@dataclass
class DirtyWalk:
    """struct dirty_walk, include/linux/buffer_head.h."""

    number: int = 0
    end: int = 0
    last: bool = True
    whole: bool = True
    forget: bool = False


@dataclass(frozen=True, kw_only=True)
class Whole:
    """ext4 without the series.

    Attributes:
        buffers: in the ring.
        inside: those that begin before the end of the file.
        journalled: ext4_should_journal_data().
        failing: buffers that the device cannot write.
        no_memory: buffers that cannot be encrypted the first time, for want of memory.
    """

    buffers: int
    inside: int
    journalled: bool = False
    failing: int = 0
    no_memory: bool = False

    tracks = False

    @property
    def ring(self) -> range:
        return range(self.buffers)

    # Who marks buffers.

    def write(self, *written: int) -> Rule:
        """ext4_write_begin() to ext4_write_end() of whole blocks."""
        mask = sum(1 << index for index in written)
        yield lock("folio")
        yield change(f"gives {list(written)} blocks to be allocated", lambda shared: (
            shared._replace(mapped=shared.mapped | mask,
                            delay=shared.delay | mask & ~shared.mapped), 0))
        yield from self.folio_index_buffers()
        yield _store(mask)
        if len(written) > 1 and (yield test("tracked", 0)):  # half of the folio and more
            yield from self.track_all_dirty()
        for index in written:
            yield set_bit("uptodate", index)
            yield from self.mark_buffer_dirty(index)
        yield unlock("folio")

    def mark_buffer_dirty(self, index: int) -> Rule:
        """mark_buffer_dirty(), fs/buffer.c."""
        if (yield set_bit("dirty", index)):
            return
        yield from self.track_and_mark_folio(index)

    def track_and_mark_folio(self, index: int) -> Rule:
        """The rest of mark_buffer_dirty(), for a buffer that was clean."""
        if (yield test("tracked", index)):
            yield from self.track_dirty_buffer(index)
        yield set_folio(folio.DIRTY)

    def block_dirty_folio(self) -> Rule:
        """block_dirty_folio(), fs/buffer.c."""
        yield lock("private")
        for index in self.ring:
            yield set_bit("dirty", index)
        if (yield test("tracked", 0)):
            yield put("all", 1)
        yield set_folio(folio.DIRTY)
        yield unlock("private")

    def unmap(self) -> Rule:
        """zap_present_folio_ptes(), mm/memory.c: what was stored through a mapping is told to the
        folio without its lock, under that of the page table."""
        yield lock("page table")
        if (yield read("pte")):
            yield put("pte", 0)
            yield from self.block_dirty_folio()
        yield unlock("page table")

    def unpin(self, index: int) -> Rule:
        """set_page_dirty() of a page that was pinned and stored to, under no lock."""
        yield _store(1 << index)
        yield from self.block_dirty_folio()

    def index(self) -> Rule:
        """The index alone."""
        yield lock("folio")
        yield from self.folio_index_buffers()
        yield unlock("folio")

    def journal(self, index: int) -> Rule:
        """jbd2 after a commit: __jbd2_journal_temp_unlink_buffer(), fs/jbd2/transaction.c, marks
        a buffer under none of these locks."""
        yield _store(1 << index)
        yield from self.mark_buffer_dirty(index)

    def invalidate(self, index: int) -> Rule:
        """block_invalidate_folio() of one block, which was punched."""
        yield lock("folio")
        yield wait_while(folio.WRITEBACK)
        yield change(f"discards {index}", lambda shared: (changed(shared, **{
            field: getattr(shared, field) & ~(1 << index)
            for field in ("newer", "dirty", "mapped", "delay")}), 0))
        yield unlock("folio")

    # What the ring knows.

    def folio_index_buffers(self) -> Rule:
        """folio_index_buffers() and track_ring(), fs/buffer.c."""
        if not self.tracks or (yield test("tracked", 0)):
            return
        yield from self.clear_leaves()
        yield lock("private")
        dirty = 0
        for index in self.ring:
            yield set_bit("tracked", index)
            dirty |= yield test("dirty", index)
        if dirty:
            yield put("all", 1)
        yield unlock("private")

    def clear_leaves(self) -> Rule:
        """The part of folio_index_buffers() that clears the leaves."""
        yield change("clears the leaves", lambda shared: (
            changed(shared, **dict.fromkeys(_WORDS, 0)), 0))

    def track_all_dirty(self) -> Rule:
        """track_all_dirty(), fs/buffer.c."""
        yield lock("private")
        yield put("all", 1)
        yield unlock("private")

    def track_dirty_buffer(self, index: int) -> Rule:
        """track_dirty_buffer(), fs/buffer.c."""
        if (yield read("all")):
            return
        yield set_bit("bits", index)
        if not (yield test("groups", index // GROUP)):
            yield set_bit("groups", index // GROUP)

    def begin_dirty_walk(self, *, take: bool) -> Rule:
        """begin_dirty_walk(), fs/buffer.c."""
        if not (yield test("tracked", 0)):
            return DirtyWalk(end=self.buffers)
        yield lock("private")
        whole = yield read("all")
        if take and whole:
            yield put("all", 0)
        yield unlock("private")
        return DirtyWalk(end=self.buffers if whole else 0, last=bool(whole), whole=bool(whole))

    def next_dirty_buffer(self, walk: DirtyWalk) -> Rule:
        """next_dirty_buffer(), fs/buffer.c: the number, or None."""
        if walk.number == walk.end and (walk.last or not (yield from self.next_dirty_run(walk))):
            return None
        walk.number += 1
        return walk.number - 1

    def next_dirty_run(self, walk: DirtyWalk) -> Rule:
        """next_dirty_run(), fs/buffer.c."""
        groups = yield read("groups")
        bits = yield read("bits")
        start = walk.number
        while start < self.buffers and not (groups >> start // GROUP & bits >> start & 1):
            start += 1
        if start >= self.buffers:
            return False
        stop = start
        while stop % GROUP or stop == start:
            stop += 1
            if stop >= self.buffers or not bits >> stop & 1:
                break
        walk.number, walk.end = start, stop
        group = start // GROUP
        walk.last = not (groups >> group >> 1
                         or (stop < (group + 1) * GROUP and bits >> stop
                         & (1 << (group + 1) * GROUP - stop) - 1))
        if walk.forget:
            yield from self.forget_dirty(group, (1 << stop) - (1 << start))
        return True

    def forget_dirty(self, group: int, forgotten: int) -> Rule:
        """forget_dirty(), fs/buffer.c."""
        mask = _WHOLE_GROUP << group * GROUP
        yield clear_bits("bits", forgotten, f"{forgotten:b}")
        if (yield read("bits")) & mask:
            return
        yield clear_bits("groups", 1 << group, group)
        if (yield read("bits")) & mask:
            yield set_bit("groups", group)

    def repeat_dirty_walk(self, walk: DirtyWalk) -> Rule:
        """repeat_dirty_walk(), fs/buffer.c. (That a walk of one run is not looked for again is
        left out.)"""
        walk.number = 0
        if not (yield test("tracked", 0)):
            return
        walk.forget = True
        if not walk.whole:
            walk.end, walk.last = 0, False
            return
        groups = yield read("groups")
        for group in range(-(-self.buffers // GROUP)):
            if groups >> group & 1:
                yield from self.forget_dirty(group, _WHOLE_GROUP << group * GROUP)

    # Writeback.

    def sync(self) -> Rule:
        """fdatasync(2): file_write_and_wait_range(), mm/filemap.c. What was stored before is told
        where it is neither on the disk nor reported as lost."""
        promised = yield read("newer")
        yield from self.writepages()
        yield wait_while(folio.WRITEBACK)
        yield change("returns", lambda shared: (shared._replace(log=(
            *shared.log, ("a sync leaves", promised & (shared.newer | shared.async_write)))), 0))

    def commit(self) -> Rule:
        """ext4_normal_submit_inode_data_buffers(): a commit, which cannot map blocks."""
        yield from self.writepages(can_map=False)

    def writepages(self, *, can_map: bool = True) -> Rule:
        """ext4_do_writepages(): a first pass for what has its blocks, a second to map others."""
        can_map = can_map and not self.journalled
        for may_map in (False, True) if can_map else (False,):
            if not (yield read("folio")) & folio.DIRTY:
                return
            yield lock("folio")
            yield wait_while(folio.WRITEBACK)
            if (yield read("folio")) & folio.DIRTY:
                if can_map:
                    yield from self.map_and_submit(may_map=may_map)
                else:
                    yield from self.submit_folio()
            yield unlock("folio")

    def map_and_submit(self, *, may_map: bool) -> Rule:
        """mpage_prepare_extent_to_map(), mpage_map_one_extent() and mpage_process_folio()."""
        extent = yield from self.process_page_bufs(0, may_map=may_map)
        while extent:
            mask = (1 << extent.stop) - (1 << extent.start)
            yield clear_bits("delay", mask, list(extent))
            if extent.stop == self.buffers:
                yield from self.submit_folio()
                return
            extent = yield from self.process_page_bufs(extent.stop, may_map=may_map)

    def process_page_bufs(self, start: int, *, may_map: bool) -> Rule:
        """mpage_process_page_bufs(), fs/ext4/inode.c, as it is without the series: the extent to
        map; an empty one where the folio was submitted or a handle is needed first."""
        first, index = 0, start
        length = 0
        while index < self.buffers:
            needs = index < self.inside and (yield self.needs_block(index))
            if index >= self.inside or (length and not needs) or (needs and not may_map):
                if length or not may_map:
                    return (yield from self.looked(first, length, index))
                break
            if needs:
                first, length = (first if length else index), length + 1
            index += 1
        if not length:
            yield from self.submit_folio()
        return (yield from self.looked(first, length, index))

    def looked(self, first: int, length: int, index: int) -> Rule:
        """What mpage_process_page_bufs() found: the extent, and whether the file ends there."""
        yield tell("finds", length, "to map from", first, "at the end" * (index >= self.inside))
        return range(first, first + length)

    def needs_block(self, index: int) -> CpuStep:
        """mpage_add_bh_to_extent(): is it a buffer to map?"""
        return change(f"looks whether {index} is to be mapped", lambda shared: (
            shared, (shared.dirty & shared.mapped & shared.delay) >> index & 1))

    def submit_folio(self) -> Rule:
        """mpage_submit_folio(), fs/ext4/inode.c."""
        yield from self.clear_dirty_for_io()
        yield from self.bio_write_folio((yield from self.begin_dirty_walk(
            take=not self.no_memory)))

    def clear_dirty_for_io(self) -> Rule:
        """folio_clear_dirty_for_io(), mm/page-writeback.c."""
        yield from self.unmap()
        yield clear_folio(folio.DIRTY)

    def bio_write_folio(self, walk: DirtyWalk) -> Rule:
        """ext4_bio_write_folio(), fs/ext4/page-io.c, of which the walk has begun."""
        if not walk.whole and (self.journalled or (
                self.inside < self.buffers and not (yield read("folio")) & folio.UPTODATE)):
            walk = DirtyWalk(end=self.buffers)
        chosen = yield from self.choose(walk)
        if not chosen:
            if (yield test("tracked", 0)) and walk.whole:
                yield from self.track_all_dirty()
            return
        if self.no_memory:
            yield set_folio(folio.DIRTY)
            for index in self.ring:
                if (yield test("async_write", index)):
                    yield clear_bits("async_write", 1 << index, index)
                    yield set_bit("dirty", index)
            return
        yield set_folio(folio.WRITEBACK)
        if (yield test("tracked", 0)):
            yield from self.count_writes(chosen)
        yield from self.submit(walk)

    def choose(self, walk: DirtyWalk) -> Rule:
        """The first loop: how many are to be submitted."""
        chosen = 0
        while (index := (yield from self.next_dirty_buffer(walk))) is not None:
            if index >= self.inside:
                yield clear_bits("dirty", 1 << index, index)
                yield set_bit("uptodate", index)
            elif (yield _can_be_written(index)):
                yield set_bit("async_write", index)
                yield clear_bits("dirty", 1 << index, index)
                chosen += 1
            else:
                if not (yield test("mapped", index)):
                    yield clear_bits("dirty", 1 << index, index)
                if (yield test("dirty", index)):
                    yield set_folio(folio.DIRTY)
        return chosen

    def count_writes(self, chosen: int) -> Rule:
        """How many will be under I/O is counted before the first is submitted."""
        yield put("writes", chosen)

    def submit(self, walk: DirtyWalk) -> Rule:
        """The second loop: neighbours share a bio."""
        yield from self.repeat_dirty_walk(walk)
        bio, written = 0, 0
        while (index := (yield from self.next_dirty_buffer(walk))) is not None:
            if not (yield test("async_write", index)):
                if walk.forget and (yield test("dirty", index)):
                    yield from self.keep(index)
                continue
            if bio and not bio >> index - 1 & 1:
                yield _submit(bio)
                bio = 0
            bio |= 1 << index
            written |= 1 << index
        yield tell("writes", written)
        if bio:
            yield _submit(bio)

    def keep(self, index: int) -> Rule:
        """A buffer that stays dirty gets its bit back."""
        yield from self.track_dirty_buffer(index)

    # The end of I/O.

    def device(self) -> Rule:
        """One of the CPUs that are told when a bio has ended."""
        while True:
            bio = yield END_OF_BIO
            yield from self.finish_bio(bio)

    def finish_bio(self, bio: int) -> Rule:
        """ext4_finish_bio(), fs/ext4/page-io.c; nobody looks at what it changes but under its
        lock."""
        failed = bio if bio & self.failing else 0
        yield lock("uptodate")
        counted = (yield test("tracked", 0)) and (yield read("writes"))
        left = yield change(f"ends the write of {bio:b}", lambda shared: self.ended(
            shared._replace(async_write=shared.async_write & ~bio, error=shared.error | failed),
            bio, counted=bool(counted)))
        yield unlock("uptodate")
        if not left:
            yield clear_folio(folio.WRITEBACK)

    def ended(self, shared: Shared, bio: int, *, counted: bool) -> tuple[Shared, int]:
        """What is left under I/O: by ext4_end_counted(), or by a walk of the ring."""
        if not counted:
            return shared, shared.async_write
        writes = shared.writes - bio.bit_count()
        return shared._replace(writes=writes), writes


def _store(mask: int) -> CpuStep:
    return change(f"stores bytes in {mask:b}",
                  lambda shared: (shared._replace(newer=shared.newer | mask), 0))


def _can_be_written(index: int) -> CpuStep:
    return change(f"looks whether {index} is to be written", lambda shared: (
        shared, (shared.dirty & shared.mapped & ~shared.delay) >> index & 1))


def _submit(bio: int) -> CpuStep:
    return change(f"submits {bio:b}", lambda shared: (shared._replace(
        newer=shared.newer & ~bio, bios=(*shared.bios, bio)), 0))


END_OF_BIO = CpuStep("is told that a bio has ended", lambda shared: [
    (shared._replace(bios=shared.bios[:at] + shared.bios[at + 1:]), bio)
    for at, bio in enumerate(shared.bios)])


class Flush(Whole):
    """ext4 with the series."""

    tracks = True

    def process_page_bufs(self, start: int, *, may_map: bool) -> Rule:
        """mpage_process_page_bufs(), fs/ext4/inode.c, as the series leaves it."""
        walk = yield from self.begin_dirty_walk(take=False)
        walk.number = start
        if not walk.whole:
            walk.end = start
        first, index, length = 0, start, 0
        while True:
            found = yield from self.next_dirty_buffer(walk)
            following = self.buffers if found is None else found
            if index < following:
                if length:
                    return (yield from self.looked(first, length, index))
                index = following
                if index > self.inside:
                    index = self.inside
                    if not may_map:
                        return (yield from self.looked(first, length, index))
                    break
            if found is None:
                break
            needs = index < self.inside and (yield self.needs_block(index))
            if index >= self.inside or (length and not needs) or (needs and not may_map):
                if length or not may_map:
                    return (yield from self.looked(first, length, index))
                break
            if needs:
                first, length = (first if length else index), length + 1
            index += 1
        if not length:
            yield from self.submit_folio()
        return (yield from self.looked(first, length, index))
