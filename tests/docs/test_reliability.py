# SPDX-License-Identifier: GPL-2.0-or-later
"""Each promise of the page on reliability names tests that are there."""

from __future__ import annotations

import re

from pages import ROOT

PAGE = (ROOT / "docs/explanation/reliability.md").read_text()
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_test_that_is_named_is_there() -> None:
    named = _TEST.findall(PAGE)
    assert len(named) > 10
    assert [(path, name) for path, name in named
            if f"def {name}(" not in (ROOT / path).read_text()] == []


def test_every_promise_names_one() -> None:
    promised = PAGE.partition("## What it costs")[0]
    items = re.findall(r"^- (.*?)(?=^- |^\S|\Z)", promised, re.MULTILINE | re.DOTALL)
    assert len(items) > 8
    assert [item for item in items if not _TEST.search(item)
            and "no test cuts the power" not in item] == []
