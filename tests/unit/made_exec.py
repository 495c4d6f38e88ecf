# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab in which made-up programs run."""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, field

import msgspec
import pytest
from made_lab import MadeLab
from made_programs import NEW, OLD
from made_runs import made_case, made_figure, made_run

from tailwalk.errors import KernelError, TailwalkError
from tailwalk.kernels.symbols import unpacked_names
from tailwalk.lab.lab import K
from tailwalk.rigs.counted import CountedProgram, Totals
from tailwalk.rigs.exec import Executed, GivenUpError
from tailwalk.rigs.programs import Asked, Ran, program_record
from tailwalk.rigs.running import Sink
from tailwalk.runs.execution import Execution, Instructions

RUN = made_run("debian:6.18", [made_figure(made_case(), 2000)])
ON = {"debian:6.12": OLD, "debian:6.18": NEW}
ENDED = Execution(
    tailwalk="0.1.0", created="2026-07-01T12:00:00Z", kernel=RUN.kernel, conditions=RUN.conditions,
    command=["./program", "--fast"], program="ab" * 32, files=[], status=0, signal=None,
    instructions=Instructions(user=1000, kernel=3000, others=70), tasks=1, switches=2,
    inputs="0" * 64)


@dataclass(frozen=True, kw_only=True)
class ExecLab(MadeLab):
    """A lab in which every program ends like `ended`."""

    ended: Execution
    late: str | None = None
    on: Collection[str] = frozenset(ON)
    asked_for: list[tuple[list[str], Asked]] = field(default_factory=list)

    def execute_each(self, specs: Sequence[tuple[K, str]], asked: Asked, *,
                     sinks: Sequence[Sink | None] = ()) -> (
            Generator[tuple[K, Ran | TailwalkError]]):
        self.asked_for.append(([spec for _, spec in specs], asked))
        for sink in sinks:
            if sink is not None:
                sink(1, b"its output\n")
                sink(2, b"its complaint\n")
        for name, spec in reversed(specs):  # they do not finish in order
            if self.late is not None:
                yield name, GivenUpError("it was given up", self.executed(spec, 0),
                                         interrupted=self.late == "interrupted")
            elif spec not in self.on:
                yield name, KernelError(f"{spec} does not boot")
            else:
                runs = [self.executed(spec, number) for number in range(asked.repeat)]
                yield name, Ran(program_record([runs]), runs)

    def executed(self, spec: str, number: int) -> Executed:
        kernel = ON[spec]
        instructions = (self.ended.instructions if spec == "debian:6.18" else
                        Instructions(user=kernel.user, kernel=kernel.kernel + number,
                                     others=kernel.others))
        counted = CountedProgram(
            totals=Totals(user=instructions.user, kernel=kernel.kernel, others=kernel.others,
                          driver=kernel.driver, probe=0, unknown=0, tasks=1, switches=2),
            calls=kernel.calls, regions=None, symbols=unpacked_names(kernel.symbols))
        record = msgspec.structs.replace(self.ended.kernel, spec=spec, release=kernel.release,
                                             digest=kernel.digest)
        return Executed(msgspec.structs.replace(self.ended, kernel=record,
                                                instructions=instructions),
                        counted)


def made_exec_lab(**ended: object) -> ExecLab:
    return ExecLab(run=lambda *_: pytest.fail("measured"),
                   ended=msgspec.structs.replace(ENDED, **ended))
