# SPDX-License-Identifier: GPL-2.0-or-later
"""From timed batches to figures: sizing, samples, rounds, intervals."""

from __future__ import annotations

import math
import struct
from collections import Counter
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import SEED, made_samples

from tailwalk.errors import GuestError, UsageError
from tailwalk.framing import Frame, FrameType
from tailwalk.probe.protocol import Folios, Times, read_times
from tailwalk.rigs.plan import LEAST_ROUNDS, Pace
from tailwalk.rigs.timing import (
    CLOCK_SHARE,
    Batches,
    Record,
    batches_for,
    make_figure,
    method_notes,
    nanoseconds,
    round_order,
)
from tailwalk.runs.interval import median_interval

CASES = [case.changed(fill=fill) for case in SEED for fill in (4096, 1 << 20)]
PAGES = Folios({0: 2560}, 0)


def times(batches: tuple[int, ...], *, seeks: tuple[int, ...] = (), calls: int = 8,
          clock: float = 30.0, involuntary: int = 0) -> Times:
    return Times(calls=calls, clock=clock, batches=batches, seeks=seeks, voluntary=0,
                 involuntary=involuntary)


def frame(*words: int) -> Frame:
    return Frame(FrameType.TIMES, struct.pack(f"<{len(words)}Q", *words))


def test_reads_times_with_and_without_seeks() -> None:
    assert read_times(frame(2, 8, 30_500, 1, 3, 8000, 8100)) == Times(
        calls=8, clock=30.5, batches=(8000, 8100), seeks=(), voluntary=1, involuntary=3)
    assert read_times(frame(2, 8, 30_500, 0, 0, 8000, 8100, 800, 900)).seeks == (800, 900)


@pytest.mark.parametrize("words", [(2, 8, 30_500, 0, 0, 8000), (), (1, 8, 30), (0, 8, 1, 0, 0, 7)])
def test_refuses_torn_times(words: tuple[int, ...]) -> None:
    with pytest.raises(GuestError, match="torn"):
        read_times(frame(*words))


@given(call=st.floats(10, 1e7), clock=st.floats(1, 1e5))
def test_the_clock_is_a_small_part_of_a_batch(call: float, clock: float) -> None:
    trial = times((math.ceil(8 * call),) * 16, clock=clock)
    batches = batches_for(trial)
    assert clock <= CLOCK_SHARE * batches.calls * math.ceil(8 * call) / 8 * 1.0001
    assert batches.calls >= 8
    assert 16 <= batches.number <= 256


def test_a_disturbed_trial_makes_no_small_batches() -> None:
    quiet = batches_for(times((8000,) * 16))
    assert batches_for(times((8000, *(80_000,) * 15))) == quiet


def test_the_cost_of_seeks_is_taken_off() -> None:
    assert nanoseconds(times((8000, 8080, 9000))) == 1010
    assert nanoseconds(times((8000, 8080, 9000), seeks=(800, 880, 1600))) == 900


@given(number=st.integers(0, 1000), cases=st.permutations(CASES))
def test_a_round_has_every_case_once_and_every_page_cache_once(number, cases) -> None:
    groups = list(round_order(cases, number))
    assert Counter(case for group in groups for case in group) == Counter(cases)
    assert len(groups) == 2
    assert all(len({case.fill for case in group}) == 1 for group in groups)


def test_rounds_differ_in_order_and_repeat_themselves() -> None:
    orders = [tuple(map(tuple, round_order(CASES, number))) for number in range(20)]
    assert len(set(orders)) > 15
    assert {groups[0][0].fill for groups in orders} == {4096, 1 << 20}
    assert orders[3] == tuple(map(tuple, round_order(CASES, 3)))


def test_the_figure_is_the_median_of_the_samples_in_order() -> None:
    record = Record(CASES[0], Batches(3, 8))
    for cost in (1000, 5000, 1100):  # too few for an interval
        record.add(times((8 * cost,) * 3, involuntary=2), PAGES)
    figure = make_figure(record, ["said of all"])
    assert figure.main.value == 1100
    assert figure.main.calls == [(1000, 1), (5000, 1), (1100, 1)]
    assert figure.main.interval is None
    assert (figure.written, figure.notes) == (0, ["said of all"])
    assert "6 context switches while calls were timed, 6 of them involuntary" in method_notes(
        [record])


def test_folios_that_change_and_folios_unknown_are_said() -> None:
    record = Record(CASES[0], Batches(3, 8))
    for folios in (PAGES, Folios({8: 10}, 8)):
        record.add(times((8000,) * 3), folios)
    figure = make_figure(record)
    assert figure.written == 8
    assert "not the same in every round" in figure.notes[0]
    record.add(times((8000,) * 3), Folios(None, None))
    figure = make_figure(record)
    assert (figure.folios, figure.written) == (None, None)
    assert "only root" in figure.notes[0]


@given(samples=st.lists(st.floats(1, 1e6), min_size=6, max_size=40))
def test_the_interval_holds_the_median_and_lies_within_the_samples(samples: list[float]) -> None:
    interval = median_interval(samples)
    assert interval is not None
    low, high = interval
    assert min(samples) <= low <= median(samples) <= high <= max(samples)
    assert median_interval(samples) == interval


@pytest.mark.slow
def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        interval = median_interval(made_samples(seed, 1000, number=20))
        assert interval is not None
        covered += interval[0] <= 1000 <= interval[1]
    assert 180 <= covered <= 199


def test_noise_widens_the_interval() -> None:
    def width(noise: float) -> float:
        interval = median_interval(made_samples(1, 1000, noise=noise))
        assert interval is not None
        return interval[1] - interval[0]

    assert width(0.2) > 3 * width(0.02)


def test_two_samples_give_no_interval() -> None:
    assert median_interval([1, 2]) is None


@pytest.mark.parametrize("rounds", [0, LEAST_ROUNDS - 1, 10_001])
def test_refuses_rounds_that_mean_nothing(rounds: int) -> None:
    with pytest.raises(UsageError, match=f"--rounds {rounds}"):
        Pace(rounds=rounds).check()


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_refuses_times_that_mean_nothing(seconds: float) -> None:
    with pytest.raises(UsageError, match=f"--seconds {seconds:g}"):
        Pace(seconds=seconds).check()
    Pace(seconds=0).check()
