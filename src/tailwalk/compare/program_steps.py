# SPDX-License-Identifier: GPL-2.0-or-later
"""A program over kernels in order of release: where its calls, or all that the kernel executes,
became dearer or cheaper from one kernel to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from msgspec.structs import replace

from tailwalk.compare.program import ComparedCall, compare_program, of_kernel
from tailwalk.compare.steps import LeftOut
from tailwalk.compare.threshold import Threshold
from tailwalk.runs.program import Program

Name = tuple[str, str, str, int, bool] | None
"""A kind of call's; None: all that the kernel executes."""


@dataclass(frozen=True)
class ProgramStep:
    """From the kernel before `after` to that one the call executes so many times as much; infinite
    where it is new."""

    name: Name
    after: int
    ratio: float


@dataclass(frozen=True, kw_only=True)
class ProgramTrack:
    """A program over kernels.

    Attributes:
        program: on the kernels in the order given.
        calls: of every kind that is made, the one with most steps first, then the dearest.
        thresholds: of each kernel, to the one before it, from the second on.
        steps: by kernel; all that the kernel executes comes before the calls.
        left_out: the kernels on which it could not be run.
    """

    program: Program
    calls: Sequence[ComparedCall]
    thresholds: Sequence[Threshold]
    steps: Sequence[ProgramStep]
    left_out: Sequence[LeftOut]

    @property
    def totals(self) -> list[int]:
        """All that each kernel executed."""
        return [of_kernel(kernel) for kernel in self.program.kernels]

    def step(self, name: Name, column: int) -> ProgramStep | None:
        """That of a call at a kernel."""
        return next((step for step in self.steps if (step.name, step.after) == (name, column)),
                    None)


def track_program(program: Program, *, only: Sequence[str] = (), threshold: float | None = None,
                  left_out: Sequence[LeftOut] = ()) -> ProgramTrack:
    """The program over its kernels, with these of its calls alone where any are named. A step is
    what `compare_program` calls a difference from the kernel before."""
    thresholds: list[Threshold] = []
    steps: list[ProgramStep] = []
    for after, pair in enumerate(pairwise(program.kernels), start=1):
        compared = compare_program(replace(program, kernels=list(pair)), threshold=threshold)
        thresholds += compared.thresholds
        before, now = map(of_kernel, pair)
        if compared.verdicts[0] in ("regressed", "improved"):
            steps.append(ProgramStep(None, after, now / before))
        for call in compared.calls:
            if call.verdicts[0] in ("regressed", "improved") and (
                    not only or call.row.call in only):
                one, other = call.instructions
                steps.append(ProgramStep(call.row.name, after,
                                         other / one if one else float("inf")))
    moved = [step.name for step in steps]
    calls = [call for call in compare_program(program, threshold=threshold).calls
             if call.row.kind != "driver" and (not only or call.row.call in only)]
    return ProgramTrack(
        program=program, thresholds=thresholds, steps=steps, left_out=left_out,
        calls=sorted(calls, key=lambda call: (-moved.count(call.row.name),
                                              -max(call.instructions))))
