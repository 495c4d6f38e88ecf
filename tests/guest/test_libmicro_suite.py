# SPDX-License-Identifier: GPL-2.0-or-later
"""libMicro's cases that one CPU can count."""

from __future__ import annotations

import pytest

from tailwalk.cases import SUITES, find_cases
from tailwalk.profile.measure import profile
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan

pytestmark = pytest.mark.guest


@pytest.fixture(scope="module")
def run(kernel, bench):
    plan = Plan(cases=find_cases(["libmicro"]), calls=12)
    return measure([kernel("debian:6.12")], plan, bench=bench)[0].run


@pytest.mark.slow
def test_every_case_has_a_figure(run):
    assert not run.left_out
    assert [figure.case.name for figure in run.figures] == list(SUITES["libmicro"])
    values = {figure.case.name: figure.main.value for figure in run.figures}
    assert values["pwrite_u1k"] == 2224
    # Paths are as long in both places, and so are the rows of calls.
    assert values["chgetwd_usr"] - values["chdir_usr"] > 1000 < (
        values["chgetwd_tmp"] - values["chdir_tmp"])
    for touched in ("r", "w"):
        for place in "uta":
            assert values[f"mmap_{touched}{place}128k"] > values[f"mmap_{place}128k"]
    for call in ("poll", "select"):
        assert values[f"{call}_10"] < values[f"{call}_100"] < values[f"{call}_1000"]
    assert values["pipe_pst1"] < values["pipe_sst1"] < values["pipe_tst1"]
    assert values["pthread"] < values["fork_10"] < values["exec"]
    assert values["exit_10_nolibc"] < values["exit_10"]
    users = {figure.case.name: figure.main.user for figure in run.figures}
    assert (users["chgetwd_usr"], users["realpath_usr"], users["mprot_twz8k"]) == (
        16, 8 * 11, 4 + 4 * 2 + 16)


@pytest.mark.parametrize("name", ["realpath_tmp", "mprot_wz128k", "pipe_sst4k", "select_w100"])
def test_a_second_way_of_counting_agrees(name, kernel, bench):
    [found] = profile([(kernel("debian:6.12"), Plan(cases=find_cases([name]), calls=40))],
                      bench=bench)
    counted = sum(function.count for function in found.functions)
    assert counted == found.figure.main.value - found.figure.main.user
