# SPDX-License-Identifier: GPL-2.0-or-later
"""Which kernel releases have the regression, and which have upstream's change that ends it at a
folio's start.

The series `tail` is an edition of that change. It came to mainline whole and to the stable lines in
halves; `LINES` is the one table of it, and `standing` asks it about a release as `uname -r` names
it. It says what goes by that name. What a kernel does is measured: a distribution may have taken
the change into an older kernel.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from tailwalk.versions import KernelVersion, parse_version, split_release

Half = Literal["write_begin", "commit"]
"""The walk that a half of the change lets end with the write: that of ext4_block_write_begin(),
that of block_commit_write()."""

State = Literal["not affected", "affected", "half", "fixed"]
"""Of a release: ext4 has no large folios; it has them, and both walks are whole; one of them is;
neither is. A `fixed` one is so at a folio's start."""

Doubt = Literal["no release", "unlisted", "after the last", "between", "unnumbered"]
"""Why the table cannot tell: the name begins with no version; the line is not in it; the line had
ended before; the name stands for a state between two releases that differ; the name keeps .0
whatever stable release it has come to, as those of some distributions do."""

UPSTREAMED = "tail"
"""The project's series that is an edition of upstream's change."""

STATES: tuple[State, ...] = ("not affected", "affected", "half", "fixed")
"""In the order in which the releases of a line come to them."""


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """The first line that is affected, and the commit that made it so."""

    line: KernelVersion
    commit: str


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A half of the change comes to a line.

    Attributes:
        half: which.
        since: the release that has it first; without a patch level, the line has it from its first
            release candidate on.
        commit: its id there.
        pushed: the day of kernel.org's notice of the push, whose list of commits names it.
    """

    half: Half
    since: KernelVersion
    commit: str
    pushed: date


@dataclass(frozen=True, kw_only=True)
class LineEnd:
    """The last release of a line, and the day it was pushed."""

    release: KernelVersion
    pushed: date


@dataclass(frozen=True, kw_only=True)
class MeasuredRelease:
    """pwrite_u1k on Debian's build of a release, instructions per call: rig exact, ext4 with blocks
    of 4 KiB, a file filled by writes of 2 MiB, at the folio's start and in its last block."""

    release: KernelVersion
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Line:
    """The releases of one x.y, with the halves in the order they came."""

    version: KernelVersion
    arrivals: tuple[Arrival, ...] = ()
    ending: LineEnd | None = None

    def state(self, patch: int) -> State:
        """That of its release x.y.patch; its release candidates are in that of x.y.0."""
        return STATES[1 + sum((one.since.patch or 0) <= patch for one in self.arrivals)]

    @property
    def fixed_since(self) -> KernelVersion | None:
        """The first release with both halves."""
        return self.arrivals[1].since if len(self.arrivals) == 2 else None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the table says of a release.

    Attributes:
        release: as it was given.
        version: the version it begins with; None where it begins with none.
        state: None where the table cannot tell.
        doubt: why it cannot.
        line: its line; None for one before the first affected and where none is known.
        source: what the state rests on; None where there is no state.
    """

    release: str
    version: KernelVersion | None = None
    state: State | None = None
    doubt: Doubt | None = None
    line: Line | None = None
    source: MeasuredRelease | Arrival | LineEnd | Beginning | None = None

    @property
    def how(self) -> Literal["measured", "read"] | None:
        """Whether this very release was measured, or its state read in what was published."""
        if self.source is None:
            return None
        return "measured" if isinstance(self.source, MeasuredRelease) else "read"


def _at(text: str) -> KernelVersion:
    version = parse_version(text)
    assert version is not None  # the table below is written by hand
    return version


BEGAN = Beginning(line=_at("6.16"), commit="7ac67301e82f0")

_MERGED = date(2026, 8, 20)
_FIRST_HALF = date(2026, 8, 27)
_SECOND_HALF = date(2026, 9, 7)

LINES: tuple[Line, ...] = (
    Line(version=_at("6.16"), ending=LineEnd(release=_at("6.16.12"), pushed=date(2025, 10, 12))),
    Line(version=_at("6.17"), ending=LineEnd(release=_at("6.17.13"), pushed=date(2025, 12, 18))),
    Line(version=_at("6.18"), arrivals=(
        Arrival(half="write_begin", since=_at("6.18.47"), commit="5f46f084f74b",
                pushed=_FIRST_HALF),
        Arrival(half="commit", since=_at("6.18.50"), commit="c9189693db47", pushed=_SECOND_HALF))),
    Line(version=_at("6.19"), ending=LineEnd(release=_at("6.19.14"), pushed=date(2026, 4, 22))),
    Line(version=_at("7.0"), ending=LineEnd(release=_at("7.0.14"), pushed=date(2026, 6, 27))),
    Line(version=_at("7.1"), arrivals=(
        Arrival(half="write_begin", since=_at("7.1.11"), commit="a11dedb18cd0",
                pushed=_FIRST_HALF),),
         ending=LineEnd(release=_at("7.1.13"), pushed=date(2026, 9, 2))),
    Line(version=_at("7.2"), arrivals=(
        Arrival(half="write_begin", since=_at("7.2.1"), commit="29c2844d67c5", pushed=_FIRST_HALF),
        Arrival(half="commit", since=_at("7.2.4"), commit="a1159c892612", pushed=_SECOND_HALF))),
    Line(version=_at("7.3"), arrivals=(
        Arrival(half="write_begin", since=_at("7.3"), commit="d09811183db2", pushed=_MERGED),
        Arrival(half="commit", since=_at("7.3"), commit="f10b9cc1eb20", pushed=_MERGED))),
)
"""Every line from the first affected to that in which mainline got the change."""

MAINLINE = LINES[-1]
"""Every later line descends from it."""

MEASURED_ON = date(2026, 11, 29)

MEASURED: tuple[MeasuredRelease, ...] = tuple(
    MeasuredRelease(release=_at(release), start=start, end=end) for release, start, end in (
        ("6.1.192", 2228, 2228), ("6.12.43", 2190, 2190), ("6.12.95", 2189, 2189),
        ("6.12.118", 2224, 2224), ("6.16.3", 20073, 17058), ("6.16.12", 20070, 17055),
        ("6.17.8", 20057, 17042), ("6.17.13", 20057, 17042), ("6.18.5", 20058, 17043),
        ("6.18.9", 20058, 17043), ("6.18.12", 20058, 17043), ("6.18.15", 20077, 17062),
        ("7.2.6", 2270, 17146), ("7.2.9", 2270, 17146), ("7.2.11", 2270, 17146),
        ("7.2.12", 2137, 15468), ("7.2.13", 2137, 15468), ("7.3.4", 2271, 17147)))
"""Every release of these lines whose Debian kernel the archive had on that day and could boot; of
6.1 and 6.12, which are not affected, the newest and some more."""

# Mainline says -rc2, Debian's packages ~rc2, Fedora -0.rc2.
_CANDIDATE = re.compile(r"[-~](?:0\.)?rc(\d+)", re.ASCII)
# What scripts/setlocalversion adds where a tree is past the tag of a release.
_PAST_THE_TAG = re.compile(r"-\d{5}-g[0-9a-f]{7,}|\+\Z", re.ASCII)

_ORDER = (KernelVersion(BEGAN.line.major, BEGAN.line.minor - 1), *(one.version for one in LINES))


def standing(release: str) -> Standing:
    """What the table says of a release as `uname -r` names it."""
    version, rest = split_release(release)
    if version is None:
        return Standing(release=release, doubt="no release")
    versions, doubt = _meant(version, rest)
    said = [_said_of(release, one) for one in versions]
    if len({one.state for one in said}) == 1:
        return said[0]
    return Standing(release=release, version=version, line=line_of(version), doubt=doubt)


def line_of(version: KernelVersion) -> Line | None:
    """The line of the table that a version belongs to: its own, or mainline's where it descends
    from that."""
    if version.line > MAINLINE.version:
        return MAINLINE
    return next((line for line in LINES if line.version == version.line), None)


def _meant(version: KernelVersion, rest: str) -> tuple[list[KernelVersion], Doubt]:
    """The releases in whose state a kernel of that name may be, its own first, and what is to be
    said where these differ."""
    patch = version.patch or 0
    before = [one for one in _ORDER if one < version.line][-1:]
    after = [one for one in _ORDER if one > version.line][:1]
    if candidate := _CANDIDATE.match(rest):
        if patch:
            return [version, replace(version, patch=patch - 1)], "between"
        # Fedora's rc0 lies in the merge window that ends with rc1.
        return [version, *(before if candidate[1] == "0" else [])], "between"
    if _PAST_THE_TAG.search(rest):
        # A tree past x.y may be stable's or mainline's.
        return [version, replace(version, patch=patch + 1), *([] if patch else after)], "between"
    line = line_of(version)
    if patch == 0 and rest and line is not None and line.version == version.line:
        return [version, *(one.since for one in line.arrivals)], "unnumbered"
    return [version], "between"


def _said_of(release: str, version: KernelVersion) -> Standing:
    measured = next((one for one in MEASURED if one.release == version), None)
    if version.line < BEGAN.line:
        return Standing(release=release, version=version, state="not affected",
                        source=measured or BEGAN)
    line = line_of(version)
    if line is None:
        return Standing(release=release, version=version, doubt="unlisted")
    if line.ending is not None and version > line.ending.release:
        return Standing(release=release, version=version, line=line, doubt="after the last")
    state = line.state(version.patch or 0)
    return Standing(release=release, version=version, state=state, line=line,
                    source=measured or _grounds(line, state))


def _grounds(line: Line, state: State) -> Arrival | LineEnd | None:
    """What a state that was not measured rests on: the half that came last, or what came after."""
    came = STATES.index(state) - 1
    if came:
        return line.arrivals[came - 1]
    return line.arrivals[0] if line.arrivals else line.ending
