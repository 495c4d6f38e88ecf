# SPDX-License-Identifier: GPL-2.0-or-later
"""What the table of releases says, in words: of one release, and of every line."""

from __future__ import annotations

from datetime import date

from tailwalk.series.releases import BEGAN, LINES, MAINLINE, Arrival, Half, Line, LineEnd, Standing
from tailwalk.versions import KernelVersion
from tailwalk.words import listed

FUNCTIONS: dict[Half, str] = {"write_begin": "ext4_block_write_begin()",
                              "commit": "block_commit_write()"}


def standing_words(said: Standing) -> str:
    """The state by the table and what it rests on, or why there is none."""
    if said.state is None:
        return f"The table of releases cannot tell what {_doubt(said)}"
    return f"By the table of releases {said.version} {_state(said)} ({_source(said)})."


def remedy_words(said: Standing) -> str:
    """Which release ends the regression at a folio's start, for one that does not."""
    line = said.line
    if line is not None and line.fixed_since is not None:
        return (f"{first_words(line.fixed_since)} and what follows it in {line.version}.y end this "
                "at a folio's start.")
    firsts = [first_words(line.fixed_since) for line in LINES if line.fixed_since]
    return f"{listed(firsts)} are the first of their lines that end this at a folio's start."


def line_name(line: Line) -> str:
    """`6.18.y`; mainline's stands for what descends from it too."""
    return f"{first_words(line.version)} on" if line is MAINLINE else f"{line.version}.y"


def first_words(version: KernelVersion) -> str:
    """A version that something came with: a line that has it whole has it from -rc1 on."""
    return f"v{version}-rc1" if version.patch is None else str(version)


def day_words(day: date) -> str:
    """`7 September 2026`."""
    return f"{day.day} {day:%B %Y}"


def releases_text() -> str:
    """The table, a line of text for each line of releases."""
    rows = [(f"before v{BEGAN.line}", "not affected"),
            *((line_name(line), _line(line)) for line in LINES)]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {words}" for name, words in rows)


def _line(line: Line) -> str:
    came = [f"{one.half} since {first_words(one.since)} ({one.commit})"
            for one in line.arrivals] or ["neither"]
    return ", ".join([*came, *([f"ended with {line.ending.release}"] if line.ending else [])])


def _ended(line: Line, ending: LineEnd) -> str:
    return f"{line.version}.y ended with {ending.release}"


def _state(said: Standing) -> str:
    line = said.line
    if said.state == "not affected" or line is None:
        return f"is not affected: ext4 caches regular files in large folios since v{BEGAN.line}"
    if said.state == "affected":
        return f"is affected: {_halves(line)}"
    if said.state == "fixed":
        assert line.fixed_since is not None  # its last half made it so
        return f"has upstream's fix, which came with {first_words(line.fixed_since)}"
    done, left = line.arrivals[0], next(half for half in FUNCTIONS if half
                                        != line.arrivals[0].half)
    rest = (f"came with {first_words(line.fixed_since)}" if line.fixed_since
            else "did not come" + (f", {_ended(line, line.ending)}" if line.ending else ""))
    return (f"has half of upstream's fix: since {done.since} the walk of {FUNCTIONS[done.half]} "
            f"ends with the written range; the half for {FUNCTIONS[left]} {rest}")


def _halves(line: Line) -> str:
    """How far the fix came in a line: why a release before it lacks it."""
    since = listed([first_words(one.since) for one in line.arrivals])
    ended = _ended(line, line.ending) if line.ending else ""
    if not since:
        return f"{ended}, before mainline had the fix"
    if line.fixed_since is None:
        return f"half of upstream's fix came with {since}, and {ended}"
    return f"upstream's fix came by halves, with {since}"


def _source(said: Standing) -> str:
    source = said.source
    if said.how == "measured":
        return "measured on Debian's build of it"
    if isinstance(source, Arrival) and said.line is not None:
        days = dict.fromkeys(day_words(one.pushed) for one in said.line.arrivals)
        return f"read in kernel.org's notices of pushes, {listed(list(days))}"
    if isinstance(source, LineEnd):
        return (f"read: pushed on {day_words(source.pushed)}, the fix to mainline on "
                f"{day_words(MAINLINE.arrivals[0].pushed)}")
    return f"read: commit {BEGAN.commit}"


def _doubt(said: Standing) -> str:
    line = said.line
    if said.doubt == "no release" or said.version is None:
        return f"{said.release!r} has: the name begins with no version."
    if said.doubt == "after the last" and line is not None and line.ending is not None:
        return f"{said.version} has: as far as it knows {_ended(line, line.ending)}."
    if said.doubt == "unnumbered" and line is not None:
        return (f"{said.release} has: such a name may stand for any release of "
                f"{line.version}.y. There {_halves(line)}.")
    if said.doubt == "unlisted":
        return f"{said.version} has: it has no line {said.version.line}."
    return f"{said.release} has: it lies between two releases that differ."
