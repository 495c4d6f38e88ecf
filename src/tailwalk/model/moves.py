# SPDX-License-Identifier: GPL-2.0-or-later
"""The moves of an exploration: which rules, with which arguments, are tried in a state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from tailwalk.model import bh, blk, folio
from tailwalk.model.contents import NOWHERE, ON_DISK
from tailwalk.model.file import File, Walker
from tailwalk.model.rules import (
    EVERY_BLOCK,
    checkpoint,
    commit,
    end_writeback,
    leave_journal,
    punch,
    read,
    reclaim,
    split,
    start_writeback,
    store,
    truncate,
    write,
)
from tailwalk.model.words import ERRORS, UNITS, State, in_blocks

NONE = -2
"""In place of a block, extent or call: no fault is injected."""


class Move(NamedTuple):
    """A rule and its arguments.

    Attributes:
        rule: the rule's name.
        start, end: the range in units; for truncate the new size, for split the half (start).
        copied: units copied before the copy faults; NONE for all.
        fault: the block, extent or get_block call that fails, EVERY_BLOCK, or NONE.
        fatal: for writeback, whether ext4 gives the data up; for write, whether the fault is that
            of a read rather than of get_block.
    """

    rule: str
    start: int = 0
    end: int = 0
    copied: int = NONE
    fault: int = NONE
    fatal: bool = False


DEPENDS_ON_DESIGN = frozenset({"write", "store"})
EVICTIONS = frozenset({"drop buffers", "reclaim", "split"})
WAIT_FOR_WRITEBACK = frozenset({"truncate", "punch", "commit", "checkpoint", "leave journal"})


def take(walker: Walker, state: State, move: Move,
         versions: bytes | None = None) -> tuple[State, int]:
    """The state after a move and what its caller saw. `versions`: as of `writing.write`."""
    file = File(walker, state)
    outcome = _RULES[move.rule](file, move, versions)
    return file.state(), outcome or 0


def _fault(move: Move) -> int | None:
    return None if move.fault == NONE else move.fault


def _write(file: File, move: Move, versions: bytes | None) -> int:
    return write(file, move.start, move.end,
                 copied=None if move.copied == NONE else move.copied,
                 refuse=None if move.fatal or move.fault == NONE else move.fault,
                 unreadable=move.fatal, versions=versions)


_RULES: dict[str, Callable[[File, Move, bytes | None], int | None]] = {
    "write": _write,
    "store": lambda file, move, versions: store(file, move.start, refuse=_fault(move),
                                                versions=versions),
    "read": lambda file, move, _: read(file, _fault(move)),
    "writeback": lambda file, move, _: (
        start_writeback(file, failed=_fault(move)) if file.journalled
        else start_writeback(file, refuse=_fault(move), fatal=move.fatal)),
    "end writeback": lambda file, move, _: end_writeback(file, failed=_fault(move)),
    "truncate": lambda file, move, _: truncate(file, move.start),
    "punch": lambda file, move, _: punch(file, move.start, move.end),
    "commit": lambda file, *_: commit(file),
    "checkpoint": lambda file, move, _: checkpoint(file, failed=_fault(move)),
    # filemap_release_folio() on a folio that stays cached
    "drop buffers": lambda file, *_: None if file.drop_ring() else 0,
    "reclaim": lambda file, *_: reclaim(file),
    "leave journal": lambda file, *_: leave_journal(file),
    "split": lambda file, move, _: split(file, move.start),
}


class Writes(NamedTuple):
    """The writes of one range.

    Attributes:
        start, end: the range in units.
        whole: the copy brings all of it, or only a part, and nothing fails.
        unreadable: the read of a partly written block fails.
        refused: get_block finds no space, by the call that it is.
    """

    start: int
    end: int
    whole: tuple[Move, ...]
    unreadable: Move
    refused: tuple[Move, ...]


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Which arguments a rule is tried with, for one size of folio."""

    writes: tuple[Writes, ...]
    sizes: tuple[int, ...]
    punches: tuple[tuple[int, int], ...]
    stores: tuple[int, ...]
    every_fault: bool

    @classmethod
    @lru_cache
    def of(cls, buffers: int, fine: bool) -> Vocabulary:
        """`fine`: every range of units, every short copy and every place of a fault. Otherwise
        ranges of whole blocks, the first half of a block and ranges from one half to another, one
        short copy of each range, and of each kind of fault the last."""
        end = buffers * UNITS
        every = tuple((a, b) for a in range(end) for b in range(a + 1, end + 1))
        if fine:
            return cls(writes=tuple(_writes(a, b, buffers, range(b - a)) for a, b in every),
                       sizes=tuple(range(end + 1)), punches=every,
                       stores=tuple(range(end)), every_fault=True)
        blocks = tuple((a, b) for a, b in every if not a % UNITS and not b % UNITS)
        halves = tuple((a, a + 1) for a in range(0, end, UNITS))
        between = tuple((a, b) for a, b in every if a % UNITS and b % UNITS)
        return cls(writes=tuple(_writes(a, b, buffers, ((b - a) // 2,))
                                for a, b in blocks + halves + between),
                   sizes=(0, end // 2, end // 2 + 1, end),
                   punches=(*((a, a + UNITS) for a in range(0, end, UNITS)), (1, end - 1)),
                   stores=(0,), every_fault=False)


def _writes(start: int, end: int, buffers: int, copies: Iterable[int]) -> Writes:
    return Writes(
        start, end,
        whole=(Move("write", start, end), *(Move("write", start, end, copied)
                                            for copied in copies)),
        unreadable=Move("write", start, end, fatal=True),
        refused=tuple(Move("write", start, end, fault=call) for call in range(buffers)))


def moves(walker: Walker, state: State, *, fine: bool) -> Iterator[Move]:
    """The moves that can be made in a state."""
    ring, blocks, _, held, size, _ = state
    vocabulary = Vocabulary.of(len(blocks), fine)
    every_fault = vocabulary.every_fault
    uptodate = bool(held & folio.UPTODATE)
    file = File(walker, state)
    journalled = file.journalled
    if not ring:
        file.attach_ring()
    whole_ring = file.ring
    get_block = file.get_block
    for start, end, whole, unreadable, refused in vocabulary.writes:
        yield from whole
        begun = walker.begin(whole_ring, blocks, uptodate, start, end, get_block, None)
        if begun.calls:
            yield from refused[0 if every_fault else begun.calls - 1:begun.calls]
        if begun.reads:
            yield unreadable
    if uptodate:
        unmapped = sum(not flags & bh.MAPPED for flags in whole_ring[:-(-size // UNITS)])
        for unit in vocabulary.stores:
            if unit < size:
                yield Move("store", unit)
                if unmapped:
                    yield Move("store", unit, fault=0)
    else:
        yield Move("read")
        written = [i for i, block in enumerate(blocks[:-(-size // UNITS)])
                   if block & blk.MAPPING == blk.WRITTEN]
        if written:
            yield Move("read", fault=EVERY_BLOCK)
            for i in written if every_fault else written[1:][-1:]:
                yield Move("read", fault=i)
    if held & folio.WRITEBACK:
        yield from _with_faults("end writeback", [
            i for i, flags in enumerate(ring) if flags & bh.ASYNC_WRITE], every_fault)
        return  # truncation, eviction and commit wait for it
    if held & folio.DIRTY:
        if journalled:
            dirty = [i for i, flags in enumerate(ring)
                     if flags & bh.DIRTY or blocks[i] & blk.RUNNING]
            yield from _with_faults("writeback", dirty, every_fault)
        else:
            yield Move("writeback")
            if any(flags & bh.DIRTY and flags & (bh.DELAY | bh.UNWRITTEN) for flags in ring):
                yield Move("writeback", fault=0, fatal=True)
                yield Move("writeback", fault=1, fatal=True)
                yield Move("writeback", fault=1)
    for new_size in vocabulary.sizes:
        if new_size != size:
            yield Move("truncate", new_size)
    for start, end in vocabulary.punches:
        if start < size:
            yield Move("punch", start, end)
    if any(block & (blk.RUNNING | blk.UNCOMMITTED) for block in blocks):
        yield Move("commit")
    if journalled:
        dirty = [i for i, flags in enumerate(ring)
                 if flags & bh.DIRTY and not blocks[i] & blk.RUNNING]
        if dirty:
            yield from _with_faults("checkpoint", dirty, every_fault)
        yield Move("leave journal")
    if held & folio.CACHED:
        if ring and file.droppable():
            yield Move("drop buffers")
        if not held & folio.DIRTY and (not ring or file.droppable()):
            yield Move("reclaim")
        half = len(blocks) // 2
        if (walker.setting.splittable and not len(blocks) % 2
                and not half % walker.setting.blocks_per_page
                and (not ring or file.droppable())):
            yield Move("split", 0)
            yield Move("split", 1)


def _with_faults(rule: str, affected: list[int], every_fault: bool) -> Iterator[Move]:
    yield Move(rule)
    yield Move(rule, fault=EVERY_BLOCK)
    for index in affected if every_fault else affected[1:][-1:]:
        yield Move(rule, fault=index)


def start_states(walker: Walker, *, fine: bool) -> list[State]:
    """Files before anything has happened, nothing cached: an empty one, and ones as long as the
    folio with each block a hole, preallocated or written (`fine`: each way to do that; otherwise
    all written, and one of all kinds in turn)."""
    buffers = walker.setting.buffers
    end = walker.end_of_folio
    found = [State(b"", bytes(buffers), bytes((NOWHERE,)) * end, 0, 0, 0)]
    kinds = (blk.WRITTEN, blk.HOLE, blk.UNWRITTEN)
    patterns = (list(product(kinds, repeat=buffers)) if fine else
                [(blk.WRITTEN,) * buffers, tuple(kinds[i % len(kinds)] for i in range(buffers))])
    for pattern in patterns:
        units = bytes(ON_DISK if block == blk.WRITTEN else NOWHERE
                      for block in pattern for _ in range(UNITS))
        found.append(State(b"", bytes(pattern), units, 0, end, end))
    return found


_FAILS = {
    "write": ", get_block call {number} finds no space",
    "store": ", get_block finds no space",
    "writeback": " finds no space for extent {number}",
}
_FAILS_FATALLY = {
    "write": ", a partly written block is unreadable",
    "writeback": " gives up at extent {number}",
}


def tell(move: Move) -> str:
    """A move in words; positions count blocks, so that 1.5 is the middle of block 1."""
    start, end = in_blocks(move.start), in_blocks(move.end)
    text = {"write": f"write from {start} to {end}", "store": f"store at {start} through a mapping",
            "truncate": f"truncate to {start}", "punch": f"punch a hole from {start} to {end}",
            "split": f"split the folio, follow half {move.start + 1}"}.get(move.rule, move.rule)
    if move.copied != NONE:
        text += f", of which the copy brings {in_blocks(move.copied)}"
    if move.fatal:
        return text + _FAILS_FATALLY[move.rule].format(number=move.fault + 1)
    if move.fault == EVERY_BLOCK:
        return f"{text}, failing at every block"
    if move.fault != NONE:
        text += _FAILS.get(move.rule, f", failing at block {move.fault}").format(
            number=move.fault + 1)
    return text


def tell_outcome(move: Move, outcome: int) -> str:
    """What the caller of a move saw, in words."""
    if outcome < 0:
        return ERRORS[outcome]
    if move.rule == "write":
        return f"{in_blocks(outcome)} blocks"
    return "ok"
