# SPDX-License-Identifier: GPL-2.0-or-later
"""A sweep on a terminal: heat maps with numbers, the law as a sentence, the flatness."""

from __future__ import annotations

import math

from rich.console import Console, Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from tailwalk.cases import show_size
from tailwalk.compare.law import FIT_LIMIT, Law, SweepCell
from tailwalk.compare.sweep import MapRow, Sweep, SweepMap
from tailwalk.compare.threshold import show_thresholds
from tailwalk.report.table import ASCII, UNICODE, Signs, footer, new_table
from tailwalk.report.words import (
    UNIT_TITLES,
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


def heat(value: float, cheapest: float) -> float:
    """0 at the cheapest cell's cost, 1 at 64 times that; logarithmic between."""
    if value <= cheapest:
        return 0.0
    return min(1.0, math.log(value / cheapest) / math.log(_HOTTEST))


def sweep_maps(sweep: Sweep, console: Console) -> RenderableType:
    """Every map of the sweep with its law, and the conditions they share."""
    signs = ASCII if console.options.ascii_only else UNICODE
    parts: list[RenderableType] = []
    labels = sweep_labels(sweep)
    for kernels in sweep.maps:
        for number, one in enumerate(kernels):
            title = f"{map_title(one, labels[number])}: {UNIT_TITLES[one.run.unit].lower()}"
            parts += [Text(title, style="bold"), _map(one, number, sweep.bad, signs),
                      *_sentences(one), ""]
    run = sweep.maps[0][0].run
    facts = conditions(run.rig, run.conditions, [])
    return Group(*parts, footer(facts + sweep_conditions(sweep)))


def sweep_conditions(sweep: Sweep) -> list[tuple[str, str]]:
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


def _recovery_condition(sweep: Sweep) -> list[tuple[str, str]]:
    if sweep.bad is None or sweep.threshold is None or sweep.bad + 1 == len(sweep.maps[0]):
        return []
    labels = sweep_labels(sweep)
    bad, base = labels[sweep.bad], labels[0]
    return [("recovered", f"share of the regression of {bad} against {base} taken back, for "
             "writes at random offsets; undefined where that is no more than "
             f"{show_thresholds([(bad, sweep.threshold)])}")]


def _map(one: SweepMap, number: int, bad: int | None, signs: Signs) -> Table:
    table = new_table(signs)
    table.add_column("fill", no_wrap=True)
    table.add_column("order", justify="right", no_wrap=True)
    for column in one.columns:
        table.add_column(column, justify="right", no_wrap=True)
    sampled = has_random(one)
    if sampled:
        table.add_column("random", justify="right", no_wrap=True)
    recovering = bad is not None and number > bad
    if recovering:
        table.add_column("recovered", justify="right", no_wrap=True)
    values = [cell.value for row in one.rows for cell in row.places.values() if not cell.doubt]
    cheapest = min(values, default=1.0)
    for row in one.rows:
        cells = [_cell(row.places.get(column), cheapest) for column in one.columns]
        if sampled:
            cells.append(_shade(row.random, cheapest))
        if recovering:
            cells.append(Text(show_recovery(row.recovery) or "-"))
        table.add_row(Text(show_size(row.fill)), _order(row), *cells)
    return table


def _order(row: MapRow) -> Text:
    return Text("?" if row.order is None else str(row.order))


def _cell(cell: SweepCell | None, cheapest: float) -> Text:
    if cell is None:
        return Text("")
    if cell.doubt:
        return Text(f"({show_figure(cell.value)})", style="yellow")
    return _shade(cell.value, cheapest)


def _shade(value: float | None, cheapest: float) -> Text:
    if value is None:
        return Text("")
    warmth = heat(value, cheapest)
    if warmth < 0.02:
        return Text(show_figure(round(value)))
    red, green, blue = (round(255 - warmth * (255 - end)) for end in (178, 24, 43))
    dark = warmth > 0.6
    return Text(show_figure(round(value)), style=Style(
        color="white" if dark else "black", bgcolor=f"rgb({red},{green},{blue})"))


def _sentences(one: SweepMap) -> list[Text]:
    lines = []
    if one.flatness is not None:
        lines.append(Text(f"Flatness (dearest over cheapest cell at the same span): "
                          f"{one.flatness:.2f}"))
    lines.append(Text("Too few usable cells for a law, or too much alike." if one.law is None
                      else law_sentence(one.law, one.run.unit, sampled=has_random(one))))
    lines += [Text(f"not used: {doubt}", style="yellow") for doubt in one.doubts]
    return lines


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
