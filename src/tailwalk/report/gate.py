# SPDX-License-Identifier: GPL-2.0-or-later
"""What a pipeline asks: of each case on each kernel after the baseline, whether it passes, in one
shape for every format that a CI service reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tailwalk.cases import Case, Filesystem
from tailwalk.compare import Comparison, Row
from tailwalk.compare.comparison import Accepted, ComparedKernel
from tailwalk.compare.judge import rows_without_figures
from tailwalk.compare.program import ACCEPTED, AcceptedCall
from tailwalk.compare.upgrade import Upgrade
from tailwalk.report.commands import why_command
from tailwalk.report.comparison import (
    acceptance,
    accepted_lines,
    comparison_conditions,
    kernel_labels,
)
from tailwalk.report.grid import Fact
from tailwalk.report.heat import map_figure
from tailwalk.report.words import case_labels, show_ratio
from tailwalk.runs import KernelRecord, Run

Outcome = Literal["passed", "regressed", "accepted", "unjudged", "failed", "empty"]
"""`unjudged`: a figure that must not be relied on; `failed`: no figure, since the case failed there
or on the baseline; `empty`: no figure, since one of the two cannot do what the case measures."""

_FUNCTIONS = 3

OUTCOMES: dict[str, Outcome] = {"regressed": "regressed", ACCEPTED: "accepted",
                                "unsteady": "unjudged", "unknown": "unjudged"}
"""By verdict, of those that do not pass."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One metric of a case on one kernel.

    Attributes:
        name: the case's label, and the metric where it is not the main one.
        case: the case's name.
        family: its family.
        measured: what it measures, as a line.
        metric: its name.
        kernel: the kernel's label.
        outcome: see `Outcome`.
        said: figures, ratio and verdict, or why there are none, as a phrase.
        ratio: to the baseline's figure; None where there is none.
        accepted: what a file of accepted differences says of it.
        functions: those that carry the difference, where it was profiled, and by how much.
        command: the command line that names them.
    """

    name: str
    case: str
    family: str
    measured: str
    metric: str
    kernel: str
    outcome: Outcome
    said: str
    ratio: float | None
    accepted: Accepted | AcceptedCall | None
    functions: Sequence[tuple[str, int]] = ()
    command: str

    @property
    def lines(self) -> list[str]:
        """Everything that there is to say of it."""
        carried = [f"{name} {change:+,}" for name, change in self.functions]
        return [self.said, *([acceptance(self.accepted)] if self.accepted else []),
                *([f"functions: {'; '.join(carried)}"] if carried else []), self.command]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A comparison as pipelines see it.

    Attributes:
        baseline: the baseline's label.
        kernels: label and release of each kernel after it.
        judged: by kernel, then by metric and case.
        facts: the conditions and notes.
    """

    baseline: str
    kernels: Sequence[tuple[str, str]]
    judged: Sequence[Judged]
    facts: Sequence[Fact]

    def of(self, kernel: str) -> list[Judged]:
        """What was judged on a kernel, by its label."""
        return [one for one in self.judged if one.kernel == kernel]

    def worst_first(self, outcome: Outcome) -> list[Judged]:
        """What came out so; a regression from 0 has no ratio, and is worse than any."""
        return sorted((one for one in self.judged if one.outcome == outcome),
                      key=lambda one: -(float("inf") if one.ratio is None else one.ratio))


def comparison_gate(comparison: Comparison, runs: Sequence[Run]) -> Gate:
    """A comparison of these runs, as pipelines see it: with the cases that none has a figure of."""
    labels = kernel_labels(comparison)
    failed = [{one.case for one in run.left_out if one.failed} for run in runs]
    nowhere = rows_without_figures(comparison, runs)
    parts = [(part.metric, [*part.rows, *(nowhere if part.metric is comparison.metric else [])])
             for part in comparison.by_metric()]
    judged = [
        _judged(comparison, row, column, name=f"{label}{suffix}", labels=labels,
                failed=any(row.parameters in failed[at] for at in (0, column)))
        for column in range(1, len(labels))
        for metric, rows in parts
        for suffix in ["" if metric is comparison.metric else f", {metric.name}"]
        for label, row in zip(case_labels([row.parameters for row in rows]), rows, strict=True)]
    return Gate(
        baseline=labels[0],
        kernels=[(label, kernel.release)
                 for label, kernel in zip(labels, comparison.kernels, strict=True)][1:],
        judged=judged, facts=[fact for fact in comparison_conditions(comparison)
                              if fact not in accepted_lines(comparison)])


def upgrade_gate(comparison: Comparison, found: Upgrade, runs: Sequence[Run]) -> Gate:
    """The upgrade that was made of a comparison of these runs, as pipelines see it: with the
    functions that carry a difference."""
    gate = comparison_gate(comparison, runs)
    why = {label: [(each.function, each.difference) for each in one.why[:_FUNCTIONS]]
           for label, one in zip(case_labels([one.parameters for one in found.cases]), found.cases,
                                 strict=True)}
    new = gate.kernels[0][0]
    return replace(gate, judged=[
        replace(one, functions=why.get(one.name, ())) if one.kernel == new else one
        for one in gate.judged])


def _judged(comparison: Comparison, row: Row, column: int, *, name: str,
            labels: Sequence[str], failed: bool) -> Judged:
    accepts = comparison.accepts(row, column)
    verdict = ACCEPTED if accepts else row.verdicts[column]
    return Judged(
        name=name, case=row.case, family=row.parameters.declared.family,
        measured=row.parameters.declared.explained(row.parameters.parameters), metric=row.metric,
        kernel=labels[column], ratio=row.ratios[column],
        outcome=("failed" if failed else "empty") if row.lacks(column) else OUTCOMES.get(
            verdict, "passed"),
        said=_said(row, column, verdict, labels),
        accepted=comparison.acceptance(row, column),
        command=case_command([comparison.kernels[0], comparison.kernels[column]], row.parameters,
                             comparison.conditions.filesystem))


def _said(row: Row, column: int, verdict: str, labels: Sequence[str]) -> str:
    """A figure beside the baseline's in a phrase, or why one of them is missing."""
    before, after, ratio = row.figures[0], row.figures[column], row.ratios[column]
    if before is None or after is None:
        return "; ".join(f"no figure on {labels[at]}: {reason}" for at in (0, column)
                         if (reason := row.reasons[at]) is not None)
    shown = "" if ratio is None else f" ({show_ratio(ratio)})"
    here, there = (map_figure(figure, varies=row.varies[at] is not None)
                   for at, figure in ((column, after), (0, before)))
    return f"{verdict}: {here} {row.unit}, against {there} on {labels[0]}{shown}"


def case_command(kernels: Sequence[ComparedKernel], case: Case, filesystem: Filesystem) -> str:
    """The command line that profiles a case on two kernels."""
    old, new = (KernelRecord(spec=kernel.spec, release=kernel.release, digest=kernel.digest,
                             provenance=kernel.provenance) for kernel in kernels)
    return why_command(old, new, case, filesystem)
