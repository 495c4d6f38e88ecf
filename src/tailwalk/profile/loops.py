# SPDX-License-Identifier: GPL-2.0-or-later
"""Loops in a trace, and what a loop over buffer heads visited before, in and after the write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from tailwalk.cases.ring import Sides
from tailwalk.profile.record import Loop
from tailwalk.profile.tree import Invocation

# A loop whose visits take ever other paths (a search, a checksum) says nothing by its runs.
_MOST_RUNS = 64

WALKS = frozenset({
    "ext4_block_write_begin",
    "__block_write_begin_int",
    "block_commit_write",
    "__block_commit_write",
})
"""Functions that walk the ring of buffer heads of the folio they write to: fs/ext4/inode.c and
fs/buffer.c, v6.12 to v7.3."""


@dataclass(frozen=True)
class Busiest:
    """The busiest loop of one entry: the address of its head, and the rest as in `Loop`."""

    head: int
    visits: int
    runs: list[tuple[int, int]]
    ended_early: bool


def busiest_loop(invocation: Invocation) -> Busiest | None:
    """The loop whose head was executed most often; None where nothing was executed twice.

    The head is the first executed of the instructions that were executed most often. An
    instruction that repeats itself (`rep movs`) is no loop.
    """
    executed = [address for address, _ in groupby(invocation.addresses())]
    counts = Counter(executed)
    visits = max(counts.values())
    if visits < 2:
        return None
    head = next(address for address in executed if counts[address] == visits)
    starts = [at for at, address in enumerate(executed) if address == head]
    paths = [tuple(executed[start:end]) for start, end in pairwise([*starts, len(executed)])]
    runs = [(len(path), sum(1 for _ in same)) for path, same in groupby(paths)]
    return Busiest(head, visits, runs[:_MOST_RUNS], _ended_early(paths))


def _ended_early(paths: Sequence[tuple[int, ...]]) -> bool:
    """Did the last visit leave another's path and the loop at the same instruction?"""
    last = paths[-1]
    others = set(paths[:-1])
    common, length = max((_common(last, other), len(other)) for other in others)
    inside = {address for other in others for address in other}
    return common < length and inside.isdisjoint(last[common:])


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many instructions two paths begin with alike."""
    return next((at for at, (left, right) in enumerate(zip(one, other, strict=False))
                 if left != right), min(len(one), len(other)))


def visited_sides(loop: Loop | None, ring: Sides) -> Sides | None:
    """What a walk visited of a ring, told by its loop; without a loop it visited one buffer head.

    A walk goes through the ring in the file's order, from the first buffer head or from the
    written range's first, visits that whole range, and may stop after it. Where it begins is
    told by the visits' paths: a buffer head in the written range takes another path than one
    outside it. In a small ring both may fit; then it is the first buffer head, where the walks of
    every release so far begin. A last visit that ended early counts only where the range would
    else not be visited whole: a loop that checks at its head looks once more than it visits. None
    where the loop fits no such walk.
    """
    runs = [(0, 1)] if loop is None else loop.runs
    visits = sum(times for _, times in runs)
    looks = (1, 0) if loop is not None and loop.ended_early else (0,)
    return next((found for begun in (0, ring.prefix) for looked in looks
                 if (found := _sides_from(begun, visits - looked, ring)) and _fits(runs, found)),
                None)


def _sides_from(begun: int, visits: int, ring: Sides) -> Sides | None:
    if visits > ring.visited - begun:
        return None
    prefix = min(visits, ring.prefix - begun)
    tail = visits - prefix - ring.span
    return Sides(prefix, ring.span, tail) if tail >= 0 else None


def _fits(runs: Sequence[tuple[int, int]], found: Sides) -> bool:
    """Does a new run begin wherever a new side does?"""
    borders = set(_borders(runs))
    wanted = {found.prefix, found.prefix + found.span}
    return all(border in borders for border in wanted if 0 < border < found.visited)


def _borders(runs: Sequence[tuple[int, int]]) -> Iterator[int]:
    at = 0
    for _, times in runs:
        at += times
        yield at


def instructions_by_side(runs: Sequence[tuple[int, int]], found: Sides) -> Sides:
    """Instructions that a walk of these runs executed in its own function on each side."""
    each = [count for count, times in runs for _ in range(times)]
    first, last = found.prefix, found.prefix + found.span
    return Sides(sum(each[:first]), sum(each[first:last]), sum(each[last:found.visited]))


def is_walk(name: str) -> bool:
    """Does the function of this name walk a ring of buffer heads?"""
    return name in WALKS


def loop_record(busiest: Busiest, *, function: int, entry: int, base: int) -> Loop:
    """The loop as a record holds it; `base` is the function's address."""
    return Loop(function=function, entry=entry, head=hex(busiest.head - base),
                visits=busiest.visits, runs=busiest.runs, ended_early=busiest.ended_early)
