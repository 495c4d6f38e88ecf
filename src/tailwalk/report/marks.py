# SPDX-License-Identifier: GPL-2.0-or-later
"""Marks and colours for charts; marks are told apart by shape as well as colour, in both themes and
on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape as escape_html

escape = partial(escape_html, quote=False)
"""For text between tags; that of attributes has its quotes escaped too. The XML package would load
all of urllib for it."""


@dataclass(frozen=True)
class Mark:
    """A shape, as a path around the origin some 10 units wide, and its colour."""

    path: str
    colour: str


# Hues after Okabe and Ito, which most colour-blind readers tell apart, each dark enough for white
# paper and light enough for a dark page (contrast at least 3 to 1 on both).
MARKS = (
    Mark("M0-5A5 5 0 1 1 0 5A5 5 0 1 1 0-5Z", "#2f7fc1"),
    Mark("M0-6L6 0L0 6L-6 0Z", "#d0521b"),
    Mark("M-4.6-4.6H4.6V4.6H-4.6Z", "#15876a"),
    Mark("M0-5.8L5.6 4.4H-5.6Z", "#a8589e"),
    Mark("M0 5.8L5.6-4.4H-5.6Z", "#a07400"),
    Mark("M-1.8-5.5H1.8V-1.8H5.5V1.8H1.8V5.5H-1.8V1.8H-5.5V-1.8H-1.8Z", "#6d6fc9"),
    Mark("M0-6L1.8-1.8L6 0L1.8 1.8L0 6L-1.8 1.8L-6 0L-1.8-1.8Z", "#7a7f87"),
)


def mark(number: int, x: float, y: float, *, title: str) -> str:
    """The mark of a kernel or case, centred on a point of an SVG, with a title."""
    shape = MARKS[number % len(MARKS)]
    return (f'<path class="mark" d="{shape.path}" fill="{shape.colour}" '
            f'transform="translate({x:.1f} {y:.1f})"><title>{escape(title)}</title></path>')


def shade(heat: float, cool: Sequence[int], hot: Sequence[int]) -> str:
    """The colour between two, at 0 the cool one and at 1 the hot one."""
    red, green, blue = (round(start + heat * (end - start))
                        for start, end in zip(cool, hot, strict=True))
    return f"rgb({red},{green},{blue})"
