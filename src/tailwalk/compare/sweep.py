# SPDX-License-Identifier: GPL-2.0-or-later
"""A sweep, arranged: for each kernel a map of folio size by place, its law and its flatness.

The law is cost as a sum over the buffers before, in and after the write:

    cost = base + a*prefix + b*span + c*tail [+ d*further]

`prefix`, `span` and `tail` count the buffers (blocks) of the folio that lie before, in and after
the written range; `further` counts the folios after the first that a write leads into. A term
that has one value in every cell is part of the base, and said to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import fmean
from typing import NamedTuple

from tailwalk.cases import PAGE, Case, Filesystem, show_size
from tailwalk.cases.places import folio_size
from tailwalk.cases.ring import sides_of
from tailwalk.cases.sweep import named_offsets
from tailwalk.compare.agreement import check_conditions
from tailwalk.compare.threshold import Threshold, thresholds_for
from tailwalk.errors import RecordError
from tailwalk.runs import Figure, Run

# The largest residual, as a share of its cell, that a law may leave and still be said to fit.
FIT_LIMIT = 0.03


@dataclass(frozen=True, kw_only=True)
class MapRow:
    """One fill of one kernel.

    Attributes:
        fill: bytes.
        order: of the folios that the usable cells wrote to; None where there is no usable one.
        places: place to cell, in the map's order.
        sampled: costs at random offsets, by offset, in the run's unit: of the cells that may be
            used.
        recovery: share of the random-offset regression that this kernel takes back, over the
            offsets that may be used on all three kernels; None where it is not defined (no such
            regression, or the kernel is not after the bad one).
    """

    fill: int
    order: int | None
    places: dict[str, SweepCell]
    sampled: dict[int, float]
    recovery: float | None = None

    @property
    def random(self) -> float | None:
        """Mean cost at random offsets, in the run's unit; None where none was measured."""
        return fmean(self.sampled.values()) if self.sampled else None


@dataclass(frozen=True, kw_only=True)
class SweepMap:
    """One case on one kernel."""

    run: Run
    case: str
    uptodate: bool
    columns: list[str]
    rows: list[MapRow]
    law: Law | None
    flatness: float | None

    @property
    def doubts(self) -> list[str]:
        """The cells that were not used, and why."""
        return [f"{show_size(row.fill)} {place}: {cell.doubt}"
                for row in self.rows for place, cell in row.places.items() if cell.doubt]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The maps of every kernel, case by case, the baseline's first.

    `bad` is the index of the kernel whose random-offset cost regressed most against the first
    kernel's; None where none did by more than its threshold. `threshold` is that of the bad
    kernel, None where there is none.
    """

    maps: list[list[SweepMap]]
    bad: int | None
    threshold: Threshold | None


def arrange(runs: Sequence[Run]) -> Sweep:
    """Arrange the runs of a sweep, the baseline's first.

    Raises RecordError where the runs hold different cells, UsageError where they were measured
    under different conditions.
    """
    first = runs[0]
    for run in runs[1:]:
        if [figure.case for figure in run.figures] != [figure.case for figure in first.figures]:
            raise RecordError(f"the sweeps of {first.kernel.spec} and {run.kernel.spec} hold "
                              "different cells; sweep both with the same options.")
        check_conditions(first, run)
    names = list(dict.fromkeys(figure.case.name for figure in first.figures))
    maps = [[_map(run, name) for run in runs] for name in names]
    thresholds = thresholds_for([(first.kernel, run.kernel) for run in runs[1:]], None)
    bad = _worst(maps, thresholds)
    if bad is None:
        return Sweep(maps=maps, bad=None, threshold=None)
    threshold = thresholds[bad - 1]
    for kernels in maps:
        kernels[bad + 1:] = [replace(one, rows=[
            _recovered(*rows, threshold) for rows in zip(
                kernels[0].rows, kernels[bad].rows, one.rows, strict=True)])
            for one in kernels[bad + 1:]]
    return Sweep(maps=maps, bad=bad, threshold=threshold)


def _map(run: Run, name: str) -> SweepMap:
    filesystem = run.conditions.filesystem
    found = [cell for cell in cells(run) if cell.case.name == name]
    rows = []
    for fill in dict.fromkeys(cell.case.fill for cell in found):
        filled = [cell for cell in found if cell.case.fill == fill]
        by_offset = {cell.case.offset: cell for cell in filled}
        named = named_offsets(filled[0].case, filesystem)
        places = {place: by_offset[offset] for place, offset in named.items()
                  if offset in by_offset}
        orders = [order for cell in filled
                  if not cell.doubt and (order := cell.figure.written) is not None]
        rows.append(MapRow(fill=fill, order=max(orders, default=None),
                           places=places, sampled=random_cells(found, fill, filesystem)))
    columns = list(dict.fromkeys(place for row in rows for place in row.places))
    return SweepMap(run=run, case=name, uptodate=all(cell.case.uptodate for cell in found),
                    columns=columns, rows=rows, law=fit(found), flatness=flatness(found))


def _worst(maps: Sequence[Sequence[SweepMap]], thresholds: Sequence[Threshold]) -> int | None:
    """The kernel after the first whose random-offset mean grew most on any row, of those where it
    grew by more than the kernel's threshold."""
    growth: dict[int, float] = {}
    for kernels in maps:
        for number, (one, threshold) in enumerate(
                zip(kernels[1:], thresholds, strict=True), start=1):
            for before, after in zip(kernels[0].rows, one.rows, strict=True):
                means = _means(before, after)
                if means and _regressed(means[0], means[1], threshold):
                    growth[number] = max(growth.get(number, 0), means[1] / means[0])
    return max(growth, key=lambda number: growth[number], default=None)


def _regressed(base: float, worse: float, threshold: Threshold) -> bool:
    return worse > (1 + threshold.limit) * Fraction(base)


def _recovered(base: MapRow, worse: MapRow, row: MapRow, threshold: Threshold) -> MapRow:
    means = _means(base, worse, row)
    if not means or not _regressed(means[0], means[1], threshold):
        return row
    return replace(row, recovery=(means[1] - means[2]) / (means[1] - means[0]))


def _means(*rows: MapRow) -> list[float]:
    """Each row's mean cost at the random offsets that may be used in all of them; nothing where
    there is none."""
    shared = set.intersection(*(set(row.sampled) for row in rows))
    return [fmean(row.sampled[offset] for offset in sorted(shared)) for row in rows] if (
        shared) else []


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
    block_size = run.conditions.filesystem.block_size
    found = []
    for figure in run.figures:
        asked = (folio_size(figure.case.fill) // PAGE).bit_length() - 1 if large else 0
        order = figure.written
        doubt = ""
        if not figure.main.usable:
            doubt = "no cost"
        elif not figure.main.reliable:
            doubt = "unsteady"
        elif order is None:
            doubt = "folio order unknown"
        elif order != asked:
            doubt = f"order {order}, not {asked}"
        reach = None if order is None else reach_of(figure.case, order, block_size)
        found.append(SweepCell(figure=figure, reach=reach, doubt=doubt))
    return found


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
