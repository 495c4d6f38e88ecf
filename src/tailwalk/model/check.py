# SPDX-License-Identifier: GPL-2.0-or-later
"""The check of a design: which explorations it takes, and the verdict over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tailwalk.cases import PAGE
from tailwalk.errors import ModelError
from tailwalk.model.designs import Design
from tailwalk.model.explore import Bounds, Exploration, explore
from tailwalk.model.words import Mode, Setting
from tailwalk.progress import SILENT, Progress

_BLOCK_SIZES = tuple(1024 << power for power in range(7))
_CONTENTS_DEPTH = 3
_ANY_DEPTH = 10_000


@dataclass(frozen=True, kw_only=True)
class Part:
    """One exploration of a check: what for, where and how far."""

    purpose: str
    setting: Setting
    bounds: Bounds


@dataclass(kw_only=True)
class DesignCheck:
    """A design's check against a reference.

    Attributes:
        design, against: the two designs.
        parts: the explorations that were made, with what each found; the last has the trace
            where the designs are not equivalent.
    """

    design: Design
    against: Design
    parts: list[tuple[Part, Exploration]] = field(default_factory=list)

    @property
    def equivalent(self) -> bool:
        """Did no exploration find a difference or a broken invariant?"""
        return all(found.trace is None for _, found in self.parts)

    @property
    def states(self) -> int:
        return sum(found.states for _, found in self.parts)

    @property
    def transitions(self) -> int:
        return sum(found.transitions for _, found in self.parts)

    @property
    def flags(self) -> Counter[frozenset[str]]:
        """In which flags states differ that show no difference, and how many do."""
        return sum((found.flags for _, found in self.parts), Counter[frozenset[str]]())

    @property
    def broken(self) -> Counter[str]:
        """How many states broke which invariant."""
        return sum((found.broken for _, found in self.parts), Counter[str]())


def plan(mode: Mode, *, buffers: int, depth: int, block_size: int) -> Iterator[Part]:
    """The explorations of one mode: contents in small rings, where the shortest traces are;
    every state of a ring of two; and a ring of `buffers` to `depth`.

    Raises ModelError for a folio that the mode or the block size does not allow.
    """
    if block_size not in _BLOCK_SIZES:
        raise ModelError(f"--fs-block-size {block_size}: ext4 has blocks of 1, 2, 4, 8, 16, 32 or "
                         "64 KiB.")
    journal = mode == "journal"
    for ring, per_page in ((1, 1), (2, 2)) if journal else ((1, 1), (2, 1), (2, 2)):
        yield Part(purpose="contents",
                   setting=Setting(mode=mode, buffers=ring, blocks_per_page=per_page),
                   bounds=Bounds(depth=min(depth, _CONTENTS_DEPTH), fine=True, contents=True))
    yield Part(purpose="any depth",
               setting=Setting(mode=mode, buffers=2, blocks_per_page=2 if journal else 1),
               bounds=Bounds(depth=_ANY_DEPTH, fine=True))
    yield Part(purpose="walks",
               setting=ring_of(mode, buffers=buffers, block_size=block_size),
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
    for part in parts:
        found = explore(design, against, part.setting, part.bounds, progress=progress)
        done.parts.append((part, found))
        if found.trace is not None:
            break
    return done
