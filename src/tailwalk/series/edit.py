# SPDX-License-Identifier: GPL-2.0-or-later
"""Edits of source text, anchored to names and statements and never to line numbers.

Coccinelle is the field's tool for such changes. An engine of our own carries them here, because
spatch is a large OCaml program that few machines have; because its rules tell nothing when they
match nothing, where an edit has to name the function and the anchor that did not match; and
because a change also has to be recognised where it is already made. What is given up, matching up
to isomorphism, these edits do not need: statements that stayed the same from v6.16 to v7.2 are
anchors enough.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Annotated, Literal, get_args

import msgspec

from tailwalk.errors import SeriesError
from tailwalk.series.ctext import Passage, Text

FileName = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]+\Z")]
"""A file's path from the top of the tree."""

_NAMED, _LINE, _LOOKED_AT = 9, 200, 20_000
"""Lines that an error names; the longest line, and how many, that the nearest is looked for in."""

Where = Literal["before", "after", "replace", "above", "below"]

Names = str | list[str]
"""One text, or several of which the first that is found counts."""


class Edit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One change to one file. Just one of the fields `before` to `create` says where.

    Attributes:
        file: path from the top of the tree.
        inside: name of the function or structure that the anchor is looked for in; without it,
            the whole file.
        before: the anchor that whole lines of `text` are put before.
        after: the anchor that whole lines of `text` are put after.
        replace: the anchor that `text` takes the place of.
        above: name of the function or structure that `text` is put above (and above the comment
            that stands over it).
        below: name of the function or structure that `text` is put below (and below its
            `EXPORT_SYMBOL`).
        create: is `text` a new file?
        text: what comes in.

    An anchor is a piece of source that must be found just once; white space, line breaks and
    comments in it do not count.
    """

    file: FileName
    inside: Names | None = None
    before: Names | None = None
    after: Names | None = None
    replace: Names | None = None
    above: Names | None = None
    below: Names | None = None
    create: bool = False
    text: str

    def __post_init__(self) -> None:
        if len(self._anchors) + self.create != 1:
            raise ValueError("an edit has just one of before, after, replace, above, below and "
                             "create")
        if self.inside is not None and (self.create or self.above or self.below):
            raise ValueError("`inside` goes with before, after and replace")
        if self.replace is None and not self.text.endswith("\n"):
            raise ValueError("`text` is whole lines, except where it replaces something")

    @property
    def _anchors(self) -> list[tuple[Where, Names]]:
        """Where it edits, and at what; nothing for a new file."""
        return [(where, names) for where in get_args(Where)
                if (names := getattr(self, where)) is not None]

    @property
    def place(self) -> str:
        """Where it edits, in words."""
        place = self.file + (f", {' or '.join(_alternatives(self.inside))}" if self.inside else "")
        for where, names in self._anchors:
            how = "in place of" if where == "replace" else where
            return f"{place}: {how} `{_one_line(' or '.join(_alternatives(names)))}`"
        return f"{place}: a new file"

    def passage(self, source: Text) -> Passage:
        """What `text` takes the place of: nothing, at one place, unless it replaces something.

        Raises SeriesError naming the file, the function and the anchor that does not fit.
        """
        [(where, names)] = self._anchors
        match where:
            case "above":
                place = source.with_comment_above(_definition(source, names).start)
            case "below":
                place = source.with_exports_below(_definition(source, names).end)
            case "replace":
                return _anchor(source, names, self.inside)
            case "before":
                place = _lines(source, names, self.inside).start
            case "after":
                place = _lines(source, names, self.inside).end
        return Passage(place, place)


def apply_edit(edit: Edit, content: str | None) -> str:
    """The file's text with the edit made; `content` is None for a file that is not there.

    Raises SeriesError naming the file, and as `Edit.passage` does.
    """
    if edit.create:
        if content is not None:
            raise SeriesError(f"{edit.file} is there already, with another content")
        return edit.text
    if content is None:
        raise SeriesError(f"{edit.file} is not there")
    place = edit.passage(Text(content, edit.file))
    return content[:place.start] + edit.text + content[place.end:]


def has(content: str | None, file: str, wanted: str, inside: Names | None = None) -> bool:
    """Is a piece of source in the file (or in one of its functions), white space and comments
    apart? False too where the file or the function is not there."""
    if content is None:
        return False
    source = Text(content, file)
    scopes = ([source.whole] if inside is None else
              [span for name in _alternatives(inside) for span in source.definitions(name)])
    return any(source.find(wanted, scope) for scope in scopes)


def is_made(edit: Edit, content: str | None) -> bool | None:
    """Is the edit in the text already? None where that cannot be told from it alone, since it
    only takes something away."""
    if edit.create:
        return content == edit.text
    if edit.text.strip():
        return has(content, edit.file, edit.text, edit.inside)
    return None


def _alternatives(names: Names) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def _definition(source: Text, names: Names) -> Passage:
    for name in _alternatives(names):
        found = source.definitions(name)
        if len(found) > 1:
            raise SeriesError(f"{source.name} defines {name} more than once "
                              f"({_line_numbers(source, found)})")
        if found:
            return found[0]
    raise SeriesError(f"{source.name} has no definition of {' or '.join(_alternatives(names))}")


def _anchor(source: Text, anchors: Names, inside: Names | None) -> Passage:
    scope = source.whole if inside is None else _definition(source, inside)
    where = source.name + (f", {' or '.join(_alternatives(inside))}()" if inside else "")
    for anchor in _alternatives(anchors):
        found = source.find(anchor, scope)
        if len(found) > 1:
            raise SeriesError(f"{where}: the anchor `{_one_line(anchor)}` is there {len(found)} "
                              f"times ({_line_numbers(source, found)}), where one is meant")
        if found:
            return found[0]
    shown = " or ".join(f"`{_one_line(anchor)}`" for anchor in _alternatives(anchors))
    raise SeriesError(f"{where}: the anchor {shown} is not there"
                      f"{_nearest(source, scope, _alternatives(anchors)[0])}")


def _lines(source: Text, anchors: Names, inside: Names | None) -> Passage:
    """The whole lines of an anchor, which must not share them with other source."""
    place = _anchor(source, anchors, inside)
    lines = Passage(source.line_start(place.start), source.line_end(place.end - 1))
    shared = [word for word, start in source.tokens
              if lines.start <= start < place.start or place.end <= start < lines.end]
    if shared:
        raise SeriesError(
            f"{source.name}, line {source.line_number(place.start)}: other source ("
            f"`{' '.join(shared)}`) stands on the lines of the anchor "
            f"`{_one_line(source.content[place.start:place.end])}`")
    return lines


def _line_numbers(source: Text, found: Sequence[Passage]) -> str:
    numbers = [str(source.line_number(span.start)) for span in found[:_NAMED]]
    return f"lines {', '.join(numbers)}{' and more' if len(found) > _NAMED else ''}"


def _nearest(source: Text, scope: Passage, anchor: str) -> str:
    lines = [line.strip() for line in source.content[scope.start:scope.end].splitlines()]
    wanted = next((line.strip() for line in anchor.splitlines() if line.strip()), "")
    # Likeness takes time by the square of a line's length.
    close = difflib.get_close_matches(wanted[:_LINE], {
        line: None for line in lines[:_LOOKED_AT] if len(line) <= _LINE}, 1)
    if not close:
        return ""
    return (f"; the nearest is `{close[0]}` in line "
            f"{source.line_number(scope.start) + lines.index(close[0])}")


def _one_line(text: str) -> str:
    return " ".join(text.split())
