# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages' tables of releases are those of the package, and no text has a version of its own."""

from __future__ import annotations

import re
from pathlib import Path

from pages import PAGES, ROOT
from release_tables import PAGES as WITH_TABLES
from release_tables import TABLES, names, remade

from tailwalk.series.releases import LINES, MAINLINE
from tailwalk.words import listed


def test_the_tables_are_made_from_the_package() -> None:
    for page in WITH_TABLES:
        text = page.read_text()
        assert remade(text) == text, "make them anew: python tests/docs/release_tables.py"
    assert sorted(name for page in WITH_TABLES for name in names(page.read_text())) == sorted(
        TABLES)


def test_a_table_that_was_altered_is_noticed() -> None:
    text = WITH_TABLES[0].read_text()
    assert remade(text.replace("since 6.18.50", "since 6.18.49", 1)) == text


def test_the_write_path_names_every_stable_release_that_the_fix_came_with() -> None:
    text = " ".join((ROOT / "docs/explanation/write-path.md").read_text().split())
    stable = [line for line in LINES if line is not MAINLINE and line.arrivals]
    whole = [str(line.fixed_since) for line in stable if line.fixed_since]
    half = [str(line.arrivals[0].since) for line in stable]
    assert f"all of it from {listed(whole)} on, half of it from {listed(half)} on." in text
    assert f"| full | v6.16 to v7.2, but for {listed(whole)} on |" in text


# Where mainline got the change is the table's to say. A text that tells where a version has it, by
# these words, has to be right by the table; v7.2 as released has neither half.
_CLAIM = re.compile(r"\b(?:since|change (?:of|in)|fix (?:of|in)|has (?:the )?fix in|[Tt]ake) "
                    r"v7\.[012]\b|\bv7\.[012](?:'s change| on\b(?! and)| or later| and later)"
                    r"|\b(?:to|up to|Up to) v7\.1\b")


def _texts() -> list[Path]:
    return [*PAGES, *sorted((ROOT / "docs").rglob("*.svg")),
            *sorted(path for path in (ROOT / "src").rglob("*")
                    if path.suffix in {".py", ".toml", ".c", ".h"})]


def test_no_text_says_that_an_earlier_mainline_has_the_fix() -> None:
    assert [(str(path.relative_to(ROOT)), found[0]) for path in _texts()
            if (found := _CLAIM.search(" ".join(path.read_text().split())))] == []


def test_such_a_text_is_noticed() -> None:
    for text in ("Mainline has the fix since v7.2:", "tail, v7.2 on: 9", "Take v7.2 or later",
                 "v7.2's change is in", "The change in v7.2, and", "v6.16 to v7.1"):
        assert _CLAIM.search(text), text
    assert _CLAIM.search("of calls on v7.2 and v7.3 are") is None
