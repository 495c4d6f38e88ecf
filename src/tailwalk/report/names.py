# SPDX-License-Identifier: GPL-2.0-or-later
"""Names where there is little room: whole, or cut in the middle, and never broken over two lines,
where they would read as two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cache

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text


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


def cut_words(text: str, room: int, *, ascii_only: bool = False) -> str:
    """The text with each word, which lies between blanks, in at most `room` characters."""
    return "\n".join(" ".join(cut(word, room, ascii_only=ascii_only) for word in line.split(" "))
                     for line in text.split("\n"))


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
    """Names and words as a table's cell, in the room that the other columns leave: they go on below
    at a blank if they may, and what is longer than the room is cut.

    Attributes:
        text: all of it.
        among: the names of the column, from which a single one is told apart.
        wraps: whether the text may go on below.
        style: as rich has it.
        under: a line below it, in its own style.
    """

    text: str
    among: frozenset[str] = frozenset()
    _: KW_ONLY
    wraps: bool = False
    style: str = ""
    under: tuple[str, str] = ("", "")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        lines = [*self.text.split("\n"), self.under[0]]
        words = [word for line in lines for word in line.split()] if self.wraps else lines
        return Measurement(max(map(len, words), default=0), max(map(len, lines))).with_maximum(
            options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width
        if self.wraps and " " in self.text:
            shown = cut_words(self.text, room, ascii_only=options.ascii_only)
        else:
            shown = cut_apart(self.among | {self.text}, room,
                              ascii_only=options.ascii_only)[self.text]
        text = Text(shown, style=self.style, no_wrap=not self.wraps)
        if self.under[0]:
            text.append("\n").append(*self.under)
        yield text
