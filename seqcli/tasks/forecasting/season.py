"""The season of a set of series: which number of steps they repeat after, if any.

The calendar proposes candidates (24 and 168 for hours, 12 for months); autocorrelation on the
training rows decides. It is measured on first differences, which removes trends and the slow
wandering of prices, so that a random walk has no season.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_SEASONS = 3
"""A season must fit this often into the training rows before it is believed."""
LEAST_CORRELATION = 0.2
LEAST_CORRELATION_UNKNOWN = 0.4
"""Where no calendar proposes the season, chance has many lags to pick from."""
LONGEST_UNKNOWN = 400


def autocorrelation(values: NDArray[Any], most: int) -> Array:
    """Autocorrelation (most + 1,) of the first differences of ``values`` (T,) at lags 0..most.

    Each lag's mean product is over its own pairs, so that long lags are not seen too small.
    Differences to or from a missing value count as none. A constant series has 0 at every lag.
    """
    steps = np.diff(np.asarray(values, dtype=np.float64))
    known = ~np.isnan(steps)
    top = float(np.abs(steps[known]).max(initial=0.0)) or 1.0
    steps = np.where(known, steps / top, 0.0)
    steps = np.where(known, steps - steps.sum() / max(int(known.sum()), 1), 0.0)
    size = 1 << int(np.ceil(np.log2(max(len(steps) + most + 1, 2))))
    spectrum = np.fft.rfft(steps, size)
    products = np.fft.irfft(spectrum * np.conj(spectrum), size)[: most + 1]
    power = float(steps @ steps)
    # Below this a "difference" is what rounding left of a straight line.
    if power <= 1e-18 * len(steps):
        return np.zeros(most + 1)
    pairs = np.maximum(len(steps) - np.arange(most + 1), 1)
    correlations: Array = products / power * (len(steps) / pairs)
    return correlations


def find_season(series: Sequence[NDArray[Any]], candidates: Sequence[int]) -> int | None:
    """The season that the training rows of ``series`` (each (T,)) confirm, or None.

    Of the calendar's ``candidates`` the shortest whose correlation comes within a tenth of the best
    is taken; without candidates every lag is looked at, and a clear peak is asked for. A lag is
    confirmed when it stands above chance: r_m > 2.326·√((1 + 2·Σ_{i<m} r_i²) / n), the test of the M4
    competition's Naive 2 method at 1 %, and above a floor.
    """
    longest = max((len(values) for values in series), default=0)
    most = longest // LEAST_SEASONS
    if not candidates:
        most = min(most, LONGEST_UNKNOWN)
    lags = [lag for lag in (candidates or range(3, most)) if 2 <= lag <= most]
    if not lags:
        return None
    reach = min(max(lags) + 1, longest - 2)
    correlations, weight = np.zeros(reach + 1), 0
    for values in series:
        if len(values) >= LEAST_SEASONS * min(lags):
            own = np.zeros(reach + 1)
            upto = min(reach, len(values) // LEAST_SEASONS + 1)
            own[: upto + 1] = autocorrelation(values, upto)
            correlations += own * len(values)
            weight += len(values)
    if not weight:
        return None
    correlations /= weight
    floor = LEAST_CORRELATION if candidates else LEAST_CORRELATION_UNKNOWN
    noise = 2.326 * np.sqrt(
        (1 + 2 * np.concatenate([[0.0, 0.0], np.cumsum(correlations[1:-1] ** 2)])) / weight
    )
    confirmed = [
        lag
        for lag in lags
        if correlations[lag] > max(float(noise[lag]), floor)
        and correlations[lag] >= correlations[lag - 1]
        and (lag + 1 > reach or correlations[lag] >= correlations[lag + 1])
    ]
    if not confirmed:
        return None
    best = max(float(correlations[lag]) for lag in confirmed)
    return min(lag for lag in confirmed if correlations[lag] >= 0.9 * best)
