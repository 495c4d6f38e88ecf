# SPDX-License-Identifier: GPL-2.0-or-later
"""How much of one metric a case took: the figure, the calls that it follows from, and how sure a
timed one is."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, groupby
from statistics import median
from typing import Any

import msgspec

from tailwalk.runs.metrics import Metric

_LEAST, _MOST = 1e-9, 1e18
_STEADY_SHARE = 0.5
RESAMPLES = 9_999
SEED = 1024
_FEWEST = 6


class Amount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of a metric one call of a case takes.

    Attributes:
        value: the figure: the mode of what each call took, or the median of samples.
        unit: of the figure, the interval and the calls.
        user: instructions of `value` executed in user mode, where they are counted, else None.
        share: share of the calls that took exactly `value`, where it is the mode, else None.
        steady: False where the figure must not be relied on (a mode of half of the calls or
            fewer).
        interval: 95% confidence interval of the median of samples, None for too few; of calls
            that vary what the middle 90% of them took; None for a mode.
        calls: the measured calls or samples in order of time, run-length encoded: [value,
            repetitions] pairs.
    """

    value: int | float
    unit: str
    user: int | None = None
    share: float | None = None
    steady: bool = True
    interval: tuple[float, float] | None = None
    calls: list[tuple[int | float, int]] = []

    @property
    def usable(self) -> bool:
        """Is the value what a call can cost? Ratios and fits of such figures are finite numbers;
        a timed figure can come out at 0 or below."""
        return _LEAST <= self.value <= _MOST

    @property
    def whole(self) -> int | float:
        """The value, as an integer where it is one."""
        return int(self.value) if float(self.value).is_integer() else self.value

    @property
    def number(self) -> int:
        """How many calls or samples it rests on."""
        return sum(repetitions for _, repetitions in self.calls)

    def varies_as(self, metric: Metric) -> bool:
        """Is the value the median of calls that are counted exactly, and are not alike?"""
        return metric.centre == "mode" and self.interval is not None

    def each(self) -> list[int | float]:
        """What each call or sample took, in order of time."""
        return [value for value, repetitions in self.calls for _ in range(repetitions)]


def amount_of(metric: Metric, calls: Iterable[int | float], *, user: int | None = None,
              varies: bool = False) -> Amount:
    """The amount that follows from what calls or samples took, of which there is at least one.

    Of several modes it is the largest, and unsteady. Of exact counts that vary it is the median,
    the lower of two.
    """
    found = list(calls)
    packed = [(value, len(list(same))) for value, same in groupby(found)]
    if metric.centre == "median":
        return Amount(value=median(found), unit=metric.unit, user=user,
                      interval=median_interval(found), calls=packed)
    if varies:
        low, middle, high = _middle(Counter(found))
        return Amount(value=middle, unit=metric.unit, user=user, calls=packed,
                      interval=(float(low), float(high)))
    value, times = max(Counter(found).items(), key=lambda item: (item[1], item[0]))
    share = times / len(found)
    return Amount(value=value, unit=metric.unit, user=user, share=share,
                  steady=share > _STEADY_SHARE, calls=packed)


def _middle(counts: Mapping[int | float, int]) -> tuple[int | float, ...]:
    """The ends and the centre of the middle 90%, each what some call took."""
    values = sorted(counts)
    ends = list(accumulate(counts[value] for value in values))
    last = ends[-1] - 1
    return tuple(values[bisect_right(ends, at)]
                 for at in (last // 20, last // 2, last - last // 20))


def contradiction(metric: Metric, amount: Amount, case: str) -> str | None:
    """What an amount of a case that was read contradicts itself in, as a clause; None where it
    does not: a run that was imported is used in place of a measurement, so that its figures have
    to follow from their calls."""
    if amount.unit != metric.unit:
        return f"{metric.name} of {case} are in {amount.unit}, and not in {metric.unit}"
    counts: Counter[int | float] = Counter()
    for value, repetitions in amount.calls:
        if repetitions < 1:
            return f"{repetitions} calls of {case} had {value:g}"
        counts[value] += repetitions
    if not counts:
        return None
    if amount.varies_as(metric):
        low, found, high = _middle(counts)
        what = f"the median of its calls, of which the middle 90% had {low:g} to {high:g}, is"
        right = (amount.value, amount.interval) == (found, (low, high))
    elif metric.centre == "mode":
        right, what = counts[amount.value] == max(counts.values()), "most of its calls had"
        found = counts.most_common(1)[0][0]
    else:
        found, what = _median(counts), "the median of its samples is"
        right = math.isclose(amount.value, found, rel_tol=1e-9)
    return None if right else f"it says {amount.value:g} of {case}, and {what} {found:g}"


def _median(counts: Mapping[int | float, int]) -> float:
    values = sorted(counts)
    ends = list(accumulate(counts[value] for value in values))
    middle = [values[bisect_right(ends, at)] for at in ((ends[-1] - 1) // 2, ends[-1] // 2)]
    return sum(middle) / 2


def median_interval(samples: Sequence[float]) -> tuple[float, float] | None:
    """95% percentile bootstrap interval of the median; None for fewer than six samples, of which
    not even the least and the largest hold the median between them so often, or where the samples
    are too large to reckon with.

    Resampling starts from the same seed every time: equal samples give an equal interval.
    """
    if len(samples) < _FEWEST:
        return None
    import numpy as np

    return bootstrap_interval((np.asarray(samples, dtype=np.float64),), np.median,
                              random=np.random.default_rng(SEED))


def bootstrap_interval(samples: Sequence[Any], statistic: Any, *, random: Any,
                       batch: int | None = None) -> tuple[float, float] | None:
    """95% percentile bootstrap interval of a statistic; None where an end of it is no finite
    number. `batch` is how many resamples are held in memory at a time (None: all)."""
    import numpy as np
    from scipy.stats import bootstrap

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they warn of is told by the result
        found = bootstrap(samples, statistic, vectorized=True, method="percentile",
                          n_resamples=RESAMPLES, batch=batch, random_state=random)
        # Its own interval is of 0.95 as floating point has it, and may end outside the samples.
        low, high = np.quantile(found.bootstrap_distribution, (0.025, 0.975))
    return (float(low), float(high)) if np.isfinite((low, high)).all() else None
