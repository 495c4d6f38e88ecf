# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture of the write path shows the visits that the model counts."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from pages import ROOT

from tailwalk.cases import Case
from tailwalk.model.designs import find_design
from tailwalk.model.predict import cost_of

PICTURE = (ROOT / "docs" / "pictures" / "walks.svg").read_text()
KIB = 1024
WRITE = Case.of("pwrite", name="pwrite_u10k", size=10 * KIB, offset=24 * KIB, fill=64 * KIB)


@pytest.mark.parametrize(("row", "design"), list(enumerate(("full", "tail", "span"))))
def test_a_row_shows_what_each_walk_visits(row: int, design: str) -> None:
    drawn = re.findall(r'<g class="row">.*?</g>', PICTURE)[row]
    shown = Counter(re.findall(r'class="visited head (\w+)"', drawn))
    cost = cost_of(WRITE, find_design(design), block_size=4 * KIB)
    for part in ("prefix", "span", "tail"):
        assert 2 * shown[part] == cost.terms[part], part  # there are two walks
    assert re.search(rf">{design}\b[^<]*: {shown.total()}\b", PICTURE)


def test_the_ring_has_a_buffer_head_for_each_block() -> None:
    parts = {kind: Counter(re.findall(rf'class="{kind} (\w+)"', PICTURE))
             for kind in ("block", "head")}
    assert parts["block"] == parts["head"]
    assert parts["block"].total() == 64 // 4
    for part, count in parts["block"].items():
        assert f">{part}: {count}<" in PICTURE
