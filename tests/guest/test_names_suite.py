# SPDX-License-Identifier: GPL-2.0-or-later
"""Workloads on names: what undoes them, and how their figures stand to each other."""

from __future__ import annotations

import pytest

from tailwalk.cases import SUITES, find_cases
from tailwalk.profile.measure import profile
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan

pytestmark = [pytest.mark.guest, pytest.mark.slow]


@pytest.fixture(scope="module")
def figures(kernel, bench):
    plan = Plan(cases=find_cases(["names"]), calls=10)
    first, again = (measure([kernel("debian:6.12")], plan, bench=bench)[0].run for _ in range(2))
    assert first.figures == again.figures
    assert not first.left_out
    return {figure.case.name: figure.main for figure in first.figures}


def test_every_case_has_a_figure_of_whole_calls(figures):
    assert list(figures) == list(SUITES["names"])
    users = {name: amount.user for name, amount in figures.items()}
    # The directory fits into one buffer; a second call says that it ended.
    assert users == dict.fromkeys(SUITES["names"], 8) | {"readdir_u1000": 16}


def test_the_figures_stand_to_each_other_as_the_work_does(figures):
    of = {name: amount.value for name, amount in figures.items()}
    assert of["fstat_u"] < of["stat_absent_u"] < of["statx_u"] < of["open_create_u"]
    assert of["open_create_u"] < of["close_unlinked_u"] < of["unlink_u"] < of["rmdir_u"]
    assert of["link_u"] < of["create_u"] < of["mkdir_u"]
    assert of["rename_u"] < of["rename_over_u"]
    # 1 KiB does not fit into the inode: it has a block of its own.
    for call in ("setxattr", "removexattr"):
        assert of[f"{call}_u1k"] > 2 * of[f"{call}_u32"]
    assert of["getxattr_u1k"] - of["getxattr_u32"] > 1024 // 8


@pytest.mark.parametrize("name", ["link_u", "readdir_u10"])
def test_a_second_way_of_counting_agrees(name, kernel, bench):
    [found] = profile([(kernel("debian:6.12"), Plan(cases=find_cases([name]), calls=20))],
                      bench=bench)
    counted = {function.name: function.count for function in found.functions}
    assert sum(counted.values()) == found.figure.main.value - found.figure.main.user
    assert counted["ext4_link" if name == "link_u" else "ext4_readdir"] > 0
