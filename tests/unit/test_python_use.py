# SPDX-License-Identifier: GPL-2.0-or-later
"""What users of Python can get wrong is a UsageError that names the value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailwalk.cases import Case, Filesystem, find_cases
from tailwalk.errors import UsageError
from tailwalk.lab.lab import Lab
from tailwalk.rigs.plan import Pace, Plan

[CASE] = find_cases(["pwrite_u1k"])
PLAN = Plan(cases=[CASE])

wrong = st.one_of(
    st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=8),
    st.binary(max_size=8), st.lists(st.integers(), max_size=3), st.lists(st.text(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2), st.builds(object),
    st.sampled_from([CASE, Filesystem(), Pace(), PLAN, Path(), int, [CASE], (CASE, CASE)]))


def of_right_type(name: str, value: object) -> bool:
    return type(value) is (bool if name == "uptodate" else int)


@given(st.sampled_from(sorted(CASE.parameters)), wrong)
def test_a_parameter_takes_its_type_alone(name: str, value: Any) -> None:
    try:
        CASE.changed(**{name: value}).check()
    except UsageError as error:
        assert of_right_type(name, value) or repr(value) in str(error)
    else:
        assert of_right_type(name, value)


@given(st.sampled_from([field.name for field in fields(Plan)]), wrong)
def test_a_plan_that_checks_has_the_right_types(name: str, value: Any) -> None:
    changed = replace(PLAN, **{name: value})
    try:
        changed.check()
    except UsageError:
        return
    assert type(value) in {
        "cases": (list, tuple), "rig": (str,), "filesystem": (Filesystem,), "append": (str,),
        "calls": (int,), "pace": (Pace,), "cpu": (int, type(None))}[name]
    assert all(isinstance(case, Case) for case in changed.cases)


@given(st.sampled_from(["kind", "block_size", "mount_options"]), wrong)
def test_a_file_system_that_checks_has_the_right_types(name: str, value: Any) -> None:
    try:
        replace(PLAN, filesystem=Filesystem(**{name: value})).check()
    except UsageError:
        return
    assert type(value) is (int if name == "block_size" else str)


@pytest.mark.parametrize(("wrong", "complaint"), [
    (lambda: Case.of("pwrite", size=1024, ofset=4096), "of pwrite has no ofset: it has size, off"),
    (lambda: Case(name="a", workload="pwrite", parameters={"size": 1}), "has a parameter offset"),
    (lambda: CASE.changed(offset=1.5), r"offset cannot be 1\.5: give a whole number"),
    (lambda: CASE.changed(offset="4KiB"), "offset cannot be '4KiB'"),
    (lambda: CASE.changed(offset=True), "offset cannot be True"),
    (lambda: CASE.changed(uptodate=0), "uptodate cannot be 0: give True or False"),
    (lambda: Plan(cases=[CASE, CASE]).check(), "the case pwrite_u1k twice"),
    (lambda: Plan(cases=["pwrite_u1k"]).check(), r"'pwrite_u1k': give what find_cases\("),
    (lambda: Plan(cases="pwrite_u1k").check(), "cases='pwrite_u1k': give a list of cases"),
    (lambda: replace(PLAN, calls=2.5).check(), r"calls=2\.5: give a whole number"),
    (lambda: replace(PLAN, filesystem="ext4").check(), r"'ext4': .* Filesystem\(kind="),
    (lambda: replace(PLAN, pace=Pace(rounds=9.5)).check(), r"rounds=9\.5"),
    (lambda: Lab().profiles(["debian:6.12"], PLAN), r"plans=.*: give a list of plans"),
    (lambda: Lab().profiles(["debian:6.12"], [CASE]), r"plan=.*: give a plan"),
    (lambda: Lab().profiles(["debian:6.12"], [replace(PLAN, rig="timed")]), "for the timed rig"),
    (lambda: Lab().measure(["debian:6.12"], CASE), r"plan=.*: give a plan"),
    (lambda: Lab().measure(["debian:6.12"], replace(PLAN, rig="host")),
     "for the host rig, which boots no kernel of a spec: give it to measure_here")])
def test_what_is_wrong_is_named(wrong: Callable[[], object], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        wrong()


def test_cases_have_names() -> None:
    assert Case.of("pwrite", size=1024) == CASE
    assert Case.of("writev", size=100).name == "writev_u100"
    assert Case.of("writev", size=2048, name="mine").name == "mine"
