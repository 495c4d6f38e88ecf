# SPDX-License-Identifier: GPL-2.0-or-later
"""A real git bisect run over real kernels."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from made_sources import make_source

pytestmark = [pytest.mark.guest, pytest.mark.network]

STEP = f"{sys.executable} -m tailwalk bisect step"

# What each commit of a tree names: kernels that are cheap, what is no kernel, kernels that are
# dear.
HISTORY = ["debian:6.12", "debian:6.12", "image:spec", "image:spec", "debian:6.12", "debian:6.18",
           "debian:6.18"]


def git(tree: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example", *arguments], cwd=tree, text=True,
        capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git tree whose file `spec` names a kernel at each commit."""
    return made_tree(tmp_path, monkeypatch, HISTORY)


def made_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, history: list[str]) -> Path:
    monkeypatch.setenv("TAILWALK_RESULTS", str(tmp_path / "runs"))
    made = tmp_path / "tree"
    made.mkdir()
    git(made, "init", "-q")
    for number, spec in enumerate(history):
        (made / "spec").write_text(f"{spec}\n")
        git(made, "add", ".")
        git(made, "commit", "-q", "--allow-empty", "-m", f"commit {number}")
    return made


def test_git_finds_the_first_bad_commit(tree: Path) -> None:
    git(tree, "bisect", "start", "HEAD", f"HEAD~{len(HISTORY) - 1}")
    said = git(tree, "bisect", "run", "sh", "-c",
               f'{STEP} "$(cat spec)" --good debian:6.12 --case pwrite_u1k')
    assert git(tree, "show", "-s", "--format=%s", "refs/bisect/bad").strip() == "commit 5"
    assert "is the first bad commit" in said
    log = git(tree, "bisect", "log")
    assert "# skip: " in log and "# good: " in log
    assert "bad: " in said and "instructions a call of pwrite_u1k" in said


def test_git_finds_the_commit_that_fixed_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = made_tree(tmp_path, monkeypatch, HISTORY[::-1])
    git(tree, "bisect", "start", "--term-old=dear", "--term-new=fixed", "HEAD",
        f"HEAD~{len(HISTORY) - 1}")
    said = git(tree, "bisect", "run", "sh", "-c",
               f'{STEP} "$(cat spec)" --fixed --good debian:6.12 --case pwrite_u1k')
    assert git(tree, "show", "-s", "--format=%s", "refs/bisect/fixed").strip() == "commit 2"
    assert "is the first fixed commit" in said
    assert "dear: " in said and "fixed: " in said


def test_a_tree_that_does_not_build_is_skipped(tmp_path: Path) -> None:
    source = make_source(tmp_path / "linux")
    (source / "fs/ring.c").write_text("this is no C\n")
    done = subprocess.run([*STEP.split(), f"src:{source}", "--above", "3000"], text=True,
                          capture_output=True, check=False, timeout=300)
    assert done.returncode == 125, done.stderr
    assert "skip: " in done.stderr and "fs/ring.c" in done.stderr
