# SPDX-License-Identifier: GPL-2.0-or-later
"""Timed comparisons: what samples can and cannot show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import (
    made_case,
    made_figure,
    made_run,
    made_samples,
    made_timed_figure,
    made_timed_run,
)

from tailwalk.compare import Comparison, compare
from tailwalk.compare.samples import (
    can_be_tested,
    holm,
    mann_whitney,
    ratio_interval,
    samples_of,
)
from tailwalk.runs import Figure, Run
from tailwalk.runs.record import Rig

CASE = made_case()


def compared(*columns: Sequence[float], rig: Rig = "timed", **options: float) -> Comparison:
    """One case on as many kernels as there are lists of samples, in ns/call."""
    return compare([made_timed_run(f"debian:6.{number}", made_timed_figure(CASE, samples), rig=rig)
                    for number, samples in enumerate(columns)],
                   **options)  # type: ignore[arg-type]


def test_a_clear_difference_has_a_verdict_and_its_evidence() -> None:
    row = compared(made_samples(1, 560), made_samples(2, 1790)).rows[0]
    assert row.verdicts == ["baseline", "regressed"]
    evidence = row.evidence[1]
    assert evidence is not None
    assert evidence.samples == (30, 30)
    assert evidence.interval[0] < 1790 / 560 < evidence.interval[1]
    assert evidence.interval[0] < (row.ratios[1] or 0) < evidence.interval[1]
    assert evidence.p_value < 1e-6
    assert evidence.dearer == 1
    assert compared(made_samples(2, 1790), made_samples(1, 560)).rows[0].verdicts[1] == "improved"


def test_a_small_difference_is_told_from_noise_only_where_the_samples_can() -> None:
    # 0.3% apart, with a threshold of 1%: quiet samples show that it is small, loud ones do not.
    quiet = compared(made_samples(1, 1000, noise=0.001), made_samples(2, 1003, noise=0.001)).rows[0]
    assert quiet.verdicts[1] == "unchanged"
    loud = compared(made_samples(1, 1000, noise=0.2), made_samples(2, 1003, noise=0.2)).rows[0]
    assert loud.verdicts[1] == "within noise"


def test_a_difference_beyond_the_threshold_can_be_within_noise() -> None:
    row = compared([100, 130, 90, 160, 110, 95], [112, 95, 150, 120, 100, 108]).rows[0]
    assert row.ratios[1] is not None
    assert row.ratios[1] > 1.01
    assert row.verdicts[1] == "within noise"


@pytest.mark.parametrize(("before", "after", "verdict"), [
    (1, 1, "unknown"), (1, 9, "unknown"), (2, 5, "unknown"), (3, 3, "unknown"),
    (4, 4, "unknown"), (4, 50, "unknown"), (5, 5, "regressed"), (5, 50, "regressed")])
def test_too_few_samples_decide_nothing_however_far_apart(
        before: int, after: int, verdict: str) -> None:
    row = compared([100.0 + number for number in range(before)],
                   [900.0 + number for number in range(after)]).rows[0]
    assert row.verdicts[1] == verdict
    assert (row.evidence[1] is None) == (verdict == "unknown")
    assert row.ratios[1] is not None


def test_without_samples_nothing_is_known() -> None:
    figures = [Figure(case=CASE, value=value, interval=(value - 1, value + 1))
               for value in (560.0, 1790.0)]
    row = compare([made_timed_run("debian:6.1", figures[0]),
                   made_timed_run("debian:6.2", figures[1])]).rows[0]
    assert row.verdicts[1] == "unknown"


def test_samples_of_nothing_have_no_ratio() -> None:
    row = compared([0.0, 1, 2, 3, 4, 5], [7.0, 8, 9, 10, 11, 12]).rows[0]
    assert row.verdicts[1] == "unknown"


def test_recovery_has_an_interval_where_it_is_defined() -> None:
    comparison = compared(made_samples(1, 600), made_samples(2, 4600), made_samples(3, 800), bad=1)
    row = comparison.rows[0]
    assert row.recovery[2] == pytest.approx(0.95, abs=0.02)
    evidence = row.evidence[2]
    assert evidence is not None
    assert evidence.recovery is not None
    assert evidence.recovery[0] < 0.95 < evidence.recovery[1]
    assert row.evidence[1] is not None
    assert row.evidence[1].recovery is None


def test_a_regression_within_noise_leaves_nothing_to_recover() -> None:
    row = compared(made_samples(1, 600, noise=0.3, number=8),
                   made_samples(2, 620, noise=0.3, number=8),
                   made_samples(3, 300), bad=1).rows[0]
    assert row.verdicts[1] == "within noise"
    assert row.recovery[2] == "within noise"


def test_verdicts_name_their_method_on_timed_rigs_alone() -> None:
    method = compared(made_samples(1, 600), made_samples(2, 900)).method
    assert "Mann-Whitney" in method
    assert "bootstrap" in method
    exact = compare([made_run(spec, [made_figure(CASE, 2203)]) for spec in ("a", "b")]).method
    assert "Mann-Whitney" not in exact
    assert "significant" not in method + exact


def test_a_recovery_of_anything_between_nothing_and_all_is_within_noise() -> None:
    row = compared(made_samples(1, 600, noise=0.02), made_samples(2, 800, noise=0.05),
                   made_samples(3, 700, noise=0.9), bad=1).rows[0]
    assert row.verdicts[1] == "regressed"
    assert row.recovery[2] == "within noise"


def test_many_tests_are_corrected_together() -> None:
    """Of many equal pairs hardly any comparison calls one different; a large difference is still
    found among them, and too few samples for so many tests are said to be."""
    cases = [made_case(offset=4096 * number) for number in range(20)]

    def runs(seed: int, number: int = 12) -> list[Run]:
        return [made_timed_run(f"debian:6.{side}", *(
            made_timed_figure(case, made_samples(seed + 100 * index + 5000 * side,
                                                 600 * (5 if side and index == 7 else 1),
                                                 number=number))
            for index, case in enumerate(cases)), rig="timed") for side in (0, 1)]

    found = [row.verdicts[1] for seed in range(10) for index, row in enumerate(
        compare(runs(seed), threshold=0.0).rows) if index != 7]
    # 190 pairs at 5% each would be 9 or 10 without the correction.
    assert sum(verdict in ("regressed", "improved") for verdict in found) <= 3
    assert compare(runs(0)).rows[7].verdicts[1] == "regressed"
    assert {row.verdicts[1] for row in compare(runs(0, number=5)).rows} == {"unknown"}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holms_correction(p_values: list[float]) -> None:
    corrected = holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, corrected, strict=True))
    least = p_values.index(min(p_values))
    assert corrected[least] == min(1.0, len(p_values) * p_values[least])
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    assert [corrected[index] for index in order] == sorted(corrected)


@pytest.mark.parametrize(("after", "verdict"), [
    (1350, "within noise"), (1000, "within noise"), (740, "within noise"),
    (1700, "regressed"), (600, "improved")])
def test_sessions_on_one_kernel_may_differ_too(after: float, verdict: str) -> None:
    quiet = [made_samples(seed, median, noise=0.002)
             for seed, median in enumerate((1000, after))]
    assert compared(*quiet, rig="host").rows[0].verdicts[1] == verdict


def test_equal_distributions_are_seldom_told_apart() -> None:
    wrong = sum(compared(made_samples(seed, 600, number=12),
                         made_samples(seed + 1000, 600, number=12),
                         threshold=0.0).rows[0].verdicts[1] in ("regressed", "improved")
                for seed in range(120))
    # 5% of 120 is 6; 14 or more would happen once in 600 such tests.
    assert wrong < 14


def test_intervals_cover_the_true_ratio() -> None:
    covering = 0
    for seed in range(120):
        low, high = ratio_interval(np.array(made_samples(seed, 500)),
                                   np.array(made_samples(seed + 1000, 700)))
        covering += low <= 1.4 <= high
    assert covering >= 0.88 * 120


SAMPLES = st.lists(st.integers(1, 10**6), min_size=4, max_size=9)


@settings(max_examples=25, deadline=None)
@given(SAMPLES, SAMPLES, st.integers(1, 1024))
def test_a_scale_changes_no_timed_verdict(one: list[int], other: list[int], factor: int) -> None:
    plain = compared(one, other).rows[0]
    scaled = compared(*([value * factor for value in column] for column in (one, other))).rows[0]
    assert plain.verdicts == scaled.verdicts
    assert plain.ratios == scaled.ratios


@given(SAMPLES, SAMPLES)
def test_a_swap_mirrors_the_test(one: list[int], other: list[int]) -> None:
    there = mann_whitney(np.array(one), np.array(other))
    back = mann_whitney(np.array(other), np.array(one))
    assert there[0] == pytest.approx(back[0])
    assert there[1] == pytest.approx(1 - back[1])


def test_equal_runs_give_equal_comparisons() -> None:
    samples = made_samples(1, 600), made_samples(2, 660)
    assert compared(*samples) == compared(*samples)


def test_run_lengths_are_expanded() -> None:
    figure = Figure(case=CASE, value=5.0, calls=[(5.0, 3), (7.5, 2)])
    samples = samples_of(figure)
    assert list(samples) == [5, 5, 5, 7.5, 7.5]
    assert can_be_tested(samples, samples)
    assert can_be_tested(samples, samples, tests=6)
    assert not can_be_tested(samples, samples, tests=7)  # 2 of 252 ways, seven times
