# SPDX-License-Identifier: GPL-2.0-or-later
"""What a bisection goes by: one figure of each kernel, a case's or a program's."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol

from tailwalk.compare.program import of_kernel
from tailwalk.errors import GuestError, KernelError, RecordError, SeriesError, TailwalkError
from tailwalk.lab.lab import Lab
from tailwalk.lab.records import is_spec, read_argument, read_program
from tailwalk.rigs.exec import GivenUpError
from tailwalk.rigs.plan import Plan
from tailwalk.rigs.programs import Asked
from tailwalk.runs import Run
from tailwalk.runs.program import ProgramOnKernel

_STEADIER = "more --calls"
"""Of an unsteady figure, which is a case's: a program's are exact."""


@dataclass(frozen=True)
class SoughtFigure:
    """A kernel's figure with its unit, its release, and whether anything can be judged by it."""

    value: float
    unit: str
    release: str
    sound: bool = True


class Sought(Protocol):
    """A figure that is sought.

    Attributes:
        name: what it is of.
        unit: for people.
    """

    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str: ...

    def each(self, lab: Lab, specs: Sequence[str]) -> (
            Generator[tuple[str, SoughtFigure | TailwalkError]]):
        """That of each spec's kernel, or why there is none."""

    def recorded(self, lab: Lab, name: str) -> SoughtFigure | None:
        """That of a record, None where it has none; raises RecordError for one of other
        conditions."""


@dataclass(frozen=True)
class OfCase:
    """The figure of a plan's one case."""

    plan: Plan
    unit: str = "instructions per call"

    @property
    def name(self) -> str:
        """The case's."""
        return self.plan.cases[0].name

    def each(self, lab: Lab, specs: Sequence[str]) -> (
            Generator[tuple[str, SoughtFigure | TailwalkError]]):
        """See `Sought`."""
        with closing(lab.measure_each(specs, self.plan)) as finished:
            for spec, outcome in finished:
                yield spec, outcome if isinstance(outcome, TailwalkError) else self._of(
                    outcome.run) or GuestError(f"{spec} has no figure of {self.name}.")

    def recorded(self, lab: Lab, name: str) -> SoughtFigure | None:
        """See `Sought`."""
        run, plan = read_argument(name, progress=lab.progress), self.plan
        if run.rig != plan.rig or run.conditions.filesystem != plan.filesystem:
            system = run.conditions.filesystem
            raise RecordError(
                f"--good {name} was measured on the {run.rig} rig, on {system.kind} with "
                f"blocks of {system.block_size} bytes and mount options "
                f"{system.mount_options or 'none'}; a step measures on the {plan.rig} rig, "
                f"on {plan.filesystem.kind} with blocks of {plan.filesystem.block_size} and "
                f"{plan.filesystem.mount_options or 'none'}: give a run like that.")
        return self._of(run)

    def _of(self, run: Run) -> SoughtFigure | None:
        figure = next((figure for figure in run.figures if figure.case == self.plan.cases[0]), None)
        return None if figure is None else SoughtFigure(
            figure.main.value, figure.main.unit, run.kernel.release, figure.main.sound)


@dataclass(frozen=True)
class OfProgram:
    """What a kernel executes for a program, in all, or for one call of a name, the mean."""

    asked: Asked
    call: str = ""

    @property
    def name(self) -> str:
        """The call's and the program's."""
        program = PurePath(self.asked.plan.program).name
        return f"{self.call} of {program}" if self.call else program

    @property
    def unit(self) -> str:
        """A call's are not all."""
        return "instructions per call" if self.call else "instructions of the kernel"

    def each(self, lab: Lab, specs: Sequence[str]) -> (
            Generator[tuple[str, SoughtFigure | TailwalkError]]):
        """See `Sought`. A program that fails on a kernel has no figure there."""
        with closing(lab.execute_each([(spec, spec) for spec in specs], self.asked)) as finished:
            for spec, outcome in finished:
                if isinstance(outcome, TailwalkError):
                    if is_interrupt(outcome):
                        raise outcome
                    yield spec, outcome
                else:
                    kernel, = outcome.program.kernels
                    yield spec, self._of(kernel) or GuestError(self._lacking(kernel))

    def recorded(self, lab: Lab, name: str) -> SoughtFigure | None:
        """See `Sought`."""
        program, plan = read_program(name, progress=lab.progress), self.asked.plan
        conditions = program.conditions
        if not program.exact or len(program.kernels) != 1:
            raise RecordError(
                f"--good {name} is of {len(program.kernels)} kernels, with counts that are "
                f"{'exact' if program.exact else 'not exact (--cpus)'}: give a record of one "
                "kernel, with exact counts.")
        if [PurePath(program.command[0]).name, *program.command[1:]] != (
                [PurePath(plan.program).name, *plan.arguments]) or (
                    conditions.filesystem != plan.filesystem) or any(
                        conditions.machine.get(fact) != value
                        for fact, value in plan.facts().items()):
            raise RecordError(f"--good {name} is of {' '.join(program.command)} on "
                              f"{conditions.filesystem.kind}: give a record of the same program "
                              "with the same arguments, options and file system.")
        return self._of(program.kernels[0])

    def _of(self, kernel: ProgramOnKernel) -> SoughtFigure | None:
        rows = [row for row in kernel.calls if row.call == self.call]
        times = sum(row.count for row in rows) or len(rows)
        if kernel.status or kernel.signal or (self.call and not times):
            return None
        total = sum(row.instructions for row in rows) / times if times else of_kernel(kernel)
        return SoughtFigure(total, "instructions/call" if times else "instructions", kernel.release)

    def _lacking(self, kernel: ProgramOnKernel) -> str:
        if kernel.status or kernel.signal:
            ended = f"exit status {kernel.status}" if kernel.signal is None else (
                f"signal {kernel.signal}")
            return (f"{self.asked.plan.program} ended with {ended} on {kernel.spec}, and what it "
                    "cost says nothing: a program that is sought by ends with status 0.")
        return f"{self.asked.plan.program} makes no call {self.call} on {kernel.spec}."


def is_interrupt(error: TailwalkError) -> bool:
    """Was a program given up since Ctrl-C came?"""
    return isinstance(error, GivenUpError) and error.interrupted


def figure_to_judge(lab: Lab, spec: str, sought: Sought) -> SoughtFigure:
    """A kernel's figure; raises GuestError where that is unsteady."""
    [(_, found)] = list(sought.each(lab, [spec]))
    if isinstance(found, TailwalkError):
        raise found
    require_sound(spec, found)
    return found


def require_sound(spec: str, found: SoughtFigure) -> None:
    """Raise GuestError where a figure is unsteady."""
    if not found.sound:
        raise GuestError(f"the figure of {spec} is unsteady: nothing can be judged by it. Try "
                         f"{_STEADIER}, or another kernel.")


def reference_value(lab: Lab, good: str, sought: Sought) -> float:
    """The figure of a good kernel or record, which others are judged by; raises RecordError where
    there is none to go by, whatever the reason."""
    try:
        if is_spec(good):
            [(_, outcome)] = list(sought.each(lab, [good]))
            if isinstance(outcome, TailwalkError):
                raise outcome
            found: SoughtFigure | None = outcome
        else:
            found = sought.recorded(lab, good)
    except (KernelError, GuestError, SeriesError) as error:
        if is_interrupt(error):
            raise
        raise RecordError(f"--good {good} cannot be measured: {error}") from error
    if found is None or not found.sound:
        what, cure = ("no", "the same options") if found is None else ("no steady", _STEADIER)
        raise RecordError(f"the run of {good} has {what} figure of {sought.name} as asked "
                          f"for; measure it with {cure}.")
    return found.value
