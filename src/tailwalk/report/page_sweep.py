# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of a page that shows a sweep: heat maps and laws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tailwalk.cases import show_size
from tailwalk.compare.sweep import MapRow, Sweep, SweepMap
from tailwalk.report.commands import run_commands, sweep_command
from tailwalk.report.heatmap import (
    has_random,
    heat,
    law_sentence,
    map_title,
    sweep_conditions,
    sweep_labels,
)
from tailwalk.report.page_section import TIMES, Section, particulars, sources_of
from tailwalk.report.words import conditions, show_figure, show_recovery
from tailwalk.runs import Run
from tailwalk.words import listed


@dataclass(frozen=True)
class HeatCell:
    """A cell of a heat map: its figure, its place in words, how hot it is (0 to 100), and why it
    is not used, if so."""

    text: str
    said: str
    heat: int
    doubt: str = ""


@dataclass(frozen=True, kw_only=True)
class HeatRow:
    """A fill of a heat map, the order of its folios, its cells by column (None: nothing there),
    and its recovery."""

    fill: str
    order: str
    cells: list[HeatCell | None]
    recovery: str | None


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """A case on a kernel: the map, its law and flatness as sentences."""

    title: str
    columns: list[str]
    recovering: bool
    rows: list[HeatRow]
    sentences: list[str]
    doubts: list[str]


def sweep_section(sweep: Sweep, runs: Sequence[Run]) -> Section:
    """A sweep's heat maps and laws."""
    first = runs[0]
    labels = sweep_labels(sweep)
    maps = [_heat_map(one, labels[number], recovering=sweep.bad is not None and number > sweep.bad)
            for kernels in sweep.maps for number, one in enumerate(kernels)]
    cases = [figure.case for figure in first.figures]
    facts = conditions(first.rig, first.conditions, cases)
    command = sweep_command(runs)
    return Section(
        kind="sweep", title="Where in the folio",
        particulars=particulars(cases, first.rig, first.conditions.filesystem,
                                [run.kernel for run in runs]),
        sentence=sweep_sentence(sweep),
        unit=first.unit, content=maps,
        conditions=facts + sweep_conditions(sweep), sources=sources_of(runs),
        commands=run_commands(runs) if command is None else [command])


def sweep_sentence(sweep: Sweep) -> str:
    """What place and folio size change, case by case."""
    said = []
    labels = sweep_labels(sweep)
    for kernels in sweep.maps:
        known = [(one.flatness, label) for label, one in zip(labels, kernels, strict=True)
                 if one.flatness is not None]
        flat = [label for flatness, label in known if flatness < 1.005]
        rest = [f"{flatness:.2f}{TIMES} on {label}" for flatness, label in known
                if flatness >= 1.005]
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


def _heat_map(one: SweepMap, label: str, *, recovering: bool) -> HeatMap:
    values = [cell.value for row in one.rows for cell in row.places.values() if not cell.doubt]
    cheapest = min(values, default=1.0)
    sampled = has_random(one)
    sentences = [] if one.law is None else law_sentence(
        one.law, one.run.unit, sampled=sampled).split("\n")
    if one.flatness is not None:
        sentences.append(f"Flatness, the dearest over the cheapest cell at the same span: "
                         f"{one.flatness:.2f}.")
    return HeatMap(
        title=map_title(one, label),
        columns=[*one.columns, *(["random"] if sampled else [])], recovering=recovering,
        rows=[_heat_row(one, row, cheapest, sampled, recovering) for row in one.rows],
        sentences=sentences or ["Too few usable cells for a law, or too much alike."],
        doubts=one.doubts)


def _heat_row(one: SweepMap, row: MapRow, cheapest: float, sampled: bool,
              recovering: bool) -> HeatRow:
    fill = show_size(row.fill)
    cells: list[HeatCell | None] = []
    for place in one.columns:
        cell = row.places.get(place)
        if cell is None:
            cells.append(None)
            continue
        figure = show_figure(cell.value)
        said = f"fill {fill}, {place}: {figure} {one.run.unit}"
        cells.append(HeatCell(f"({figure})" if cell.doubt else figure,
                              f"{said}, not used: {cell.doubt}" if cell.doubt else said,
                              0 if cell.doubt else round(100 * heat(cell.value, cheapest)),
                              cell.doubt))
    if sampled:
        mean = row.random
        cells.append(None if mean is None else HeatCell(
            show_figure(round(mean)), f"fill {fill}, mean over random offsets: "
            f"{show_figure(round(mean))} {one.run.unit}", round(100 * heat(mean, cheapest))))
    recovery = (show_recovery(row.recovery) or "–") if recovering else None
    return HeatRow(fill=fill, order="?" if row.order is None else str(row.order), cells=cells,
                   recovery=recovery)
