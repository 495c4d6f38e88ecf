# SPDX-License-Identifier: GPL-2.0-or-later
"""How much of one metric a case took: the figure, the calls that it follows from, and how sure a
timed one is."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from statistics import median
from typing import Annotated, Any

import msgspec

from tailwalk.bounds import EXACT, MANY, Count, Share, Text, Times, Value
from tailwalk.runs.metrics import Metric

_LEAST, _MOST = 1e-9, 1e18
_STEADY_SHARE = 0.5
RESAMPLES = 9_999
SEED = 1024
_FEWEST_SAMPLES = 6
_MOST_CALLS = 10_000_000

FEWEST_CALLS = 10
"""A count of fewer is judged by nothing: of a cold call and a warm one, either may be it."""


class Amount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of a metric one call of a case takes.

    Attributes:
        value: the figure: the mode of what each call took, or the median of samples.
        unit: of the figure, the interval and the calls.
        user: instructions of `value` executed in user mode, where they are counted, else None.
        share: share of the calls that took exactly `value`, where it is the mode, else None.
        steady: False where the figure must not be relied on (a mode of half of the calls or
            fewer, or of fewer calls than ten). Ask `reliable`: an older version said True of one.
        interval: 95% confidence interval of the median of samples, None for too few; of calls
            that vary what the middle 90% of them took; None for a mode.
        calls: the measured calls or samples in order of time, run-length encoded: [value,
            repetitions] pairs.
    """

    value: Value
    unit: Text
    user: Count | None = None
    share: Share | None = None
    steady: bool = True
    interval: tuple[float, float] | None = None
    calls: Annotated[list[tuple[Value, Times]], MANY] = []

    @property
    def usable(self) -> bool:
        """Is the value what a call can cost? Ratios and fits of such figures are finite numbers;
        a timed figure can come out at 0 or below."""
        return _LEAST <= self.value <= _MOST

    @property
    def whole(self) -> int | float:
        """The value, as an integer where it is one that every reader of JSON takes for it."""
        exact = abs(self.value) <= EXACT and float(self.value).is_integer()
        return int(self.value) if exact else self.value

    @property
    def number(self) -> int:
        """How many calls or samples it rests on."""
        return sum(repetitions for _, repetitions in self.calls)

    @property
    def few(self) -> bool:
        """Does it rest on too few calls to be judged? Of samples a test says that."""
        return 0 < self.number < FEWEST_CALLS and (self.share is not None or not self.steady)

    @property
    def reliable(self) -> bool:
        """May it be relied on?"""
        return self.steady and not self.few

    @property
    def sound(self) -> bool:
        """May it be judged, and be something else's measure?"""
        return self.reliable and self.usable

    def varies_as(self, metric: Metric) -> bool:
        """Is the value the median of calls that are counted exactly, and are not alike: did the
        middle 90% of them take one thing and another?"""
        return (metric.centre == "mode" and self.interval is not None
                and self.interval[0] < self.interval[1])

    def each(self) -> list[int | float]:
        """What each call or sample took, in order of time."""
        return [value for value, repetitions in self.calls for _ in range(repetitions)]


def amount_of(metric: Metric, calls: Iterable[int | float], *, user: int | None = None,
              varies: bool = False) -> Amount:
    """The amount that follows from what calls or samples took, of which there is at least one.

    Of several modes it is the largest, and unsteady. Of exact counts that may vary it is the
    median, the lower of two, unless most calls agree.
    """
    found = list(calls)
    packed = [(value, len(list(same))) for value, same in groupby(found)]
    if metric.centre == "median":
        return Amount(value=median(found), unit=metric.unit, user=user,
                      interval=median_interval(found), calls=packed)
    low, middle, high = _middle(Counter(found))
    if varies and found.count(middle) / len(found) <= _STEADY_SHARE:
        return Amount(value=middle, unit=metric.unit, user=user, calls=packed,
                      steady=len(found) >= FEWEST_CALLS, interval=(float(low), float(high)))
    value, times = max(Counter(found).items(), key=lambda item: (item[1], item[0]))
    share = times / len(found)
    return Amount(value=value, unit=metric.unit, user=user, share=share,
                  steady=share > _STEADY_SHARE and len(found) >= FEWEST_CALLS, calls=packed)


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
    return next(_contradictions(metric, amount, case), None)


def _contradictions(metric: Metric, amount: Amount, case: str) -> Iterator[str]:
    """Each rests on there being none before it."""
    if amount.unit != metric.unit:
        yield f"{metric.name} of {case} are in {amount.unit}, and not in {metric.unit}"
    if not 0 < amount.number <= _MOST_CALLS:
        yield f"{case} rests on {amount.number:,} calls"
    counts: Counter[int | float] = Counter()
    for value, repetitions in amount.calls:
        counts[value] += repetitions
    said = f"it says {amount.value:g} of {case}, and"
    least, most = amount.interval or (0.0, 0.0)
    if metric.centre == "median":
        found = _median(counts)
        slack = 1e-9 * abs(found)
        if abs(amount.value - found) > slack:
            yield f"{said} the median of its samples is {found:g}"
        if amount.interval and not least - slack <= found <= most + slack:
            yield f"{said} its interval is from {least:g} to {most:g}"
    elif amount.interval is not None:
        low, found, high = _middle(counts)
        if (amount.value, least, most) != (found, low, high):
            yield (f"{said} the median of its calls, of which the middle 90% had {low:g} to "
                   f"{high:g}, is {found:g}")
        if amount.steady and amount.number < FEWEST_CALLS:
            yield f"{case} is called steady, and rests on {amount.number} calls"
    else:
        [(found, times)] = counts.most_common(1)
        share = times / amount.number
        if counts[amount.value] != times:
            yield f"{said} most of its calls had {found:g}"
        if amount.share is None or not math.isclose(amount.share, share, rel_tol=1e-9):
            yield f"{said} that {amount.share} of the calls had it, which {share} had"
        if amount.steady and share <= _STEADY_SHARE:
            yield f"{case} is called steady, and {share:.0%} of the calls had the figure"
    if amount.share is not None and (metric.centre == "median" or amount.interval is not None):
        yield f"{said} a share of calls that had it, though it is a median"
    if metric.centre == "mode":
        if any(value < 0 or value != int(value) for value in counts):
            yield f"a call of {case} had {min(counts):g}, and another {max(counts):g}: no counts"
        if amount.user is not None and amount.user > amount.value:
            yield f"{said} {amount.user} in user mode"


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
    if len(samples) < _FEWEST_SAMPLES:
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
