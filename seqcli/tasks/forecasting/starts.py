"""Which windows belong to a part of the rows."""

from __future__ import annotations

import numpy as np

from seqcli.sequences import IntArray
from seqcli.tasks.forecasting.panel import Panel

AT_ONCE = 1 << 20
"""Windows whose place is looked at together."""


def part_starts(panel: Panel, part: IntArray, window: int, horizon: int, stride: int = 1) -> IntArray:
    """Starts (N,) of the windows asked for at least one step in ``part``, positions (P,) in the panel.

    The horizon may begin before the part and end after it: those steps are left unscored. So each
    step of the part is forecast once by every number of steps ahead.
    """
    inside = np.zeros(panel.total, dtype=bool)
    inside[part] = True
    covered = np.zeros(panel.total + 1, dtype=np.int64)
    np.cumsum(inside, out=covered[1:])
    latest_first = np.minimum(panel.lengths + panel.room - horizon + 1, panel.lengths)
    starts = panel.spans(0 * panel.lengths, latest_first - window)
    fits = np.zeros(len(starts), dtype=bool)
    for begin in range(0, len(starts), AT_ONCE):
        first = starts[begin : begin + AT_ONCE] + window
        fits[begin : begin + AT_ONCE] = covered[first + horizon] > covered[first]
    starts = starts[fits]
    if stride > 1:
        latest = np.zeros(len(panel.lengths), dtype=np.int64)
        np.maximum.at(latest, panel.series_of(starts), starts)
        starts = starts[(latest[panel.series_of(starts)] - starts) % stride == 0]
    return starts
