# SPDX-License-Identifier: GPL-2.0-or-later
"""A check, a proof and predictions as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tailwalk.cases import Case, show_size
from tailwalk.model.calibrate import Calibration, Fitted, worst
from tailwalk.model.check import DesignCheck, PlannedExploration, Races
from tailwalk.model.explore import Exploration
from tailwalk.model.predict import RANDOM, TERMS, Cost
from tailwalk.model.proof import INVARIANT, Proof
from tailwalk.model.view import INVARIANTS
from tailwalk.report.grid import Column, Grid, grid_of
from tailwalk.runs import Run

_PURPOSES = {
    "contents": "contents followed, every range and fault",
    "any depth": "flags, mapping and size, every range and fault",
    "walks": "flags, mapping and size, chosen ranges and faults",
    "alone": "writeback, one CPU in every state",
    "races": "writeback, CPUs in every order of their steps",
}


def tell_check(check: DesignCheck) -> Iterator[str | Grid]:
    """A check's lines, and its table."""
    design, against = check.design, check.against
    yield f"{design.name}: {design.summary}"
    yield f"against {against.name}: {against.summary}"
    yield ""
    yield grid_of(
        [Column("mode", "word"), Column("buffers"), Column("depth", rank=3),
         Column("states", rank=2), Column("transitions"), Column("apart", rank=1),
         Column("followed", "word", wraps="words")],
        [*map(_races_row, check.races), *(_part_row(part, found) for part, found in check.parts)])
    yield ""
    if check.trace is not None:
        yield f"NOT equivalent: a shortest run that shows it ({check.trace.legend})"
        yield from check.trace.lines(against.name, design.name)
        return
    yield (f"equivalent within these bounds: {check.states:,} states, "
           f"{check.transitions:,} transitions, no difference that a program, a reader of the "
           "disk or a crash could see")
    if check.races:
        yield (f"Writeback finds to map, writes and ends the same buffers as with {against.name}, "
               "in every order of the CPUs' steps.")
        if any(races.apart for races in check.races):
            yield (f"Apart are races that {against.name} can end in more ways: there another CPU "
                   "can look between more of its steps.")
    if not check.parts:
        return
    yield from _flag_lines(check)
    yield ""
    yield "invariants"
    for invariant in INVARIANTS:
        broken = check.broken[invariant.name]
        verdict = "kept" if not broken else f"not kept in {broken:,} states" + (
            "" if invariant.required else ", and the verdict does not rest on it")
        yield f"  {invariant.name}: {invariant.statement}: {verdict}"


def _races_row(races: Races) -> list[str]:
    found = races.found
    return [races.mode, str(races.buffers), f"any ({found.depth})", f"{found.states:,}",
            f"{found.transitions:,}", f"{races.apart:,}", _PURPOSES[races.purpose]]


def _part_row(part: PlannedExploration, found: Exploration) -> list[str]:
    return [part.setting.mode, str(part.setting.buffers),
            f"any ({found.depth})" if found.closed else str(found.depth), f"{found.states:,}",
            f"{found.transitions:,}", f"{found.apart:,}", _PURPOSES[part.purpose]]


_SHADOWED = frozenset({"uptodate of buffers of an uptodate folio"})


def _flag_lines(check: DesignCheck) -> Iterator[str]:
    if not check.flags:
        yield ("The two designs leave the same flags in every state: where the walks of "
               f"{check.design.name} skip a buffer, a visit would change nothing.")
        return
    for flags, count in sorted(check.flags.items(), key=lambda item: (-item[1], sorted(item[0]))):
        yield f"In {count:,} states they differ in: {'; '.join(sorted(flags))}."
    if set(check.flags) == {_SHADOWED}:
        yield ("Nothing observes that: while a folio is uptodate no rule asks whether its buffers "
               "are, and a folio that loses its uptodate flag loses its ring in the same step.")


def tell_proof(proof: Proof) -> Iterator[str]:
    """A proof's lines."""
    yield f"{proof.design} against full, a ring of any length, by induction over the walk"
    for statement in dict.fromkeys(obligation.statement for obligation in proof.obligations):
        yield ""
        yield f"{statement}: {INVARIANT[statement]}"
        for obligation in proof.obligations:
            if obligation.statement == statement:
                named = (f"{obligation.walk:<7}{obligation.part:<7}" if obligation.walk
                         else f"{obligation.part:<24}")
                yield f"  {named}{'proved' if obligation.holds else 'FAILS'}"
                if not obligation.holds:
                    yield f"    {obligation.counterexample}"
    yield ""
    yield "proved" if proof.holds else "NOT proved"


def tell_costs(costs: Sequence[Cost], figures: Sequence[float] | None,
               calibration: Calibration | None) -> Iterator[str | Grid]:
    """Predictions as a table, and what there is to say of it; `figures` are the predicted
    instructions."""
    yield grid_of(
        [Column("case", "name"), Column("design", "word"), Column("folio", rank=1),
         Column("block", rank=2), Column("place"), Column("before"), Column("in"),
         Column("behind"), Column("flags", rank=3),
         *([] if figures is None else [Column("predicted")])],
        [_costs_row(cost, None if figures is None else figures[number])
         for number, cost in enumerate(costs)])
    yield "before, in, behind: buffers visited by both walks of a call, by where they lie"
    followed = [name for name in ("hops", "lookups", "get_block", "clean", "searches")
                if any(cost.terms[name] for cost in costs)]
    for name in followed:
        yield (f"{TERMS[name]}: " + ", ".join(
            f"{cost.design} {_count(cost.terms[name])}" for cost in costs if cost.terms[name]))
    if calibration is not None:
        yield (f"predicted: {calibration.run.unit}, from {calibration.run.kernel.spec} "
               f"({calibration.run.kernel.release}), whose walks are {calibration.design.name}'s")
        others = sorted({cost.design for cost in costs} - {calibration.design.name})
        if others:
            yield (f"{', '.join(others)}: with that kernel's cost of a visit; another kernel's "
                   "compiled walks differ by an instruction or more a buffer")
        for cost in costs:
            for what in calibration.unknown(cost):
                yield f"{cost.design}: without the cost of {what}, which that kernel has none of"
        beyond: dict[str, None] = {}
        for cost in costs:
            beyond |= dict.fromkeys(calibration.extrapolates(cost))
        if beyond:
            yield f"beyond what that run measured: {'; '.join(beyond)}"


def _costs_row(cost: Cost, figure: float | None) -> list[str]:
    place = RANDOM if cost.place == RANDOM else show_size(int(cost.place))
    return [cost.case.name, cost.design, show_size(cost.folio), show_size(cost.block_size), place,
            *(_count(cost.terms[name]) for name in ("prefix", "span", "tail")), _count(cost.flags),
            *([] if figure is None else [f"{figure:,.0f}"])]


def tell_costs_csv(costs: Sequence[Cost], figures: Sequence[float] | None) -> Iterator[str]:
    """Predictions as comma-separated values."""
    yield ",".join(["case", "design", "folio", "block_size", "place", *TERMS, "flags",
                    *([] if figures is None else ["predicted"])])
    for number, cost in enumerate(costs):
        values = [cost.case.name, cost.design, str(cost.folio), str(cost.block_size),
                  str(cost.place), *(f"{cost.terms[name]:g}" for name in TERMS), f"{cost.flags:g}"]
        yield ",".join([*values, *([] if figures is None else [f"{figures[number]:.1f}"])])


def tell_calibration(calibration: Calibration,
                     predicted: Sequence[tuple[Run, Sequence[Fitted]]]) -> Iterator[str]:
    """Every cell of the run beside its prediction, the coefficients, and the cells of other
    runs beside theirs."""
    run = calibration.run
    yield (f"calibrated on {run.kernel.spec} ({run.kernel.release}), {run.unit}, "
           f"{_filesystem(run)}, walks as {calibration.design.name}")
    yield from _cells(calibration.cells)
    for why in calibration.left_out:
        yield f"left out: {why}"
    yield f"  {calibration.base:>10.2f}  base"
    for name, factor in calibration.coefficients.items():
        yield f"  {factor:>10.2f}  {TERMS[name]}"
    if calibration.entangled:
        yield ("varies only with others, which stand for it too: "
               + ", ".join(TERMS[name] for name in calibration.entangled))
    for other, cells in predicted:
        yield ""
        yield f"predicted, and then compared with another run: {_filesystem(other)}"
        yield from _cells(cells)
    if predicted:
        checked = [cell for _, cells in predicted for cell in cells]
        yield ""
        yield (f"largest error: {100 * worst(calibration.cells):.2f}% of the "
               f"{len(calibration.cells)} cells calibrated on, {100 * worst(checked):.2f}% of the "
               f"{len(checked)} cells predicted")


def _cells(cells: Sequence[Fitted]) -> Iterator[str]:
    names = _width(cell.figure.case for cell in cells)
    yield (f"{'case':<{names}}{'fill':>8}{'folio':>8}{'offset':>12}{'measured':>10}{'model':>9}"
           f"{'error':>8}")
    for cell in cells:
        case = cell.figure.case
        yield (f"{case.name:<{names}}{show_size(case.fill):>8}{show_size(cell.cost.folio):>8}"
               f"{case.offset:>12,}{cell.figure.main.value:>10,.0f}{cell.predicted:>9,.0f}"
               f"{100 * cell.error:>+7.2f}%")
    yield f"largest error {100 * worst(cells):.2f}% of {len(cells)} cells"


def _width(cases: Iterable[Case]) -> int:
    """Of the column with the names of cases."""
    return max([14, *(len(case.name) + 1 for case in cases)])


def _filesystem(run: Run) -> str:
    filesystem = run.conditions.filesystem
    return f"{filesystem.kind}, {show_size(filesystem.block_size)} blocks"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
