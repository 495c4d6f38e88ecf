# SPDX-License-Identifier: GPL-2.0-or-later
"""Profiles on a terminal: a line a function, and what the calls that are not modal did besides."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tailwalk.cases import Case
from tailwalk.profile.difference import Difference, DifferenceRow
from tailwalk.profile.pairing import PairedNode, function_counts, paired_tree
from tailwalk.profile.record import OtherCalls, Profile
from tailwalk.report.names import Name
from tailwalk.report.profile_words import (
    events,
    profile_conditions,
    sentence,
    show_change,
    show_share,
    side_labels,
)
from tailwalk.report.table import ASCII, UNICODE, Signs, footer, new_table
from tailwalk.report.words import case_labels, show_figure, show_percent

SHOWN = 12
"""Functions that a table shows unless it is asked for more."""

def difference_table(found: Difference, profiles: Sequence[Profile], console: Console, *,
                     shown: int | None = SHOWN, others: bool = False) -> RenderableType:
    """Each function's instructions on either side, the largest difference first, what carries the
    change, and the conditions; with `others`, the calls that are not modal too."""
    signs = _signs(console)
    labels = side_labels(profiles)
    table = new_table(signs)
    table.add_column("function")
    for label in labels:
        table.add_column(label.replace(", ", ",\n"), justify="right", no_wrap=True)
    table.add_column("difference", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    rows = found.rows[:shown]
    names = frozenset(row.name for row in rows)
    for row in rows:
        table.add_row(Name(row.name, names), *map(show_figure, row.counts), _change(row.difference),
                      _share(row.difference, found.total))
    left = found.rows[len(rows):]
    if left:
        counts = [sum(row.counts[side] for row in left) for side in (0, 1)]
        table.add_row(Text(f"{len(left)} other functions", style="dim"), *map(show_figure, counts),
                      _change(counts[1] - counts[0]), _share(counts[1] - counts[0], found.total))
    _add_totals(table, profiles)
    return Group(
        _title(profiles), table, "",
        Text(sentence(found), style="bold"), "",
        *(_others(profiles, labels, signs) if others else []),
        footer(_counted_as(rows, labels), profile_conditions(profiles, labels),
               _unattributed(profiles)))


def profile_table(profile: Profile, console: Console, *, shown: int | None = SHOWN,
                  others: bool = False, raw: bool = False) -> RenderableType:
    """One profile: each function's instructions, and those of it and all it calls."""
    signs = _signs(console)
    nodes = paired_tree([profile], raw=raw)
    counts = function_counts(nodes)
    inclusive = _inclusive(nodes)
    table = new_table(signs)
    table.add_column("function")
    for heading in ("instructions", "share", "with callees"):
        table.add_column(heading, justify="right", no_wrap=True)
    names = frozenset(name for name, _ in counts[:shown])
    for name, count in counts[:shown]:
        table.add_row(Name(name, names), show_figure(count), show_percent(count / profile.count),
                      show_figure(inclusive[name]))
    if left := counts[len(counts[:shown]):]:
        count = sum(count for _, count in left)
        table.add_row(Text(f"{len(left)} other functions", style="dim"), show_figure(count),
                      show_percent(count / profile.count), "")
    _add_totals(table, [profile])
    labels = side_labels([profile])
    return Group(
        _title([profile]), table, "",
        *(_others([profile], labels, signs) if others else []),
        footer(profile_conditions([profile], labels), _unattributed([profile])))


def _signs(console: Console) -> Signs:
    return ASCII if console.options.ascii_only else UNICODE


def _title(profiles: Sequence[Profile]) -> Text:
    case: Case = profiles[0].figure.case
    same = all(profile.figure.case == case for profile in profiles)
    name = case_labels([case])[0] if same else case.name
    return Text(f"Instructions of one call of {name} by kernel function", style="bold")


def _change(change: int) -> Text:
    return Text(show_change(change), style="red" if change > 0 else "green" if change else "dim")


def _share(change: int, total: int) -> Text:
    return Text(show_share(change, total), style="dim")


def _add_totals(table: Table, profiles: Sequence[Profile]) -> None:
    """The kernel's instructions, the probe's own, and the figure that they are together."""
    counts = {
        "kernel": [profile.count for profile in profiles],
        "user": [int(profile.figure.main.value) - profile.count for profile in profiles],
        "figure": [int(profile.figure.main.value) for profile in profiles],
    }
    table.add_section()
    for name, values in counts.items():
        cells = [Text(show_figure(value)) for value in values]
        if len(values) == 2:
            cells.append(_change(values[1] - values[0]))
        table.add_row(Text(name, style="bold"), *cells)


def _inclusive(nodes: Sequence[PairedNode]) -> dict[str, int]:
    """Instructions of each function with all it calls; a recursive call counts once."""
    above: list[frozenset[str]] = []
    found: dict[str, int] = {}
    for node in nodes:
        names = above[node.parent] | {nodes[node.parent].name} if node.parent >= 0 else frozenset()
        above.append(names)
        if node.name not in names:
            found[node.name] = found.get(node.name, 0) + node.inclusive[0]
    return found


def _counted_as(rows: Sequence[DifferenceRow],
                labels: Sequence[str]) -> list[tuple[str, str]]:
    """What stands behind a name where the kernels differ in that."""
    lines = [f"{row.name} is {', '.join(names)} on {label}"
             for row in rows if row.raw[0] != row.raw[1]
             for names, label in zip(row.raw, labels, strict=True) if names]
    return [("" if number else "paired", line) for number, line in enumerate(lines)]


def _unattributed(profiles: Sequence[Profile]) -> list[tuple[str, str]]:
    unknown = [profile.unattributed for profile in profiles]
    return [("note", f"{show_figure(max(unknown))} instructions are in code that no symbol "
                     "names")] if any(unknown) else []


def _others(profiles: Sequence[Profile], labels: Sequence[str],
            signs: Signs) -> list[RenderableType]:
    """What the calls with other profiles did besides the modal call's."""
    parts: list[RenderableType] = []
    for profile, label in zip(profiles, labels, strict=True):
        calls = profile.figure.main.number
        differing = round(calls * (1 - profile.share))
        parts.append(Text(f"{label}: {differing} of {calls} calls executed something else besides",
                          style="bold"))
        table = new_table(signs)
        table.add_column("calls", justify="right", no_wrap=True)
        table.add_column("added", justify="right", no_wrap=True)
        table.add_column("event", overflow="fold")
        table.add_column("mostly in")
        groups: dict[str, list[OtherCalls]] = {}
        for other in profile.others:
            groups.setdefault(events(other), []).append(other)
        dearest = {event: max(group, key=lambda other: other.count)
                   for event, group in groups.items()}
        where = {event: other.added[0].path[-1] if other.added else ""
                 for event, other in dearest.items()}
        for event, group in groups.items():
            added = sorted(other.count - profile.count for other in group)
            table.add_row(str(sum(other.calls for other in group)),
                          " to ".join(dict.fromkeys(map(show_change, (added[0], added[-1])))),
                          event, Name(where[event], frozenset(where.values())))
        parts += [table] if profile.others else []
        if profile.others_left:
            parts.append(Text(f"{profile.others_left} calls that added less are not told apart",
                              style="dim"))
        parts.append("")
    return parts
