# SPDX-License-Identifier: GPL-2.0-or-later
"""Loops in a trace, and the sides of the written range that a walk visited."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from made_runs import made_case

from tailwalk.cases import KIB, MIB
from tailwalk.cases.ring import Sides, sides_of
from tailwalk.kernels.symbols import Function
from tailwalk.profile.loops import (
    busiest_loop,
    instructions_by_side,
    visited_sides,
)
from tailwalk.profile.record import Loop
from tailwalk.profile.tree import Invocation, Piece

WALK = Function("walk", None, 1000)
PROLOGUE, HEAD, OUTSIDE, SPAN, NEXT, EPILOGUE = (
    list(range(start, start + 20, 4)) for start in range(1000, 1600, 100))


def invocation(addresses) -> Invocation:
    return Invocation(WALK, [(Piece(WALK, (address,)), 1) for address in addresses])


def loop_of(entry: Invocation) -> Loop | None:
    return busiest_loop(entry, function=0, entry=0)


def walk(ring: Sides, visited: Sides, *, checks_at_head: bool) -> Invocation:
    """A walk as a compiler might lay it out: prefix and tail take other paths than the span."""
    addresses = list(PROLOGUE)
    kinds = ["prefix"] * visited.prefix + ["span"] * visited.span + ["tail"] * visited.tail
    for number, kind in enumerate(kinds):
        addresses += HEAD
        addresses += {"prefix": OUTSIDE[:2], "span": SPAN, "tail": OUTSIDE}[kind]
        stops = number == len(kinds) - 1 and visited.visited < ring.visited
        if not (stops and not checks_at_head):  # a break leaves before the step to the next
            addresses += NEXT
    if checks_at_head:
        addresses += HEAD[:2]
    return invocation([*addresses, *EPILOGUE])


SIDES = st.builds(Sides, st.integers(0, 40), st.integers(1, 9), st.integers(0, 40))


@given(ring=SIDES, design=st.sampled_from(["whole", "cut", "range"]), checks_at_head=st.booleans())
def test_what_a_walk_visited_is_told_by_its_paths(ring, design, checks_at_head):
    visited = {"whole": ring, "cut": Sides(ring.prefix, ring.span, 0),
               "range": Sides(0, ring.span, 0)}[design]
    loop = loop_of(walk(ring, visited, checks_at_head=checks_at_head))
    found = visited_sides(loop, ring)
    if design != "range" or ring.prefix > ring.span + ring.tail + 1:
        assert found == visited
    if found == visited and loop is not None:
        parts = instructions_by_side(loop.runs, found)
        assert parts.visited <= sum(count * times for count, times in loop.runs)


def test_visits_are_told_apart_in_the_common_designs():
    """The rings of a 2 MiB folio at its start, middle and end."""
    for ring in (Sides(0, 1, 511), Sides(256, 3, 253), Sides(511, 1, 0)):
        for visited in (ring, Sides(ring.prefix, ring.span, 0)):
            for checks_at_head in (False, True):
                loop = loop_of(walk(ring, visited, checks_at_head=checks_at_head))
                assert visited_sides(loop, ring) == visited


def test_a_loop_of_other_visits_has_no_sides():
    loop = loop_of(walk(Sides(7, 1, 0), Sides(7, 1, 0), checks_at_head=False))
    assert visited_sides(loop, Sides(100, 2, 100)) is None


def test_the_busiest_loop():
    found = loop_of(invocation([*PROLOGUE, *HEAD * 3, *EPILOGUE]))
    assert (found.head, found.visits, found.runs) == (hex(HEAD[0] - 1000), 3, [(5, 2), (10, 1)])


def test_straight_code_and_a_repeated_instruction_are_no_loops():
    assert loop_of(invocation([*PROLOGUE, *EPILOGUE])) is None
    assert loop_of(invocation([1000, *[1004] * 128, 1008])) is None


def test_sides_of_a_write_in_one_folio():
    case = made_case("pwrite_u10k", offset=512 * KIB)
    assert sides_of(case, block_size=4 * KIB, order=9) == [Sides(128, 3, 381)]
    assert sides_of(case, block_size=KIB, order=9) == [Sides(512, 10, 1526)]


def test_sides_of_a_write_across_folios():
    case = made_case("pwrite_u10k", offset=3 * KIB)
    assert sides_of(case, block_size=KIB, order=0) == [
        Sides(3, 1, 0), Sides(0, 4, 0), Sides(0, 4, 0), Sides(0, 1, 3)]


@given(offset=st.integers(0, 4 * MIB), order=st.integers(0, 9),
       block_size=st.sampled_from([KIB, 4 * KIB]))
def test_sides_fill_their_rings_and_the_spans_cover_the_write(offset, order, block_size):
    case = made_case("writev_u10k", offset=offset)
    rings = sides_of(case, block_size=block_size, order=order)
    assert {ring.visited for ring in rings} == {(4 * KIB << order) // block_size}
    blocks = (offset + case.length - 1) // block_size - offset // block_size + 1
    assert sum(ring.span for ring in rings) == blocks
