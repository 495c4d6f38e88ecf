# SPDX-License-Identifier: GPL-2.0-or-later
"""What is skipped, and what fails where CI is set."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stand_ins import put_program

TESTS = Path(__file__).parents[1]

MADE = {
    "test_some.py": """
import pytest
from skips import NOT_HERE, lacking, not_here

@pytest.fixture
def program():
    lacking("a program")

def test_fixture(program): pass
def test_lacking(): lacking("a package")
def test_not_here(): not_here("only on the moon")
@pytest.mark.skipif(True, reason="another program")
def test_marked(): pass
@pytest.mark.skipif(True, reason=f"{NOT_HERE}only in winter")
def test_marked_not_here(): pass
@pytest.mark.xfail(reason="it is known to")
def test_known(): assert False
def test_module(): pytest.importorskip("no_such_module")
def test_passes(): pass
""",
    "test_whole.py": """
import pytest
pytest.importorskip("no_such_module")
def test_never(): pass
""",
}


def test_ci_is_told_so_by_the_script_that_is_run_there(tmp_path: Path) -> None:
    put_program(tmp_path / "make", 'echo "CI is ${CI-unset}"')
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(
        ["bash", TESTS.parent / ".ci" / "run"], capture_output=True, text=True, check=True,
        env={**environment, "PATH": f"{tmp_path}:{environment['PATH']}"})
    told = [line for line in done.stdout.splitlines() if line.startswith("CI is ")]
    assert len(told) >= 3
    assert set(told) == {"CI is true"}


@pytest.mark.slow
@pytest.mark.parametrize(("ci", "counts"), [
    ("", {"passed": 1, "skipped": 7, "xfailed": 1}),
    ("true", {"passed": 1, "skipped": 2, "xfailed": 1, "failed": 2, "errors": 3})])
def test_what_can_be_installed_is_not_skipped_in_ci(ci: str, counts: dict[str, int],
                                                    tmp_path: Path) -> None:
    for name, text in MADE.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "skips", "-p", "no:cacheprovider", "-rA",
         "--continue-on-collection-errors", "--rootdir", tmp_path, tmp_path],
        env={**os.environ, "CI": ci, "PYTHONPATH": str(TESTS),
             "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, capture_output=True, text=True,
        check=False)
    summary = done.stdout.splitlines()[-1].partition(" in ")[0]
    found = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", summary)}
    assert {word.rstrip("s"): number for word, number in found.items()} == {
        word.rstrip("s"): number for word, number in counts.items()}, done.stdout
    assert done.returncode == (1 if ci else 0)
    for what in ("a program", "a package", "another program", "no_such_module"):
        assert (f"for want of: {what}" in done.stdout
                or f"for want of: could not import '{what}'" in done.stdout) == bool(ci)
