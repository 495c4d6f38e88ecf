# SPDX-License-Identifier: GPL-2.0-or-later
"""The law of a sweep: cost as a sum over the buffers before, in and after the write.

    cost = base + a*prefix + b*span + c*tail [+ d*further]

`prefix`, `span` and `tail` count the buffers (blocks) of the folio that lie before, in and after
the written range; `further` counts the folios after the first that a write leads into. A term
that has one value in every cell is part of the base, and said to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tailwalk.cases import PAGE, Case, Filesystem
from tailwalk.cases.places import folio_size
from tailwalk.cases.ring import sides_of
from tailwalk.cases.sweep import named_offsets
from tailwalk.runs import Figure, Run

# The largest residual, as a share of its cell, that a law may leave and still be said to fit.
FIT_LIMIT = 0.03


class Reach(NamedTuple):
    """Buffers of the folios a write touches, and how many folios after the first."""

    prefix: int
    span: int
    tail: int
    further: int


TERMS = Reach._fields


@dataclass(frozen=True, kw_only=True)
class SweepCell:
    """One figure of a sweep.

    `doubt` says why the cell must not be used, and is empty where it may.
    """

    figure: Figure
    reach: Reach | None
    doubt: str

    @property
    def case(self) -> Case:
        """The case that was measured."""
        return self.figure.case

    @property
    def value(self) -> float:
        """The figure, in the run's unit."""
        return self.figure.main.value


def reach_of(case: Case, order: int, block_size: int) -> Reach:
    """The buffers before, in and after the write in folios of an order."""
    folios = sides_of(case, block_size=block_size, order=order)
    prefix, span, tail = map(sum, zip(*folios, strict=True))
    return Reach(prefix, span, tail, further=len(folios) - 1)


def cells(run: Run) -> list[SweepCell]:
    """The cells of a run, each checked: is its figure steady, and its folio what was asked for?

    A kernel that made no large folio anywhere has none to give; its cells hold for order 0.
    """
    large = any(figure.written for figure in run.figures)
    return [_cell(figure, run.conditions.filesystem, large) for figure in run.figures]


def _cell(figure: Figure, filesystem: Filesystem, large: bool) -> SweepCell:
    asked = (folio_size(figure.case.fill) // PAGE).bit_length() - 1 if large else 0
    order = figure.written
    doubt = ""
    if not figure.main.usable:
        doubt = "no cost"
    elif not figure.main.steady:
        doubt = "unsteady"
    elif order is None:
        doubt = "folio order unknown"
    elif order != asked:
        doubt = f"order {order}, not {asked}"
    reach = None if order is None else reach_of(figure.case, order, filesystem.block_size)
    return SweepCell(figure=figure, reach=reach, doubt=doubt)


@dataclass(frozen=True, kw_only=True)
class Law:
    """Least squares over the cells that may be used.

    Attributes:
        base: in the run's unit.
        coefficients: term to cost of one buffer (or further folio); terms that vary alone.
        constant: terms with one value in every cell, which the base contains, and that value.
        residual: the largest difference between law and cell, signed, in the run's unit.
        share: that residual over its cell's figure.
        cells: how many cells it rests on.
        moves: by how much each term moves the cost from its least to its greatest value in these
            cells, as a share of the cheapest.
    """

    base: float
    coefficients: dict[str, float]
    constant: dict[str, int]
    residual: float
    share: float
    cells: int
    moves: dict[str, float]

    @property
    def fits(self) -> bool:
        """Is every residual at most 3% of its cell?"""
        return abs(self.share) <= FIT_LIMIT


def fit(found: Sequence[SweepCell]) -> Law | None:
    """The law of the cells that may be used; None where there are fewer than two more of them
    than terms that vary, or where terms vary only together."""
    import numpy as np

    used = [(cell, cell.reach) for cell in found if not cell.doubt and cell.reach is not None]
    varying = [at for at in range(len(TERMS)) if len({reach[at] for _, reach in used}) > 1]
    if len(used) < len(varying) + 3:
        return None
    matrix = np.array([[1.0, *(reach[at] for at in varying)] for _, reach in used])
    values = np.array([cell.value for cell, _ in used])
    # Relative weights: a percent of a cheap cell matters as much as one of a dear cell.
    weights = 1 / values
    solution, _, rank, _ = np.linalg.lstsq(matrix * weights[:, None], values * weights, rcond=None)
    if rank < matrix.shape[1]:
        return None
    residuals = values - matrix @ solution
    worst = int(np.argmax(np.abs(residuals / values)))
    return Law(
        base=float(solution[0]),
        coefficients={TERMS[at]: float(factor)
                      for at, factor in zip(varying, solution[1:], strict=True)},
        constant={term: used[0][1][at] for at, term in enumerate(TERMS) if at not in varying},
        residual=float(residuals[worst]), share=float(residuals[worst] / values[worst]),
        cells=len(used),
        moves={TERMS[at]: abs(float(factor)) * float(np.ptp(column) / values.min())
               for at, factor, column in zip(varying, solution[1:], matrix.T[1:], strict=True)})


def flatness(found: Sequence[SweepCell]) -> float | None:
    """The dearest usable cell over the cheapest, among those of one length that touch the same
    number of buffers and folios; the largest such ratio. None where no two cells are alike."""
    groups: dict[tuple[int, int, int], list[float]] = {}
    for cell in found:
        if not cell.doubt and cell.reach is not None:
            key = (cell.case.length, cell.reach.span, cell.reach.further)
            groups.setdefault(key, []).append(cell.value)
    return max((max(values) / min(values) for values in groups.values() if len(values) > 1),
               default=None)


def random_cells(found: Sequence[SweepCell], fill: int,
                 filesystem: Filesystem) -> dict[int, float]:
    """The costs of a fill's usable cells at no named place, which sample the file at random, by
    offset, in the run's unit."""
    filled = [cell for cell in found if cell.case.fill == fill and not cell.doubt]
    named = set(named_offsets(filled[0].case, filesystem).values()) if filled else set()
    return {cell.case.offset: cell.value for cell in filled if cell.case.offset not in named}
