# SPDX-License-Identifier: GPL-2.0-or-later
"""The check of a design: which explorations it takes, and the verdict over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from tailwalk.cases import PAGE
from tailwalk.errors import ModelError
from tailwalk.model.designs import Design
from tailwalk.model.explore import Bounds, Exploration, Trace, explore
from tailwalk.model.races import alone, racing
from tailwalk.model.racing import Race, RaceFound, RaceTrace, race
from tailwalk.model.words import Mode, Setting
from tailwalk.progress import SILENT, Progress

_BLOCK_SIZES = tuple(1024 << power for power in range(7))
_CONTENTS_DEPTH = 3
_ANY_DEPTH = 10_000


@dataclass(frozen=True, kw_only=True)
class PlannedExploration:
    """One exploration of a check: what for, where and how far."""

    purpose: str
    setting: Setting
    bounds: Bounds


@dataclass(frozen=True, kw_only=True)
class Races:
    """Explorations of writeback: what for, in which mode, with up to how many buffers, how many
    came to other ends in one order of their steps than the other design, and what they found
    together."""

    purpose: str
    mode: Mode
    buffers: int
    apart: int
    found: RaceFound


@dataclass(kw_only=True)
class DesignCheck:
    """A design's check against a reference.

    Attributes:
        design, against: the two designs.
        races: the explorations of writeback, where the designs' walks differ there.
        parts: the explorations that were made, with what each found. The last of all has the
            trace where the designs are not equivalent.
    """

    design: Design
    against: Design
    races: list[Races] = field(default_factory=list)
    parts: list[tuple[PlannedExploration, Exploration]] = field(default_factory=list)

    @property
    def trace(self) -> Trace | RaceTrace | None:
        """A run that shows a difference or a broken invariant."""
        return next((trace for trace in (*(races.found.trace for races in self.races),
                                         *(found.trace for _, found in self.parts)) if trace), None)

    @property
    def equivalent(self) -> bool:
        """Did no exploration find a difference or a broken invariant?"""
        return self.trace is None

    @property
    def states(self) -> int:
        return sum(found.states for found in self._found)

    @property
    def transitions(self) -> int:
        return sum(found.transitions for found in self._found)

    @property
    def _found(self) -> Iterator[Exploration | RaceFound]:
        return chain((races.found for races in self.races), (found for _, found in self.parts))

    @property
    def flags(self) -> Counter[frozenset[str]]:
        """In which flags states differ that show no difference, and how many do."""
        return sum((found.flags for _, found in self.parts), Counter[frozenset[str]]())

    @property
    def broken(self) -> Counter[str]:
        """How many states broke which invariant."""
        return sum((found.broken for _, found in self.parts), Counter[str]())


def plan(mode: Mode, *, buffers: int, depth: int, block_size: int) -> Iterator[PlannedExploration]:
    """The explorations of one mode: contents in small rings, where the shortest traces are;
    every state of a ring of two; and a ring of `buffers` to `depth`.

    Raises ModelError for a folio that the mode or the block size does not allow.
    """
    if block_size not in _BLOCK_SIZES:
        raise ModelError(f"--fs-block-size {block_size}: ext4 has blocks of 1, 2, 4, 8, 16, 32 or "
                         "64 KiB.")
    journal = mode == "journal"
    for ring, per_page in ((1, 1), (2, 2)) if journal else ((1, 1), (2, 1), (2, 2)):
        yield PlannedExploration(
            purpose="contents",
            setting=Setting(mode=mode, buffers=ring, blocks_per_page=per_page),
            bounds=Bounds(depth=min(depth, _CONTENTS_DEPTH), fine=True, contents=True))
    yield PlannedExploration(
        purpose="any depth",
        setting=Setting(mode=mode, buffers=2, blocks_per_page=2 if journal else 1),
        bounds=Bounds(depth=_ANY_DEPTH, fine=True))
    yield PlannedExploration(
        purpose="walks", setting=ring_of(mode, buffers=buffers, block_size=block_size),
        bounds=Bounds(depth=depth))


def ring_of(mode: Mode, *, buffers: int, block_size: int = PAGE) -> Setting:
    """A ring of `buffers`, or with data=journal, whose folios are the smallest there are, the ring
    of a page with blocks that give it as many as were asked for or the most there are.

    Raises ModelError where no folio has that ring.
    """
    per_page, per_block = max(1, PAGE // block_size), max(1, block_size // PAGE)
    if mode == "journal" and buffers > 0:
        most = 1 if per_block > 1 else 4
        buffers = per_page = max(count for count in (1, 2, 4) if count <= min(buffers, most))
    return Setting(mode=mode, buffers=buffers, blocks_per_page=per_page,
                   pages_per_block=per_block).check()


def check(design: Design, against: Design, *, modes: Iterable[Mode], buffers: int = 4,
          depth: int = 6, block_size: int = PAGE, progress: Progress = SILENT) -> DesignCheck:
    """Explore `design` beside `against` in each mode that both serve, up to the first difference.

    Raises ModelError for bounds that cannot be explored, or where no mode is served by both.
    """
    if depth < 1:
        raise ModelError(f"--depth {depth} explores nothing: give at least 1.")
    asked = tuple(modes)
    served = [mode for mode in asked if mode in design.modes and mode in against.modes]
    if not served:
        raise ModelError(f"{design.name} and {against.name} both serve none of "
                         f"{', '.join(asked)}: {design.name} serves {', '.join(design.modes)}.")
    parts = [part for mode in served
             for part in plan(mode, buffers=buffers, depth=depth, block_size=block_size)]
    done = DesignCheck(design=design, against=against)
    if design.writeback is not against.writeback:
        for races in _races_of(design, against, served, progress):
            done.races.append(races)
            if races.found.trace is not None:
                return done
        if (design.begin, design.commit, design.at) == (against.begin, against.commit, against.at):
            return done
    for part in parts:
        found = explore(design, against, part.setting, part.bounds, progress=progress)
        done.parts.append((part, found))
        if found.trace is not None:
            break
    return done


def _races_of(design: Design, against: Design, served: Iterable[Mode],
              progress: Progress) -> Iterator[Races]:
    """Explore writeback with journalled data and with others, each in the first mode that has
    them."""
    for journalled, mode in {mode == "journal": mode for mode in reversed(tuple(served))}.items():
        for purpose, races in (
                ("races", racing(journalled=journalled)),
                ("alone", chain.from_iterable(alone(buffers, journalled=journalled)
                                              for buffers in ((2,) if journalled else (2, 3))))):
            with progress.task(f"exploring writeback, {mode}", total=None):
                yield _explored(purpose, mode, races, design, against)


def _explored(purpose: str, mode: Mode, races: Iterable[Race], design: Design,
              against: Design) -> Races:
    together = RaceFound()
    buffers = apart = 0
    for each in races:
        found = race(design.writeback, against.writeback, each)
        buffers = max(buffers, each.buffers)
        apart += not found.same
        together.same &= found.same
        together.states += found.states
        together.transitions += found.transitions
        together.depth = max(together.depth, found.depth)
        together.trace = found.trace
        if found.trace is not None:
            break
    return Races(purpose=purpose, mode=mode, buffers=buffers, apart=apart, found=together)
