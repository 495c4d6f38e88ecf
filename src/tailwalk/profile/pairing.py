# SPDX-License-Identifier: GPL-2.0-or-later
"""Which functions of two kernels are the same one, whatever the compiler or a release made of
their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import add

from tailwalk.machines import GUEST
from tailwalk.profile.record import Profile

# What GCC and Clang append to the copies and parts they make of a function.
_SUFFIXES = re.compile(r"\.(isra|constprop|part|cold|localalias|lto_priv|llvm)(\.\w+)?(?=\.|$)")

RENAMES = {
    "__block_commit_write": "block_commit_write",
    "copy_page_from_iter_atomic": "copy_folio_from_iter_atomic",
    "__filemap_get_folio": "__filemap_get_folio_mpol",
}
"""Names in v6.12 and what the function is called in v6.18 (fs/buffer.c, lib/iov_iter.c) or v7.3
(mm/filemap.c)."""


def plain_name(name: str) -> str:
    """A function's name without the compiler's suffixes and by its newest name."""
    stem = _SUFFIXES.sub("", name)
    return RENAMES.get(stem) or GUEST.labels.get(stem, stem)


@dataclass
class PairedNode:
    """A function on one call path, on one or both sides.

    Attributes:
        name: the name both sides are known by.
        parent: index of the node it was entered from, or -1.
        counts: instructions executed in it itself, by side.
        inclusive: the same with what it entered.
        entered: how often it was entered, by side.
        raw: names in the kernels' own words, by side: its own, those of its parts, and those of
            functions that the other kernel does not have.
    """

    name: str
    parent: int
    counts: list[int]
    inclusive: list[int]
    entered: list[int]
    raw: list[set[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Paths:
    """One side of what is paired: call paths, parents before their children, as function, index of
    the path that it was entered from or -1, how often it was entered, and instructions executed in
    it itself; and the names of all functions of the kernel."""

    tree: Sequence[tuple[str, int, int, int]]
    names: frozenset[str]


def paired_tree(profiles: Sequence[Profile], *, raw: bool = False) -> list[PairedNode]:
    """The call trees of one or more profiles as one, as `paired_paths` does it."""
    return paired_paths([Paths(
        [(profile.functions[node.function].name, node.parent, node.entered, node.count)
         for node in profile.tree], profile.symbol_names()) for profile in profiles], raw=raw)


def paired_paths(sides: Sequence[Paths], *, raw: bool = False) -> list[PairedNode]:
    """The call paths of one or more kernels as one tree, parents before their children.

    Functions go by their plain names; what a function jumps into of itself (a cold part) belongs
    to it. A function that another of the kernels does not have was inlined there, or is new or
    gone: its instructions are counted in the nearest function up the path that every kernel has.
    With `raw`, none of this is done.
    """
    common = frozenset.intersection(*(_plain_names(side.names) for side in sides))
    nodes: list[PairedNode] = []
    children: dict[tuple[int, str], int] = {}
    for side, paths in enumerate(sides):
        places: list[int] = []
        for function, above, times, count in paths.tree:
            name = function if raw else plain_name(function)
            parent = places[above] if above >= 0 else -1
            if not raw and parent >= 0 and (name == nodes[parent].name or name not in common):
                place, entered = parent, 0
            else:
                place, entered = children.setdefault((parent, name), len(nodes)), times
            if place == len(nodes):
                nodes.append(PairedNode(name, parent, *_zeros(len(sides)),
                                        raw=[set() for _ in sides]))
            places.append(place)
            nodes[place].counts[side] += count
            nodes[place].entered[side] += entered
            nodes[place].raw[side].add(function)
    for place in range(len(nodes) - 1, -1, -1):
        here = nodes[place]
        for side in range(len(sides)):
            here.inclusive[side] += here.counts[side]
            if here.parent >= 0:
                nodes[here.parent].inclusive[side] += here.inclusive[side]
    return nodes


def _zeros(sides: int) -> tuple[list[int], list[int], list[int]]:
    return [0] * sides, [0] * sides, [0] * sides


@lru_cache(maxsize=8)
def _plain_names(names: frozenset[str]) -> frozenset[str]:
    # Of a kernel's hundred thousand few are others.
    others = {name for name in names if "." in name} | (names & (RENAMES.keys() | GUEST.labels))
    return names - others | {plain_name(name) for name in others}


def function_counts(nodes: Iterable[PairedNode]) -> dict[str, tuple[int, ...]]:
    """Instructions executed in each function itself, by side; the dearest on the first side
    first."""
    counts: dict[str, tuple[int, ...]] = {}
    for node in nodes:
        before = counts.get(node.name)
        counts[node.name] = tuple(map(add, before, node.counts) if before else node.counts)
    return dict(sorted(counts.items(), key=lambda item: (-item[1][0], item[0])))


def function_changes(nodes: Iterable[PairedNode]) -> list[tuple[str, int]]:
    """By how many instructions each function itself differs, of two sides, the most first."""
    changes = [(name, other - one) for name, (one, other) in function_counts(nodes).items()]
    return sorted(changes, key=lambda item: (-abs(item[1]), item[0]))


def inclusive_counts(nodes: Sequence[PairedNode]) -> dict[str, int]:
    """Instructions of each function with all it calls, on the first side; a recursive call counts
    once."""
    above: list[frozenset[str]] = []
    found: dict[str, int] = {}
    for node in nodes:
        names = above[node.parent] | {nodes[node.parent].name} if node.parent >= 0 else frozenset()
        above.append(names)
        if node.name not in names:
            found[node.name] = found.get(node.name, 0) + node.inclusive[0]
    return found
