# SPDX-License-Identifier: GPL-2.0-or-later
"""Workloads on names: what undoes them, and how their figures stand to each other."""

from __future__ import annotations

import pytest

from tailwalk.cases import SUITES

pytestmark = [pytest.mark.guest, pytest.mark.slow]


@pytest.fixture(scope="module")
def figures(measured_twice):
    run = measured_twice("names", calls=10)
    assert not run.left_out
    return {figure.case.name: figure.main for figure in run.figures}


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
    # 1 KiB does not fit into the inode: it has a block of its own, which is found at once where
    # the last call's is free again. A search for another costs as much again.
    assert 2 * of["removexattr_u32"] < of["removexattr_u1k"] < of["setxattr_u1k"] < 40_000
    assert of["setxattr_u1k"] > 2 * of["setxattr_u32"]
    assert of["getxattr_u1k"] - of["getxattr_u32"] > 1024 // 8


@pytest.mark.parametrize(("name", "function"), [
    ("link_u", "ext4_link"), ("readdir_u10", "ext4_readdir")])
def test_a_second_way_of_counting_agrees(name, function, counted_by_address):
    assert counted_by_address(name, calls=20)[function] > 0
