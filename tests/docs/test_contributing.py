# SPDX-License-Identifier: GPL-2.0-or-later
"""CONTRIBUTING.md speaks of the tree as it is, and the hooks are what `make check` runs."""

from __future__ import annotations

import os
import re
import subprocess

import yaml
from pages import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text()


def rows(heading: str) -> set[str]:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE))


def test_the_table_of_packages_is_whole() -> None:
    packages = {path.parent.name for path in (ROOT / "src" / "tailwalk").glob("*/__init__.py")}
    assert rows("The architecture") == packages


def test_the_table_of_tests_is_whole() -> None:
    folders = {f"tests/{path.name}" for path in (ROOT / "tests").iterdir()
               if path.is_dir() and not path.name.startswith((".", "_"))}
    assert rows("The tests") == folders - {"tests/golden"}


def test_every_path_exists() -> None:
    named = re.findall(r"`((?:src|tests|docs)/[^`*]+)`", PAGE)
    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_marks_are_those_of_pytest(pytestconfig) -> None:
    own = {line.partition(":")[0] for line in pytestconfig.getini("markers")
           if re.match(r"(browser|guest|network|long|slow):", line)}
    assert own == set(re.findall(r"`(\w+)`", next(
        line for line in PAGE.split("\n\n") if "mark what a test needs" in line)))


def test_the_hooks_are_what_make_check_runs() -> None:
    printed = subprocess.run(["make", "-n", "-C", ROOT, "check"], capture_output=True, text=True,
                             check=True, env=os.environ | {"MAKEFLAGS": ""}).stdout
    commands = re.findall(r"(?:^|; )((?:find|\.venv/bin/(?:ruff|mypy|pytest)) [^;&\n]*[^;&\s])",
                          printed, re.MULTILINE)
    assert len(commands) == 4
    [repository] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    assert all(hook["language"] == "system" for hook in repository["hooks"])
    assert [hook["entry"] for hook in repository["hooks"]] == commands
