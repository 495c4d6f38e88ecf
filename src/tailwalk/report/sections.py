# SPDX-License-Identifier: GPL-2.0-or-later
"""The sections of a page: what each shows beside its grid, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tailwalk.compare import Comparison, compare
from tailwalk.compare.agreement import is_sweep, together, why_apart
from tailwalk.compare.steps import Track
from tailwalk.compare.sweep import Sweep, arrange
from tailwalk.compare.upgrade import Upgrade
from tailwalk.errors import UsageError
from tailwalk.report.applications import applications_section
from tailwalk.report.commands import run_commands, sweep_command, upgrade_commands
from tailwalk.report.comparison import (
    comparison_conditions,
    comparison_shown,
    kernel_labels,
    run_conditions,
    run_shown,
)
from tailwalk.report.figures import MOST_CHARTED, Figures, figures_of
from tailwalk.report.grid import Fact, Grid, GridRow, Over, Said, Shown
from tailwalk.report.growth import growth_shown
from tailwalk.report.headline import comparison_answer
from tailwalk.report.heat import HeatPage, weighted
from tailwalk.report.section import Section, Source, inlined, particulars
from tailwalk.report.sweep import (
    NO_LAW,
    HeatMap,
    has_random,
    heat_maps,
    law_sentences,
    sweep_answer,
    sweep_conditions,
    sweep_sentence,
)
from tailwalk.report.track import (
    folded,
    steps_by_size,
    track_conditions,
    track_heat,
    track_sentence,
    track_shown,
    track_svg,
)
from tailwalk.report.upgrade import whole_sentence as upgrade_sentence
from tailwalk.report.upgrade_page import upgrade_page
from tailwalk.report.words import conditions, short_release
from tailwalk.runs import Run
from tailwalk.runs.metrics import RIGS, Metric

if TYPE_CHECKING:
    from tailwalk.compare.applications import Application
    from tailwalk.profile.record import Profile
    from tailwalk.runs.program import Program

_MOST_LINES = 12
"""Cases whose lines can be told apart in one chart."""


def sections_of(runs: Sequence[Run], profiles: Sequence[Profile] = (),
                programs: Sequence[Program] = ()) -> list[Section]:
    """A section for each set of runs with the same cases under the same conditions, the first of
    them the baseline, for each program, and for each pair of profiles of one case.

    Raises UsageError or RecordError for records that contradict each other.
    """
    found: list[Section] = []
    groups = together(runs)
    for group in groups:
        if is_sweep(group[0]):
            found.append(sweep_section(arrange(group), group))
        elif len(group) == 1:
            other = groups[0][0] if group is not groups[0] else groups[-1][0]
            found += run_sections(group[0], beside=None if other is group[0] else other)
        else:
            found += comparison_sections(compare(group), group)
    if programs:
        from tailwalk.compare.program import compare_program
        from tailwalk.report.program_section import program_section
        from tailwalk.runs.program import alike

        found += [program_section(compare_program(one)) for one in alike(programs)]
    if profiles:
        from tailwalk.profile.difference import pairs
        from tailwalk.report.why import why_section

        found += [why_section(pair) for pair in pairs(profiles)]
    return found


def _section(kind: str, title: str, runs: Sequence[Run], *, sentence: str, content: object,
             facts: Sequence[Fact], commands: list[str], metric: Metric | None = None,
             opening: tuple[str, str] = ("", ""), places: HeatPage | None = None) -> Section:
    """A section of runs that were measured alike, on what they are known by or another metric."""
    first, metric = runs[0], metric or runs[0].metric
    return Section(
        kind=kind, title=title, sentence=sentence, metric=metric, content=content,
        particulars=({} if metric is first.metric else {"metric": metric.title}) | particulars(
            [figure.case for figure in first.figures], first.rig, first.conditions.filesystem,
            [run.kernel for run in runs]),
        conditions=facts, commands=commands, answer=opening[0], size=opening[1], places=places,
        sources=[Source(kind="run", id=run.id, kernel=run.kernel, created=run.created,
                        inputs=run.inputs, conditions=run.conditions) for run in runs])


def comparison_sections(comparison: Comparison, runs: Sequence[Run]) -> list[Section]:
    """A comparison and the runs it was made from: table and chart of the cases, by metric."""
    facts, commands = comparison_conditions(comparison), run_commands(runs)
    return [_section(
        "comparison", "The figures", runs, sentence=shown.sentence, metric=part.metric,
        content=figures_of(weighted(shown.grid), [row.figures for row in part.rows], part.unit,
                         f"{shown.title}, by case and kernel",
                         ratios=[row.ratios for row in part.rows]),
        facts=facts, commands=commands, opening=comparison_answer(part, kernel_labels(part)))
        for part, shown in zip(comparison.by_metric(), comparison_shown(comparison), strict=True)]


def upgrade_sections(found: Upgrade, comparison: Comparison, runs: Sequence[Run],
                     applications: Sequence[Application] = ()) -> list[Section]:
    """An upgrade: what moved and in which functions, the programs, then the comparison that it was
    made of; of a long one, whose map has every figure, what else was counted alone."""
    content, figures = upgrade_page(found), comparison_sections(comparison, runs)
    facts = figures[0].conditions
    if len(found.cases) > MOST_CHARTED:
        figures = figures[1:]
    programs = [applications_section(applications, content.heat.labels)] if applications else []
    return [_section("upgrade", "What moved", runs, sentence=upgrade_sentence(found),
                     content=content, facts=facts,
                     commands=upgrade_commands(runs), places=content.heat),
            *programs, *(replace(one, answer="", size="", commands=[]) for one in figures)]


def _grown(run: Run) -> Shown | None:
    """The run's cases over their fills; None where that is not what it measured."""
    if RIGS[run.rig].boots:
        return None
    try:
        return growth_shown(run)
    except UsageError:
        return None


def _fills(grid: Grid, run: Run) -> Figures:
    """The cases by fill, with the ratios to the first fill's figure drawn."""
    overs = [over for over in dict.fromkeys(column.of for column in grid.columns) if over]

    def numbers(row: GridRow, role: str) -> list[float | None]:
        return [float(cell.key) if cell.key else None for over in overs
                for column, cell in zip(grid.columns, row.cells, strict=True)
                if column.of == over and column.role == role]

    return figures_of(grid, [numbers(row, "figure") for row in grid.rows], run.unit,
                    f"{run.metric.title}, by case and fill",
                    ratios=[[1.0, *numbers(row, "ratio")] for row in grid.rows])


def run_sections(run: Run, *, beside: Run | None = None) -> list[Section]:
    """One run by itself: table and chart of the cases, by metric; of a machine that was measured at
    several fills the cases by fill. `beside` is a run that it does not compare with."""
    spec, release = run.kernel.spec, run.kernel.release
    apart = f" It does not compare with {beside.kernel.spec}: {why_apart(beside, run)}." if (
        beside) else ""
    if (grown := _grown(run)) is not None:
        said = [part.text for part in grown.parts if isinstance(part, Said) and part.text]
        return [_section(
            "comparison", "This machine", [run], sentence=f"{' '.join(said[2:3])}{apart}",
            content=replace(_fills(grown.grid, run), notes=said[3:]), facts=grown.facts,
            commands=run_commands([run]),
            opening=(said[0], said[1]))]
    over = Over(label=spec, release=release)
    found = []
    for metric, shown in zip(run.metrics, run_shown(run), strict=True):
        grid = shown.grid.seen_in("page")
        grid = replace(grid, columns=[
            grid.columns[0], *(replace(column, of=over) for column in grid.columns[1:])])
        found.append(_section(
            "comparison", f"{spec} by itself", [run], metric=metric,
            sentence=f"{spec} ({short_release(release)}): {len(grid.rows)} figures, with nothing "
                     f"beside them to judge them by.{apart}",
            content=figures_of(grid, [[figure.metrics[metric.name].value] for figure in run.figures
                                    if metric.name in figure.metrics], metric.unit,
                             f"{metric.title}, by case"),
            facts=run_conditions(run), commands=run_commands([run])))
    return found


def track_section(track: Track, runs: Sequence[Run]) -> Section:
    """Cases over kernel releases."""
    heat = track_heat(track, runs) if len(track.kernels) > 1 else None
    return _section(
        "track", "Over releases", runs, sentence=track_sentence(track), places=heat,
        content={
            "caption": f"{track.unit}, by kernel and case", "heat": heat,
            "svg": inlined(track_svg(track, alone=False), "track-chart")
            if len(track.rows) <= _MOST_LINES else None,
            "grid": folded(track_shown(track).grid.seen_in("page")),
            "steps": [(f"{step[0].upper()}{step[1:]}.", line)
                      for step, line in steps_by_size(track, runs)],
            "left_out": [(one.spec, one.reason) for one in track.left_out]},
        facts=track_conditions(track), commands=run_commands(runs, command="track"))


def sweep_section(sweep: Sweep, runs: Sequence[Run]) -> Section:
    """A sweep's heat maps and laws."""
    first, command = runs[0], sweep_command(runs)
    facts = conditions(first.rig, first.conditions, [figure.case for figure in first.figures])
    return _section(
        "sweep", "Where in the folio", runs, sentence=sweep_sentence(sweep),
        content=[(one, _map_sentences(one)) for one in heat_maps(sweep)],
        opening=sweep_answer(sweep),
        facts=[*facts, *sweep_conditions(sweep)],
        commands=run_commands(runs) if command is None else [command])


def _map_sentences(one: HeatMap) -> list[str]:
    """The law first, then the flatness: there is room for both in words."""
    found = one.found
    sentences = [] if found.law is None else law_sentences(
        found.law, found.run.unit, sampled=has_random(found))
    if found.flatness is not None:
        sentences.append(f"Flatness, the dearest over the cheapest cell at the same span: "
                         f"{found.flatness:.2f}.")
    return sentences or [NO_LAW]
