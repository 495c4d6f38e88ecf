# SPDX-License-Identifier: GPL-2.0-or-later
"""An upgrade on a page: the heat map, and the functions of the cases that were profiled, to which
the map's cells lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from msgspec import UNSET

from tailwalk.compare.upgrade import Upgrade, UpgradeCase
from tailwalk.profile.causes import KNOWN
from tailwalk.report.comparison import acceptance
from tailwalk.report.gate import case_command
from tailwalk.report.heat import HeatPage, HeatRow, figure_said, heat_cell, heat_page, map_figure
from tailwalk.report.profile_words import show_change, show_share
from tailwalk.report.upgrade import carried_by, further_sentences
from tailwalk.report.words import case_labels, short_names, show_executed, show_recovery

_FUNCTIONS = 8
_LEAST = 0.01
"""The share of a difference from which on a function is named."""
_WORST = 10

_EXPLAINED = {known.cause: known.explained for known in KNOWN}


@dataclass(frozen=True, kw_only=True)
class Functions:
    """What carries the difference of a case.

    Attributes:
        anchor: its name for links.
        label: the case's.
        difference: in kernel instructions, with its sign.
        rows: functions with their differences and shares of it.
        causes: what is known of them, as sentences, each with the page that says more and its
            heading.
        command: the command line that shows all of them.
    """

    anchor: str
    label: str
    difference: str
    rows: Sequence[tuple[str, str, str]]
    causes: Sequence[tuple[str, str]]
    command: str


@dataclass(frozen=True, kw_only=True)
class Profiled:
    """The cases that moved one way, and why others of them have no functions.

    Attributes:
        way: `more` or `less`.
        functions: of each case.
        unprofiled: the others' labels, each with the reason.
    """

    way: str
    functions: Sequence[Functions]
    unprofiled: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Worst:
    """One of the cases that regressed most.

    Attributes:
        row: its cells in the map.
        figures: on the old kernel and on the new one.
        where: which functions carry the difference, where it was profiled.
        causes: what is known of why.
    """

    row: HeatRow
    figures: tuple[str, str]
    where: str
    causes: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class UpgradePage:
    """What the template sets; `further` says what else moved, in sentences."""

    kernels: tuple[str, str]
    heat: HeatPage
    worst: Sequence[Worst]
    further: Sequence[str]
    profiled: Sequence[Profiled]


def upgrade_page(found: Upgrade) -> UpgradePage:
    """An upgrade as a page has it; of the functions, those of the case that moved most first."""
    kernels = short_names([(one.spec, one.release) for one in found.kernels])
    labels = case_labels([one.parameters for one in found.cases])
    names = {one.parameters: label for one, label in zip(found.cases, labels, strict=True)}
    anchors = {one.parameters: f"functions-{number}" for number, one in enumerate(
        (one for one in found.moved() if one.difference is not None), start=1)}
    ratios = [[ratio if verdict not in ("unsteady", "unknown", "missing") else None
               for ratio, verdict in zip(one.ratios[1:], one.verdicts[1:], strict=True)]
              for one in found.cases]
    heat = heat_page(
        [_row(found, one, kernels=kernels, label=names[one.parameters],
              link=anchors.get(one.parameters, "")) for one in found.cases],
        ratios, labels=kernels, unit=found.unit, anchor="heat")
    rows = {row.label: row for family in heat.families for row in family.rows}
    return UpgradePage(
        kernels=(kernels[0], kernels[1]), heat=heat, further=further_sentences(found),
        worst=[_worst(one, rows[names[one.parameters]]) for one in found.worst()[:_WORST]],
        profiled=[Profiled(
            way=way,
            functions=[_functions(found, one, names[one.parameters], anchors[one.parameters])
                       for one in cases if one.parameters in anchors],
            unprofiled=[(names[one.parameters], one.unprofiled) for one in cases
                        if one.unprofiled])
            for way, cases in (("more", found.worst()),
                               ("less", found.by_verdict(1, "improved")))])


def _worst(one: UpgradeCase, row: HeatRow) -> Worst:
    before, after = (map_figure(one.figures[column], varies=one.varies[column])
                     for column in (0, 1))
    return Worst(row=row, figures=(before, after),
                 where="" if one.difference is None else carried_by(one),
                 causes=[cause.cause for cause in one.causes])


def _row(found: Upgrade, one: UpgradeCase, *, kernels: Sequence[str], label: str,
         link: str) -> HeatRow:
    cells = []
    for column, verdict in enumerate(one.verdicts[1:], start=1):
        accepted = next((each for each in found.accepted if each.kernel == column
                         and each.metric == found.metric and each.parameters == one.parameters),
                        None)
        per_mib = [] if one.per_mib is UNSET else [
            f"per MiB {map_figure(one.per_mib[column], varies=one.varies[column])}"]
        executed = show_executed(one.parts[column], one.apart[column])
        back = one.recovery[column]
        further = [*per_mib, *filter(None, [executed]), verdict,
                   *([acceptance(accepted)] if accepted else []),
                   *([f"recovers {show_recovery(back)}"] if isinstance(back, float) else [])]
        figures = one.figures[0], one.figures[column]
        said = figure_said(figures, found.unit, kernels[0], one.ratios[column], further,
                           varies=(one.varies[0], one.varies[column]),
                           reasons=(one.reasons[0], one.reasons[column]))
        cell = heat_cell(one.ratios[column], f"{label} on {kernels[column]}: {said}",
                         steady=verdict not in ("unsteady", "unknown"))
        cells.append(replace(cell, link=link if column == 1 else "", command=(
            "" if None in figures else _command(found, one, column))))
    return HeatRow(family=one.family, label=label, cells=cells,
                   measures=one.parameters.declared.explained(one.parameters.parameters),
                   figure=map_figure(one.figures[0], varies=one.varies[0]))


def _functions(found: Upgrade, one: UpgradeCase, label: str, anchor: str) -> Functions:
    total = one.difference or 0
    shown = [each for each in one.why[:_FUNCTIONS] if abs(each.difference) >= abs(total) * _LEAST]
    rest = total - sum(each.difference for each in shown)
    rows = [(each.function, each.difference) for each in shown]
    return Functions(
        anchor=anchor, label=label, difference=show_change(total),
        rows=[(name, show_change(change), show_share(change, total))
              for name, change in [*rows, *([("all others, net", rest)] if rest else [])]],
        causes=[(f"{each.cause[0].upper()}{each.cause[1:]}. {_EXPLAINED.get(each.cause, '')}",
                 f"docs/{each.page}") for each in one.causes],
        command=_command(found, one, 1))


def _command(found: Upgrade, one: UpgradeCase, column: int) -> str:
    return case_command([found.kernels[0], found.kernels[column]], one.parameters,
                        found.conditions.filesystem)
