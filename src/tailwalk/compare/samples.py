# SPDX-License-Identifier: GPL-2.0-or-later
"""Statistics of timed figures: from the samples of two or three runs to intervals and a test.

Samples are medians of batches of calls, spread over rounds, so that they can be taken as
independent; single calls of an exact rig never come here. Every resampling starts from the same
seed: equal runs give equal comparisons.

Where a statistic is not defined, libraries give NaN or infinity, some in one version and some in
another. None leaves this module: each call says what stands in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING, Any

from tailwalk.errors import ToolError
from tailwalk.runs import Amount
from tailwalk.runs.interval import SEED, bootstrap_interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float64]

SIGNIFICANCE = 0.05
"""A Mann-Whitney p-value below this counts as a difference; intervals are 95% to match."""

SESSIONS = Fraction(3, 2)
"""What separate sessions on one kernel may differ by: six sessions of `tailwalk host` on a shared
virtual machine (kernel 6.18) differed by up to 1.36, each with narrow intervals of its own."""

_FEWEST = 5
_BATCH = 512  # resamples held in memory at a time


def samples_of(amount: Amount) -> Samples:
    """The samples in order of time."""
    import numpy as np

    return np.array(amount.each(), dtype=np.float64)


def can_be_tested(baseline: Samples, other: Samples, *, tests: int = 1) -> bool:
    """Could one of so many tests find any difference at all between samples of these numbers, and
    have they a ratio (none is 0 or less)?

    The smallest two-sided p-value of a Mann-Whitney test is 2 over the number of ways in which
    the samples can be split: with three a side it is 0.1, with one a side it is 1. Besides, a few
    samples, resampled, have hardly any spread, which would pass for precision.
    """
    if min(len(baseline), len(other)) < _FEWEST or min(baseline.min(), other.min()) <= 0:
        return False
    return 2 * tests / comb(len(baseline) + len(other), len(other)) < SIGNIFICANCE


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of tests that are looked at together, corrected after Holm (1979): with so
    many equal pairs, any is called different with probability `SIGNIFICANCE` at most.

    Raises ValueError for what is no probability: NaN has no rank among the others, and one would
    decide them all.
    """
    for p_value in p_values:
        if not 0 <= p_value <= 1:
            raise ValueError(f"{p_value} is no p-value")
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def ratio_interval(baseline: Samples, other: Samples) -> tuple[float, float] | None:
    """95% percentile bootstrap interval of the ratio of the medians, other over baseline.

    None where the samples are so far apart that some ratio of theirs is no finite number.
    """
    import numpy as np

    def ratio(below: Samples, above: Samples, *, axis: int = -1) -> Any:
        return np.median(above, axis=axis) / np.median(below, axis=axis)

    return bootstrap_interval((baseline, other), ratio, random=SEED, batch=_BATCH)


def recovery_interval(baseline: Samples, bad: Samples,
                      fixed: Samples) -> tuple[float, float] | None:
    """95% percentile bootstrap interval of (bad - fixed) / (bad - baseline), by medians.

    None where the regression is so near the noise that it vanishes in some resamples.
    """
    import numpy as np

    def recovery(low: Samples, high: Samples, back: Samples, *, axis: int = -1) -> Any:
        worse = np.median(high, axis=axis)
        return (worse - np.median(back, axis=axis)) / (worse - np.median(low, axis=axis))

    return bootstrap_interval((baseline, bad, fixed), recovery, random=SEED, batch=_BATCH)


def mann_whitney(baseline: Samples, other: Samples) -> tuple[float, float]:
    """The two-sided p-value of the Mann-Whitney U test, and the share of pairs in which `other`
    is the larger (ties half).

    Samples that are all tied are as alike as can be. The test's variance is 0 there: SciPy gives 1
    before 1.18 and NaN from then on.
    """
    import scipy

    if min(baseline.min(), other.min()) == max(baseline.max(), other.max()):
        return 1.0, 0.5
    found = scipy.stats.mannwhitneyu(other, baseline, alternative="two-sided")
    p_value = float(found.pvalue)
    if not 0 <= p_value <= 1:
        raise ToolError(
            f"SciPy {scipy.__version__} gives {p_value} as the p-value of a Mann-Whitney test of "
            f"{len(baseline)} and {len(other)} samples: no verdict can rest on it. Install "
            "Tailwalk with the versions of its requirements.")
    return p_value, float(found.statistic) / (len(other) * len(baseline))
