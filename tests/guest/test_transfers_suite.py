# SPDX-License-Identifier: GPL-2.0-or-later
"""Workloads on pipes, copies inside the kernel, epoll and io_uring."""

from __future__ import annotations

import pytest

from tailwalk.cases import SUITES, Filesystem, find_cases
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan

pytestmark = [pytest.mark.guest, pytest.mark.slow]


@pytest.fixture(scope="module")
def figures(measured_twice):
    run = measured_twice("transfers", calls=12)
    assert not run.left_out
    return {figure.case.name: figure.main for figure in run.figures}


def test_every_case_has_a_figure_of_one_call(figures):
    assert {name: amount.user for name, amount in figures.items()} == dict.fromkeys(
        SUITES["transfers"], 8)
    assert all(amount.steady for amount in figures.values())


def test_the_figures_stand_to_each_other_as_the_work_does(figures):
    of = {name: amount.value for name, amount in figures.items()}
    # What moves no data costs less than what copies: 64 KiB by at most 8 bytes an instruction.
    assert of["tee_u64k"] < of["splice_to_pipe_u64k"] < 65536 / 8
    for copy in ("splice_from_pipe", "sendfile", "copy_file_range"):
        assert of[f"{copy}_u64k"] > 65536 / 8
        assert 12 < of[f"{copy}_u1m"] / of[f"{copy}_u64k"] < 20
    # The kernel has the one go through the other.
    assert of["copy_file_range_u1m"] - of["sendfile_u1m"] == (
        of["copy_file_range_u64k"] - of["sendfile_u64k"])
    assert 99 * 100 < of["epoll_wait_u100"] - of["epoll_wait_u1"] < 99 * 300
    # ext4 reads a cached file at once, and lets a worker write it.
    assert of["io_uring_read_u4k"] < of["io_uring_write_u4k"] < of["io_uring_fsync_u4k"]


@pytest.mark.parametrize(("name", "function"), [
    ("splice_to_pipe_u8k", "filemap_splice_read"), ("io_uring_read_u4k", "io_read"),
    ("epoll_add_u", "do_epoll_ctl")])
def test_a_second_way_of_counting_agrees(name, function, counted_by_address):
    assert counted_by_address(name, calls=20)[function] > 0


def test_a_kernel_that_has_no_io_uring_leaves_the_others_their_figures(kernel, bench):
    cases = find_cases(["io_uring_read_u4k", "tee_u64k"])
    plan = Plan(cases=cases, calls=10, filesystem=Filesystem(kind="tmpfs"),
                append="sysctl.kernel.io_uring_disabled=2")
    run = measure([kernel("debian:6.12")], plan, bench=bench)[0].run
    assert [figure.case.name for figure in run.figures] == ["tee_u64k"]
    assert [(one.case.name, one.failed) for one in run.left_out] == [("io_uring_read_u4k", False)]
    assert run.left_out[0].reason == "io_uring_setup: Operation not permitted"
