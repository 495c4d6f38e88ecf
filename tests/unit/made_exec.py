# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab in which made-up programs run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import pytest
from made_lab import MadeLab
from made_programs import NEW, OLD
from made_runs import made_case, made_figure, made_run

from tailwalk.kernels.symbols import unpacked_names
from tailwalk.programs.plan import ExecPlan
from tailwalk.rigs.counted import Counted, Totals
from tailwalk.rigs.exec import Executed, GivenUpError
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
    plans: list[tuple[list[str], ExecPlan, int, int]] = field(default_factory=list)

    def execute_all(self, specs: Sequence[str], plan: ExecPlan, *, memory: int = 1024,
                    repeat: int = 1, sinks: Sequence[Sink | None] = ()) -> list[list[Executed]]:
        self.plans.append((list(specs), plan, memory, repeat))
        for sink in sinks:
            if sink is not None:
                sink(1, b"its output\n")
                sink(2, b"its complaint\n")
        if self.late is not None:
            raise GivenUpError("it was given up", self.executed(specs[0], 0),
                               interrupted=self.late == "interrupted")
        return [[self.executed(spec, number) for number in range(repeat)] for spec in specs]

    def executed(self, spec: str, number: int) -> Executed:
        kernel = ON[spec]
        instructions = (self.ended.instructions if spec == "debian:6.18" else
                        Instructions(user=kernel.user, kernel=kernel.kernel + number,
                                     others=kernel.others))
        counted = Counted(
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
