# SPDX-License-Identifier: GPL-2.0-or-later
"""The patches of a series as `git am` takes them, made for one tree."""

from __future__ import annotations

import difflib
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.header import Header
from email.utils import formatdate
from pathlib import Path

from tailwalk import __version__
from tailwalk.errors import SeriesError
from tailwalk.series.series import PatchPlan, SeriesPlan

_NO_NEWLINE = "\\ No newline at end of file\n"


@dataclass(frozen=True)
class Author:
    """Who sends the patches and signs them off."""

    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>"


@dataclass(frozen=True)
class Mail:
    """One patch: the name of the file that `git format-patch` would give it, and its text."""

    file_name: str
    text: str


def git_author(root: Path) -> Author:
    """Who git says the user is, in the tree at `root`.

    Raises SeriesError where git does not know or is not there.
    """
    name, address = (_git_config(root, key) for key in ("user.name", "user.email"))
    if not name or not address:
        raise SeriesError(
            "a patch carries the name of its author, and git does not know yours: set it with "
            "`git config --global user.name 'Your Name'` and `git config --global user.email "
            "you@your.domain`.")
    return Author(name, address)


def write_mails(plan: SeriesPlan, author: Author, *, time: float) -> list[Mail]:
    """The patches that the tree lacks, in order; none where it has them all or needs none.

    `time` is the date they carry, in seconds since 1970.
    """
    made = [patch for patch in plan.patches if not patch.there]
    return [_mail(patch, index, len(made), author, time) for index, patch in enumerate(made, 1)]


def _mail(plan: PatchPlan, index: int, count: int, author: Author, time: float) -> Mail:
    patch = plan.patch
    number = f" {index}/{count}" if count > 1 else ""
    head = [
        # git splits a mailbox at such lines; this date is the one it writes itself.
        "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001",
        f"From: {_encoded(author.name)} <{author.address}>",
        f"Date: {formatdate(time, localtime=True)}",
        f"Subject: [PATCH{number}] {patch.subject}",
    ]
    if not author.name.isascii():
        head += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=UTF-8",
                 "Content-Transfer-Encoding: 8bit"]
    diffs = {file: "".join(_diff(file, plan.before[file], after))
             for file, after in plan.after.items()}
    body = [patch.changelog.strip(), "", f"Signed-off-by: {author}", "---", *_stat(diffs), "",
            "".join(diffs.values()) + "-- ", f"tailwalk {__version__}", "", ""]
    slug = re.sub(r"[^A-Za-z0-9_.]+", "-", patch.subject)[:52].strip("-.")
    return Mail(f"{index:04}-{slug}.patch", "\n".join([*head, "", *body]))


def _diff(file: str, before: str | None, after: str) -> Iterator[str]:
    yield f"diff --git a/{file} b/{file}\n"
    if before is None:
        yield "new file mode 100644\n"
    old, new = _lines(before or ""), _lines(after)
    source = "/dev/null" if before is None else f"a/{file}"
    for line in difflib.unified_diff(old, new, source, f"b/{file}"):
        yield line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}"


def _lines(text: str) -> list[str]:
    # Not splitlines(): form feeds and the like do not end a line of source.
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _stat(diffs: dict[str, str]) -> Sequence[str]:
    """How many lines each file gains and loses, as `git diff --stat` has it."""
    width = max(map(len, diffs))
    rows = []
    added = removed = 0
    for file, text in diffs.items():
        lines = text.splitlines()
        begin = next(index for index, line in enumerate(lines) if line.startswith("@@"))
        plus, minus = (sum(line.startswith(sign) for line in lines[begin:]) for sign in "+-")
        rows.append(f" {file:<{width}} | {plus + minus} {'+' * min(plus, 40)}"
                    f"{'-' * min(minus, 40)}")
        added, removed = added + plus, removed + minus
    total = f" {len(rows)} file{'s' * (len(rows) > 1)} changed"
    if added:
        total += f", {added} insertion{'s' * (added > 1)}(+)"
    if removed:
        total += f", {removed} deletion{'s' * (removed > 1)}(-)"
    return [*rows, total]


def _encoded(name: str) -> str:
    if name.isascii():
        return name if re.fullmatch(r"[\w .'-]+", name) else '"' + name.replace('"', "") + '"'
    return Header(name, "utf-8").encode()


def _git_config(root: Path, key: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), "config", key], capture_output=True,
                              text=True, check=False)
    except FileNotFoundError as error:
        raise SeriesError("a patch carries the name of its author, and there is no git to ask for "
                          "it. As root: apt-get install git") from error
    return done.stdout.strip() if done.returncode == 0 else ""
