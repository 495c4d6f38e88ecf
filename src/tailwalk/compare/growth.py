# SPDX-License-Identifier: GPL-2.0-or-later
"""How a call's cost grows with the folio it writes to, and whether a machine is affected.

The figures of one run on a timed rig, the same cases at several fills: every larger fill is
compared with the smallest, whose folios are single pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tailwalk.cases import KIB, PAGE, Case, Filesystem, show_size
from tailwalk.cases.places import folio_size
from tailwalk.compare.samples import can_be_tested, ratio_interval, samples_of
from tailwalk.errors import RecordError, UsageError
from tailwalk.filesystems import keeps_buffer_heads
from tailwalk.runs import Figure, Run

State = Literal["affected", "not affected", "unclear"]

THRESHOLD = 1.25
"""A cost that has grown by no more than this factor is not called affected: caches and the
folios' own upkeep move it by some percent on every kernel."""

TELLING = 512 * KIB
"""The folio size that the largest fill has to ask for before a cost that has not grown says that
it does not grow: 128 blocks of 4 KiB, at the 5 ns or so each that 6.18 pays, are far above
`THRESHOLD`."""


@dataclass(frozen=True)
class GrowthStep:
    """A fill beside the smallest one.

    Attributes:
        figure: at this fill.
        ratio: of the medians, to the smallest fill's figure.
        interval: 95% bootstrap interval of the ratio; None where there are too few samples.
        state: whether the cost has grown.
        buffers: buffer heads in the folio written to, None where the file system keeps none.
        per_buffer: what each buffer head adds, ns; None where `buffers` is, or is no more than at
            the smallest fill, or where the cost has not grown.
    """

    figure: Figure
    ratio: float
    interval: tuple[float, float] | None
    state: State
    buffers: int | None
    per_buffer: float | None


@dataclass(frozen=True)
class Growth:
    """One case over the fills: its figure at the smallest, and the steps from there in order.

    `telling`: the smallest fill makes single pages and the largest asks for a folio of many
    blocks, so that what does not grow between them does not grow.
    """

    base: Figure
    steps: Sequence[GrowthStep]
    telling: bool

    @property
    def state(self) -> State:
        """Affected where any step is; not affected where none may be and the fills would show
        it."""
        found = worst([step.state for step in self.steps])
        return "unclear" if found == "not affected" and not self.telling else found

    @property
    def at_start(self) -> bool:
        """Do the calls write to the first block of a folio, at every fill?"""
        offset = self.base.case.offset
        return all(offset % folio_size(step.figure.case.fill) < PAGE for step in self.steps)


def worst(states: Sequence[State]) -> State:
    """`affected` if there is one, else `unclear` if there is one, else `not affected`."""
    found: tuple[State, ...] = ("affected", "unclear")
    return next((state for state in found if state in states), "not affected")


def written_folio(figure: Figure) -> int:
    """Bytes in the folio that the calls write to: as seen, or what its fill asks for."""
    if figure.written is not None:
        return PAGE << figure.written
    return folio_size(figure.case.fill)


def growth(run: Run) -> list[Growth]:
    """Each case of the run that has a fill, over its fills.

    Raises UsageError for a run that is not timed or whose cases have only one fill, RecordError for
    one with a figure that is 0 or less, which nothing has grown from.
    """
    if run.metric.repeatable:
        raise UsageError(f"the run of {run.kernel.spec} counts {run.unit}: growth over fills is "
                         "judged of timed runs.")
    cases: dict[Case, list[Figure]] = {}
    filled = [figure for figure in run.figures if figure.case.cached]
    for figure in filled:
        cases.setdefault(figure.case.changed(fill=0), []).append(figure)
    if not cases or any(len(figures) < 2 for figures in cases.values()):
        raise UsageError("one fill shows no growth: measure every case with at least two.")
    for figure in filled:
        if not figure.main.usable:
            raise RecordError(
                f"the run of {run.kernel.spec} has {figure.main.value:g} {run.unit} for "
                f"{figure.case.name} filled by {show_size(figure.case.fill)}, which no call can "
                "cost: no growth can be told from it. Measure again.")
    ordered = [sorted(figures, key=lambda figure: figure.case.fill) for figures in cases.values()]
    filesystem = run.conditions.filesystem
    return [Growth(base, [_step(base, figure, filesystem) for figure in others],
                   written_folio(base) == PAGE and folio_size(others[-1].case.fill) >= TELLING)
            for base, *others in ordered]


def _step(base: Figure, figure: Figure, filesystem: Filesystem) -> GrowthStep:
    low, high = samples_of(base.main), samples_of(figure.main)
    interval = ratio_interval(low, high) if can_be_tested(low, high) else None
    buffers = added = None
    if keeps_buffer_heads(filesystem.kind):
        buffers = written_folio(figure) // filesystem.block_size
        added = buffers - written_folio(base) // filesystem.block_size
    state: State = "unclear"
    if interval is not None and not interval[0] <= THRESHOLD <= interval[1]:
        state = "affected" if interval[0] > THRESHOLD else "not affected"
    return GrowthStep(
        figure=figure, ratio=figure.main.value / base.main.value, interval=interval, state=state,
        buffers=buffers, per_buffer=(figure.main.value - base.main.value) / added if (
            added and state == "affected") else None)


@dataclass(frozen=True)
class Affection:
    """What the growths of a run say of the machine.

    Attributes:
        deciding: the growth that the verdict rests on: of the smallest write nearest to the
            folio's start, where the walk behind the written range is longest.
        further: the growths of the same write further into the folio.
    """

    deciding: Growth
    further: Sequence[Growth]

    @property
    def state(self) -> State:
        """An affected or unclear growth further into the folio counts."""
        one = self.deciding
        return one.state if one.state != "not affected" else worst(
            [other.state for other in self.further])

    @property
    def in_single_pages(self) -> bool:
        """Was the file cached in single pages, whatever was asked for?"""
        return all(step.figure.written == 0 for step in self.deciding.steps)


def affection(grown: Sequence[Growth]) -> Affection | None:
    """What decides among the growths of one run; None where no case of it overwrites, which is what
    tells of a machine."""
    grown = [one for one in grown if one.base.case.declared.family == "overwrite"]
    if not grown:
        return None
    one = min(grown, key=lambda one: (one.base.case.offset, one.base.case.length))
    return Affection(one, [other for other in grown if other is not one
                           and other.base.case.length == one.base.case.length
                           and other.base.case.offset > one.base.case.offset])
