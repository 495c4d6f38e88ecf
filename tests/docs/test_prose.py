# SPDX-License-Identifier: GPL-2.0-or-later
"""What a page says below a table is in the table."""

from __future__ import annotations

import re

import pytest
from pages import ROOT

PAGES = ("README.md", "docs/tutorial.md", "docs/explanation/sweep.md")

_BLOCK = re.compile(r"```console\n(?P<table>.*?)```\n(?P<prose>.*?)(?=^```|^#|\Z)",
                    re.DOTALL | re.MULTILINE)
# Not v6.12, 6.18.15, 16/32 or ext4: shares, ratios, and figures with a comma or a point.
_SAID = re.compile(r"(?<![\w.,:+/-])(?P<number>\d[\d,]*(?:\.\d+)?)(?P<unit>%| times\b)?"
                   r"(?![\w/.:-]*[\w:/])")


def strangers(text: str) -> list[str]:
    """The figures in the prose below each table of a page that no figure of that table is, not
    even rounded."""
    found = []
    for block in _BLOCK.finditer(text):
        figures = [float(figure.replace(",", ""))
                   for figure in re.findall(r"\d[\d,]*(?:\.\d+)?", block["table"])]
        for said in _SAID.finditer(re.sub(r"`[^`]*`", "", block["prose"])):
            number = said["number"].rstrip(",")
            decimals = len(number.partition(".")[2])
            value = float(number.replace(",", ""))
            if (said["unit"] or "," in number or decimals) and not any(
                    round(figure, decimals) == value for figure in figures):
                found.append(said[0])
    return found


@pytest.mark.parametrize("page", PAGES)
def test_figures_in_prose_are_those_of_the_table_above(page):
    assert strangers((ROOT / page).read_text()) == []


@pytest.mark.parametrize(("prose", "found"), [
    ("took 11,117 instructions in 98.3% of its calls, 5 times what v6.12 took", []),
    ("in 98% of its calls, on ext4 of 6.18.15, in a second", []),
    ("in 99% of its calls", ["99%"]),
    ("took 11,118 instructions, 5.1 times as many", ["11,118", "5.1 times"]),
])
def test_a_figure_that_is_not_in_the_table_is_found(prose, found):
    assert strangers(f"```console\n$ x\n11,117  5.00×  98.3%\n```\n\n{prose}.\n") == found
