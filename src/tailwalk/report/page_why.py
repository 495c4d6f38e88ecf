# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of a page that shows profiles: functions and flame graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tailwalk.profile.difference import Difference, difference
from tailwalk.profile.pairing import function_counts, paired_tree
from tailwalk.profile.record import Profile
from tailwalk.report.commands import why_commands
from tailwalk.report.page_section import Cell, Section, Source, inlined, particulars
from tailwalk.report.profile_flame import flame_legend, flame_svg, flame_title
from tailwalk.report.profile_tree import tree_rows
from tailwalk.report.profile_words import (
    profile_conditions,
    sentence,
    show_change,
    show_share,
    side_labels,
)
from tailwalk.report.words import case_labels, show_figure, show_percent
from tailwalk.words import listed

_SHOWN = 14  # functions; the table's last lines sum the others up


@dataclass(frozen=True, kw_only=True)
class FunctionTable:
    """Instructions by function; `paired` says which functions of the kernels stand in one line."""

    caption: str
    headings: list[str]
    rows: list[tuple[str, list[Cell]]]
    totals: list[tuple[str, list[Cell]]]
    paired: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class CallTree:
    """What the flame graph shows, as text: depth, function and cells of each call path."""

    headings: list[str]
    rows: list[tuple[int, str, list[Cell]]]


@dataclass(frozen=True, kw_only=True)
class WhyContent:
    """Where instructions are executed: a table of functions and the flame graph."""

    functions: FunctionTable
    title: str
    legend: str
    flame: str
    tree: CallTree


def why_section(profiles: Sequence[Profile], *, raw: bool = False) -> Section:
    """One profile, or the difference of two; `raw` leaves functions unpaired.

    Raises UsageError for two that cannot be compared.
    """
    labels = side_labels(profiles)
    case = case_labels([profiles[0].figure.case])[0]
    if len(profiles) == 2:
        found = difference(*profiles, raw=raw)
        said = f"{labels[1]} beside {labels[0]}: {sentence(found)}"
        functions = _difference_table(found, labels, case)
    else:
        counts = function_counts(paired_tree(profiles, raw=raw))
        (top, count), *_ = counts
        said = (f"{labels[0]}: {top} executes {show_figure(count)} of the "
                f"{show_figure(profiles[0].count)} kernel instructions of a call of {case}.")
        functions = _profile_table(counts, profiles[0], labels, case)
    headings, rows = tree_rows(profiles, raw=raw)
    return Section(
        kind="why", title="Which functions",
        particulars=particulars([profile.figure.case for profile in profiles], "exact",
                                profiles[0].conditions.filesystem,
                                [profile.kernel for profile in profiles]),
        sentence=said, unit="instructions/call",
        content=WhyContent(
            functions=functions, title=flame_title(profiles),
            legend=flame_legend(profiles),
            flame=inlined(flame_svg(profiles, raw=raw, alone=False), "flame"),
            tree=CallTree(headings=headings, rows=[(depth, name, _counts(counts))
                                                   for depth, name, counts in rows])),
        conditions=profile_conditions(profiles, labels),
        sources=[Source(kind="profile", id=profile.inputs[:12], kernel=profile.kernel,
                        created=profile.created, inputs=profile.inputs,
                        conditions=profile.conditions) for profile in profiles],
        commands=why_commands(profiles))


def _counts(counts: Sequence[int]) -> list[Cell]:
    """Instructions on each side and, of two, their difference."""
    cells = [Cell(show_figure(count), str(count), "figure") for count in counts]
    if len(counts) == 2:
        change = counts[1] - counts[0]
        look = "figure regressed" if change > 0 else "figure improved" if change else "figure"
        cells.append(Cell(show_change(change), str(change), look))
    return cells


def _difference_table(found: Difference, labels: Sequence[str], case: str) -> FunctionTable:
    def line(name: str, counts: tuple[int, int]) -> tuple[str, list[Cell]]:
        change = counts[1] - counts[0]
        return name, [*_counts(counts),
                      Cell(show_share(change, found.total), str(change), "figure")]

    shown, rest = found.rows[:_SHOWN], found.rows[_SHOWN:]
    rows = [line(row.name, row.counts) for row in shown]
    totals = []
    if rest:
        one, other = (sum(row.counts[side] for row in rest) for side in (0, 1))
        totals.append(line(f"{len(rest)} other functions", (one, other)))
    totals.append(line("all of the kernel", (found.sides[0].count, found.sides[1].count)))
    paired = [f"{row.name} is {listed(names)} on {label}" for row in shown
              if row.raw[0] != row.raw[1]
              for names, label in zip(row.raw, labels, strict=True) if names]
    return FunctionTable(caption=f"Kernel instructions of one call of {case}, by function",
                         headings=[*labels, "difference", "share"], rows=rows, totals=totals,
                         paired=paired)


def _profile_table(counts: Sequence[tuple[str, int]], profile: Profile, labels: Sequence[str],
                   case: str) -> FunctionTable:
    def line(name: str, count: int) -> tuple[str, list[Cell]]:
        return name, [*_counts([count]),
                      Cell(show_percent(count / profile.count), str(count), "figure")]

    shown, rest = counts[:_SHOWN], counts[_SHOWN:]
    totals = [line("all of the kernel", profile.count)]
    if rest:
        totals.insert(0, line(f"{len(rest)} other functions",
                              sum(count for _, count in rest)))
    return FunctionTable(caption=f"Kernel instructions of one call of {case}, by function",
                         headings=[*labels, "share"],
                         rows=[line(name, count) for name, count in shown],
                         totals=totals)
