# SPDX-License-Identifier: GPL-2.0-or-later
"""One function: its instructions with their counts, and its walks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tailwalk.cases.ring import Sides
from tailwalk.profile.annotate import Annotated, Walked, annotate
from tailwalk.profile.record import Loop, Profile
from tailwalk.report.grid import BLANK, Cell, Column, Grid, GridRow, Said, Shown, grid_of
from tailwalk.report.profile_words import side_labels
from tailwalk.report.words import show_figure

_MOST_LOOPS = 4


def annotation_shown(profiles: Sequence[Profile], name: str) -> list[Shown]:
    """Every part of the function in each profile: how many buffer heads it visited before, in
    and after the written range, its other loops, and its instructions.

    Raises UsageError where no profile executes it.
    """
    found = annotate(profiles, name)
    shown = []
    for profile, label, functions in zip(profiles, side_labels(profiles), found, strict=True):
        shown += [_function(one, label, profile) for one in functions] or [
            Shown(title=f"{name} is not executed on {label}", parts=[])]
    return shown


def _function(one: Annotated, label: str, profile: Profile) -> Shown:
    times = "once" if one.entered == 1 else f"{show_figure(one.entered)} times"
    heads = {int(loop.head, 16) for loop in one.loops}
    rows = []
    for line in one.lines:
        mark = "  <- head of the loop" if line.offset in heads else ""
        rows.append(GridRow([Cell(f"{line.offset:#x}"), Cell(show_figure(line.count)),
                             Cell(f"{line.text}{mark}")],
                            "strong" if line.count > max(one.entered, 1) else ""))
    return Shown(
        title=f"{one.function.name} on {label}: {show_figure(one.function.count)} of "
              f"{show_figure(profile.count)} instructions of one call, entered {times}",
        parts=[*([_walk_grid(one.walked)] if one.walked is not None else _loops(one.loops)), BLANK,
               Grid(columns=[Column("offset"), Column("executed"),
                             Column("instruction", "word", wraps="fold")], rows=rows)])


def _walk_grid(walked: Walked) -> Grid:
    """Buffer heads visited and instructions executed on each side of the written range."""
    lines = {"visited in one call": walked.visited, "in the ring": walked.ring}
    if walked.instructions is not None:
        lines["instructions"] = walked.instructions
    rows = [[name, *map(show_figure, _counts(sides))] for name, sides in lines.items()]
    if walked.instructions is not None:
        rows.append(["instructions a visit", *(
            f"{count / visits:.1f}" if visits else "-" for count, visits in zip(
                _counts(walked.instructions), _counts(walked.visited), strict=True))])
    return grid_of([Column("walk over buffer heads", "name", wraps="words"),
                    *map(Column, ("prefix", "span", "tail", "all"))], rows)


def _counts(found: Sides) -> list[int]:
    return [found.prefix, found.span, found.tail, found.visited]


def _loops(loops: Sequence[Loop]) -> Iterator[Said]:
    for loop in loops[:_MOST_LOOPS]:
        runs = ", ".join(f"{times} of {count}" for count, times in loop.runs[:_MOST_LOOPS])
        more = ", ..." if len(loop.runs) > _MOST_LOOPS else ""
        yield Said(f"loop at {loop.head}: {show_figure(loop.visits)} visits (with instructions "
                   f"each: {runs}{more})")
    if len(loops) > _MOST_LOOPS:
        yield Said(f"and {len(loops) - _MOST_LOOPS} more loops in other entries")
