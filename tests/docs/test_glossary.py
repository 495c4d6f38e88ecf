# SPDX-License-Identifier: GPL-2.0-or-later
"""The glossary has what Tailwalk's outputs say, each word once."""

from __future__ import annotations

import re
from typing import get_args

from pages import ROOT

from tailwalk.cases import find_cases
from tailwalk.compare.comparison import Undefined, Verdict
from tailwalk.report.gate import Outcome
from tailwalk.runs.metrics import RIGS

_TEXT = (ROOT / "docs" / "reference" / "glossary.md").read_text()
_WORDS = [word for row in re.findall(r"^\| ([^|]+) \|", _TEXT, re.MULTILINE)
          for word in row.split(", ") if word not in ("word", "---")]


def test_a_word_is_explained_once() -> None:
    assert len(_WORDS) > 50
    assert sorted(set(_WORDS)) == sorted(_WORDS)


def test_it_has_every_verdict_and_every_rig() -> None:
    verdicts = {*get_args(Verdict), *get_args(Undefined), *get_args(Outcome)} - {
        "no regression", "passed", "unjudged", "failed", "empty"}  # not said so
    assert verdicts | RIGS.keys() <= set(_WORDS)


def test_it_names_the_families() -> None:
    row = re.search(r"^\| family \|.*$", _TEXT, re.MULTILINE)
    assert row
    families = {case.declared.family for case in find_cases(["lts"])}
    named = set(re.findall(r"\w+", row[0].partition(":")[2])) - {"and", "others"}
    assert named and named <= families
