# SPDX-License-Identifier: GPL-2.0-or-later
"""The patches of a series as `git am` takes them, made by git for one tree.

They are committed in a repository of their own, which reads the objects of the tree's repository
where it has one and writes nothing to it; `git format-patch` then knows the commit they stand on.
Nobody has signed them off: that is for the one who sends them, with `git am --signoff`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from tailwalk import __version__
from tailwalk.errors import SeriesError
from tailwalk.refusals import temporary_folder
from tailwalk.series.series import Patch, SeriesPlan, encode_source


@dataclass(frozen=True)
class Mail:
    """One patch: the name of the file that `git format-patch` gives it, and its text."""

    file_name: str
    text: str


def write_mails(plan: SeriesPlan, *, time: float) -> list[Mail]:
    """The patches that the tree lacks, in order; none where it has them all or needs none.

    `time` is the date they carry, in seconds since 1970. A patch whose definition names no author
    is by who git says the user is. Raises SeriesError where there is no git, or it knows no such
    name.
    """
    made = [patch for patch in plan.patches if not patch.there]
    if not made:
        return []
    with temporary_folder() as folder:
        repository = _Repository(folder / "tree", plan.root)
        before: dict[str, str | None] = {}
        for patch in reversed(made):
            before |= patch.before
        start = repository.begin(before)
        for patch in made:
            repository.commit(patch.after, _message(patch.patch), time=time,
                              author=patch.patch.author or _git_user(plan.root))
        return [Mail(path.name, path.read_bytes().decode("utf-8", "surrogateescape"))
                for path in repository.format(start, folder / "patches")]


def _message(patch: Patch) -> str:
    parts = [patch.subject, patch.changelog.strip()]
    if patch.upstream:
        parts.append(f"Mainline has the same change, in other words, as [{patch.upstream}].")
    return "\n\n".join(parts) + "\n"


class _Repository:
    """A repository at `folder`, on top of the commit that is checked out at `root`, if one is."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        self._base: str | None = None
        folder.mkdir()
        # Neither the user's configuration nor a repository that encloses this one counts.
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_COMMITTER_NAME": "Tailwalk", "GIT_COMMITTER_EMAIL": "tailwalk@localhost"}
        self._git("init", "-q", "--template=")
        answer = _ask(root, "rev-parse", "--show-cdup", "--path-format=absolute", "--git-path",
                      "objects", "HEAD").splitlines()
        if len(answer) == 3 and not answer[0]:  # else `root` is not the top of a work tree
            _, objects, self._base = answer
            (folder / ".git/objects/info/alternates").write_text(f"{objects}\n")
            self._git("update-ref", "HEAD", self._base)
            self._git("read-tree", self._base)

    def begin(self, files: Mapping[str, str | None]) -> str:
        """The commit that the patches stand on: the one that is checked out, and where the work
        tree differs from it in these files, one more."""
        there = {file: text for file, text in files.items() if text is not None}
        self._put(there)
        if self._base is None or self._git("diff", "--cached", "--name-only"):
            self._git("commit", "-q", "--allow-empty", "-m", "the work tree's changes",
                      "--author=Tailwalk <tailwalk@localhost>")
        return self._git("rev-parse", "HEAD")

    def commit(self, files: Mapping[str, str], message: str, *, author: str, time: float) -> None:
        """Commit the files as one patch."""
        self._put(files)
        self._git("commit", "-q", "--cleanup=verbatim", "--file=-", f"--author={author}",
                  f"--date={formatdate(time, localtime=True)}", given=encode_source(message))

    def format(self, start: str, output: Path) -> list[Path]:
        """The patches since `start`, a file each."""
        base = [f"--base={self._base}"] if self._base else []
        self._git("-c", "core.abbrev=12", "format-patch", "-q", "--zero-commit", "--no-renames",
                  f"--signature=tailwalk {__version__}", f"--output-directory={output}", *base,
                  f"{start}..")
        return sorted(output.iterdir())

    def _put(self, files: Mapping[str, str]) -> None:
        for file, text in files.items():
            target = self._folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(encode_source(text))
        if files:
            self._git("add", "--force", "--", *files)

    def _git(self, *arguments: str, given: bytes | None = None) -> str:
        done = _run(self._folder, *arguments, given=given, environment=self._environment)
        if done.returncode:
            raise SeriesError(f"git cannot make the patches: {_words(done.stderr)}.")
        return _words(done.stdout)


def _git_user(root: Path) -> str:
    """Who git says the user is, in the tree at `root`."""
    name, address = (_ask(root, "config", key) for key in ("user.name", "user.email"))
    if not name or not address:
        raise SeriesError(
            "a patch carries the name of its author, and git does not know yours: set it with "
            "`git config --global user.name 'Your Name'` and `git config --global user.email "
            "you@your.domain`, or name the author in the definition.")
    return f"{name} <{address}>"


def _ask(root: Path, *arguments: str) -> str:
    """What git says in a tree; nothing where it has no answer."""
    done = _run(root, *arguments)
    return _words(done.stdout) if done.returncode == 0 else ""


def _words(output: bytes) -> str:
    return os.fsdecode(output).rstrip("\n")


def _run(folder: Path, *arguments: str, given: bytes | None = None,
         environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", str(folder), *arguments], input=given,
                              capture_output=True, check=False, env=environment)
    except FileNotFoundError as error:
        raise SeriesError("patches are made by git, and there is none on this machine. As root: "
                          "apt-get install git") from error
