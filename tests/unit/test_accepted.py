# SPDX-License-Identifier: GPL-2.0-or-later
"""Accepted differences: the file, what it makes of verdicts, and what it says when it is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from made_runs import made_case, made_figure, made_run, made_seed_runs
from msgspec.structs import replace

from tailwalk.cases import KIB
from tailwalk.compare import Comparison, compare
from tailwalk.compare.accepted import accept, read_accepted
from tailwalk.errors import UsageError

DAY = date(2026, 7, 1)
ENTRY = {"case": '"pwrite_u1k"', "ratio": "5.1", "reason": '"large folios"', "until": "2026-12-31"}


def written(path: Path, *entries: dict[str, str]) -> Path:
    """A file of entries; a field without a value is left out."""
    path.write_text("".join("[[accepted]]\n" + "".join(
        f"{name} = {value}\n" for name, value in entry.items() if value) for entry in entries))
    return path


def accepted(path: Path, *entries: dict[str, str], runs: tuple[str, ...] = (
        "debian:6.12", "debian:6.18", "debian:7.3"), today: date = DAY) -> Comparison:
    return accept(compare(made_seed_runs(*runs)), read_accepted(written(path, *entries)),
                  today=today)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "accepted.toml"


def test_what_is_accepted_is_no_regression_to_a_gate(file: Path) -> None:
    found = accepted(file, ENTRY)
    one, = found.spoken_of
    assert (one.case, one.kernel, one.state, one.reason, one.until, one.entry) == (
        "pwrite_u1k", 1, "accepted", "large folios", "2026-12-31", 1)
    assert found.regressed()  # the other cases
    assert found.rows[2].verdicts[1] == "regressed"  # which it stays
    assert not accepted(file, ENTRY | {"case": '"*write*"'}).regressed()


@pytest.mark.parametrize(("changed", "state"), [
    ({}, "accepted"),
    ({"ratio": "5"}, "exceeded"), ({"ratio": "5.04"}, "exceeded"),
    ({"ratio": "5.05"}, "accepted"),  # it is 5.0477, and 5.05 is what a table says
    ({"until": "2026-07-01"}, "accepted"), ({"until": "2026-06-30"}, "expired"),
    ({"until": "2026-06-30", "ratio": "5"}, "expired"),
    ({"kernel": '"6.18.*"'}, "accepted"), ({"kernel": '"debian:6.18"'}, "accepted"),
    ({"kernel": '"*6.18*"'}, "accepted"), ({"metric": '"instructions"'}, "accepted"),
    ({"case": '"pwrite_u?k"'}, "accepted"), ({"until": '"2026-12-31"'}, "accepted"),
])
def test_states(file: Path, changed: dict[str, str], state: str) -> None:
    found = accepted(file, ENTRY | changed)
    assert [one.state for one in found.spoken_of if one.case == "pwrite_u1k"] == [state]
    assert found.accepts(found.rows[2], 1) is (state == "accepted")


@pytest.mark.parametrize("changed", [
    {"kernel": '"7.*"'}, {"kernel": '"6.18"'}, {"kernel": '"debian:6.12"'}, {"metric": '"time"'}])
def test_what_an_entry_is_not_of_stays_as_it_is(file: Path, changed: dict[str, str]) -> None:
    assert not accepted(file, ENTRY | changed).spoken_of


def test_of_two_entries_the_one_that_accepts_counts(file: Path) -> None:
    found = accepted(file, ENTRY | {"until": "2026-01-01"}, ENTRY | {"ratio": "2"}, ENTRY)
    assert [(one.entry, one.state) for one in found.spoken_of] == [(3, "accepted")]
    found = accepted(file, ENTRY | {"until": "2026-01-01"}, ENTRY | {"ratio": "2"})
    assert [(one.entry, one.state) for one in found.spoken_of] == [(2, "exceeded")]


def test_an_entry_that_is_not_needed_is_said(file: Path) -> None:
    found = accepted(file, ENTRY | {"case": '"writev_u10k"'}, ENTRY, ENTRY | {"kernel": '"7.3*"'})
    assert [note for note in found.notes if "entry" in note] == [
        f"entry {number} of {file} ({case}) is not needed any more: no such case regressed on a "
        "kernel that it is of" for number, case in ((1, "writev_u10k"), (3, "pwrite_u1k"))]


def test_an_entry_whose_case_is_in_doubt_may_be_needed(file: Path) -> None:
    runs = [made_run(spec, [made_figure(made_case(), 2203, steady=steady)])
            for spec, steady in (("debian:6.12", True), ("debian:6.18", False))]
    found = accept(compare(runs), read_accepted(written(file, ENTRY)), today=DAY)
    assert not any("not needed" in note for note in found.notes)


def test_an_entry_for_a_case_that_was_not_measured_is_let_be(file: Path) -> None:
    for case in ("pwrite_u3k", "fsync_u1k", "fsync*"):
        found = accepted(file, ENTRY | {"case": f'"{case}"'})
        assert not found.spoken_of and not any("entry" in note for note in found.notes)


def test_a_regression_from_nothing_is_accepted_by_no_ratio(file: Path) -> None:
    comparison = compare(made_seed_runs("debian:6.12", "debian:6.18"))
    rows = [replace(row, figures=[0, row.figures[1]], ratios=[None, None])
            for row in comparison.rows]
    found = accept(replace(comparison, rows=rows), read_accepted(written(file, ENTRY)), today=DAY)
    assert [(one.ratio, one.state) for one in found.spoken_of] == [(None, "exceeded")]


def test_cases_of_one_name_are_told_apart(file: Path) -> None:
    cases = [made_case(), made_case(offset=512 * KIB)]
    runs = [made_run(spec, [made_figure(cases[0], 2203), made_figure(cases[1], last)])
            for spec, last in (("debian:6.12", 2203), ("debian:6.18", 9000))]
    found = accept(compare(runs), read_accepted(written(file, ENTRY)), today=DAY)
    assert [one.parameters for one in found.spoken_of] == [cases[1]]
    assert not found.regressed()


@pytest.mark.parametrize(("changed", "said"), [
    ({"case": '"pwrite_u1q"'}, "entry 2: case = 'pwrite_u1q' is the name of no case; tailwalk "),
    ({"case": '"seed"'}, "entry 2: case = 'seed' is the name of no case; tailwalk cases"),
    ({"case": '"pwrit_*"'}, "entry 2: case = 'pwrit_*' is the name of no case here"),
    ({"case": '"["'}, "entry 2: case = '[' is the name of no case here"),
    ({"reason": ""}, "entry 2: Object missing required field `reason`"),
    ({"reason": '" "'}, "entry 2: reason = ' '"),
    ({"until": ""}, "entry 2: Object missing required field `until`"),
    ({"until": '"soon"'}, "entry 2: until = 'soon'"),
    ({"until": "2026"}, "entry 2: until = 2026"),
    ({"ratio": '"5"'}, "entry 2: ratio = '5'"),
    ({"ratio": "0.9"}, "entry 2: ratio = 0.9"),
    ({"ratio": "nan"}, "entry 2: ratio = nan"),
    ({"ratio": "inf"}, "entry 2: ratio = inf"),
    ({"ratio": "true"}, "entry 2: ratio = True"),
    ({"kernels": '"6.18"'}, "entry 2: Object contains unknown field `kernels`"),
    ({"metric": '"seconds"'}, "entry 2: metric = 'seconds' is no metric; those are instructions"),
    ({"until": "2026-13-01"}, "is no TOML file: "),
])
def test_wrong_entries_are_named(file: Path, changed: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        accepted(file, ENTRY, ENTRY | changed)
    assert said in str(refused.value) and str(file) in str(refused.value)


@pytest.mark.parametrize(("text", "said"), [
    (b"accepted = 5", "accepted is no list"), (b"[accepted]\ncase = 'x'", "accepted is no list"),
    (b"accepted = [5]", "entry 1: Expected"), (b"[[accept]]", "'accept' is nothing that"),
    (b"\xff", "is no TOML file"), (b"[" * 5000, "is no TOML file"),
])
def test_wrong_files_are_named(file: Path, text: bytes, said: str) -> None:
    file.write_bytes(text)
    with pytest.raises(UsageError, match=said):
        read_accepted(file)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none", Path("/dev/zero")):
        with pytest.raises(UsageError, match="cannot read"):
            read_accepted(place)


def test_the_line_of_each_entry(file: Path) -> None:
    assert read_accepted(written(file, ENTRY, ENTRY)).lines == [1, 6]
    file.write_text('accepted = [{case = "pwrite_u1k", ratio = 2, reason = "x", '
                    'until = 2026-12-31}]')
    assert read_accepted(file).lines == []
    file.write_text("\ufeff" + written(file, ENTRY).read_text())
    assert read_accepted(file).lines == [1]
    file.write_text("")
    assert read_accepted(file).entries == []
