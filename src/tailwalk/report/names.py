# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of functions where there is little room: whole, or cut in the middle, and never broken
over two lines, where they would read as two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

_LEAST = 16
"""Characters that a column of names keeps as long as any other can give way."""


def cut(name: str, room: int, *, ascii_only: bool = False, more: int = 0) -> str:
    """The name, in at most `room` characters: its two ends, which tell more than its middle; of
    the start `more` than of the end, or less."""
    if len(name) <= room:
        return name
    sign = "..." if ascii_only else "…"
    left = room - len(sign)
    if left < 2:
        return name[:room]
    end = min(max(left // 2 - more, 1), left - 1)
    return f"{name[:left - end]}{sign}{name[-end:]}"


@cache
def cut_apart(names: frozenset[str], room: int, *, ascii_only: bool = False) -> Mapping[str, str]:
    """Each of the names as `cut`, those that would read alike at the nearest other place that
    tells them apart; alike where there is none."""
    found = {name: cut(name, room, ascii_only=ascii_only) for name in names}
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(found[name], []).append(name)
    for alike in (group for group in groups.values() if len(group) > 1):
        others = {short for name, short in found.items() if name not in alike}
        for more in (sign * step for step in range(1, room) for sign in (1, -1)):
            tried = {name: cut(name, room, ascii_only=ascii_only, more=more) for name in alike}
            if len({*tried.values()} - others) == len(alike):
                found |= tried
                break
    return found


@dataclass(frozen=True)
class Name:
    """A name as a table's cell, which takes the room that the other columns leave.

    Attributes:
        text: the name, whole.
        among: the names of the column, from which it is told apart.
    """

    text: str
    among: frozenset[str] = frozenset()

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(len(self.text), _LEAST), len(self.text)).with_maximum(
            options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cuts = cut_apart(self.among | {self.text}, options.max_width,
                         ascii_only=options.ascii_only)
        yield Text(cuts[self.text], no_wrap=True)
