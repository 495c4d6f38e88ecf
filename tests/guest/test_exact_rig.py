# SPDX-License-Identifier: GPL-2.0-or-later
"""The exact rig on real kernels: the headline, and figures that repeat."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tailwalk.cases import KIB, MIB, Filesystem, find_cases
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Run
from tailwalk.runs.metrics import INSTRUCTIONS, RIGS, TIME
from tailwalk.runs.store import Store

pytestmark = pytest.mark.guest

KERNELS = ("debian:6.12", "debian:6.18", "debian:7.3")
SEED = find_cases(["seed"])


def filled(fill: int):
    return tuple(case.changed(fill=fill) for case in SEED)


@pytest.fixture(scope="module")
def runs(kernel, bench) -> dict[int, dict[str, Run]]:
    """The six cases on three kernels by fill and spec."""
    found: dict[int, dict[str, Run]] = {}
    for fill in (4 * KIB, MIB, 2 * MIB):
        measured = measure([kernel(spec) for spec in KERNELS], Plan(cases=filled(fill)),
                           bench=bench)
        found[fill] = {item.run.kernel.spec: item.run for item in measured}
    return found


def value(run: Run, name: str) -> float:
    return next(figure.main.value for figure in run.figures if figure.case.name == name)


def test_fill_makes_no_difference_on_v6_12(runs):
    for name in (case.name for case in SEED):
        assert len({value(runs[fill]["debian:6.12"], name) for fill in runs}) == 1, name


def test_the_upgrade_to_v6_18_regresses(runs):
    for fill, factor in ((MIB, 4), (2 * MIB, 7)):
        before, after = runs[fill]["debian:6.12"], runs[fill]["debian:6.18"]
        assert value(after, "pwrite_u1k") >= factor * value(before, "pwrite_u1k")
        assert value(after, "writev_u10k") < value(before, "writev_u10k")


def test_v7_3_has_the_fix(runs):
    for fill in (MIB, 2 * MIB):
        before, after = runs[fill]["debian:6.12"], runs[fill]["debian:7.3"]
        assert value(after, "pwrite_u1k") <= 1.1 * value(before, "pwrite_u1k")


def test_every_figure_is_steady_and_knows_its_folios(runs):
    for fill, by_spec in runs.items():
        for spec, run in by_spec.items():
            for figure in run.figures:
                assert figure.main.steady and figure.main.share > 0.9, (spec, figure.case.name)
                expected = 0 if spec == "debian:6.12" else (fill // (4 * KIB)).bit_length() - 1
                assert figure.written == expected, (spec, figure.case.name)
                pages = sum(count.folios << count.order for count in figure.folios)
                assert pages * 4 * KIB == figure.case.file_size


def test_three_runs_give_the_same_figures(runs, kernel, bench):
    kernels = [kernel(spec) for spec in KERNELS]
    for _ in range(2):
        for item in measure(kernels, Plan(cases=SEED), bench=bench):
            assert item.run.figures == runs[MIB][item.run.kernel.spec].figures


def test_a_cold_boot_gives_what_a_saved_state_gives(runs, kernel, own_bench):
    [cold] = measure([kernel("debian:6.18")], Plan(cases=SEED), bench=own_bench)
    warm = runs[MIB]["debian:6.18"]
    assert [figure.main.value for figure in cold.run.figures] == [
        figure.main.value for figure in warm.figures]


def test_order_of_cases_makes_no_difference(runs, kernel, bench):
    [backwards] = measure([kernel("debian:6.18")], Plan(cases=SEED[::-1]), bench=bench)
    assert {figure.case.name: figure.main.value for figure in backwards.run.figures} == {
        figure.case.name: figure.main.value for figure in runs[MIB]["debian:6.18"].figures}


def test_memory_of_the_guest_moves_no_figure(runs, kernel, own_bench):
    small = replace(own_bench, machine=replace(own_bench.machine, memory=512))
    [item] = measure([kernel("debian:6.18")], Plan(cases=SEED[:1]), bench=small)
    assert item.run.figures[0].main.value == runs[MIB]["debian:6.18"].figures[0].main.value


def test_blocks_of_1_kib_cost_four_times_the_buffers(runs, kernel, bench):
    plan = Plan(cases=find_cases(["pwrite_u1k"]), filesystem=Filesystem(block_size=KIB))
    [item] = measure([kernel("debian:6.18")], plan, bench=bench)
    small, large = value(item.run, "pwrite_u1k"), value(runs[MIB]["debian:6.18"], "pwrite_u1k")
    at_order_0 = value(runs[4 * KIB]["debian:6.18"], "pwrite_u1k")
    assert 3.9 < (small - at_order_0) / (large - at_order_0) < 4.1


def test_a_run_is_reused_only_under_identical_inputs(tmp_path, kernel, bench):
    store = Store(tmp_path)
    plan = Plan(cases=SEED[:1])
    one = kernel("debian:6.18")
    [first] = measure([one], plan, bench=bench, store=store)
    [again] = measure([one], plan, bench=bench, store=store)
    [fresh] = measure([one], plan, bench=bench, store=store, fresh=True)
    [other] = measure([one], replace(plan, calls=301), bench=bench, store=store)
    assert not first.reused and again.reused and not fresh.reused and not other.reused
    assert again.run == first.run
    assert fresh.run.figures == first.run.figures


def test_a_run_without_a_metric_that_the_rig_gives_is_measured_again(
        tmp_path, kernel, bench, monkeypatch):
    store = Store(tmp_path)
    plan = Plan(cases=SEED[:1])
    [first] = measure([kernel("debian:6.18")], plan, bench=bench, store=store)
    for figure in first.run.figures:
        assert list(figure.metrics) == [metric.name for metric in RIGS["exact"].metrics]
    monkeypatch.setitem(RIGS, "exact", replace(RIGS["exact"], metrics=(INSTRUCTIONS, TIME)))
    [again] = measure([kernel("debian:6.18")], plan, bench=bench, store=store)
    assert not again.reused and again.run.figures == first.run.figures
