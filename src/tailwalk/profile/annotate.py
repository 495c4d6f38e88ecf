# SPDX-License-Identifier: GPL-2.0-or-later
"""One function of a profile in detail: its instructions, and what its loops visited."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from tailwalk.cases.ring import Sides, sides_of
from tailwalk.errors import UsageError
from tailwalk.profile.disassembly import disassemble
from tailwalk.profile.loops import instructions_by_side, is_walk, visited_sides
from tailwalk.profile.pairing import plain_name
from tailwalk.profile.record import FunctionCount, Loop, Profile
from tailwalk.words import listed


@dataclass(frozen=True)
class Instruction:
    """An executed instruction: its offset, how often, and what it is."""

    offset: int
    count: int
    text: str


@dataclass(frozen=True)
class Walked:
    """What all entries of a walk visited in one call, the ring it is a part of, and the
    instructions executed on the way; all by side. The instructions are None where an entry
    visited one buffer head only: there is no loop to tell them from the rest."""

    visited: Sides
    ring: Sides
    instructions: Sides | None


@dataclass(frozen=True)
class Annotated:
    """A function, or a part the compiler made of it, in one profile.

    Attributes:
        entered: how often it was entered in one call.
        lines: its executed instructions, by offset.
        loops: the busiest loop of each entry that has one.
        walked: what it visited, if it walks buffer heads and the sides can be told.
    """

    function: FunctionCount
    entered: int
    lines: list[Instruction]
    loops: list[Loop]
    walked: Walked | None


def annotate(profiles: Sequence[Profile], name: str) -> list[list[Annotated]]:
    """For each profile, the functions that `name` stands for: under this name, another release's,
    or as parts; none where the call does not execute it.

    Raises UsageError where no profile has any.
    """
    found = [[_annotated(profile, at) for at, function in enumerate(profile.functions)
              if function.name == name or plain_name(function.name) == plain_name(name)]
             for profile in profiles]
    if not any(found):
        raise UsageError(_nowhere(profiles, name))
    return found


def _nowhere(profiles: Sequence[Profile], name: str) -> str:
    executed = sorted({function.name for profile in profiles for function in profile.functions})
    kernels = listed(list(dict.fromkeys(profile.kernel.spec for profile in profiles)))
    if any(name in profile.symbol_names() for profile in profiles):
        why = f"{name} is a function of the kernel, but a modal call does not execute it"
    else:
        why = f"there is no function {name}"
    near = difflib.get_close_matches(name, executed, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else (
        "without --annotate, --all lists what a call executes.")
    return f"--annotate {name}: {why} on {kernels}; {hint}"


def _annotated(profile: Profile, index: int) -> Annotated:
    function = profile.functions[index]
    parsed = [(int(offset, 16), int(count), bytes.fromhex(code)) for offset, count, code in (
        text.split() for text in function.instructions)]
    base = int(function.address, 16)
    words = disassemble(
        [(offset, code) for offset, _, code in parsed],
        {int(other.address, 16) - base: other.name for other in profile.functions
         if other is not function})
    loops = [loop for loop in profile.loops if loop.function == index]
    entered = _entries(profile, index)
    return Annotated(
        function=function, entered=entered, loops=loops,
        lines=[Instruction(offset, count, words.get(offset, code.hex(" ")))
               for offset, count, code in parsed],
        walked=_walked(profile, function.name, entered, loops))


def _entries(profile: Profile, index: int) -> int:
    return sum(node.entered for node in profile.tree if node.function == index)


def _walked(profile: Profile, name: str, entered: int, loops: Sequence[Loop]) -> Walked | None:
    """What a walk visited, summed over its entries, which are one for each folio written to."""
    order = profile.figure.written
    if not is_walk(plain_name(name)) or order is None:
        return None
    rings = sides_of(profile.figure.case, order=order,
                  block_size=profile.conditions.filesystem.block_size)
    if entered != len(rings):
        return None
    by_entry = {loop.entry: loop for loop in loops}
    visited = [visited_sides(by_entry.get(entry), ring) for entry, ring in enumerate(rings)]
    told = [found for found in visited if found is not None]
    if len(told) < len(rings):
        return None
    instructions = [instructions_by_side(by_entry[entry].runs, found)
                    for entry, found in enumerate(told) if entry in by_entry]
    return Walked(_sum(told), _sum(rings),
                  _sum(instructions) if len(instructions) == len(rings) else None)


def _sum(parts: Sequence[Sides]) -> Sides:
    return Sides(sum(part.prefix for part in parts), sum(part.span for part in parts),
                 sum(part.tail for part in parts))
