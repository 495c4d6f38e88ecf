# SPDX-License-Identifier: GPL-2.0-or-later
"""One function on a terminal: its instructions with their counts, and its walks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from tailwalk.cases.ring import Sides
from tailwalk.profile.annotate import Annotated, Walked, annotate
from tailwalk.profile.record import Loop, Profile
from tailwalk.report.profile_words import side_labels
from tailwalk.report.table import ASCII, UNICODE, Signs, new_table
from tailwalk.report.words import show_figure

_MOST_LOOPS = 4


def annotation(profiles: Sequence[Profile], name: str, console: Console) -> RenderableType:
    """Every part of the function in each profile: how many buffer heads it visited before, in
    and after the written range, its other loops, and its instructions.

    Raises UsageError where no profile executes it.
    """
    signs = ASCII if console.options.ascii_only else UNICODE
    found = annotate(profiles, name)
    parts: list[RenderableType] = []
    for profile, label, functions in zip(profiles, side_labels(profiles), found, strict=True):
        if not functions:
            parts += [Text(f"{name} is not executed on {label}", style="bold"), ""]
        for one in functions:
            parts += [*_function(one, label, profile, signs), ""]
    return Group(*parts[:-1])


def _function(one: Annotated, label: str, profile: Profile,
              signs: Signs) -> Iterator[RenderableType]:
    times = "once" if one.entered == 1 else f"{show_figure(one.entered)} times"
    yield Text(f"{one.function.name} on {label}: {show_figure(one.function.count)} of "
               f"{show_figure(profile.count)} instructions of one call, entered {times}",
               style="bold")
    if one.walked is not None:
        yield _walk_table(one.walked, signs)
    elif one.loops:
        yield Group(*_loops(one.loops))
    yield ""
    heads = {int(loop.head, 16) for loop in one.loops}
    table = new_table(signs)
    for heading in ("offset", "executed"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("instruction", overflow="fold")
    for line in one.lines:
        repeated = line.count > max(one.entered, 1)
        mark = "  <- head of the loop" if line.offset in heads else ""
        table.add_row(f"{line.offset:#x}", show_figure(line.count), Text(f"{line.text}{mark}"),
                      style="bold" if repeated else "")
    yield table


def _walk_table(walked: Walked, signs: Signs) -> RenderableType:
    """Buffer heads visited and instructions executed on each side of the written range."""
    table = new_table(signs)
    table.add_column("walk over buffer heads")
    for heading in ("prefix", "span", "tail", "all"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_row("visited in one call", *map(show_figure, _cells(walked.visited)))
    table.add_row("in the ring", *map(show_figure, _cells(walked.ring)))
    if walked.instructions is not None:
        table.add_row("instructions", *map(show_figure, _cells(walked.instructions)))
        each = [f"{count / visits:.1f}" if visits else "-" for count, visits in zip(
            _cells(walked.instructions), _cells(walked.visited), strict=True)]
        table.add_row("instructions a visit", *each)
    return table


def _cells(found: Sides) -> list[int]:
    return [found.prefix, found.span, found.tail, found.visited]


def _loops(loops: Sequence[Loop]) -> Iterator[Text]:
    for loop in loops[:_MOST_LOOPS]:
        runs = ", ".join(f"{times} of {count}" for count, times in loop.runs[:_MOST_LOOPS])
        more = ", ..." if len(loop.runs) > _MOST_LOOPS else ""
        yield Text(f"loop at {loop.head}: {show_figure(loop.visits)} visits (with instructions "
                   f"each: {runs}{more})")
    if len(loops) > _MOST_LOOPS:
        yield Text(f"and {len(loops) - _MOST_LOOPS} more loops in other entries")
