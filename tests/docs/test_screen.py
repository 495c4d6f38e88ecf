# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture of a terminal shows what the command of the README prints."""

from __future__ import annotations

import re

import pytest
from pages import ROOT, TOLERANCE, sessions
from screen import COMMAND, PICTURE, picture, printed, words


def _figures(found: list[str]) -> list[float]:
    return [float(word.replace(",", "")) for word in found if re.fullmatch(r"[\d,]+", word)]


def test_it_shows_what_the_readme_shows() -> None:
    [session] = [one for one in sessions(ROOT / "README.md") if one.command == "make run"]
    shown = words(PICTURE.read_text())
    before = ["tailwalk", "$", *COMMAND.split()]
    assert shown[:len(before)] == before
    shown = shown[len(before):]
    assert shown == session.output.split()[:len(shown)] and "recovers" in shown


def test_it_needs_nothing_from_elsewhere() -> None:
    text = PICTURE.read_text()
    assert re.findall(r"https?://[^\"' ]+", text) == ["http://www.w3.org/2000/svg"]
    assert "regressed" in text and "<title>" in text


@pytest.mark.guest
def test_it_is_what_the_command_prints() -> None:
    made, kept = words(picture(printed())), words(PICTURE.read_text())
    assert len(made) == len(kept)
    for now, then in zip(_figures(made), _figures(kept), strict=True):
        assert now == pytest.approx(then, rel=TOLERANCE)
