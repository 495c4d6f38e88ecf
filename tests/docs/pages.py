# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands and outputs that the documentation shows, and whether two outputs say the same.

A page shows a session in a fenced `console` block: lines that begin with `$ ` are commands, what
follows each is its output. A line `...` stands for any number of lines. An HTML comment before the
block says how it is run: `<!-- long -->` for what takes minutes, `<!-- status: 1 -->` where the
commands end with that status, `<!-- not run: REASON -->` where the machine cannot.
`<!-- file: NAME -->` before any other block says that the page's commands find it as that file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_BLOCK = re.compile(r"(?:<!-- (?P<how>[^\n]*?) -->\n)?```console\n(?P<body>.*?)```", re.DOTALL)

_FILE = re.compile(r"<!-- file: (?P<name>[\w.]+) -->\n```\w+\n(?P<body>.*?)```", re.DOTALL)

# A figure may move by this share before the page has to be made anew: Debian's kernels are
# updated, and a new point release moves counts by parts of a percent.
TOLERANCE = 0.03


@dataclass(frozen=True)
class Session:
    """One command of a page, named by its path, with the output the page shows."""

    page: str
    command: str
    output: str
    how: str

    @property
    def status(self) -> int:
        """The exit status the page promises."""
        match = re.search(r"status: (\d+)", self.how)
        return int(match[1]) if match else 0


def sessions(path: Path) -> list[Session]:
    """The commands of a page, in order; a backslash at a line's end goes on in the next."""
    found = []
    for block in _BLOCK.finditer(path.read_text()):
        how = block["how"] or ""
        for part in re.split(r"^\$ ", block["body"], flags=re.MULTILINE)[1:]:
            lines = part.split("\n")
            command = lines.pop(0)
            while command.endswith("\\"):
                command = command[:-1] + lines.pop(0).strip()
            found.append(Session(str(path.relative_to(ROOT)), command,
                                 "\n".join(lines).strip("\n"), how))
    return found


def write_files(path: Path, desk: Path) -> None:
    """Put the files that a page shows where its commands run."""
    for block in _FILE.finditer(path.read_text()):
        (desk / block["name"]).write_text(block["body"])


_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")
_VOLATILE = [
    (re.compile(r"\b\d+\.\d+\.\d+[\w.+~-]*"), "VERSION"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:+]+"), "TIME"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,64}\b"), "DIGEST"),
    (re.compile(r"\b\d+(?:\.\d+)? s\b"), "SECONDS"),
    (re.compile(r"[─-]{3,}"), "RULE"),
]


def difference(shown: str, printed: str) -> str:
    """The first place in which two outputs say different things; empty where they agree.

    Words have to be the same, numbers within 3%; versions, times and digests may differ.
    """
    wanted, got = shown.strip().split("\n"), printed.strip().split("\n")
    at = 0
    for number, line in enumerate(wanted):
        if line.strip() == "...":
            rest = wanted[number + 1:]
            if not rest:
                return ""
            anchors = [i for i in range(at, len(got)) if not _line(rest[0], got[i])]
            if not anchors:
                return f"nothing after '...' is like: {rest[0]}"
            at = anchors[0]
            continue
        if at >= len(got):
            return f"the output ends before: {line}"
        if found := _line(line, got[at]):
            return f"shown:   {line}\nprinted: {got[at]}\n({found})"
        at += 1
    return "" if at == len(got) else f"the output goes on: {got[at]}"


def _line(shown: str, printed: str) -> str:
    wanted, got = _words(shown), _words(printed)
    for left, right in zip(wanted, got, strict=False):
        if not _same(left, right):
            return f"{left!r} is not {right!r}"
    return "" if len(wanted) == len(got) else "one has more words"


def _words(line: str) -> list[str]:
    for pattern, name in _VOLATILE:
        line = pattern.sub(name, line)
    return line.split()


def _same(left: str, right: str) -> bool:
    if left == right:
        return True
    if _NUMBER.sub("#", left) != _NUMBER.sub("#", right):
        return False
    return all(_close(float(a.replace(",", "")), float(b.replace(",", "")))
               for a, b in zip(_NUMBER.findall(left), _NUMBER.findall(right), strict=True))


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= max(TOLERANCE * max(abs(a), abs(b)), 0.1)
