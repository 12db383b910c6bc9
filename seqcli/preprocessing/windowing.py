"""Where windows start in series laid end to end, so that no part sees another's targets.

A window reads ``window`` past steps and is asked for the ``horizon`` steps after them. It belongs
to a part (training, validation, test) when all of its horizon lies in the part: its past may reach
back into an earlier part, its targets never reach into a later one.

    train        |validation |test
    ppppphh      |           |          the last training window ends where training ends
            ppppp|hh         |          a validation window may read the training past
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seqcli.sequences import AnyArray, IntArray, Windows


def window_starts(
    lengths: IntArray, window: int, horizon: int, *, targets: IntArray | None = None, stride: int = 1
) -> IntArray:
    """First steps (N,) of the windows of a part, ascending.

    ``lengths`` (S,) are the steps of each series, laid end to end; ``targets`` are the positions of
    the part's steps in that line (None: all). A window and its horizon lie in one series, and every
    step of the horizon is in ``targets``. With ``stride`` k each series keeps every k-th start,
    counted back from its latest one, so that the newest window is always there.
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    total = int(lengths.sum())
    ends = np.cumsum(lengths)
    inside = np.ones(total, dtype=bool)
    if targets is not None:
        inside[:] = False
        inside[targets] = True
    covered = np.concatenate([[0], np.cumsum(inside)])
    starts = np.arange(max(total - window - horizon + 1, 0), dtype=np.int64)
    series = np.searchsorted(ends, starts, side="right")
    fits = starts + window + horizon <= ends[series] if len(ends) else np.zeros(0, dtype=bool)
    first = starts + window
    fits &= covered[first + horizon] - covered[first] == horizon
    starts, series = starts[fits], series[fits]
    if stride > 1 and len(starts):
        latest = np.zeros(len(ends), dtype=np.int64)
        np.maximum.at(latest, series, starts)
        starts = starts[(latest[series] - starts) % stride == 0]
    return np.asarray(starts, dtype=np.int64)


def panel_windows(
    past: Mapping[str, AnyArray], future: Mapping[str, AnyArray], starts: IntArray, window: int, horizon: int
) -> Windows:
    """The windows at ``starts`` (N,). ``past`` and ``future`` name fields (total steps, F).

    Raises ValueError when a field is too short for a window, rather than when a batch is gathered.
    """
    for fields, reach in ((past, window), (future, window + horizon)):
        for name, values in fields.items():
            if len(starts) and int(starts.max()) + reach > len(values):
                raise ValueError(f"field {name} has {len(values)} steps, a window needs more")
    return Windows(past, future, starts, window, horizon)


def evenly(starts: IntArray, most: int) -> IntArray:
    """At most ``most`` of ``starts`` (N,), evenly spread over them."""
    if len(starts) <= most:
        return starts
    return np.asarray(starts[np.linspace(0, len(starts) - 1, most).astype(np.int64)])
