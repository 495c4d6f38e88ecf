# SPDX-License-Identifier: GPL-2.0-or-later
"""Timed comparisons: what samples can and cannot show."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import (
    changed_amount,
    made_case,
    made_figure,
    made_run,
    made_samples,
    made_timed_figure,
    made_timed_run,
)

from tailwalk.compare import Comparison, compare
from tailwalk.compare.growth import growth
from tailwalk.compare.samples import (
    can_be_tested,
    holm,
    mann_whitney,
    ratio_interval,
    recovery_interval,
    samples_of,
)
from tailwalk.errors import RecordError, ToolError
from tailwalk.runs import Amount, Run
from tailwalk.runs.amount import median_interval
from tailwalk.runs.metrics import Rig

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
    # 0.3% apart, with a threshold of 5%: quiet samples show that it is small, loud ones do not.
    quiet = compared(made_samples(1, 1000, noise=0.001), made_samples(2, 1003, noise=0.001)).rows[0]
    assert quiet.verdicts[1] == "unchanged"
    loud = compared(made_samples(1, 1000, noise=0.2), made_samples(2, 1003, noise=0.2)).rows[0]
    assert loud.verdicts[1] == "within noise"


def test_a_difference_beyond_the_threshold_can_be_within_noise() -> None:
    row = compared([100, 130, 90, 160, 110, 95], [112, 95, 150, 120, 100, 108],
                   threshold=1.0).rows[0]
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
    figures = [changed_amount(made_timed_figure(CASE, [value]), calls=[],
                              interval=(value - 1, value + 1))
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


def twenty_pairs(seed: int, number: int = 12) -> list[Run]:
    """Two runs of 20 cases, which differ in the eighth alone."""
    cases = [made_case(offset=4096 * index) for index in range(20)]
    return [made_timed_run(f"debian:6.{side}", *(
        made_timed_figure(case, made_samples(seed + 100 * index + 5000 * side,
                                             600 * (5 if side and index == 7 else 1),
                                             number=number))
        for index, case in enumerate(cases)), rig="timed") for side in (0, 1)]


@pytest.mark.slow
def test_many_tests_are_corrected_together() -> None:
    """Of many equal pairs hardly any comparison calls one different."""
    found = [row.verdicts[1] for seed in range(10) for index, row in enumerate(
        compare(twenty_pairs(seed), threshold=0.0).rows) if index != 7]
    # 190 pairs at 5% each would be 9 or 10 without the correction.
    assert sum(verdict in ("regressed", "improved") for verdict in found) <= 3


@pytest.mark.slow
def test_among_many_tests_a_large_difference_is_found_and_few_samples_decide_nothing() -> None:
    assert compare(twenty_pairs(0)).rows[7].verdicts[1] == "regressed"
    assert {row.verdicts[1] for row in compare(twenty_pairs(0, 5)).rows} == {"unknown"}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holms_correction(p_values: list[float]) -> None:
    corrected = holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, corrected, strict=True))
    least = p_values.index(min(p_values))
    assert corrected[least] == min(1.0, len(p_values) * p_values[least])
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    assert [corrected[index] for index in order] == sorted(corrected)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -0.1, 1.1])
def test_what_is_no_p_value_corrects_no_other(wrong: float) -> None:
    with pytest.raises(ValueError, match="no p-value"):
        holm([0.0004, wrong, 0.0003])


@pytest.mark.parametrize("value", [560, 0.25, 1e300])
def test_samples_that_are_all_tied_are_alike(value: float) -> None:
    """What SciPy says of them is 1 or NaN, by its version."""
    tied = np.full(6, value)
    assert mann_whitney(tied, np.full(30, value)) == (1.0, 0.5)
    assert ratio_interval(tied, tied) == (1.0, 1.0)
    assert recovery_interval(tied, tied, tied) is None
    assert mann_whitney(tied, np.full(6, 2 * value))[0] == pytest.approx(0.00126, abs=1e-5)


def test_a_tied_case_leaves_the_verdicts_of_the_others() -> None:
    cases = [made_case(offset=4096 * number) for number in range(4)]

    def run(spec: str, factor: float) -> Run:
        return made_timed_run(spec, made_timed_figure(cases[0], [500.0] * 30), *(
            made_timed_figure(case, made_samples(number, 600 * factor))
            for number, case in enumerate(cases[1:])), rig="timed")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = compare([run("debian:6.1", 1), run("debian:6.2", 3), run("debian:6.3", 1.2)]).rows
    assert [row.verdicts[1] for row in rows] == ["unchanged", *["regressed"] * 3]
    assert rows[0].evidence[1] is not None
    assert rows[0].evidence[1].p_value == 1
    assert rows[0].recovery[2] == "no regression"
    assert all(isinstance(row.recovery[2], float) for row in rows[1:])


def test_a_library_that_gives_no_p_value_is_an_error() -> None:
    """SciPy gives NaN where a sample is none, which no record can hold."""
    with pytest.raises(ToolError, match=rf"SciPy {scipy.__version__} gives nan .* 30 and 31"):
        mann_whitney(np.array(made_samples(1, 560)), np.array([*made_samples(2, 560), math.nan]))


ANY = st.floats(allow_nan=False, allow_infinity=False)
LEVELS = st.sampled_from([-1.0, 0.0, 5e-324, 0.5, 560.0, 561.0, 1e300, 1.7e308])
COLUMN = st.lists(LEVELS, min_size=1, max_size=8) | st.lists(ANY, min_size=5, max_size=8)


@given(st.tuples(COLUMN, COLUMN, COLUMN))
def test_what_is_undefined_is_said_so_whatever_the_samples(columns: tuple[list[float]]) -> None:
    """JSON has neither NaN nor infinity: what is undefined is None, or a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        comparison = compared(*columns, bad=1, threshold=0.0)
        written = msgspec.json.encode(comparison)
    row = comparison.rows[0]
    if all(abs(figure) <= 1e18 for figure in row.figures):  # of a record
        assert msgspec.json.decode(written, type=Comparison) == comparison
    for evidence in filter(None, row.evidence):
        assert 0 <= evidence.p_value <= 1
        assert 0 <= evidence.dearer <= 1
        assert all(map(math.isfinite, evidence.interval))
        assert all(map(math.isfinite, evidence.recovery or ()))


@given(COLUMN)
def test_an_interval_has_two_ends(samples: list[float]) -> None:
    interval = median_interval(samples)
    assert interval is None or all(map(math.isfinite, interval))


@pytest.mark.parametrize("base", [0.0, -3.5])
def test_nothing_grows_from_nothing(base: float) -> None:
    cases = [made_case(fill=fill) for fill in (4096, 2 << 20)]
    run = made_timed_run("host", *(made_timed_figure(case, [value] * 8)
                                   for case, value in zip(cases, (base, 900.0), strict=True)))
    with pytest.raises(RecordError, match=rf"has {base:g} ns/call .* filled by 4KiB"):
        growth(run)


@pytest.mark.parametrize(("after", "verdict"), [
    (1350, "within noise"), (1000, "within noise"), (740, "within noise"),
    (1700, "regressed"), (600, "improved")])
def test_sessions_on_one_kernel_may_differ_too(after: float, verdict: str) -> None:
    quiet = [made_samples(seed, median, noise=0.002)
             for seed, median in enumerate((1000, after))]
    assert compared(*quiet, rig="host").rows[0].verdicts[1] == verdict


@pytest.mark.slow
def test_equal_distributions_are_seldom_told_apart() -> None:
    wrong = sum(compared(made_samples(seed, 600, number=12),
                         made_samples(seed + 1000, 600, number=12),
                         threshold=0.0).rows[0].verdicts[1] in ("regressed", "improved")
                for seed in range(120))
    # 5% of 120 is 6; 14 or more would happen once in 600 such tests.
    assert wrong < 14


@pytest.mark.slow
def test_intervals_cover_the_true_ratio() -> None:
    covering = 0
    for seed in range(120):
        interval = ratio_interval(np.array(made_samples(seed, 500)),
                                  np.array(made_samples(seed + 1000, 700)))
        assert interval is not None
        covering += interval[0] <= 1.4 <= interval[1]
    assert covering >= 0.88 * 120


SAMPLES = st.lists(st.integers(1, 10**6), min_size=4, max_size=9)


@settings(max_examples=settings().max_examples // 4)
@given(SAMPLES, SAMPLES, st.integers(1, 1024))
def test_a_scale_changes_no_timed_verdict(one: list[int], other: list[int], factor: int) -> None:
    plain = compared(one, other).rows[0]
    scaled = compared(*([value * factor for value in column] for column in (one, other))).rows[0]
    assert plain.verdicts == scaled.verdicts
    assert plain.ratios == scaled.ratios


@pytest.mark.slow
@settings(max_examples=settings().max_examples // 5)
@given(st.integers(0, 50), st.integers(900, 1200), st.sampled_from([0.001, 0.02, 0.2]))
def test_a_larger_threshold_only_makes_more_unchanged(
        seed: int, median: int, noise: float) -> None:
    columns = [made_samples(seed, 1000, noise=noise), made_samples(seed + 100, median, noise=noise)]
    verdicts = [compared(*columns, threshold=threshold).rows[0].verdicts[1]
                for threshold in (0.0, 1.0, 5.0, 25.0)]
    for strict, lenient in pairwise(verdicts):
        assert lenient in (strict, "unchanged")


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
    amount = Amount(value=5.0, unit="ns/call", calls=[(5.0, 3), (7.5, 2)])
    samples = samples_of(amount)
    assert list(samples) == [5, 5, 5, 7.5, 7.5]
    assert can_be_tested(samples, samples)
    assert can_be_tested(samples, samples, tests=6)
    assert not can_be_tested(samples, samples, tests=7)  # 2 of 252 ways, seven times
