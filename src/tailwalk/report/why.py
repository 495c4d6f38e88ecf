# SPDX-License-Identifier: GPL-2.0-or-later
"""Profiles: a line a function, what the calls that are not modal did besides, one function with its
instructions, their counts and its walks; and the part of a page with functions and flame graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tailwalk.profile.annotate import Annotated, Walked, annotate
from tailwalk.profile.difference import Difference, DifferenceRow, difference
from tailwalk.profile.pairing import function_counts, inclusive_counts, paired_tree
from tailwalk.profile.record import PROFILED_ON, Loop, OtherCalls, Profile
from tailwalk.report.commands import why_commands
from tailwalk.report.grid import (
    BLANK,
    Cell,
    Column,
    Fact,
    Grid,
    GridRow,
    Kind,
    Said,
    Shown,
    grid_of,
)
from tailwalk.report.profile_tree import flame_legend, flame_svg, flame_title, forest_of, tree_rows
from tailwalk.report.profile_words import (
    events,
    profile_conditions,
    sentence,
    show_change,
    show_share,
    side_labels,
)
from tailwalk.report.section import Section, Source, inlined, particulars
from tailwalk.report.words import case_labels, show_figure, show_percent
from tailwalk.runs.metrics import INSTRUCTIONS
from tailwalk.words import listed

SHOWN = 12
"""Functions that a table shows unless it is asked for more, and a page."""

Join = Callable[[list[str]], str]
_MOST_LOOPS = 4


def why_shown(profiles: Sequence[Profile], *, shown: int | None = SHOWN, others: bool = False,
              raw: bool = False) -> Shown:
    """One profile, or the second of two beside the first, with the conditions; `others`: with the
    calls that are not modal too.

    Raises UsageError for two that cannot be compared.
    """
    labels = side_labels(profiles)
    said: list[Said] = []
    paired: list[Fact] = []
    if len(profiles) == 2:
        found = difference(*profiles, raw=raw)
        grid = difference_grid(found, labels, shown=shown)
        said = [Said(sentence(found), "strong"), BLANK]
        lines = paired_names(found.rows[:shown], labels, ", ".join)
        paired = [("" if number else "paired", line) for number, line in enumerate(lines)]
    else:
        grid = profile_grid(profiles[0], labels[0], shown=shown, raw=raw)
    parts = [Grid(columns=grid.columns, rows=[*grid.rows, *_totals(profiles, grid)]), BLANK, *said,
             *(_others(profiles, labels) if others else [])]
    case = profiles[0].figure.case
    same = all(profile.figure.case == case for profile in profiles)
    name = case_labels([case])[0] if same else case.name
    unknown = max(profile.unattributed for profile in profiles)
    return Shown(
        title=f"Instructions of one call of {name} by kernel function", parts=parts[:-1], facts=[
            *paired, *profile_conditions(profiles, labels),
            *([("note", f"{show_figure(unknown)} instructions are in code that no symbol names")]
              if unknown else [])])


def difference_grid(found: Difference, labels: Sequence[str], *, shown: int | None) -> Grid:
    """Each function's instructions on either side, the largest difference first."""
    rows, rest = found.rows[:shown], found.rows[len(found.rows[:shown]):]
    lines = [difference_line(row.name, row.counts, found.total) for row in rows]
    if rest:
        one, other = (sum(row.counts[side] for row in rest) for side in (0, 1))
        lines.append(difference_line(f"{len(rest)} other functions", (one, other), found.total,
                                     kind="rest"))
    return Grid(columns=[Column("function", "name", wraps="words"),
                         *map(Column, (*labels, "difference")), Column("share", rank=1)],
                rows=lines)


def difference_line(name: str, counts: tuple[int, int], total: int, *, kind: Kind = "") -> GridRow:
    """A function, or several, on either side."""
    change = counts[1] - counts[0]
    return GridRow([Cell(name, key=name), *count_cells(counts),
                    Cell(show_share(change, total), "faint", key=str(change))], kind)


def count_cells(counts: Sequence[int]) -> list[Cell]:
    """Instructions on each side and, of two, their difference."""
    cells = [Cell(show_figure(count), key=str(count)) for count in counts]
    if len(counts) == 2:
        change = counts[1] - counts[0]
        tone = "regressed" if change > 0 else "improved" if change else "faint"
        cells.append(Cell(show_change(change), tone, key=str(change)))
    return cells


def profile_grid(profile: Profile, label: str, *, shown: int | None, raw: bool) -> Grid:
    """Each function's instructions, and those of it and all it calls."""
    nodes = paired_tree([profile], raw=raw)
    counts = [(name, count) for name, (count,) in function_counts(nodes).items()]
    inclusive = inclusive_counts(nodes)
    rows, rest = counts[:shown], counts[len(counts[:shown]):]
    lines = [profile_line(name, count, profile, callees=show_figure(inclusive[name]))
             for name, count in rows]
    if rest:
        lines.append(profile_line(f"{len(rest)} other functions",
                                  sum(count for _, count in rest), profile, kind="rest"))
    return Grid(columns=[Column("function", "name", wraps="words"),
                         Column("instructions", only="terminal"), Column(label, only="page"),
                         Column("share", rank=1),
                         Column("with callees", only="terminal", rank=2)], rows=lines)


def profile_line(name: str, count: int, profile: Profile, *, callees: str = "",
                 kind: Kind = "") -> GridRow:
    """A function, or several, of a profile."""
    return GridRow([Cell(name, key=name), *count_cells([count]) * 2,
                    Cell(show_percent(count / profile.count), key=str(count)), Cell(callees)], kind)


def _totals(profiles: Sequence[Profile], grid: Grid) -> Iterator[GridRow]:
    """The kernel's instructions, the probe's own, and the figure that they are together."""
    counts = {
        "kernel": [profile.count for profile in profiles],
        "user": [int(profile.figure.main.value) - profile.count for profile in profiles],
        "figure": [int(profile.figure.main.value) for profile in profiles],
    }
    for name, values in counts.items():
        cells = [Cell(name), *count_cells(values)]
        yield GridRow([*cells, *[Cell("")] * (len(grid.columns) - len(cells))], "total")


def paired_names(rows: Sequence[DifferenceRow], labels: Sequence[str], join: Join) -> list[str]:
    """What stands behind a name where the kernels differ in that."""
    return [f"{row.name} is {join(names)} on {label}"
            for row in rows if row.raw[0] != row.raw[1]
            for names, label in zip(row.raw, labels, strict=True) if names]


def _others(profiles: Sequence[Profile], labels: Sequence[str]) -> Iterator[Grid | Said]:
    """What the calls with other profiles did besides the modal call's."""
    for profile, label in zip(profiles, labels, strict=True):
        calls = profile.figure.main.number
        differing = round(calls * (1 - profile.share))
        yield Said(f"{label}: {differing} of {calls} calls executed something else besides",
                   "strong")
        groups: dict[str, list[OtherCalls]] = {}
        for other in profile.others:
            groups.setdefault(events(other), []).append(other)
        if groups:
            yield grid_of(
                [Column("calls"), Column("added"), Column("event", "word", wraps="words"),
                 Column("mostly in", "word", wraps="words")],
                [_other(event, group, profile) for event, group in groups.items()])
        if profile.others_left:
            yield Said(f"{profile.others_left} calls that added less are not told apart", "faint")
        yield BLANK


def _other(event: str, group: Sequence[OtherCalls], profile: Profile) -> list[str]:
    added = sorted(other.count - profile.count for other in group)
    dearest = max(group, key=lambda other: other.count)
    return [str(sum(other.calls for other in group)),
            " to ".join(dict.fromkeys(map(show_change, (added[0], added[-1])))),
            event, dearest.added[0].path[-1] if dearest.added else ""]


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
                             Column("instruction", "word", wraps="words")], rows=rows)])


def _walk_grid(walked: Walked) -> Grid:
    """Buffer heads visited and instructions executed on each side of the written range."""
    lines = {"visited in one call": walked.visited, "in the ring": walked.ring}
    if walked.instructions is not None:
        lines["instructions"] = walked.instructions
    rows = [[name, *map(show_figure, (*sides, sides.visited))] for name, sides in lines.items()]
    if walked.instructions is not None:
        counts, visited = walked.instructions, walked.visited
        rows.append(["instructions a visit", *(
            f"{count / visits:.1f}" if visits else "-" for count, visits in zip(
                (*counts, counts.visited), (*visited, visited.visited), strict=True))])
    return grid_of([Column("walk over buffer heads", "name", wraps="words"),
                    *map(Column, ("prefix", "span", "tail", "all"))], rows)


def _loops(loops: Sequence[Loop]) -> Iterator[Said]:
    for loop in loops[:_MOST_LOOPS]:
        runs = ", ".join(f"{times} of {count}" for count, times in loop.runs[:_MOST_LOOPS])
        more = ", ..." if len(loop.runs) > _MOST_LOOPS else ""
        yield Said(f"loop at {loop.head}: {show_figure(loop.visits)} visits (with instructions "
                   f"each: {runs}{more})")
    if len(loops) > _MOST_LOOPS:
        yield Said(f"and {len(loops) - _MOST_LOOPS} more loops in other entries")


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
        said = f"{case} on {labels[1]} beside {labels[0]}: {sentence(found)}"
        grid = difference_grid(found, labels, shown=SHOWN)
        one, other = found.sides
        total = difference_line(whole, (one.count, other.count), found.total, kind="total")
        paired = paired_names(found.rows[:SHOWN], labels, listed)
    else:
        top, (count,) = next(iter(function_counts(paired_tree(profiles, raw=raw)).items()))
        said = (f"{labels[0]}: {top} executes {show_figure(count)} of the "
                f"{show_figure(first.count)} kernel instructions of a call of {case}.")
        grid = profile_grid(first, labels[0], shown=SHOWN, raw=raw)
        total = profile_line(whole, first.count, first, kind="total")
    forest = forest_of(profiles, raw=raw)
    headings, rows = tree_rows(forest)
    return Section(
        kind="why", title="Which functions",
        particulars=particulars([profile.figure.case for profile in profiles], PROFILED_ON,
                                first.conditions.filesystem,
                                [profile.kernel for profile in profiles]),
        sentence=said, metric=INSTRUCTIONS,
        content={
            "caption": f"Kernel instructions of one call of {case}, by function",
            "unit": forest.unit, "says": [],
            "grid": replace(grid, rows=[*grid.rows, total]).seen_in("page"), "paired": paired,
            "title": flame_title(profiles), "legend": flame_legend(forest),
            "flame": inlined(flame_svg(forest, alone=False), "flame"),
            "headings": headings, "paths": [(depth, name, count_cells(counts))
                                            for depth, name, counts in rows]},
        conditions=profile_conditions(profiles, labels),
        sources=[Source(kind="profile", id=profile.inputs[:12], kernel=profile.kernel,
                        created=profile.created, inputs=profile.inputs,
                        conditions=profile.conditions) for profile in profiles],
        commands=why_commands(profiles))
