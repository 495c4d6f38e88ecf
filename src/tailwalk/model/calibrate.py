# SPDX-License-Identifier: GPL-2.0-or-later
"""Calibration: from the counts of `predict` to instructions, with coefficients from a run.

Instructions are a sum over counts. The coefficients are found by least squares of the relative
error, over the counts that vary in the run and tell each other apart; a cell has no coefficient of
its own. How good they are is seen in runs that they were not taken from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from tailwalk.cases import PAGE, Case, show_size
from tailwalk.errors import ModelError
from tailwalk.model.designs import Design, find_design
from tailwalk.model.predict import TERMS, Cost, cost_of, predictable
from tailwalk.runs import Figure, Run
from tailwalk.series.releases import standing


def design_of(run: Run) -> Design:
    """The design that a run's file system has: iomap's on XFS, else what the kernel's series or
    its version says."""
    kind = run.conditions.filesystem.kind
    if kind == "xfs":
        return find_design("bitmap")
    if kind != "ext4":
        raise ModelError(f"the run's file system is {kind}, whose write path is not modelled: "
                         "calibrate on ext4 or xfs.")
    if series := re.search(r"\+(tail|span|flush)\b", run.kernel.spec):
        return find_design(series[1])
    state = standing(run.kernel.release).state
    if state == "half":
        raise ModelError(f"the run's kernel {run.kernel.release} ends one of the two walks with "
                         "the written range and not the other: no design of the model is like it. "
                         "Calibrate on another release.")
    if state is None:
        raise ModelError(f"the run's kernel says it is {run.kernel.release!r}: which design of "
                         "the walk it has cannot be told. Calibrate on a release that `tailwalk "
                         "series show tail` lists.")
    return find_design("tail" if state == "fixed" else "full")


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """One measured cell beside what the calibration says of it."""

    figure: Figure
    cost: Cost
    predicted: float

    @property
    def error(self) -> float:
        """The prediction's relative error."""
        return self.predicted / self.figure.main.value - 1


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Coefficients from a run.

    Attributes:
        run: where they come from.
        design: of the run's kernel.
        base: in the run's unit.
        coefficients: by term, in the run's unit; of the terms that the run tells apart.
        entangled: terms that vary only together with those that have coefficients, which stand
            for them too: the constant and the factors by which they do.
        cells: every cell used, with its error.
        left_out: cells not used, and why.
    """

    run: Run
    design: Design
    base: float
    coefficients: dict[str, float]
    entangled: dict[str, tuple[float, ...]]
    cells: tuple[Fitted, ...]
    left_out: tuple[str, ...]

    @cached_property
    def measured(self) -> dict[str, tuple[float, float]]:
        """The least and greatest value of each term in the run's cells."""
        values = {name: [cell.cost.terms[name] for cell in self.cells] for name in TERMS}
        return {name: (min(of), max(of)) for name, of in values.items()}

    def instructions(self, cost: Cost) -> float:
        """A prediction in the run's unit.

        Raises ModelError where the cost depends on a term that the run does not vary.
        """
        for name, (least, greatest) in self.measured.items():
            value = cost.terms[name]
            if least == greatest and abs(value - least) > 1e-9 and name not in _OF_OTHER_DESIGNS:
                raise ModelError(
                    f"in every cell of the run {TERMS[name]!r} is {least:g}, and here it is "
                    f"{value:g}: what it costs is not known. Calibrate on a sweep that varies it.")
        return self.sum(cost)

    def sum(self, cost: Cost) -> float:
        """The same, whatever the run varies."""
        return self.base + sum(factor * cost.terms[name]
                               for name, factor in self.coefficients.items())

    def unknown(self, cost: Cost) -> list[str]:
        """Terms of another design that the prediction leaves out, as the run has none of them."""
        return [TERMS[name] for name in _OF_OTHER_DESIGNS
                if self.measured[name] == (0, 0) and cost.terms[name]]

    def extrapolates(self, cost: Cost) -> list[str]:
        """How a prediction goes beyond what the run measured."""
        found = []
        block_size = self.run.conditions.filesystem.block_size
        folios = sorted({cell.cost.folio for cell in self.cells})
        if cost.block_size != block_size:
            found.append(f"blocks of {show_size(cost.block_size)} (measured: "
                         f"{show_size(block_size)})")
        if cost.folio not in folios:
            found.append(f"folios of {show_size(cost.folio)} (measured: "
                         f"{', '.join(map(show_size, folios))})")
        for name in self.coefficients:
            least, greatest = self.measured[name]
            if not least <= cost.terms[name] <= greatest:
                found.append(f"{cost.terms[name]:,.0f} {TERMS[name]} (measured: {least:,.0f} to "
                             f"{greatest:,.0f})")
        for name, (constant, *factors) in self.entangled.items():
            expected = constant + sum(factor * cost.terms[other] for factor, other in
                                      zip(factors, self.coefficients, strict=True))
            if abs(cost.terms[name] - expected) > 1e-6 * max(1.0, abs(expected)):
                found.append(f"{cost.terms[name]:,.2f} {TERMS[name]} (where the run would have "
                             f"{expected:,.2f}: it does not vary them apart from the others)")
        return found

    def predict(self, run: Run) -> tuple[Fitted, ...]:
        """The cells of another run of the same kernel beside their predictions.

        Raises ModelError where the run is not of that kernel, file system and rig.
        """
        mine, other = self.run, run
        if ((mine.kernel.digest, mine.conditions.filesystem.kind, mine.unit)
                != (other.kernel.digest, other.conditions.filesystem.kind, other.unit)):
            raise ModelError(
                f"a calibration on {_conditions(mine)} says nothing of {_conditions(other)}: "
                "predict cells of the same kernel, file system and rig.")
        used, _ = _usable(run, self.design)
        return tuple(Fitted(figure=figure, cost=cost, predicted=self.instructions(cost))
                     for figure, cost in used)


_OF_OTHER_DESIGNS = ("faulted", "touched", "hops", "lookups", "get_block", "searches")


def worst(cells: Sequence[Fitted]) -> float:
    """The largest relative error, without its sign."""
    return max((abs(cell.error) for cell in cells), default=0.0)


def calibrate(run: Run, design: Design | None = None) -> Calibration:
    """Coefficients from the steady cells of a run whose folio orders are known.

    `design` is that of the run's kernel; None: `design_of` tells. Raises ModelError where the run
    has too few cells, or times.
    """
    import numpy as np

    if not run.metric.repeatable:
        raise ModelError(f"the run of {run.kernel.spec} is in {run.unit}: a calibration takes "
                         "counts of the exact rig.")
    design = design_of(run) if design is None else design
    used, left_out = _usable(run, design)
    costs = [cost for _, cost in used]
    terms, entangled = _tell_apart(costs)
    if len(used) <= len(terms) + 1:
        raise ModelError(
            f"the run of {run.kernel.spec} has {len(used)} usable cells for {len(terms) + 1} "
            "coefficients; calibrate on a sweep, which has more.")
    matrix = np.array([[1.0, *(cost.terms[name] for name in terms)] for cost in costs])
    values = np.array([figure.main.value for figure, _ in used])
    base, *factors = np.linalg.lstsq(matrix / values[:, None], np.ones(len(used)), rcond=None)[0]
    found = Calibration(
        run=run, design=design, base=float(base),
        coefficients=dict(zip(terms, map(float, factors), strict=True)), entangled=entangled,
        cells=(), left_out=left_out)
    return replace(found, cells=tuple(
        Fitted(figure=figure, cost=cost, predicted=found.sum(cost)) for figure, cost in used))


def _usable(run: Run, design: Design) -> tuple[list[tuple[Figure, Cost]], tuple[str, ...]]:
    """The cells of a run that can be held against counts, and of the others why not."""
    used: list[tuple[Figure, Cost]] = []
    left_out = []
    for figure in run.figures:
        if not predictable(figure.case):
            left_out.append(f"{figure.case.name}: no overwrite")
            continue
        if figure.written is None or not figure.main.reliable or not figure.main.usable:
            left_out.append(f"{_name(figure.case)}: "
                            + ("folio order unknown" if figure.written is None else
                               "unsteady" if not figure.main.reliable else "no cost"))
            continue
        cost = cost_of(figure.case, design, folio=PAGE << figure.written,
                       block_size=run.conditions.filesystem.block_size)
        if cost.terms["folios"] > 1 and len(figure.folios or ()) > 1:
            left_out.append(f"{_name(figure.case)}: leads into folios of another order")
        else:
            used.append((figure, cost))
    return used, tuple(left_out)


def _tell_apart(costs: Sequence[Cost]) -> tuple[list[str], dict[str, tuple[float, ...]]]:
    """The terms that vary independently, and those that vary only as a sum of them does, with
    that sum: a constant and a factor for each."""
    import numpy as np

    chosen: list[str] = []
    others: dict[str, Any] = {}
    columns = [np.ones(len(costs))]
    for name in TERMS:
        column = np.array([cost.terms[name] for cost in costs])
        if not costs or (column == column[0]).all():
            continue
        if np.linalg.matrix_rank(np.array([*columns, column])) > len(columns):
            chosen.append(name)
            columns.append(column)
        else:
            others[name] = column
    matrix = np.array(columns).T
    return chosen, {name: tuple(map(float, np.linalg.lstsq(matrix, column, rcond=None)[0]))
                    for name, column in others.items()}


def _conditions(run: Run) -> str:
    return f"{run.kernel.spec} ({run.kernel.release}) on {run.conditions.filesystem.kind}"


def _name(case: Case) -> str:
    return f"{case.name} at {show_size(case.offset)}, fill {show_size(case.fill)}"
