"""Summer time in stamps without a zone, and another frequency in mid-file.

Where clocks are set back in autumn one hour of local time comes twice, and where they are set forward in
spring one is not there. Both happen at night, from Saturday to Sunday, once a year.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqcli.preprocessing.frequency import DAY, HOUR
from seqcli.sequences import IntArray

_LEAST_ROWS = 8
"""Rows on each side of a change, at the least."""
_LEAST_RATIO = 1.9
_MOST_STRAY = 0.25
"""Distances that may be more like those of the other side: weekends, single gaps."""


def clocks_turned(times: IntArray) -> IntArray:
    """Those of some ``times`` (N,), microseconds since 1970, that lie in hours in which clocks are set.

    An hour counts when no more than two of one year are among the ``times``.
    """
    if not len(times):
        return times
    weekday, clock = (times // DAY + 3) % 7, times % DAY
    times = times[((weekday == 6) & (clock < 4 * HOUR)) | ((weekday == 5) & (clock >= 23 * HOUR))]
    hours = np.unique(times // HOUR)
    years = (hours * HOUR).astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64)
    several = np.isin(
        years, np.flatnonzero(np.bincount(years - years.min(initial=0)) > 2) + years.min(initial=0)
    )
    return np.asarray(times[np.isin(times // HOUR, hours[~several])], dtype=np.int64)


@dataclass(frozen=True)
class Change:
    """A series whose rows are ``before`` apart up to the time ``last``, and ``after`` apart behind it."""

    last: int
    before: int
    after: int


def frequency_change(series: Sequence[IntArray]) -> Change | None:
    """The first change of frequency in ``series``, each (T,) of ascending times in microseconds.

    Looked at is one change a series: the moment that parts its distances best into two kinds, when their
    medians differ by a factor of about two and all but a quarter lie nearer to the median of their side.
    """
    found = [change for times in series if (change := _change(times)) is not None]
    return min(found, key=lambda change: change.last) if found else None


def _change(times: IntArray) -> Change | None:
    """The change of one series (T,), if there is one."""
    if len(times) < 2 * _LEAST_ROWS + 1:
        return None
    distances = np.log(np.diff(times).astype(np.float64))
    edge = max(len(distances) // 10, _LEAST_ROWS)
    first, last = float(np.median(distances[:edge])), float(np.median(distances[-edge:]))
    if abs(first - last) < np.log(_LEAST_RATIO):
        return None
    like_last = np.abs(distances - last) < np.abs(distances - first)
    # Strays of a change behind the k-th distance: those before it like the last ones, and those after it not.
    early = np.cumsum(like_last)
    late = np.cumsum(~like_last[::-1])[::-1]
    strays = early[:-1] + late[1:]  # (T - 2,)
    at = int(np.argmin(strays))
    sides = distances[: at + 1], distances[at + 1 :]
    if min(map(len, sides)) < _LEAST_ROWS or strays[at] > _MOST_STRAY * len(distances):
        return None
    before, after = (float(np.exp(np.median(side))) for side in sides)
    if not 1 / _LEAST_RATIO < before / after < _LEAST_RATIO:
        return Change(int(times[at + 1]), round(before), round(after))
    return None
