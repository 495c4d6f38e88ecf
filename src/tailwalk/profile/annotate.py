# SPDX-License-Identifier: GPL-2.0-or-later
"""One function of a profile in detail: its instructions, and what its loops visited."""

from __future__ import annotations

import difflib
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tailwalk.cases.ring import Sides, sides_of
from tailwalk.errors import UsageError
from tailwalk.machines import GUEST
from tailwalk.profile.loops import WALKS, instructions_by_side, visited_sides
from tailwalk.profile.pairing import plain_name
from tailwalk.profile.record import Loop, Profile, ProfiledFunction
from tailwalk.refusals import temporary_folder
from tailwalk.words import listed

_LINE = re.compile(r"\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)")


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

    function: ProfiledFunction
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
    entered = sum(node.entered for node in profile.tree if node.function == index)
    return Annotated(
        function=function, entered=entered, loops=loops,
        lines=[Instruction(offset, count, words.get(offset, code.hex(" ")))
               for offset, count, code in parsed],
        walked=_walked(profile, function.name, entered, loops))


def _walked(profile: Profile, name: str, entered: int, loops: Sequence[Loop]) -> Walked | None:
    """What a walk visited, summed over its entries, which are one for each folio written to."""
    order = profile.figure.written
    if plain_name(name) not in WALKS or order is None:
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
    return Sides(*map(sum, zip(*parts, strict=True)))


def disassemble(code: Sequence[tuple[int, bytes]], names: Mapping[int, str]) -> dict[int, str]:
    """The instructions at offsets in a function, in AT&T's syntax; targets of jumps and calls are
    offsets in the same function, or `names` of such. Empty where there is no objdump."""
    program = shutil.which("objdump")
    if program is None or not code:
        return {}
    slot = GUEST.code.slot
    with temporary_folder() as folder:
        path = folder / "code"
        path.write_bytes(b"".join(body.ljust(slot, GUEST.code.nop) for _, body in code))
        done = subprocess.run(
            [program, "-D", "-b", "binary", "-m", GUEST.code.objdump, "-w", str(path)],
            capture_output=True, text=True, check=False)
    said = {int(match[1], 16): " ".join(match[2].split("#")[0].split())
            for match in map(_LINE.match, done.stdout.splitlines()) if match}
    return {offset: _with_target(offset, body, said[at * slot], names)
            for at, (offset, body) in enumerate(code) if at * slot in said}


def _with_target(offset: int, body: bytes, text: str, names: Mapping[int, str]) -> str:
    """The instruction with its target in the function: objdump saw it at another place."""
    length = GUEST.code.distance_bytes(body)
    if not length:
        return text
    distance = int.from_bytes(body[-length:], "little", signed=True)
    target = offset + len(body) + distance
    return f"{text.split()[0]} {names.get(target) or format(target, '#x')}"
