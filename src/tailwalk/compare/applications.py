# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs beside the cases of an upgrade: what the kernels of both execute for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from msgspec.structs import replace

from tailwalk.compare.comparison import ComparedKernel
from tailwalk.compare.program import ComparedProgram, compare_program
from tailwalk.errors import UsageError
from tailwalk.kernels import Kernel
from tailwalk.runs import KernelRecord
from tailwalk.runs.program import Program
from tailwalk.words import listed


@dataclass(frozen=True, kw_only=True)
class Application:
    """A program on the kernels of an upgrade.

    Attributes:
        compared: on those of them that its record has, the old one and the new one first.
        columns: for each kernel of the upgrade, its place among the program's; None where the
            record has nothing of it.
    """

    compared: ComparedProgram
    columns: Sequence[int | None]

    @property
    def name(self) -> str:
        """Its command line, without the directory that it lies in."""
        program, *arguments = self.compared.program.command
        return " ".join([PurePath(program).name, *arguments])


def application(program: Program, kernels: Sequence[ComparedKernel], *,
                threshold: float | None = None) -> Application:
    """A program's record on an upgrade's kernels; those of other kernels in it are left out.

    Raises UsageError as `places_of`.
    """
    places = places_of(program, kernels)
    known = [place for place in places if place is not None]
    return Application(
        compared=compare_program(replace(
            program, kernels=[program.kernels[place] for place in known]), threshold=threshold),
        columns=[None if place is None else known.index(place) for place in places])


def places_of(program: Program,
              kernels: Sequence[ComparedKernel | KernelRecord | Kernel]) -> list[int | None]:
    """Where an upgrade's kernels stand in a program's record; None for those that it lacks.

    Raises UsageError where it lacks the old kernel or the new one: the same image, and not only the
    same name.
    """
    digests = [kernel.digest for kernel in program.kernels]
    places = [digests.index(one.digest) if one.digest in digests else None for one in kernels]
    if None in places[:2]:
        lacking = [f"{one.spec} ({one.release})" for one, place in zip(kernels, places, strict=True)
                   if place is None]
        there = [f"{one.spec} ({one.release})" for one in program.kernels]
        raise UsageError(
            f"--program: the record of {program.command[0]} is of {listed(there)}, and "
            f"has nothing of {listed(lacking[:2])}. Run the program on the kernels of this "
            f"upgrade: tailwalk exec {' '.join(one.spec for one in kernels)} -o FILE -- PROGRAM.")
    return places
