# SPDX-License-Identifier: GPL-2.0-or-later
"""Wrong designs of writeback, each in one function, which a check must catch."""

from __future__ import annotations

from tailwalk.model import folio
from tailwalk.model.steps import Rule, Shared, put, read, set_bit, set_folio, test
from tailwalk.model.writeback import DirtyWalk, Flush


class ForgetEarly(Flush):
    """What the ring knows is taken before the folio is marked clean."""

    def submit_folio(self) -> Rule:
        walk = yield from self.begin_dirty_walk(take=True)
        yield from self.clear_dirty_for_io()
        yield from self.bio_write_folio(walk)


class ForgetChosen(Flush):
    """The first loop forgets what the second is to submit."""

    def choose(self, walk: DirtyWalk) -> Rule:
        walk.forget = True
        return (yield from super().choose(walk))


class KeepNone(Flush):
    """A buffer that stays dirty does not get its bit back."""

    def keep(self, index: int) -> Rule:  # noqa: ARG002
        yield from ()


class MarkLate(Flush):
    """That any buffer may be dirty is said after the folio was marked."""

    def block_dirty_folio(self) -> Rule:
        for index in self.ring:
            yield set_bit("dirty", index)
        yield set_folio(folio.DIRTY)
        if (yield test("tracked", 0)):
            yield put("all", 1)


class Peek(Flush):
    """Whether any buffer may be dirty is looked at without the lock."""

    def begin_dirty_walk(self, *, take: bool) -> Rule:
        whole = bool((yield read("all")))
        if take and whole:
            yield put("all", 0)
        return DirtyWalk(end=self.buffers if whole else 0, last=whole, whole=whole)


class EndEarly(Flush):
    """The end of a bio looks at no other buffers than its own."""

    def ended(self, shared: Shared, bio: int, *, counted: bool) -> tuple[Shared, int]:
        return super().ended(shared, bio, counted=counted)[0], 0


class CountLate(Flush):
    """Buffers under I/O are counted after they were submitted."""

    def count_writes(self, chosen: int) -> Rule:  # noqa: ARG002
        yield put("writes", 0)

    def submit(self, walk: DirtyWalk) -> Rule:
        chosen = (yield read("async_write")).bit_count()
        yield from super().submit(walk)
        yield put("writes", chosen)


class TrackEarly(Flush):
    """What the order of the stores was before the series had a barrier there: a ring
    is seen to be tracked before its leaves are cleared."""

    def clear_leaves(self) -> Rule:
        yield set_bit("tracked", 0)
        yield from super().clear_leaves()
