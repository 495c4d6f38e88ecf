# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes a comparison the gate of a pipeline: which differences are accepted, what CI services
read, and the exit status."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click

from tailwalk.cases import Case
from tailwalk.cli.console import say
from tailwalk.cli.options import options
from tailwalk.cli.outputs import Content, require_figures
from tailwalk.compare import Comparison
from tailwalk.compare.accepted import (
    AcceptFile,
    accept,
    accept_program,
    calls_elsewhere,
    check_entries,
    read_accepted,
)
from tailwalk.compare.program import ComparedProgram
from tailwalk.errors import RecordError
from tailwalk.report.annotations import github
from tailwalk.report.comparison import show_lacking
from tailwalk.report.gate import Gate
from tailwalk.report.junit import junit
from tailwalk.report.sarif import sarif
from tailwalk.runs import Run
from tailwalk.words import listed

FILES = {"junit": "Also write every verdict as JUnit XML.",
         "sarif": "Also write what regressed as SARIF 2.1.0."}
"""Of `output_options`."""

gate_options = options(
    click.option("--fail-on", type=click.Choice(["regressed"]),
                 help="Exit with status 1 where a case has this verdict on any kernel and it is "
                      "not accepted, and with 2 where none has and a figure cannot be judged. A "
                      "case that a kernel cannot do is passed over, and said."),
    click.option("--accept", type=click.Path(path_type=Path), metavar="FILE",
                 help="A TOML file of the differences that are accepted, up to a ratio and a day."),
    click.option("--annotations", type=click.Choice(["github"]),
                 help="Also print what regressed to standard error, as commands by which this "
                      "service shows it on its pages."))
"""For `Gating`."""


@dataclass(frozen=True)
class Gating:
    """How the current command is a gate."""

    fail_on: str | None
    accepting: AcceptFile | None
    annotations: str | None

    @classmethod
    def taken(cls, given: dict[str, Any]) -> Gating:
        """Take it out of a command's parameters; raises UsageError for a wrong file of accepted
        differences: better now than after a measurement."""
        fail_on, file, annotations = (given.pop(name) for name in (
            "fail_on", "accept", "annotations"))
        return cls(fail_on, None if file is None else read_accepted(file), annotations)

    def check_cases(self, cases: Iterable[Case]) -> None:
        """Say which entries are of none of the cases that are to be measured or read; raises
        UsageError for one that is of no case at all."""
        if self.accepting is not None:
            self._tell_idle(check_entries(self.accepting, {case.name for case in cases}), "case")

    def applied(self, comparison: Comparison) -> Comparison:
        """The comparison, with what is accepted of it; raises as `accept`."""
        return comparison if self.accepting is None else accept(
            comparison, self.accepting, today=date.today())

    def applied_to(self, compared: ComparedProgram) -> ComparedProgram:
        """As `check_cases` and `applied`, of a program."""
        if self.accepting is None:
            return compared
        self._tell_idle(calls_elsewhere(self.accepting, compared), "call")
        return accept_program(compared, self.accepting, today=date.today())

    def _tell_idle(self, entries: Sequence[str], what: str) -> None:
        if self.accepting is not None and entries:
            say(f"{self.accepting.path}: {listed(entries)}: of no {what} that is compared here",
                aside=True)

    def files(self, gate: Callable[[], Gate]) -> dict[str, Content]:
        """For `Outputs.put`."""
        return {"junit": lambda: junit(gate()), "sarif": lambda: sarif(gate(), self.accepting)}

    def tell(self, gate: Callable[[], Gate], *, regressed: bool) -> None:
        """Print the annotations, and end with status 1 where what regressed is asked for."""
        if self.annotations is not None:
            for line in github(gate()):
                say(line, aside=True)
        if self.fail_on is not None and regressed:
            click.get_current_context().exit(1)

    def end(self, comparison: Comparison, gate: Callable[[], Gate], *runs: Run) -> None:
        """Print the annotations, and end with the status that is asked for.

        Raises GuestError where a case failed, RecordError where it is not known whether one
        regressed.
        """
        self.tell(gate, regressed=comparison.regressed())
        require_figures(*runs)
        if self.fail_on is None:
            return
        if lacking := sum(one.outcome == "empty" for one in gate().judged):
            say(f"--fail-on {self.fail_on}: {show_lacking(lacking)} missing for lack of a figure, "
                "and nothing is said of those cases there.", aside=True)
        if unjudged := comparison.unjudged():
            raise RecordError(f"--fail-on {self.fail_on}: {unjudged} "
                              f"{'figure' if unjudged == 1 else 'figures'} cannot be judged "
                              "(unsteady or unknown), so it is not known whether a case regressed. "
                              "Measure again, or without the cases that have them.")
