# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be seen of a state, and what must hold in every state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tailwalk.model import bh, blk, contents, folio
from tailwalk.model.words import UNITS, Mode, Setting, State, in_blocks


def in_cache(state: State, index: int) -> bool:
    """Would a read of a block be served from the cache (filemap_range_uptodate())?"""
    return bool(state.folio & folio.CACHED and (
        state.folio & folio.UPTODATE or (state.ring and state.ring[index] & bh.UPTODATE)))


def readable(state: State) -> bytes:
    """What read(2) gives, a value for each unit of the file: what the cache holds, or else what
    a successful read would bring there."""
    def value(index: int, symbol: int) -> int:
        if in_cache(state, index):
            return contents.CACHE_VALUE[symbol]
        written = state.blocks[index] & blk.MAPPING == blk.WRITTEN
        return contents.DISK_VALUE[symbol] if written else contents.ZERO

    return bytes(value(unit // UNITS, symbol)
                 for unit, symbol in enumerate(state.units[:state.size]))


def after_crash(state: State, mode: Mode) -> bytes:
    """What a machine that loses power now finds, a value for each unit, if everything that the
    journal may have committed is committed: the moment at which the most is exposed.

    At any earlier commit the mapping is one that the run had before, so two runs that agree here
    after every move agree at every moment of a crash.
    """
    replayed = mode == "journal" and not state.folio & folio.UNJOURNALLED
    seen = bytearray(state.disksize)
    for unit in range(state.disksize):
        block = state.blocks[unit // UNITS]
        if block & blk.MAPPING == blk.WRITTEN and not block & blk.UNCOMMITTED:
            symbol = state.units[unit]
            copy = contents.COPY_VALUE[symbol] if replayed else 0
            seen[unit] = copy - 1 if copy else contents.DISK_VALUE[symbol]
    return bytes(seen)


def holes(state: State) -> str:
    """What SEEK_HOLE and SEEK_DATA tell, a letter for each block of the file: a preallocated
    block is data where the cache holds it (folio_seek_hole_data(), mm/filemap.c, v6.18)."""
    letters = []
    for index in range(-(-state.size // UNITS)):
        mapping = state.blocks[index] & blk.MAPPING
        letters.append("D" if mapping in (blk.DELAYED, blk.WRITTEN) or (
            mapping != blk.HOLE and in_cache(state, index)) else ".")
    return "".join(letters)


def difference(one: State, other: State, mode: Mode) -> str | None:
    """The first thing that a program, or the machine after a crash, could tell two states apart
    by, in words; None where there is none."""
    if one.size != other.size:
        return f"i_size is {in_blocks(one.size)} or {in_blocks(other.size)}"
    if one.units:
        found = _first_difference(readable(one), readable(other))
        if found is not None:
            unit, a, b = found
            return f"a read at {in_blocks(unit)} gives {value_name(a)} or {value_name(b)}"
    if holes(one) != holes(other):
        return f"SEEK_HOLE tells {holes(one)} or {holes(other)} (D: data)"
    if one.disksize != other.disksize:
        return f"a crash leaves a size of {in_blocks(one.disksize)} or {in_blocks(other.disksize)}"
    for index, (a, b) in enumerate(zip(one.blocks, other.blocks, strict=True)):
        if (a ^ b) & (blk.MAPPING | blk.UNCOMMITTED):
            return f"block {index} is {block_name(a)} or {block_name(b)} on disk"
    if one.units:
        found = _first_difference(after_crash(one, mode), after_crash(other, mode))
        if found is not None:
            unit, a, b = found
            return f"a crash leaves {value_name(a)} or {value_name(b)} at {in_blocks(unit)}"
    return None


def _first_difference(one: bytes, other: bytes) -> tuple[int, int, int] | None:
    return next(((unit, a, b) for unit, (a, b) in enumerate(zip(one, other, strict=True))
                 if a != b), None)


def flag_differences(one: State, other: State) -> frozenset[str]:
    """The flags in which two states differ, in words that say where."""
    found = set()
    if not one.ring or not other.ring:
        if one.ring or other.ring:
            found.add("a ring that only one of them has")
    else:
        where = ("an uptodate folio" if one.folio & other.folio & folio.UPTODATE
                 else "a folio that is not uptodate")
        for a, b in zip(one.ring, other.ring, strict=True):
            found |= {f"{name} of buffers of {where}" for flag, name in bh.NAMES.items()
                      if (a ^ b) & flag}
    found |= {f"{name} of the folio" for flag, name in folio.NAMES.items()
              if (one.folio ^ other.folio) & flag}
    found |= {f"{name} of blocks" for flag, name in blk.NAMES.items()
              if any((a ^ b) & flag for a, b in zip(one.blocks, other.blocks, strict=True))}
    if one.units != other.units:
        found.add("bytes that nothing shows")
    return frozenset(found)


class Transition(NamedTuple):
    """A state that a move led to: the state before, the one after, and the mode."""

    before: State
    state: State
    mode: Mode


@dataclass(frozen=True, kw_only=True)
class Invariant:
    """Something that every state, or every move, is held against.

    Attributes:
        name: short, for output.
        statement: what holds.
        broken: does a transition break it?
        required: must it hold, or is it only told whether it does?
        contents: does it speak of bytes (so that contents have to be followed)?
        follows_folio: does it compare a folio with what it was a move ago? One of blocks larger
            than a page cannot be split; it may be dropped and another be cached within a move
            (truncate_inode_partial_folio(), mm/truncate.c, v6.18), which a state does not tell.
        modes: the modes that it is promised in.
    """

    name: str
    statement: str
    broken: Callable[[Transition], bool]
    required: bool = True
    contents: bool = False
    follows_folio: bool = False
    modes: tuple[Mode, ...] = ("ordered", "nodelalloc", "writeback", "journal")

    def applies(self, setting: Setting) -> bool:
        """Can it be told in this setting?"""
        return setting.mode in self.modes and not (
            self.follows_folio and setting.pages_per_block > 1)


def _shows_stale(seen: bytes, state: State) -> bool:
    return contents.STALE in seen and any(
        value == contents.STALE and not state.blocks[unit // UNITS] & blk.FAILED
        for unit, value in enumerate(seen))


INVARIANTS = (
    Invariant(
        name="no stale read", contents=True,
        broken=lambda at: _shows_stale(readable(at.state), at.state),
        statement="a read shows bytes of this file or zeros, unless an I/O error was reported "
                  "for the block"),
    Invariant(
        name="no stale crash", contents=True,
        broken=lambda at: _shows_stale(after_crash(at.state, at.mode), at.state),
        modes=("ordered", "nodelalloc", "journal"),
        statement="the same after a crash at any moment (data=writeback does not promise it)"),
    Invariant(
        name="nothing new",
        broken=lambda at: any(flags & bh.NEW for flags in at.state.ring),
        statement="no buffer is new between two system calls"),
    Invariant(
        name="dirty folio",
        broken=lambda at: (not at.state.folio & folio.DIRTY
                           and any(flags & bh.DIRTY for flags in at.state.ring)),
        statement="a folio with a dirty buffer is dirty"),
    Invariant(
        name="journalled uptodate",
        broken=lambda at: any(block & blk.RUNNING and not flags & bh.UPTODATE
                              for flags, block in zip(at.state.ring, at.state.blocks,
                                                      strict=False)),
        statement="a buffer in the running transaction is uptodate (mark_buffer_dirty() warns)"),
    Invariant(
        name="ring dies with uptodate", follows_folio=True,
        broken=lambda at: bool(at.before.folio & folio.UPTODATE and at.state.folio & folio.CACHED
                               and not at.state.folio & folio.UPTODATE and at.state.ring),
        statement="a folio that loses its uptodate flag loses its ring in the same step"),
    Invariant(
        name="uptodate ring", required=False,
        broken=lambda at: (bool(at.state.folio & folio.UPTODATE)
                           and any(not flags & bh.UPTODATE for flags in at.state.ring)),
        statement="the buffers of an uptodate folio are uptodate"),
)


def value_name(value: int) -> str:
    """A value of `contents` in words."""
    if value in (contents.ZERO, contents.STALE):
        return "zeros" if value == contents.ZERO else "stale bytes"
    return f"data {chr(ord('A') + value - contents.FIRST_VERSION)}"


def block_name(block: int) -> str:
    """A block's byte in words."""
    return " ".join([blk.MAPPINGS[block & blk.MAPPING],
                     *(name for flag, name in blk.NAMES.items() if block & flag)])


_LETTERS = dict(zip(bh.NAMES, "udmnywae", strict=True))
LEGEND = (", ".join(f"{_LETTERS[flag]} {name}" for flag, name in bh.NAMES.items())
          + "; positions count blocks")


def show_state(state: State) -> str:
    """A state on one line: folio flags, then each buffer's flags and its block's mapping."""
    flags = ",".join(name for flag, name in folio.NAMES.items() if state.folio & flag) or "none"
    ring = " ".join("".join(letter if buffer & flag else "-" for flag, letter in _LETTERS.items())
                    for buffer in state.ring) or "no ring"
    blocks = " ".join(block_name(block).replace(" ", "+") for block in state.blocks)
    return (f"size {in_blocks(state.size)}, on disk {in_blocks(state.disksize)}; folio {flags}; "
            f"ring {ring}; blocks {blocks}")

