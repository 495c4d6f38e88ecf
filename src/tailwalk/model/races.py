# SPDX-License-Identifier: GPL-2.0-or-later
"""Which races a check of writeback explores: every state of a small ring that one CPU syncs, and
CPUs that write, store, sync and punch while others do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from tailwalk.model import folio
from tailwalk.model.racing import Call, Race
from tailwalk.model.steps import JUNK, Shared
from tailwalk.model.writeback import GROUP

_SYNC, _COMMIT = Call("sync"), Call("commit")


def _mask(buffers: int) -> int:
    return (1 << buffers) - 1


def clean(buffers: int) -> Shared:
    """A folio that was read, with an index."""
    every = _mask(buffers)
    return Shared(mapped=every, uptodate=every, tracked=every,
                  folio=folio.CACHED | folio.UPTODATE)


def dirtied(shared: Shared, mask: int) -> Shared:
    """The same after writes that nobody synced."""
    return shared._replace(newer=mask, dirty=mask, bits=mask, groups=_groups_of(mask),
                           folio=shared.folio | folio.DIRTY)


def _groups_of(bits: int) -> int:
    return sum(1 << group for group in range(bits.bit_length()) if bits >> group * GROUP
               & _mask(GROUP))


def untracked(shared: Shared) -> Shared:
    """The same without an index, where its memory holds anything."""
    return shared._replace(tracked=0, bits=JUNK, groups=JUNK, all=JUNK, writes=JUNK)


def alone(buffers: int, *, journalled: bool = False) -> Iterator[Race]:
    """One CPU syncs, or a commit comes first, in every state that its ring can be in."""
    every = _mask(buffers)
    kinds = ((0, 0), (1, 0), (1, 1))  # mapped, delay
    for dirty, backing, inside, whole in product(
            range(every + 1), product(kinds, repeat=buffers), range(1, buffers + 1),
            (False, True)):
        mapped, delay = (sum(kind[which] << index for index, kind in enumerate(backing))
                         for which in (0, 1))
        shared = Shared(newer=dirty, dirty=dirty, mapped=mapped, delay=delay,
                        uptodate=every if whole else dirty, tracked=every,
                        folio=folio.CACHED | folio.DIRTY | (folio.UPTODATE if whole else 0))
        for known in (dirtied(shared, dirty),
                      shared._replace(bits=every, groups=_groups_of(every)),
                      shared._replace(all=1), untracked(shared)):
            for calls in ((_SYNC,), (_COMMIT, _SYNC)):
                yield Race(start=known, cpus=(calls,), buffers=buffers, inside=inside,
                           journalled=journalled, devices=0)


def racing(*, journalled: bool = False) -> Iterator[Race]:
    """Races that the order of the stores and the locks are for."""
    def of(start: Shared, *cpus: tuple[Call, ...], **setting: Any) -> Race:
        buffers = start.uptodate.bit_length()
        return Race(start=start, cpus=cpus, buffers=buffers,
                    **{"inside": buffers, "journalled": journalled, **setting})

    def write(*buffers: int) -> Call:
        return Call("write", buffers)

    if journalled:
        for start in (clean(3), dirtied(clean(3), 0b001), untracked(clean(3))):
            yield of(start, (Call("journal", (0,)), Call("journal", (2,))),
                     (Call("index"), _SYNC))
        return
    unpin = (Call("unpin", (1,)),)
    # Several bios for one folio; a ring that comes to be tracked while they are on their way.
    yield of(dirtied(clean(3), 0b101), (_SYNC,), devices=2)
    under_io = untracked(clean(3))._replace(
        async_write=0b101, bios=(0b001, 0b100), folio=clean(3).folio | folio.WRITEBACK)
    yield of(under_io, (write(1), _SYNC), devices=2)
    # Who marks buffers without the folio lock, against a sync and a write that finds them marked.
    yield of(clean(2), unpin, (write(0), _SYNC))
    yield of(untracked(clean(2)), unpin, (write(0), _SYNC))
    yield of(clean(2)._replace(newer=0b10, dirty=0b11, all=1, pte=1,
                               folio=clean(2).folio | folio.DIRTY),
             (Call("unmap"),), (write(0), _SYNC))
    # A block that a commit cannot allocate; a hole is punched; the device fails; no memory.
    yield of(clean(2)._replace(mapped=0b01), (write(1), _COMMIT), (write(0), _SYNC))
    yield of(dirtied(clean(3), 0b011), (Call("invalidate", (1,)),), (_SYNC,))
    yield of(dirtied(clean(3), 0b101), (_SYNC,), (write(2), _SYNC), failing=0b100)
    yield of(dirtied(clean(3), 0b011), unpin, (_COMMIT,), no_memory=True)
    # The same with more buffers: some are dirty, and writers use bits and the one for all.
    yield of(dirtied(clean(3), 0b100), unpin, (write(0), _SYNC))
    yield of(dirtied(clean(3), 0b101), (_SYNC,), (write(1), _SYNC), devices=2)
    yield of(clean(3), (write(0, 1), _SYNC), (write(2), _SYNC))
    yield of(clean(4), (write(0), _SYNC), (write(3), _SYNC))
