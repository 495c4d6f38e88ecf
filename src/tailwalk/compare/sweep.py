# SPDX-License-Identifier: GPL-2.0-or-later
"""A sweep, arranged: for each kernel a map of folio size by place, its law and its flatness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import fmean

from tailwalk.cases import show_size
from tailwalk.cases.sweep import named_offsets
from tailwalk.compare.agreement import check_conditions
from tailwalk.compare.law import Law, SweepCell, cells, fit, flatness, random_cells
from tailwalk.compare.threshold import Threshold, thresholds_for
from tailwalk.errors import RecordError
from tailwalk.runs import Run


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
    maps = [_with_recovery(kernels, bad, threshold) for kernels in maps]
    return Sweep(maps=maps, bad=bad, threshold=threshold)


def _map(run: Run, name: str) -> SweepMap:
    filesystem = run.conditions.filesystem
    found = [cell for cell in cells(run) if cell.case.name == name]
    rows = []
    for fill in dict.fromkeys(cell.case.fill for cell in found):
        filled = [cell for cell in found if cell.case.fill == fill]
        places = _places(filled, named_offsets(filled[0].case, filesystem))
        orders = {cell.figure.written for cell in filled if not cell.doubt}
        rows.append(MapRow(fill=fill, order=max((order for order in orders if order is not None),
                                                default=None),
                           places=places, sampled=random_cells(found, fill, filesystem)))
    columns = list(dict.fromkeys(place for row in rows for place in row.places))
    return SweepMap(run=run, case=name, uptodate=all(cell.case.uptodate for cell in found),
                    columns=columns, rows=rows, law=fit(found), flatness=flatness(found))


def _places(filled: Sequence[SweepCell], named: dict[str, int]) -> dict[str, SweepCell]:
    by_offset = {cell.case.offset: cell for cell in filled}
    return {place: by_offset[offset] for place, offset in named.items() if offset in by_offset}


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


def _with_recovery(kernels: Sequence[SweepMap], bad: int, threshold: Threshold) -> list[SweepMap]:
    result = list(kernels[:bad + 1])
    for one in kernels[bad + 1:]:
        rows = [_recovered(base, worse, row, threshold) for base, worse, row in
                zip(kernels[0].rows, kernels[bad].rows, one.rows, strict=True)]
        result.append(replace(one, rows=rows))
    return result


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
