# SPDX-License-Identifier: GPL-2.0-or-later
"""A sweep: heat maps with numbers, also as one self-contained SVG, the law as a sentence, the
flatness."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tailwalk.cases import show_size
from tailwalk.compare.sweep import FIT_LIMIT, Law, MapRow, Sweep, SweepMap
from tailwalk.compare.threshold import show_thresholds
from tailwalk.report.chart import escape, shade
from tailwalk.report.grid import Cell, Column, Fact, Grid, GridRow, Said, Shown
from tailwalk.report.heat import heat_cell
from tailwalk.report.words import (
    conditions,
    names_release,
    short_names,
    short_release,
    show_figure,
    show_ratio,
    show_recovery,
)
from tailwalk.runs.record import notes_by_kernel
from tailwalk.words import listed

_TERM_WORDS = {
    "prefix": "buffer before the write",
    "span": "buffer the write touches",
    "tail": "buffer after the write",
    "further": "further folio it leads into",
}

_BACK = 1.05  # times the first kernel's figure that count as repaired

# Where a cost this many times the map's cheapest gets the hottest colour.
_HOTTEST = 64.0

_CELL_WIDTH = 92
_CELL_HEIGHT = 26
_LEFT = 128
_TITLE = 26
_GAP = 52

_STYLE = """
text { font: 13px ui-monospace, monospace; fill: var(--ink, #1a1a1a); }
.title { font-weight: bold; }
.dim { opacity: 0.75; }
.dark { fill: #fff; }
.light { fill: #1a1a1a; }
rect.cell { stroke: var(--paper, #fff); }
@media (prefers-color-scheme: dark) {
  svg.sheet { --ink: #e8e8e8; --paper: #16181d; background: #16181d; }
}
"""
_COOL, _HOT = (245, 245, 245), (178, 24, 43)


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """A case on a kernel: cost by fill and place. `found` is what it shows.

    Its grid has for each fill the order of the folios, the places, and what of `random` (a mean
    over random offsets) and `recovered` there is; `ratios` of a later kernel the same places as
    ratios to the first one's.
    """

    found: SweepMap
    title: str
    grid: Grid
    ratios: Grid | None = None


def heat_maps(sweep: Sweep) -> list[HeatMap]:
    """Every map of the sweep, case by case and kernel by kernel."""
    labels = sweep_labels(sweep)
    return [HeatMap(found=one, title=map_title(one, label),
                    grid=_grid(one, _cheapest(kernels),
                               recovering=sweep.bad is not None and number > sweep.bad),
                    ratios=_ratios(one, kernels[0]) if number else None)
            for kernels in sweep.maps
            for number, (one, label) in enumerate(zip(kernels, labels, strict=True))]


def _cheapest(kernels: Sequence[SweepMap]) -> float:
    """The cheapest figure of a case on any kernel: their maps have one scale of colours."""
    return min((cell.value for one in kernels for row in one.rows for cell in row.places.values()
                if not cell.doubt), default=1.0)


def _ratios(one: SweepMap, base: SweepMap) -> Grid | None:
    """A map's figures over those of the first kernel; None where they have not the same cells."""
    places = [place for place in one.columns if place in base.columns]
    if [row.fill for row in one.rows] != [row.fill for row in base.rows] or not places:
        return None

    def cell(row: MapRow, before: MapRow, place: str) -> Cell:
        now, then = row.places.get(place), before.places.get(place)
        if now is None or then is None or now.doubt or then.doubt or not then.value:
            return Cell("")
        ratio = now.value / then.value
        found = heat_cell(ratio, "")
        return Cell(show_ratio(ratio), {"dearer": "regressed", "cheaper": "improved"}.get(
            found.kind, ""), key=repr(ratio), heat=found.depth / 100 if found.kind else None)

    return Grid(columns=[Column("fill", "name"), *(Column(place, "ratio") for place in places)],
                rows=[GridRow([Cell(show_size(row.fill)),
                               *(cell(row, before, place) for place in places)])
                      for row, before in zip(one.rows, base.rows, strict=True)])


def sweep_answer(sweep: Sweep) -> tuple[str, str]:
    """What became of the kernel that regressed most, at both ends of the largest folio, and the
    figures there; where none did against the first, of the first against its own smallest folio.
    Nothing where there is nothing to repair, or the ends were not measured."""
    kernels, labels = sweep.maps[0], sweep_labels(sweep)
    ends, least = ([[cell.value if (cell := one.rows[row].places.get(place)) and not cell.doubt
                     else None for place in ("first", "last")] for one in kernels]
                   for row in (-1, 0))
    worst, bases = (0, least[0]) if sweep.bad is None else (sweep.bad, ends[0])
    if worst + 1 == len(kernels) or not any(
            base and bad and bad > _BACK * base
            for base, bad in zip(bases, ends[worst], strict=True)):
        return "", ""
    clauses, sizes = [], []
    for number in range(worst + 1, len(kernels)):
        states = []
        for base, bad, now in zip(bases, ends[worst], ends[number], strict=True):
            if base is None or bad is None or now is None:
                return "", ""
            states.append("repaired" if now <= _BACK * base else
                          "as before" if now >= bad / _BACK else "cheaper, and not repaired")
        start, end = states
        clauses.append(f"{labels[number]} is {start} at a folio's start" + (
            f" and {end} at its end" if start != end else " and at its end"))
        of = f"on {labels[number]} " if worst + 2 < len(kernels) else ""
        sizes.append("; ".join(
            f"{of}at the folio's {place} {show_figure(round(now or 0))} against "
            f"{show_figure(round(bad or 0))} on {labels[worst]}" for place, now, bad in zip(
                ("start", "end"), ends[number], ends[worst], strict=True)))
    fill, title = show_size(kernels[0].rows[-1].fill), kernels[0].run.metric.title
    return (f"{'; '.join(clauses)}.",
            f"{title}, file filled by writes of {fill}: {'; '.join(sizes)}.")


def sweep_shown(sweep: Sweep) -> list[Shown]:
    """Every map of the sweep with its law, and with the last the conditions they share."""
    run = sweep.maps[0][0].run
    shown = [Shown(title=f"{one.title}: {one.found.run.metric.title.lower()}",
                   parts=[one.grid, *_sentences(one.found)]) for one in heat_maps(sweep)]
    cases = [figure.case for kernels in sweep.maps for figure in kernels[0].run.figures]
    facts = [*conditions(run.rig, run.conditions, cases, varying=True), *sweep_conditions(sweep)]
    return [*shown[:-1], replace(shown[-1], facts=facts)]


def sweep_conditions(sweep: Sweep) -> list[Fact]:
    """What a reader has to know of the kernels, and what the maps' recoveries are of."""
    notes = notes_by_kernel(one.run.kernel for one in sweep.maps[0])
    kernels = [(label, f"{one.run.kernel.spec}, {one.run.kernel.release}")
               for label, one in zip(sweep_labels(sweep), sweep.maps[0], strict=True)
               if label != one.run.kernel.spec]
    facts = [*kernels, *(("note", note) for note in notes)]
    if sweep.bad is None or sweep.threshold is None or sweep.bad + 1 == len(sweep.maps[0]):
        return facts
    labels = sweep_labels(sweep)
    bad, base = labels[sweep.bad], labels[0]
    return [*facts, (
        "recovered", f"share of the regression of {bad} against {base} taken back, for writes at "
        "random offsets; undefined where that is no more than "
        f"{show_thresholds([(bad, sweep.threshold)])}")]


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


def _grid(one: SweepMap, cheapest: float, *, recovering: bool) -> Grid:
    sampled = has_random(one)
    columns = [Column("fill", "name"), Column("order", rank=1), *map(Column, one.columns),
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
    lines += map(Said, [NO_LAW] if one.law is None else law_sentences(
        one.law, one.run.unit, sampled=has_random(one)))
    return [*lines, *(Said(f"not used: {doubt}", "doubtful") for doubt in one.doubts)]


def law_formula(law: Law) -> str:
    """The law with its coefficients."""
    terms = "".join(f" {'-' if factor < 0 else '+'} {abs(factor):.2f}*{term}"
                    for term, factor in law.coefficients.items())
    return f"cost = {law.base:,.0f}{terms}"


def has_random(one: SweepMap) -> bool:
    """Does the map show the mean of cells at random offsets?"""
    return any(row.random is not None for row in one.rows)


def law_sentences(law: Law, unit: str, *, sampled: bool = False) -> list[str]:
    """What the law says in plain words, and its formula with its residual.

    A map shows fewer cells than the law rests on where they were `sampled`, and more where two
    places are one offset.
    """
    what = unit.partition("/")[0]
    formula = law_formula(law)
    residual = (f"largest residual {law.residual:+,.0f} ({100 * law.share:+.1f}% of its cell), "
                f"{law.cells} different cells{', those behind `random` included' * sampled}")
    if not law.fits:
        return [f"No law of this form fits: {formula} leaves a {residual}, where at most "
                f"{100 * FIT_LIMIT:.0f}% is allowed."]
    spoken = {term: factor for term, factor in law.coefficients.items()
              if law.moves[term] > FIT_LIMIT}
    moves = [f"{verb} {listed(clauses)}" for verb, sign in (("grows", 1), ("falls", -1))
             if (clauses := [f"by {abs(factor):{'.1f' if abs(factor) >= 1 else '.2g'}} {what} "
                             f"for every {_TERM_WORDS[term]}"
                             for term, factor in spoken.items() if factor * sign > 0])]
    plain = ("Cost does not depend on the place of the write or the size of the folio"
             if not moves else f"Cost {' and '.join(moves)}")
    constant = "".join(f"; {term} is {value} in every cell and part of the base"
                       for term, value in law.constant.items() if term != "further")
    return [f"{plain}.", f"{formula} {what}{constant}; {residual}."]


def heatmap_svg(sweep: Sweep) -> str:
    """Every map of the sweep under the other; cells carry their figures as text and, for
    pointers and screen readers, a title with the place in words."""
    blocks: list[str] = []
    height, width = 16, 0
    for one in heat_maps(sweep):
        text, block_height, block_width = _block(one)
        blocks.append(f'<g transform="translate(16 {height})">{text}</g>')
        height += block_height + _GAP
        width = max(width, block_width)
    return (f'<svg class="sheet" xmlns="http://www.w3.org/2000/svg" role="img" '
            f'viewBox="0 0 {width + 32} {height}" width="{width + 32}" height="{height}">'
            f"<title>Cost over folio size and place of the write</title>"
            f"<style>{_STYLE}</style>{''.join(blocks)}</svg>\n")


def _block(one: HeatMap) -> tuple[str, int, int]:
    found, grid = one.found, one.grid
    title = f"{one.title}: {found.run.metric.title.lower()}"
    headings = [column.heading for column in grid.columns[2:]]
    if "random" not in headings:
        headings.insert(len(found.columns), "random")
    places = {heading: column for column, heading in enumerate(headings)}
    parts = [f'<text class="title" y="12">{escape(title)}</text>',
             *(f'<text class="dim" x="{_LEFT + (column + 1) * _CELL_WIDTH - 8}" '
               f'y="{_TITLE + 12}" text-anchor="end">{escape(name)}</text>'
               for column, name in enumerate(headings))]
    top = _TITLE + 20
    for number, (row, shown) in enumerate(zip(found.rows, grid.rows, strict=True)):
        y = top + number * _CELL_HEIGHT
        parts.append(f'<text y="{y + 17}">{show_size(row.fill)}, order {shown.cells[1].text}'
                     "</text>")
        for column, cell in zip(grid.columns[2:], shown.cells[2:], strict=True):
            x = _LEFT + places[column.heading] * _CELL_WIDTH
            if cell.key:
                where = "random offsets" if column.heading == "random" else column.heading
                parts.append(_cell(cell, f"{show_size(row.fill)} folio, {where}", x, y))
            elif cell.text:
                parts.append(f'<text x="{x + _CELL_WIDTH - 8}" y="{y + 17}" '
                             f'text-anchor="end">{cell.text}</text>')
    bottom = top + len(grid.rows) * _CELL_HEIGHT + 18
    flat = "" if found.flatness is None else f"flatness {found.flatness:.2f}; "
    law = "too few usable cells for a law" if found.law is None else (
        law_formula(found.law) if found.law.fits else "no law of this form fits")
    parts.append(f'<text class="dim" y="{bottom}">{flat}{escape(law)}</text>')
    return "".join(parts), bottom, _LEFT + len(headings) * _CELL_WIDTH


def _cell(cell: Cell, place: str, x: int, y: int) -> str:
    colour = "#ddd" if cell.heat is None else shade(cell.heat, _COOL, _HOT)
    ink = "dark" if cell.heat is not None and cell.heat > 0.6 else "light"
    figure = cell.text if cell.heat is not None else f"({cell.text})"
    said = escape(f"{place}: {cell.text}{', not used: ' + cell.under if cell.under else ''}")
    return (f'<g><title>{said}</title><rect class="cell" x="{x}" y="{y}" width="{_CELL_WIDTH}" '
            f'height="{_CELL_HEIGHT}" fill="{colour}"/><text class="{ink}" '
            f'x="{x + _CELL_WIDTH - 8}" y="{y + 17}" text-anchor="end">{figure}</text></g>')
