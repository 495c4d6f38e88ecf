# SPDX-License-Identifier: GPL-2.0-or-later
"""The documentation's tables of releases, made from the table of the package.

    python tests/docs/release_tables.py

puts them between the comments that name them on the pages; a test says when that has to be done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from made_tables import blocks_of, names_of, remade_blocks, table_of
from pages import ROOT

from tailwalk.report.release_words import day_words, first_words, line_name
from tailwalk.series.releases import (
    BEGAN,
    LINES,
    MAINLINE,
    MEASURED,
    MEASURED_ON,
    STATES,
    Half,
    Line,
    standing,
)
from tailwalk.versions import KernelVersion

PAGES = (ROOT / "docs" / "explanation" / "fix.md",
         ROOT / "docs" / "how-to" / "is-my-machine-affected.md")

_BLOCKS = blocks_of("release_tables.py")


def remade(text: str) -> str:
    """A page's text with its tables made anew."""
    return remade_blocks(_BLOCKS, text, lambda name: TABLES[name])


def names(text: str) -> list[str]:
    """The tables of a page."""
    return names_of(_BLOCKS, text)


def _arrivals() -> Iterator[Sequence[str]]:
    yield f"before v{BEGAN.line}", "not affected", "not affected", ""
    for line in LINES:
        ended = (f"{line.ending.release}, {day_words(line.ending.pushed)}" if line.ending else "")
        yield line_name(line), _since(line, "write_begin"), _since(line, "commit"), ended


def _since(line: Line, half: Half) -> str:
    for one in line.arrivals:
        if one.half == half:
            return f"since {first_words(one.since)} (`{one.commit}`, {day_words(one.pushed)})"
    return "no"


def _states() -> Iterator[Sequence[str]]:
    yield f"before v{BEGAN.line}", "no release", "", ""
    for line in LINES:
        yield line_name(line), *(_stretch(line, state) for state in STATES[1:])


def _stretch(line: Line, state: str) -> str:
    """`6.18.47 to 6.18.49`: the releases of a line that are in a state."""
    if line is MAINLINE:
        return "every release" if line.state(0) == state else ""
    last = max((one.since.patch or 0 for one in line.arrivals), default=0)
    patches = [patch for patch in range(last + 1) if line.state(patch) == state]
    if not patches:
        return ""
    if patches[-1] < last:
        end = f"{line.version}.{patches[-1]}" if patches[-1] else f"{line.version}"
        if len(patches) == 1:
            return end
        return f"to {end}" if not patches[0] else f"{line.version}.{patches[0]} to {end}"
    if not patches[0]:
        return "every release"
    first = f"{line.version}.{patches[0]}"
    return f"{first} to {line.ending.release}" if line.ending else f"{first} and later"


def _measured() -> Iterator[Sequence[str]]:
    for one in MEASURED:
        yield (str(one.release), f"{one.start:,}", f"{one.end:,}",
               standing(str(one.release)).state or "")


def _read() -> list[KernelVersion]:
    measured = {one.release.line for one in MEASURED}
    return [line.version for line in LINES if line.version not in measured]


TABLES = {
    "arrivals": table_of(
        ("releases", "the walk of write_begin ends with the write", "that of commit", "ended with"),
        _arrivals()),
    "states": table_of(
        ("releases", "affected", "half of the fix, affected",
         "the fix, affected away from a folio's start"), _states()),
    "measured": table_of(
        ("release", "at the folio's start", "in its last block", "by the table"), _measured())
    + f"\n\nMeasured on {day_words(MEASURED_ON)}. Of "
      f"{', '.join(f'{version}.y' for version in _read())} the archive had none that boots.",
}


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(remade(page.read_text()))
