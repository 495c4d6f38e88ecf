# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the exact rig repeat itself on this machine?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tailwalk.cache import Cache
from tailwalk.cases import find_cases
from tailwalk.kernels import Kernel
from tailwalk.progress import SILENT, Progress
from tailwalk.refusals import temporary_folder
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.cores import run_jobs
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Figure

_BOOTS = 2


@dataclass(frozen=True)
class SelfTest:
    """One case's figures from boots that share nothing but the kernel."""

    figures: Sequence[Figure]

    @property
    def agrees(self) -> bool:
        """Are they steady and the same, to the instruction?"""
        return (all(figure.main.steady for figure in self.figures)
                and len({(figure.main.value, figure.written) for figure in self.figures}) == 1)


def self_test(kernel: Kernel, *, case: str = "pwrite_u1k",
              progress: Progress = SILENT) -> SelfTest:
    """Measure a case in two boots of the kernel, each with a cache of its own.

    Raises ToolError, KernelError or GuestError.
    """
    plan = Plan(cases=find_cases([case]))

    def one() -> Figure:
        with temporary_folder() as folder:
            bench = Bench.prepare(cache=Cache(folder), progress=progress)
            [measured] = measure([kernel], plan, bench=bench)
            return measured.run.figures[0]

    return SelfTest(run_jobs([one] * _BOOTS))
