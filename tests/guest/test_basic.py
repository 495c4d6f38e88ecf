# SPDX-License-Identifier: GPL-2.0-or-later
"""Workloads of several steps, of names, mappings and syncs; and those that have no figure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_workloads import TWINS, made_workloads

from tailwalk.cases import SUITES, all_workloads, find_cases
from tailwalk.compiling import c_sources
from tailwalk.probe.build import compile_probe
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan

pytestmark = pytest.mark.guest

_NAMES = [name for name in SUITES["basic"] if name != "unlink_u8m"]


@pytest.fixture(scope="module")
def figures(measured_twice):
    return {figure.case.name: figure for figure in measured_twice(*_NAMES, calls=100).figures}


def test_the_user_side_is_that_of_every_step(figures):
    users = {name: figure.main.user for name, figure in figures.items()}
    # A call's, two calls', a call's and that of 32 loads.
    assert users == {"getpid": 8, "lseek_u8k": 16, "open_usr": 8, "fsync_u1k": 8,
                     "mmap_ru128k": 8 + 4 + 4 * 32}


def test_calls_that_are_not_alike_are_said_to_be(figures):
    for name, figure in figures.items():
        may_vary = name in ("fsync_u1k", "mmap_ru128k")
        calls = figure.main.each()
        most_agree = 2 * calls.count(figure.main.value) > len(calls)
        assert most_agree or may_vary
        assert (figure.main.share is None) == (not most_agree)
        assert bool(figure.split) == may_vary
        assert figure.main.steady


@pytest.mark.parametrize(("name", "function"), [
    ("lseek_u8k", "__x64_sys_lseek"), ("mmap_ru128k", "asm_exc_page_fault")])
def test_a_second_way_of_counting_agrees_on_all_steps(name, function, counted_by_address):
    assert counted_by_address(name, calls=100)[function] > 0


@pytest.mark.usefixtures(made_workloads.__name__)
def test_what_fails_and_what_is_not_there_leave_the_others_their_figures(kernel, own_bench, bench):
    probe = compile_probe(own_bench.cache, {**c_sources("probe"), **TWINS}, all_workloads())
    made = replace(bench, probe=probe)
    names = ["getpid", "settle", "gettid", "lseek_u8k"]
    run = measure([kernel("debian:6.12")], Plan(cases=find_cases(names), calls=50),
                  bench=made)[0].run
    assert [figure.case.name for figure in run.figures] == ["getpid", "lseek_u8k"]
    assert [(one.case.name, one.reason, one.failed) for one in run.left_out] == [
        ("settle", "getppid gave 0, and not -1", True),
        ("gettid", "gettid: Function not implemented", False)]
    alone = measure([kernel("debian:6.12")], Plan(cases=find_cases(["getpid", "lseek_u8k"]),
                                                  calls=50), bench=made)[0].run
    assert run.figures == alone.figures
