# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of releases: one state a release, and what it rests on."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailwalk.model.designs import find_design
from tailwalk.report.release_words import FUNCTIONS, standing_words
from tailwalk.series import load_series
from tailwalk.series.releases import (
    BEGAN,
    LINES,
    MAINLINE,
    MEASURED,
    STATES,
    UPSTREAMED,
    Arrival,
    LineEnd,
    MeasuredRelease,
    standing,
)
from tailwalk.versions import KernelVersion

VERSIONS = st.builds(KernelVersion, st.integers(0, 9), st.integers(0, 25), st.integers(0, 400))
LISTED = st.sampled_from([line.version for line in LINES])


@pytest.mark.parametrize(("release", "state"), [
    ("6.1.192", "not affected"), ("6.12.118+deb13-cloud-amd64", "not affected"),
    ("6.15.11", "not affected"),
    ("6.16.0-rc1", "affected"), ("6.16.12", "affected"), ("6.17.0-14-generic", "affected"),
    ("6.18.44", "affected"), ("6.18.44-fc-v657", "affected"), ("6.18.46", "affected"),
    ("6.18.47", "half"), ("6.18.48", "half"), ("6.18.49", "half"), ("6.18.48+", "half"),
    ("6.18.50", "fixed"), ("6.18.50-1-lts", "fixed"), ("6.18.400", "fixed"),
    ("7.1.10", "affected"), ("7.1.11", "half"), ("7.1.13-arch1-1", "half"),
    ("7.2.0", "affected"), ("7.2.0-rc7", "affected"), ("7.2.1", "half"), ("7.2.3", "half"),
    ("7.2.4", "fixed"), ("7.2.6+deb13-cloud-amd64", "fixed"),
    ("7.3.0-rc1", "fixed"), ("7.3.0-rc1-00123-gabcdef012345", "fixed"), ("7.3-rc4+deb14", "fixed"),
    ("7.3.4", "fixed"), ("7.4.0-0.rc2.20261101git.fc46.x86_64", "fixed"), ("8.0.1", "fixed"),
    ("7.1.0-00042-gabcdef012345", "affected"),  # the merge window of 7.2
    ("5.14.0-570.el9.x86_64", "not affected"), ("6.1.0-57-cloud-amd64", "not affected"),
    ("6.18.44.1-microsoft-standard-WSL2", "affected"),
])
def test_a_release_and_its_state(release: str, state: str) -> None:
    said = standing(release)
    assert (said.state, said.doubt) == (state, None)
    assert said.source is not None
    assert said.release == release


@pytest.mark.parametrize(("release", "doubt", "words"), [
    ("6.18.47-rc1", "between", "lies between two releases that differ"),
    ("6.18.46+", "between", "lies between two releases that differ"),
    ("7.2.0-09876-gabcdef012345", "between", "lies between"),  # stable's or the merge window of 7.3
    ("7.2.0+", "between", "lies between"), ("6.15.0+", "between", "lies between"),
    ("7.3.0-0.rc0.20260820git.fc45", "between", "lies between"),
    ("7.2.0-5-generic", "unnumbered", "may stand for any release of 7.2.y. There upstream's fix "
                                      "came by halves, with 7.2.1 and 7.2.4."),
    ("7.1.0-9-cloud", "unnumbered", "half of upstream's fix came with 7.1.11, and 7.1.y ended"),
    ("6.17.14", "after the last", "6.17.y ended with 6.17.13"),
    ("7.1.14", "after the last", "7.1.y ended with 7.1.13"),
    ("6.20.1", "unlisted", "no line 6.20"),
    ("", "no release", "begins with no version"), ("zen", "no release", "begins with no version"),
    ("06.18.50", "no release", "begins with no version"),
    ("6.18.99999999", "no release", "begins with no version"),
])
def test_what_cannot_be_told_is_not_guessed(release: str, doubt: str, words: str) -> None:
    said = standing(release)
    assert (said.state, said.source, said.how, said.doubt) == (None, None, None, doubt)
    assert standing_words(said).startswith("The table of releases cannot tell what ")
    assert words in standing_words(said)


@given(VERSIONS)
@example(KernelVersion(6, 15, 0))
@example(KernelVersion(7, 3, 0))
def test_every_release_has_one_state_or_a_reason(version: KernelVersion) -> None:
    said = standing(str(version))
    assert (said.state is None) is (said.doubt is not None) is (said.source is None)
    assert said.version == version
    assert said.doubt in (None, "unlisted", "after the last")
    before = version.line < BEGAN.line
    assert (said.state == "not affected") is before
    if not version.line < MAINLINE.version:
        assert said.state == "fixed"


@given(LISTED, st.integers(0, 100), st.integers(0, 100))
def test_a_line_never_goes_back(line: KernelVersion, one: int, other: int) -> None:
    low, high = sorted((one, other))
    before, after = (standing(f"{line}.{patch}") for patch in (low, high))
    if after.state is not None:
        assert before.state is not None
        assert STATES.index(before.state) <= STATES.index(after.state)
    else:
        assert after.doubt == "after the last"


@given(VERSIONS.filter(lambda version: bool(version.patch)),
       st.sampled_from(["-arch1-1", "+deb13-cloud-amd64", "-1-lts", "-300.fc45.x86_64", "-zen",
                        ".1-microsoft-standard-WSL2"]))
def test_a_distributions_suffix_changes_nothing(version: KernelVersion, suffix: str) -> None:
    plain, named = standing(str(version)), standing(f"{version}{suffix}")
    assert (plain.state, plain.doubt, plain.source) == (named.state, named.doubt, named.source)


@given(VERSIONS, st.sampled_from(["", "+", "-rc1", "-00001-gabcdef0", "-5-generic"]))
def test_a_name_between_releases_has_a_state_only_where_they_agree(version: KernelVersion,
                                                                   suffix: str) -> None:
    said = standing(f"{version}{suffix}")
    if said.state is not None:
        assert said.state == standing(str(version)).state


def test_the_lines_do_not_overlap() -> None:
    versions = [line.version for line in LINES]
    assert versions[0] == BEGAN.line
    assert all(one < other for one, other in pairwise(versions))
    for line in LINES:
        since = [one.since for one in line.arrivals]
        assert all(one.line == line.version for one in since)
        assert since == sorted(since)
        assert len({one.half for one in line.arrivals}) == len(line.arrivals) <= 2
        if line.ending is not None:
            assert line.ending.release.line == line.version
            assert not any(line.ending.release < one for one in since)
        # A line without a half has to have ended, or the table would have to be looked after.
        assert line.fixed_since is not None or line.ending is not None


def test_a_line_that_ended_without_the_change_ended_before_mainline_had_it() -> None:
    merged = MAINLINE.arrivals[0].pushed
    for line in LINES:
        if line.ending is not None and not line.arrivals:
            assert line.ending.pushed < merged
        assert all(one.pushed >= merged for one in line.arrivals)


def test_what_was_measured_is_what_the_table_says() -> None:
    flat = max(one.start for one in MEASURED if standing(str(one.release)).state == "not affected")
    assert {standing(str(one.release)).state for one in MEASURED} == {
        "not affected", "affected", "fixed"}
    for one in MEASURED:
        said = standing(str(one.release))
        assert said.source == one
        assert said.how == "measured"
        assert (one.start > 5 * flat) is (said.state == "affected")
        assert (one.end > 5 * flat) is (said.state in ("affected", "fixed"))


@pytest.mark.parametrize(("release", "kind", "date"), [
    ("6.18.44", Arrival, "27 August 2026 and 7 September 2026"),
    ("6.18.50", Arrival, "7 September 2026"), ("7.3.1", Arrival, "20 August 2026"),
    ("7.0.14", LineEnd, "27 June 2026"), ("6.18.15", MeasuredRelease, "measured on Debian's build"),
])
def test_the_source_of_a_state_is_told(release: str, kind: type, date: str) -> None:
    said = standing(release)
    assert isinstance(said.source, kind)
    assert said.how == ("measured" if kind is MeasuredRelease else "read")
    assert date in standing_words(said)


def test_the_halves_are_the_patches_of_the_series() -> None:
    patches = load_series(UPSTREAMED).patches
    for half, patch in zip(FUNCTIONS, patches, strict=True):
        inside = patch.edits[0].inside
        names = [inside] if isinstance(inside, str) else inside or []
        assert FUNCTIONS[half].removesuffix("()") in names


def test_texts_that_name_the_versions_name_those_of_the_table() -> None:
    last = max(line.version for line in LINES if line is not MAINLINE)
    assert load_series(UPSTREAMED).holds == f"v{BEGAN.line} to v{last}"
    assert find_design("full").summary.endswith(f"to v{last}")
    assert find_design("tail").summary.endswith(f"from v{MAINLINE.version}")
