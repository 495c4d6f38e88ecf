# SPDX-License-Identifier: GPL-2.0-or-later
"""How wide each column of a table is on a terminal, and which columns have no room there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.measure import Measurement

_UNBOUNDED = 10_000
_HEAD = 9
"""Characters of a word in a heading that are left where nothing else can give way."""
_EASY = 24
"""Characters that a text which goes on below keeps as long as no name is cut."""
_TIGHT = 12
"""Characters that a column of names or words keeps where nothing else can give way."""


@dataclass(frozen=True, kw_only=True)
class Laid:
    """A column as it is set.

    Attributes:
        heading, cells: what stands in it.
        right: its texts end at its right edge.
        gives: its texts go on below (`wraps`), or are cut (`cut`), where there is little room.
        keeps: characters that it keeps as long as a column of a higher rank can go.
        most: characters that it never needs more than.
    """

    heading: RenderableType
    cells: Sequence[RenderableType]
    right: bool
    gives: str = ""
    keeps: int = 0
    most: int = _UNBOUNDED


@dataclass(frozen=True)
class _Needs:
    """Characters of a column: its longest word where texts go on below, else its longest line, with
    a heading that is cut; its longest line; and that with the whole heading in one line, too."""

    tight: int
    most: int
    roomy: int


def widths(columns: Sequence[Laid], room: int, console: Console, *,
           tight: bool = False) -> list[int] | None:
    """A width for each column, of which the sum is `room` at most: headings go on below first, then
    texts that can, then names are cut, the widest first. None where that is not enough; what is cut
    keeps less where it is to be `tight`."""
    if room < len(columns):
        return None
    needs = [_needs(column, console) for column in columns]
    found = [min(one.roomy, column.most, room) for one, column in zip(needs, columns, strict=True)]
    mosts = [min(one.most, column.most, room) for one, column in zip(needs, columns, strict=True)]
    leasts = [min(one.tight, _TIGHT) if column.gives and tight else
              min(most, column.keeps) if column.gives else one.tight if tight else most
              for one, column, most in zip(needs, columns, mosts, strict=True)]
    for bounds in (mosts,
                   [min(most, _EASY) if column.gives == "wraps" else most
                    for column, most in zip(columns, mosts, strict=True)],
                   leasts):
        while sum(found) > room:
            widest = max((number for number, bound in enumerate(bounds) if found[number] > bound),
                         key=lambda number: found[number], default=None)
            if widest is None:
                break
            found[widest] -= 1
    return found if sum(found) <= room else None


def _needs(column: Laid, console: Console) -> _Needs:
    options = console.options.update(width=_UNBOUNDED)
    cells = [Measurement.get(console, options, cell) for cell in column.cells]
    heading = Measurement.get(console, options, column.heading)
    longest = max((cell.maximum for cell in cells), default=0)
    word = max((cell.minimum for cell in cells), default=0) if column.gives == "wraps" else longest
    return _Needs(max(word, min(heading.minimum, _HEAD)), max(longest, heading.minimum),
                  max(longest, heading.maximum))


def portions(columns: Sequence[Laid], joined: Sequence[bool], room: int, gap: int,
             console: Console) -> Iterator[list[int]]:
    """The numbers of the columns that stand together: the first one in each part, and so many of
    the others as have room; one that is `joined` to the one before it stays there."""
    groups: list[list[int]] = []
    for number in range(1, len(columns)):
        if joined[number] and groups:
            groups[-1].append(number)
        else:
            groups.append([number])
    part = [0]
    for group in groups:
        tried = [*part, *group]
        if len(part) > 1 and widths([columns[number] for number in tried], room - gap * (
                len(tried) - 1), console, tight=True) is None:
            yield part
            tried = [0, *group]
        part = tried
    yield part
