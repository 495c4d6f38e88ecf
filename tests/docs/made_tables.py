# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables that a script of this folder makes, between the comments that name them on a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence


def blocks_of(script: str) -> re.Pattern[str]:
    """What a script makes: the comment before it, the table's name, and the comment behind it."""
    return re.compile(rf"(<!-- made by tests/docs/{re.escape(script)}: ([\w-]+) -->\n).*?"
                      r"(<!-- end -->)", re.DOTALL)


def remade_blocks(blocks: re.Pattern[str], text: str, table: Callable[[str], str]) -> str:
    """A page's text with its tables made anew."""
    return blocks.sub(lambda block: f"{block[1]}\n{table(block[2])}\n\n{block[3]}", text)


def names_of(blocks: re.Pattern[str], text: str) -> list[str]:
    """The tables of a page."""
    return [block[2] for block in blocks.finditer(text)]


def table_of(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
