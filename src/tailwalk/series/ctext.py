# SPDX-License-Identifier: GPL-2.0-or-later
"""C source as far as edits need it: tokens with their places, and where a definition lies.

Anchors are compared token by token, so that neither white space, nor line breaks, nor comments
decide whether an edit still holds on another version. A definition is found by its name and by the
kernel's coding style, which puts the braces of functions in the first column: that holds where
counting braces fails, in functions whose branches are chosen by `#ifdef`.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice

_C_TOKEN = re.compile(
    # What is opened and never closed ends with its line, a comment with the text: every token is
    # read once, however the text ends.
    r"""(?P<comment>/\*.*?(?:\*/|\Z) | //[^\n]*+ | \\\n)
      | (?P<token>"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"? | '[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'?
                  | \w++ | [^\s\w])""",
    re.DOTALL | re.VERBOSE)
_WORD = re.compile(r"(?P<token>\S+)")
_C_SUFFIXES = (".c", ".h", ".S")
_MOST_ANNOTATIONS = 8
"""Words between a parameter list and the body, such as `__releases`."""


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
        return [word.replace("\\\n", "") for word, _ in self.tokens]

    @cached_property
    def _stream(self) -> str:
        """The tokens, each on a line: what a search for several of them goes through."""
        return "".join(f"\n{word}" for word in self._words) + "\n"

    @cached_property
    def _lines_of_stream(self) -> list[int]:
        return [0, *accumulate(len(word) + 1 for word in self._words)]

    def find(self, anchor: str, within: Passage) -> list[Passage]:
        """Every place within the span whose tokens are those of the anchor."""
        wanted = Text(anchor, self.name)
        if not wanted.tokens:
            return []
        lines, found = self._lines_of_stream, []
        end = lines[bisect_left(self._places, within.end)] + 1
        at = self._stream.find(
            wanted._stream, lines[bisect_left(self._places, within.start)], end)
        while at >= 0:
            first = bisect_left(lines, at)
            word, place = self.tokens[first + len(wanted.tokens) - 1]
            found.append(Passage(self._places[first], place + len(word)))
            at = self._stream.find(wanted._stream, at + 1, end)
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
            close = bisect_left(self._closes, begin)
            if close < len(self._closes):
                spans.append(Passage(begin, self.line_end(self._closes[close])))
        return spans

    @cached_property
    def _closes(self) -> list[int]:
        """The places of `}` in the first column."""
        return [match.start() for match in re.finditer(r"^\}", self.content, re.MULTILINE)]

    def _functions(self, name: str) -> list[int]:
        """Where the declarations of the functions' definitions begin."""
        return [self._declaration_start(self._places[index])
                for index, word in enumerate(self._words)
                if word == name and self._words[index + 1:index + 2] == ["("]
                and self._has_body(index + 1)]

    @cached_property
    def _parentheses(self) -> dict[int, int]:
        """Which token closes what another opens, by their numbers."""
        opened: list[int] = []
        closed = {}
        for index, word in enumerate(self._words):
            if word == "(":
                opened.append(index)
            elif word == ")" and opened:
                closed[opened.pop()] = index
        return closed

    def _has_body(self, index: int) -> bool:
        """Does a `{` in the first column follow a parameter list, perhaps after annotations such
        as `__releases(lock)`?"""
        for word, place in islice(self._outside_parentheses(index), _MOST_ANNOTATIONS):
            if word == "{":
                return self.line_start(place) == place
            if not re.fullmatch(r"\w+", word):
                return False
        return False

    def _outside_parentheses(self, index: int) -> Iterator[tuple[str, int]]:
        while index < len(self.tokens):
            if index in self._parentheses:
                index = self._parentheses[index]
            else:
                yield self.tokens[index]
            index += 1

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

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.content))]

    def line_start(self, place: int) -> int:
        """The first character of the line that `place` is in."""
        return self._line_starts[self.line_number(place) - 1]

    def line_end(self, place: int) -> int:
        """The first character after the line that `place` is in."""
        line = self.line_number(place)
        return self._line_starts[line] if line < len(self._line_starts) else len(self.content)

    def line_number(self, place: int) -> int:
        """The number, from 1, of the line that `place` is in."""
        return bisect_right(self._line_starts, place)

    @property
    def whole(self) -> Passage:
        """All of it."""
        return Passage(0, len(self.content))
