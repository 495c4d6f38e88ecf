# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of functions where there is little room: whole, or cut in the middle, and never broken
over two lines, where they would read as two."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

_LEAST = 16
"""Characters that a column of names keeps as long as any other can give way."""


def cut(name: str, room: int, *, ascii_only: bool = False) -> str:
    """The name, in at most `room` characters: its two ends, which tell more than its middle."""
    if len(name) <= room:
        return name
    sign = "..." if ascii_only else "…"
    left = room - len(sign)
    if left < 2:
        return name[:room]
    return f"{name[:left - left // 2]}{sign}{name[-(left // 2):]}"


@dataclass(frozen=True)
class Name:
    """A name as a table's cell, which takes the room that the other columns leave."""

    text: str
    style: str = ""

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(len(self.text), _LEAST), len(self.text)).with_maximum(
            options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(cut(self.text, options.max_width, ascii_only=options.ascii_only),
                   style=self.style, no_wrap=True)
