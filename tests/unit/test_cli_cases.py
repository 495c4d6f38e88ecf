# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk cases`: every suite, every case by its name, and any size of the pattern."""

from __future__ import annotations

from click.testing import CliRunner
from results import error, output

from tailwalk.cases import LEFT_OUT, LTS, SUITES, find_cases
from tailwalk.cli import group


def cases(*names: str) -> list[str]:
    return output(CliRunner().invoke(group, ["cases", *names])).splitlines()


def test_without_a_name_every_suite_is_listed() -> None:
    lines = cases()
    assert [line.split(":")[0] for line in lines if not line.startswith("  ")] == [
        f"suite {name}" for name in SUITES]
    named = [line.split()[0] for line in lines if line.startswith("  ")]
    assert named == [case.name for suite, members in SUITES.items() if suite != "lts"
                     for case in find_cases(members)]


def test_the_upgrade_test_has_each_case_of_its_suites_once_and_those_of_seed_first() -> None:
    assert len(SUITES["lts"]) == len(set(SUITES["lts"]))
    assert set(SUITES["lts"]) == {case for suite in LTS for case in SUITES[suite]}
    assert SUITES["lts"][:6] == SUITES["seed"]


def test_what_the_upgrade_test_leaves_out_of_libmicro_is_told_with_the_reason() -> None:
    lines = cases("lts")
    named = [line.split()[0] for line in lines]
    assert named[:len(SUITES["lts"])] == list(SUITES["lts"])
    told = dict(line.split(maxsplit=1) for line in lines[len(SUITES["lts"]) + 1:])
    assert told == LEFT_OUT
    assert "scheduler" in told["pipe_pmp1"]


def test_a_suite_is_its_cases() -> None:
    assert [line.split()[0] for line in cases("seed")] == list(SUITES["seed"])


def test_a_size_that_no_suite_has_is_a_case_too() -> None:
    [line] = cases("writev_u512")
    assert line.startswith("writev_u512 ")
    assert "512" in line.removeprefix("writev_u512")


def test_what_is_none_is_named() -> None:
    assert "'pread_x'" in str(error(CliRunner().invoke(group, ["cases", "pread_x"])))
