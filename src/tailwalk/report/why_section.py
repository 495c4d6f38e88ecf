# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of a page that shows profiles: functions and flame graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tailwalk.profile.difference import difference
from tailwalk.profile.pairing import function_counts, paired_tree
from tailwalk.profile.record import Profile
from tailwalk.report.commands import why_commands
from tailwalk.report.grid import Cell, Grid
from tailwalk.report.profile_flame import flame_legend, flame_svg, flame_title
from tailwalk.report.profile_tree import tree_rows
from tailwalk.report.profile_words import profile_conditions, sentence, side_labels
from tailwalk.report.section import Section, Source, inlined, particulars
from tailwalk.report.why import (
    count_cells,
    difference_grid,
    difference_line,
    paired_names,
    profile_grid,
    profile_line,
)
from tailwalk.report.words import case_labels, show_figure
from tailwalk.runs.metrics import INSTRUCTIONS
from tailwalk.words import listed

_SHOWN = 14  # functions; the table's last lines sum the others up


@dataclass(frozen=True, kw_only=True)
class TreeTable:
    """What the flame graph shows, as text: depth, function and cells of each call path."""

    headings: list[str]
    rows: list[tuple[int, str, list[Cell]]]


@dataclass(frozen=True, kw_only=True)
class WhyContent:
    """Where instructions are executed: a table of functions and the flame graph; `paired` says
    which functions of the kernels stand in one line."""

    caption: str
    grid: Grid
    paired: list[str]
    title: str
    legend: str
    flame: str
    tree: TreeTable


def why_section(profiles: Sequence[Profile], *, raw: bool = False) -> Section:
    """One profile, or the difference of two; `raw` leaves functions unpaired.

    Raises UsageError for two that cannot be compared.
    """
    labels, first = side_labels(profiles), profiles[0]
    case = case_labels([first.figure.case])[0]
    whole = "all of the kernel"
    paired: list[str] = []
    if len(profiles) == 2:
        found = difference(*profiles, raw=raw)
        said = f"{labels[1]} beside {labels[0]}: {sentence(found)}"
        grid = difference_grid(found, labels, shown=_SHOWN)
        one, other = found.sides
        total = difference_line(whole, (one.count, other.count), found.total, kind="total")
        paired = paired_names(found.rows[:_SHOWN], labels, listed)
    else:
        top, count = function_counts(paired_tree(profiles, raw=raw))[0]
        said = (f"{labels[0]}: {top} executes {show_figure(count)} of the "
                f"{show_figure(first.count)} kernel instructions of a call of {case}.")
        grid = profile_grid(first, labels[0], shown=_SHOWN, raw=raw)
        total = profile_line(whole, first.count, first, kind="total")
    headings, rows = tree_rows(profiles, raw=raw)
    return Section(
        kind="why", title="Which functions",
        particulars=particulars([profile.figure.case for profile in profiles], "exact",
                                first.conditions.filesystem,
                                [profile.kernel for profile in profiles]),
        sentence=said, metric=INSTRUCTIONS,
        content=WhyContent(
            caption=f"Kernel instructions of one call of {case}, by function",
            grid=replace(grid, rows=[*grid.rows, total]).seen_in("page"), paired=paired,
            title=flame_title(profiles), legend=flame_legend(profiles),
            flame=inlined(flame_svg(profiles, raw=raw, alone=False), "flame"),
            tree=TreeTable(headings=headings, rows=[(depth, name, count_cells(counts))
                                                    for depth, name, counts in rows])),
        conditions=profile_conditions(profiles, labels),
        sources=[Source(kind="profile", id=profile.inputs[:12], kernel=profile.kernel,
                        created=profile.created, inputs=profile.inputs,
                        conditions=profile.conditions) for profile in profiles],
        commands=why_commands(profiles))
