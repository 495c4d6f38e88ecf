# SPDX-License-Identifier: GPL-2.0-or-later
"""C source as far as edits need it: tokens with their places, and where a definition lies.

Anchors are compared token by token, so that neither white space, nor line breaks, nor comments
decide whether an edit still holds on another version. A definition is found by its name and by the
kernel's coding style, which puts the braces of functions in the first column: that holds where
counting braces fails, in functions whose branches are chosen by `#ifdef`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

_C_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/ | //[^\n]* | \\\n)
      | (?P<token>"(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | \w+ | [^\s\w])""",
    re.DOTALL | re.VERBOSE)
_WORD = re.compile(r"(?P<token>\S+)")
_C_SUFFIXES = (".c", ".h", ".S")


@dataclass(frozen=True)
class Passage:
    """A part of a text, in characters: from `start` to just before `end`."""

    start: int
    end: int


class Text:
    """The text of one source file, C by its name or else words (a Makefile, a Kconfig)."""

    def __init__(self, content: str, name: str) -> None:
        self.content = content
        self.name = name

    @cached_property
    def tokens(self) -> list[tuple[str, int]]:
        """Every token with the place of its first character; comments are none."""
        pattern = _C_TOKEN if self.name.endswith(_C_SUFFIXES) else _WORD
        return [(match["token"], match.start()) for match in pattern.finditer(self.content)
                if match.lastgroup == "token"]

    @cached_property
    def _places(self) -> list[int]:
        return [place for _, place in self.tokens]

    @cached_property
    def _words(self) -> list[str]:
        return [word for word, _ in self.tokens]

    def find(self, anchor: str, within: Passage) -> list[Passage]:
        """Every place within the span whose tokens are those of the anchor."""
        wanted = Text(anchor, self.name)._words
        if not wanted:
            return []
        first = bisect_right(self._places, within.start - 1)
        last = bisect_right(self._places, within.end - 1)
        words, found = self._words, []
        for index in range(first, last - len(wanted) + 1):
            if words[index] == wanted[0] and words[index:index + len(wanted)] == wanted:
                end, place = self.tokens[index + len(wanted) - 1]
                found.append(Passage(self._places[index], place + len(end)))
        return found

    def definitions(self, name: str) -> list[Passage]:
        """Where functions and structures `name` are defined: from the first line of the
        declaration to the line of the closing brace, both whole."""
        word = re.escape(name)
        begins = [*self._functions(name),
                  *(match.start() for match in re.finditer(
                      rf"^(?:typedef\s+)?(?:struct|union|enum)\s+{word}\s*\{{", self.content,
                      re.MULTILINE))]
        spans = []
        for begin in begins:
            close = re.compile(r"^\}", re.MULTILINE).search(self.content, begin)
            if close:
                spans.append(Passage(begin, self.line_end(close.end())))
        return spans

    def _functions(self, name: str) -> list[int]:
        """Where the declarations of the functions' definitions begin."""
        found = []
        for index, word in enumerate(self._words):
            if word != name or self._words[index + 1:index + 2] != ["("]:
                continue
            body = self._body_after(index + 1)
            if body is not None:
                found.append(self._declaration_start(self._places[index]))
        return found

    def _body_after(self, index: int) -> int | None:
        """The place of the `{` in the first column that follows a parameter list, perhaps after
        annotations such as `__releases(lock)`; None where none does."""
        depth = 0
        for word, place in self.tokens[index:]:
            if word in "()":
                depth += 1 if word == "(" else -1
            elif depth == 0:
                if word == "{":
                    return place if self.line_start(place) == place else None
                if not re.fullmatch(r"\w+", word):
                    return None
        return None

    def _declaration_start(self, place: int) -> int:
        """The first line of a declaration that may have its return type on lines of its own."""
        start = self.line_start(place)
        while start:
            above = self.line_start(start - 1)
            line = self.content[above:start].rstrip("\n")
            if not re.fullmatch(r"[A-Za-z_][\w\s*]*", line):
                return start
            start = above
        return start

    def with_comment_above(self, start: int) -> int:
        """Where the comment begins that stands directly above the line at `start`; `start` where
        there is none."""
        if not self.content[:start].endswith("*/\n"):
            return start
        begin = self.content.rfind("/*", 0, start)
        return begin if self.line_start(begin) == begin else start

    def with_exports_below(self, end: int) -> int:
        """Where the `EXPORT_SYMBOL` lines end that follow directly on the line before `end`."""
        match = re.compile(r"(?:EXPORT_SYMBOL\w*\([^)]*\);[^\n]*\n)*").match(self.content, end)
        return match.end() if match else end

    def line_start(self, place: int) -> int:
        """The first character of the line that `place` is in."""
        return self.content.rfind("\n", 0, place) + 1

    def line_end(self, place: int) -> int:
        """The first character after the line that `place` is in."""
        end = self.content.find("\n", place)
        return len(self.content) if end < 0 else end + 1

    def line_number(self, place: int) -> int:
        """The number, from 1, of the line that `place` is in."""
        return self.content.count("\n", 0, place) + 1

    @property
    def whole(self) -> Passage:
        """All of it."""
        return Passage(0, len(self.content))
