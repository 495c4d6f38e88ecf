# SPDX-License-Identifier: GPL-2.0-or-later
"""The series that the documentation shows is one, and holds on the source it is shown with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT

from tailwalk.series.series import load_series

PAGE = ROOT / "docs" / "how-to" / "test-a-patch.md"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    match = re.search(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert match is not None
    path = tmp_path / "early.toml"
    path.write_text(match[1])
    return path


def test_it_is_a_series(example: Path) -> None:
    assert load_series(str(example)).name == "early"


@pytest.mark.guest
@pytest.mark.network
def test_it_makes_a_patch(example: Path) -> None:
    # A machine that is new knows nobody, and a patch has an author (git-config(1)).
    author = {"GIT_CONFIG_COUNT": "2",
              "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "A. Developer",
              "GIT_CONFIG_KEY_1": "user.email", "GIT_CONFIG_VALUE_1": "a@developer.example"}
    done = subprocess.run(
        [sys.executable, "-m", "tailwalk", "series", "patch", example, "src:6.18"],
        capture_output=True, text=True, check=False, env={**os.environ, **author})
    assert done.returncode == 0, done.stderr
    added = [line for line in done.stdout.splitlines() if re.match(r"\+[^+]", line)]
    assert added == ["+\t\tif (folio_test_uptodate(folio) && block_start >= to)", "+\t\t\tbreak;"]
