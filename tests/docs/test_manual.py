# SPDX-License-Identifier: GPL-2.0-or-later
"""The man page is made from today's command line, and roff takes it without a complaint."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import click
import pytest
from commands import commands
from manual import PAGE, manual
from pages import ROOT

from tailwalk import __version__


def test_the_page_is_what_the_command_line_makes() -> None:
    assert PAGE.read_text() == manual(), "run: python tests/docs/manual.py"


def test_the_wheel_installs_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared[str(PAGE.relative_to(ROOT))] == "share/man/man1/tailwalk.1"


def rendered(words: list[str], page: Path = PAGE) -> str:
    if shutil.which(words[0]) is None:
        pytest.skip(f"there is no {words[0]}")
    done = subprocess.run([*words, page], capture_output=True, text=True, check=True,
                          env={"PATH": os.environ["PATH"], "MANWIDTH": "78", "LC_ALL": "C.UTF-8"})
    assert done.stderr == ""
    plain = re.sub(".\b", "", done.stdout)
    return re.sub(r"(?<=\S) +", " ", plain)  # lines are filled to the margin


@pytest.mark.parametrize("words", [["groff", "-man", "-Tascii", "-ww", "-P-c"],
                                   ["man", "--warnings=w", "-l"]], ids=lambda words: words[0])
def test_roff_takes_it_and_shows_every_option(words: list[str]) -> None:
    page = rendered(words)
    assert re.search(r"^EXIT STATUS$", page, re.MULTILINE)
    for context, command in commands():
        assert f" {context.command_path}" in page
        for option in command.params:
            if isinstance(option, click.Option):
                assert all(re.search(rf"^ +.*{re.escape(name)}\b", page, re.MULTILINE)
                           for name in option.opts), option.name


def test_a_mistake_in_a_page_is_seen(tmp_path: Path) -> None:
    broken = tmp_path / "broken.1"
    broken.write_text(PAGE.read_text() + ".NOSUCH\n")
    with pytest.raises(AssertionError, match="NOSUCH"):
        rendered(["groff", "-man", "-Tascii", "-ww", "-P-c"], broken)


def test_the_version_stands_in_one_place_and_the_change_log_begins_with_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["hatch"]["version"] == {"path": "src/tailwalk/__init__.py"}
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None and first[1] == __version__
