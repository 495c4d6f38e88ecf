# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases that are alone in their guests: what their figures are made of, counted in another way."""

from __future__ import annotations

from collections import Counter

import pytest

from tailwalk.cases import SUITES, Filesystem, find_cases
from tailwalk.cases.case import Case
from tailwalk.plugins.build import build_plugin
from tailwalk.profile.measure import profile
from tailwalk.rigs.alone import count_alone, is_alone, needs_job, plugin_arguments
from tailwalk.rigs.exact import measure
from tailwalk.rigs.job import case_prologue
from tailwalk.rigs.left import left_by
from tailwalk.rigs.plan import Plan
from tailwalk.rigs.recording import symbol_text

pytestmark = pytest.mark.guest

SPECS = ("debian:6.12", "debian:6.18")
SYNCED = ["fdatasync_u1k", "append_fdatasync_u8k"]


@pytest.fixture(scope="module", params=SPECS)
def figures(request, kernel, bench):
    plan = Plan(cases=find_cases(SYNCED), calls=20)
    run = measure([kernel(request.param)], plan, bench=bench)[0].run
    return {figure.case.name: figure for figure in run.figures}


def test_the_journals_thread_is_a_part_where_it_worked(figures):
    names = {name: [part.name for part in figure.split] for name, figure in figures.items()}
    assert names["fdatasync_u1k"] == ["call"]
    assert {"call", "jbd2"} <= {*names["append_fdatasync_u8k"]}


@pytest.mark.parametrize("spec", [*SPECS, "debian:7.3"])
def test_fsync_has_no_times_to_bring_to_the_journal(spec, kernel, bench):
    cases = find_cases(["fsync_u1k", "io_uring_fsync_u4k"])
    run = measure([kernel(spec)], Plan(cases=cases, calls=60), bench=bench)[0].run
    for figure in run.figures:
        # The first call, and what the kernel's threads do now and then. With a tick every
        # millisecond (v6.18) the journal would take part in one of eight calls.
        assert sum(times for value, times in figure.main.calls
                   if value > 1.25 * figure.main.value) <= 4
        assert "jbd2" not in [part.name for part in figure.split]


@pytest.mark.parametrize("spec", SPECS)
def test_what_btrfs_has_workers_do_is_its_part(spec, kernel, bench):
    plan = Plan(cases=find_cases(["fdatasync_u1k"]), filesystem=Filesystem(kind="btrfs"), calls=20)
    figure, = measure([kernel(spec)], plan, bench=bench)[0].run.figures
    parts = {part.name: part.instructions for part in figure.split}
    # What is left is the workers' own: queues, and going to sleep. In 6.18 there are more of them.
    assert parts["kworker"] < parts["btrfs"] / 2


@pytest.mark.slow
@pytest.mark.parametrize("system", ["ext4", "xfs", "btrfs"])
@pytest.mark.parametrize("spec", [*SPECS, "debian:7.3"])
def test_each_thread_that_works_is_known(spec, system, kernel, bench):
    plan = Plan(cases=find_cases(["writeback_u8m", "append_fdatasync_u8k", "read_cold_u8m"]),
                filesystem=Filesystem(kind=system), calls=20)
    run = measure([kernel(spec)], plan, bench=bench)[0].run
    for figure in run.figures:
        assert "other threads" not in [part.name for part in figure.split]


def test_the_disks_driver_is_apart_and_moves_whole_blocks(figures):
    for figure in figures.values():
        written = figure.metrics["bytes"].value
        assert written >= 4096 and written % 4096 == 0
        # At the least a load and a store of eight bytes each, at the most what a slow copy takes.
        assert written / 8 / 64 <= figure.apart <= 4 * written


@pytest.mark.slow
def test_a_figure_is_the_same_whatever_else_is_measured(figures, kernel, bench, request):
    spec = request.node.callspec.params["figures"]
    plan = Plan(cases=find_cases(["seed", "names", *reversed(SYNCED)]), calls=20)
    run = measure([kernel(spec)], plan, bench=bench)[0].run
    assert [figures[figure.case.name] == figure for figure in run.figures
            if figure.case.name in figures] == [True, True]


def test_a_profile_is_of_the_figures_call_with_its_threads_and_without_the_driver(kernel, bench):
    case, = find_cases(["append_fdatasync_u8k"])
    plan = Plan(cases=[case], calls=20)
    [found] = profile([(kernel("debian:6.18"), plan)], bench=bench)
    alone = measure([kernel("debian:6.18")], plan, bench=bench)[0].run.figures[0]
    assert found.figure.main.value == alone.main.value
    assert found.count + found.figure.main.user == alone.main.value
    executed = {function.name for function in found.functions}
    assert "kjournald2" in executed and "ext4_sync_file" in executed
    assert not any(name.startswith("brd_") for name in executed)


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "case", "system"), [
    ("debian:7.3", "read_cold_u8m", "ext4"),
    ("debian:6.18", "writeback_u8m", "btrfs"),
])
def test_the_books_of_a_profile_balance_where_the_driver_is_preempted(
        spec, case, system, kernel, bench):
    plan = Plan(cases=find_cases([case]), filesystem=Filesystem(kind=system), calls=20)
    [found] = profile([(kernel(spec), plan)], bench=bench)
    assert found.figure.apart
    assert found.count + found.figure.main.user == found.figure.main.value


ALIKE = [case for case in find_cases(SUITES) if not is_alone(case)]


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_cases_that_share_a_guest_neither_wait_nor_reach_the_disk(spec, kernel, bench):
    """Counted by the plugin too: what is declared to be alike is so, and costs the same alone."""
    one, system = kernel(spec), Filesystem()
    booted, begin = bench.boot(one, system), case_prologue(system, bench.cache)
    plugin = build_plugin("split", bench.qemu, bench.cache).path, plugin_arguments(
        symbol_text(bench, one, booted))
    together = measure([one], Plan(cases=ALIKE, calls=12), bench=bench)[0].run
    assert not together.left_out
    by_needs: dict[bytes, list[Case]] = {}
    for case in ALIKE:
        by_needs.setdefault(needs_job(begin, case), []).append(case)
    wrong = []
    for job, cases in by_needs.items():
        state = left_by(bench, one, booted, job)
        for case in cases:
            [found] = count_alone(bench, one, booted, [case], 12, plugin=plugin, state=state)
            figure = next(figure for figure in together.figures if figure.case == case)
            modal, _ = Counter((split.total, split.apart, tuple(split.others))
                               for split in found.splits).most_common(1)[0]
            # Addresses differ there, and so the length of a hash table's chain.
            if modal[1:] != (0, ()) or abs(modal[0] / figure.main.value - 1) > 0.01:
                wrong.append((case.name, figure.main.value, *modal))
    assert wrong == []
