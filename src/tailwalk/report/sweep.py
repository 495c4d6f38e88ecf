# SPDX-License-Identifier: GPL-2.0-or-later
"""A sweep: heat maps with numbers, the law as a sentence, the flatness."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tailwalk.cases import show_size
from tailwalk.compare.law import FIT_LIMIT, Law
from tailwalk.compare.sweep import MapRow, Sweep, SweepMap
from tailwalk.compare.threshold import show_thresholds
from tailwalk.report.grid import Cell, Column, Fact, Grid, GridRow, Said, Shown
from tailwalk.report.words import (
    conditions,
    names_release,
    short_names,
    short_release,
    show_figure,
    show_recovery,
)
from tailwalk.runs.notes import notes_by_kernel
from tailwalk.words import listed

_TERM_WORDS = {
    "prefix": "buffer before the write",
    "span": "buffer the write touches",
    "tail": "buffer after the write",
    "further": "further folio it leads into",
}

# Where a cost this many times the map's cheapest gets the hottest colour.
_HOTTEST = 64.0


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """A case on a kernel: cost by fill and place. `found` is what it shows.

    Its grid has for each fill the order of the folios, the places, and what of `random` (a mean
    over random offsets) and `recovered` there is.
    """

    found: SweepMap
    title: str
    grid: Grid


def heat_maps(sweep: Sweep) -> list[HeatMap]:
    """Every map of the sweep, case by case and kernel by kernel."""
    labels = sweep_labels(sweep)
    return [HeatMap(found=one, title=map_title(one, label), grid=_grid(
                one, recovering=sweep.bad is not None and number > sweep.bad))
            for kernels in sweep.maps
            for number, (one, label) in enumerate(zip(kernels, labels, strict=True))]


def sweep_shown(sweep: Sweep) -> list[Shown]:
    """Every map of the sweep with its law, and with the last the conditions they share."""
    run = sweep.maps[0][0].run
    shown = [Shown(title=f"{one.title}: {one.found.run.metric.title.lower()}",
                   parts=[one.grid, *_sentences(one.found)]) for one in heat_maps(sweep)]
    facts = [*conditions(run.rig, run.conditions, []), *sweep_conditions(sweep)]
    return [*shown[:-1], replace(shown[-1], facts=facts)]


def sweep_conditions(sweep: Sweep) -> list[Fact]:
    """What a reader has to know of the kernels, and what the maps' recoveries are of."""
    notes = notes_by_kernel(one.run.kernel for one in sweep.maps[0])
    kernels = [(label, f"{one.run.kernel.spec}, {one.run.kernel.release}")
               for label, one in zip(sweep_labels(sweep), sweep.maps[0], strict=True)
               if label != one.run.kernel.spec]
    return [*kernels, *(("note", note) for note in notes), *_recovery_condition(sweep)]


def sweep_labels(sweep: Sweep) -> list[str]:
    """What to call each kernel in few characters."""
    return short_names([(one.run.kernel.spec, one.run.kernel.release) for one in sweep.maps[0]])


def map_title(one: SweepMap, label: str) -> str:
    """A map's case, its kernel by the label, and its folios where they are not uptodate."""
    release = one.run.kernel.release
    shown = "" if names_release(label, release) else f" ({short_release(release)})"
    return f"{one.case} on {label}{shown}{'' if one.uptodate else ', folios not uptodate'}"


def sweep_sentence(sweep: Sweep) -> str:
    """What place and folio size change, case by case."""
    said = []
    labels = sweep_labels(sweep)
    for kernels in sweep.maps:
        known = [(one.flatness, label) for label, one in zip(labels, kernels, strict=True)
                 if one.flatness is not None]
        flat = [label for flatness, label in known if flatness < 1.005]
        rest = [f"{flatness:.2f}× on {label}" for flatness, label in known if flatness >= 1.005]
        clauses = []
        if rest:
            clauses.append(f"folio size and place of the write change its cost up to "
                           f"{listed(rest)}")
        if flat:
            same = ("they change nothing" if rest else
                    "its cost is the same in every place of every folio")
            clauses.append(f"{same} on {listed(flat)}")
        if clauses:
            said.append(f"{kernels[0].case}: {'; '.join(clauses)}")
    return (". ".join(said) or "No two cells of the sweep can be compared") + "."


def _recovery_condition(sweep: Sweep) -> list[Fact]:
    if sweep.bad is None or sweep.threshold is None or sweep.bad + 1 == len(sweep.maps[0]):
        return []
    labels = sweep_labels(sweep)
    bad, base = labels[sweep.bad], labels[0]
    return [("recovered", f"share of the regression of {bad} against {base} taken back, for "
             "writes at random offsets; undefined where that is no more than "
             f"{show_thresholds([(bad, sweep.threshold)])}")]


def _grid(one: SweepMap, *, recovering: bool) -> Grid:
    values = [cell.value for row in one.rows for cell in row.places.values() if not cell.doubt]
    cheapest = min(values, default=1.0)
    sampled = has_random(one)
    columns = [Column("fill", "name"), Column("order"), *map(Column, one.columns),
               *([Column("random")] if sampled else []),
               *([Column("recovered", "recovery")] if recovering else [])]
    return Grid(columns=columns, brief=True, rows=[GridRow([
        Cell(show_size(row.fill)), Cell("?" if row.order is None else str(row.order)),
        *(_place(one, row, place, cheapest) for place in one.columns),
        *([_random(one, row, cheapest)] if sampled else []),
        *([Cell(show_recovery(row.recovery))] if recovering else [])]) for row in one.rows])


def _place(one: SweepMap, row: MapRow, place: str, cheapest: float) -> Cell:
    cell = row.places.get(place)
    if cell is None:
        return Cell("")
    said = f"fill {show_size(row.fill)}, {place}: {show_figure(cell.value)} {one.run.unit}"
    if cell.doubt:
        return Cell(show_figure(cell.value), "doubtful", key=repr(cell.value), under=cell.doubt,
                    said=f"{said}, not used: {cell.doubt}")
    return Cell(show_figure(cell.value), key=repr(cell.value), said=said,
                heat=_heat(cell.value, cheapest))


def _random(one: SweepMap, row: MapRow, cheapest: float) -> Cell:
    if row.random is None:
        return Cell("")
    figure = show_figure(round(row.random))
    return Cell(figure, key=repr(row.random), heat=_heat(row.random, cheapest), said=(
        f"fill {show_size(row.fill)}, mean over random offsets: {figure} {one.run.unit}"))


def _heat(value: float, cheapest: float) -> float:
    """0 at the cheapest cell's cost, 1 at 64 times that; logarithmic between."""
    if value <= cheapest:
        return 0.0
    return min(1.0, math.log(value / cheapest) / math.log(_HOTTEST))


NO_LAW = "Too few usable cells for a law, or too much alike."


def _sentences(one: SweepMap) -> list[Said]:
    lines = []
    if one.flatness is not None:
        lines.append(Said(f"Flatness (dearest over cheapest cell at the same span): "
                          f"{one.flatness:.2f}"))
    lines.append(Said(NO_LAW if one.law is None else law_sentence(
        one.law, one.run.unit, sampled=has_random(one))))
    return [*lines, *(Said(f"not used: {doubt}", "doubtful") for doubt in one.doubts)]


def law_formula(law: Law) -> str:
    """The law with its coefficients."""
    terms = "".join(f" {'-' if factor < 0 else '+'} {abs(factor):.2f}*{term}"
                    for term, factor in law.coefficients.items())
    return f"cost = {law.base:,.0f}{terms}"


def _show_factor(factor: float) -> str:
    return f"{factor:.1f}" if factor >= 1 else f"{factor:.2g}"


def has_random(one: SweepMap) -> bool:
    """Does the map show the mean of cells at random offsets?"""
    return any(row.random is not None for row in one.rows)


def law_sentence(law: Law, unit: str, *, sampled: bool = False) -> str:
    """The law, its residual, and what it says in plain words.

    A map shows fewer cells than the law rests on where they were `sampled`, and more where two
    places are one offset.
    """
    what = unit.partition("/")[0]
    formula = law_formula(law)
    residual = (f"largest residual {law.residual:+,.0f} ({100 * law.share:+.1f}% of its cell), "
                f"{law.cells} different cells{', those behind `random` included' * sampled}")
    if not law.fits:
        return (f"No law of this form fits: {formula} leaves a {residual}, where at most "
                f"{100 * FIT_LIMIT:.0f}% is allowed.")
    spoken = {term: factor for term, factor in law.coefficients.items()
              if law.moves[term] > FIT_LIMIT}
    moves = [f"{verb} {listed(clauses)}" for verb, sign in (("grows", 1), ("falls", -1))
             if (clauses := [f"by {_show_factor(abs(factor))} {what} for every {_TERM_WORDS[term]}"
                             for term, factor in spoken.items() if factor * sign > 0])]
    plain = ("Cost does not depend on the place of the write or the size of the folio"
             if not moves else f"Cost {' and '.join(moves)}")
    constant = "".join(f"; {term} is {value} in every cell and part of the base"
                       for term, value in law.constant.items() if term != "further")
    return f"{plain}.\n{formula} {what}{constant}; {residual}."
