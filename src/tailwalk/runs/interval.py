# SPDX-License-Identifier: GPL-2.0-or-later
"""How sure a timed figure is."""

from __future__ import annotations

from collections.abc import Sequence

RESAMPLES = 9_999
_SEED = 1024
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

    values = np.asarray(samples, dtype=np.float64)
    chosen = np.random.default_rng(_SEED).integers(len(values), size=(RESAMPLES, len(values)))
    with np.errstate(all="ignore"):
        low, high = np.quantile(np.median(values[chosen], axis=1), (0.025, 0.975))
    return (float(low), float(high)) if np.isfinite((low, high)).all() else None
