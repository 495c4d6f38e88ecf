# SPDX-License-Identifier: GPL-2.0-or-later
"""How sure a timed figure is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

RESAMPLES = 9_999
SEED = 1024
_FEWEST = 6


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
