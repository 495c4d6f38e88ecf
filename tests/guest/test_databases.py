# SPDX-License-Identifier: GPL-2.0-or-later
"""The suite of what databases do to files: every case, and what must hold among them."""

from __future__ import annotations

import pytest

from tailwalk.cases import KIB, MIB, SUITES, Filesystem, find_cases
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan

pytestmark = [pytest.mark.guest, pytest.mark.slow]

_HALVES = ["fill_u4m", "read_cold_u4m", "populate_u4m", "writeback_u4m"]
_MORE = [*_HALVES, "fault_read_u64k"]


@pytest.fixture(scope="module")
def run(measured_twice):
    return measured_twice("databases", *_MORE, calls=10)


@pytest.fixture(scope="module")
def figures(run):
    return {figure.case.name: figure for figure in run.figures}


def test_every_case_has_a_figure(run, figures):
    assert not run.left_out
    assert [*figures] == [*SUITES["databases"], *_MORE]


def test_the_user_side_is_that_of_every_step(figures):
    users = {name: figures[name].main.user for name in (
        "fdatasync_u1k", "append_fdatasync_u8k", "fault_read_u64k", "mprotect_shared_u",
        "reread_random_u")}
    # A call's, two calls', and those of a load from each of 16 pages, a store to each of 16,384,
    # and two loads from each of 2,048.
    assert users == {"fdatasync_u1k": 8, "append_fdatasync_u8k": 8 + 8,
                     "fault_read_u64k": 4 + 4 * 16,
                     "mprotect_shared_u": 8 + 8 + 4 + 4 * 16384,
                     "reread_random_u": 8 + 8 + 2 * (4 + 4 * 2048)}


@pytest.mark.parametrize("name", _HALVES)
def test_half_as_much_costs_half_as_much(name, figures):
    whole = figures[name.replace("4m", "8m")].main.value
    assert 0.9 < 2 * figures[name].main.value / whole < 1.1


def test_what_was_not_measured_with_the_sync_is_the_write(figures, kernel, bench):
    run = measure([kernel("debian:6.12")], Plan(cases=find_cases(["pwrite_u1k"]), calls=10),
                  bench=bench)[0].run
    value = {name: figure.main.value for name, figure in figures.items()}
    together = value["fdatasync_u1k"] + run.figures[0].main.value
    # The first write to a clean folio makes it dirty as well.
    assert together < value["overwrite_fdatasync_u1k"] < 1.1 * together


@pytest.fixture(scope="module")
def by_fill(kernel, bench):
    """Figures on a kernel with large folios, by the case and its fill."""
    plan = Plan(calls=10, cases=[case.changed(fill=fill) for case in find_cases(
        ["msync_u1", "unlink_u8m"]) for fill in (4 * KIB, MIB)])
    run = measure([kernel("debian:6.18")], plan, bench=bench)[0].run
    return {(figure.case.name, figure.case.fill): figure for figure in run.figures}


def test_the_fill_decides_what_it_costs_to_remove_a_file(by_fill):
    small, large = (by_fill["unlink_u8m", fill].main.value for fill in (4 * KIB, MIB))
    assert small > 3 * large


@pytest.mark.parametrize("spec", ["debian:6.18", "debian:7.3"])
def test_a_mapped_file_stays_cached_as_it_was_filled(spec, kernel, bench):
    # v7.3's khugepaged makes it folios of 2 MiB, however it was filled, unless it is kept asleep.
    plan = Plan(calls=10, cases=[case.changed(fill=fill) for case in find_cases(
        ["msync_u1", "fault_write_u4k"]) for fill in (4 * KIB, MIB, 2 * MIB)])
    run = measure([kernel(spec)], plan, bench=bench)[0].run
    for small, large, largest in (run.figures[:3], run.figures[3:]):
        assert 2 * small.main.value < large.main.value < 0.9 * largest.main.value


def test_msync_is_of_a_mapping_of_the_whole_file(by_fill):
    # A program that maps 8 MiB of a file reads 592,309 by the time stamp: every page of the folio
    # is looked up in the mapping. One that maps the page alone reads 559,140.
    figure = by_fill["msync_u1", MIB]
    assert figure.main.value + figure.apart == pytest.approx(592_309, rel=0.005)


def test_one_fault_maps_what_lies_around(figures):
    one, sixteen = (figures[name].main.value for name in ("fault_read_u4k", "fault_read_u64k"))
    assert sixteen - one == 4 * 15


def test_the_first_write_after_readahead_costs_the_same_however_often(kernel, bench):
    plans = [Plan(cases=find_cases(["touch_u4k"]), calls=calls) for calls in (10, 30)]
    few, many = (measure([kernel("debian:6.18")], plan, bench=bench)[0].run.figures[0].main
                 for plan in plans)
    assert few.each() == many.each()[:10]
    # Not the same calls: what lies in the slab of buffer heads differs from one to the next.
    assert few.value == pytest.approx(many.value, rel=0.001)
    # A buffer head is made for each of the folio's 32 blocks. While random numbers are not seeded,
    # the order of objects in their slabs takes 8,000 more.
    assert 13_000 < few.value < 18_000


def test_where_there_is_no_disk_syncs_have_a_reason(kernel, bench):
    plan = Plan(cases=find_cases(["databases"]), calls=10, filesystem=Filesystem(kind="tmpfs"))
    run = measure([kernel("debian:6.12")], plan, bench=bench)[0].run
    names = [figure.case.name for figure in run.figures]
    assert "append_u4k" in names
    assert "writeback_u8m" not in names
    assert {*names, *(one.case.name for one in run.left_out)} == {*SUITES["databases"]}
    assert not any(one.failed for one in run.left_out)
