# SPDX-License-Identifier: GPL-2.0-or-later
"""What a page holds: its tags, and its words."""

from __future__ import annotations

import re
from html.parser import HTMLParser


class Elements(HTMLParser):
    """The tags of a page, each with its attributes, in order; raises where one is left open."""

    _VOID = frozenset({"meta", "link", "wbr", "br", "line", "path", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self._VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._VOID:
            assert self._open.pop() == tag


def words(text: str) -> str:
    """The page's text without its tags, spaces and new lines alike."""
    return " ".join(re.sub(r"<(style|script)>.*?</\1>|<[^>]*>", "", text, flags=re.DOTALL).split())
