# SPDX-License-Identifier: GPL-2.0-or-later
"""From a release to the commit: git bisect run over a kernel tree, with tailwalk bisect-step."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tailwalk.errors import ToolError, UsageError
from tailwalk.lab.bisection import release_version
from tailwalk.versions import KernelVersion

# The program that git bisect run starts on each commit.
_STEP = (sys.executable, "-m", "tailwalk", "bisect-step")


def tags_between(old: str, new: str) -> list[str]:
    """The new and the old tag that git bisect starts from, for two of Debian's kernels.

    Between two lines the old one is where the line began: a later release of it is on a branch
    that does not lead to the new one, and git would test where they part first.
    """
    one, other = release_version(old), release_version(new)
    return [_tag(other), _tag(one if one.line == other.line else one.line)]


def _tag(version: KernelVersion) -> str:
    """Linus's releases are tagged v6.18, those of the stable tree v6.18.1."""
    return f"v{version if version.patch else version.line}"


def require_tree(tree: Path) -> None:
    """Raise UsageError where a directory is no git tree, ToolError where there is no git."""
    _git(tree, "rev-parse", "--git-dir")


def bisect_commits(tree: Path, start: Sequence[str], tags: Sequence[str],
                   step: Sequence[str]) -> int:
    """Bisect the tree between two tags, with options for git bisect start and arguments for
    each step; the status of git bisect run.

    Raises UsageError for a tree without the tags, or with changes that git cannot leave behind.
    """
    for tag in tags:
        _git(tree, "rev-parse", "--verify", "--quiet", f"{tag}^{{commit}}",
             hint=f"it has no tag {tag}; fetch the tags of the stable kernel tree into it.")
    _git(tree, "bisect", "start", *start, *tags)
    sys.stdout.flush()
    return subprocess.run(["git", "bisect", "run", *_STEP, *step], cwd=tree,
                          check=False).returncode


def _git(tree: Path, *arguments: str, hint: str = "") -> None:
    try:
        done = subprocess.run(["git", *arguments], cwd=tree, capture_output=True, text=True,
                              errors="replace", check=False)
    except FileNotFoundError as error:
        if not tree.is_dir():
            raise UsageError(f"--tree {tree}: there is no such directory.") from error
        raise ToolError("git is not installed, which --tree needs: apt-get install git, or "
                        "leave --tree out.") from error
    if done.returncode:
        raise UsageError(f"--tree {tree}: " + (hint or f"git says: {done.stderr.strip()}"))
