"""A network whose state is carried over all steps of a series: what is read when, and what is learnt from.

The state begins at zero with the first row of a series, goes through every step of the grid once, and is
never begun anew. So the forecast after a row takes one step of the network, whatever came before it, and it
is the same whether rows come one at a time or in a file. That holds where a step is read the same for ever:
holes are filled by a rule that later rows do not change (:func:`longest_gap`), a series that training has not
seen is scaled by its first window, and nothing is interpolated.

In training rows of a batch read on from where they stopped, some hundred steps at a time, which is as far as
gradients go back (Williams and Peng 1990); of every such stretch some steps are asked for their forecast.
Validation and test are read as a finished model reads: from the start of each series on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seqcli.errors import UsageError
from seqcli.options import Options
from seqcli.preprocessing.calendar import Calendar
from seqcli.sequences import LENGTHS, TARGET, Batch, IntArray
from seqcli.tasks.forecasting.windows import AHEAD, VALUES, WEIGHT, ForecastWindows

ASKED, FRESH = "asked", "fresh"
"""Fields of a stretch: after how many of its steps a forecast is asked for, and which rows begin anew."""
MOST_ASKED = 8
"""Steps of a stretch that are asked for a forecast."""
LONGEST_STRETCH = 128
LEAST_STRETCHES = 8
"""Stretches that a row of a batch reads on over, where there are so many: so long is a state carried."""
MOST_ROWS = 32
FEWEST_STEPS, MOST_STEPS, WORK = 200, 1200, 800_000
"""Optimiser steps, and the rows × steps of the recurrence that they are held to in between."""
READ_AT_ONCE = 1 << 16
"""Rows × steps of one call."""
SERIES_AT_ONCE = 256


def check_stateful(options: Options) -> None:
    """Raise UsageError for what cannot go together with --stateful."""
    network, forecast = options.network, options.forecast
    if not forecast.stateful:
        if options.training.bptt is not None:
            raise UsageError("--bptt means nothing to the task forecast without --stateful", "leave it out")
        return
    said, hint = "", "leave out --stateful, or "
    if forecast.decoder == "parallel":
        said, hint = "--decoder parallel reads segments", hint + "take --decoder direct or recursive"
    elif forecast.segment not in (None, 1):
        said, hint = f"--segment {forecast.segment} reads several rows at a time", hint + "--segment"
    elif network.bidirectional:
        said, hint = "--bidirectional reads from the end, which moves", hint + "--bidirectional"
    elif network.pool not in (None, "last"):
        said, hint = f"--pool {network.pool} takes all rows, and only the last state is kept", hint + "--pool"
    elif forecast.normalization == "instance":
        said, hint = "--normalization instance sees a row from its window", hint + "--normalization"
    elif options.reading.missing == "interpolate":
        said, hint = "--missing interpolate fills a gap by the row behind it", hint + "--missing"
    if said:
        raise UsageError(f"--stateful answers each row from the state of the row before: {said}", hint)


def longest_gap(calendar: Calendar, window: int) -> int:
    """Steps of the longest hole that is filled with missing values; a longer one is a break in the rows."""
    return max(window, calendar.least_break)


@dataclass(frozen=True)
class Piece:
    """Steps that some series are read on by, all of them equally many."""

    series: IntArray
    """(B,) their numbers."""
    positions: IntArray
    """(B, T)"""
    rows: IntArray | None
    """(B,) the windows that end with it; None where it goes on."""


def pieces(examples: ForecastWindows, read: IntArray) -> Iterator[Piece]:
    """What is read ahead of the origin of every window, in an order in which states can be carried.

    ``read`` (S,) is how far each series has been read, in positions of the panel: from there it goes on.
    """
    if not len(examples):
        return
    origins, series = examples.origins, examples.series
    order = np.lexsort((origins, series))
    whose, ends = series[order], origins[order]
    first = np.flatnonzero(np.diff(whose, prepend=-1))
    turn = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    begins = np.append(0, ends[:-1])
    begins[first] = read[whose[first]]
    for at in np.split(np.argsort(turn, kind="stable"), np.cumsum(np.bincount(turn))[:-1]):
        steps = ends[at] - begins[at]
        for length in np.unique(steps).tolist():
            same = at[steps == length]
            for start in range(0, len(same), SERIES_AT_ONCE):
                some = same[start : start + SERIES_AT_ONCE]
                yield from _cut(whose[some], begins[some], length, order[some])


def _cut(series: IntArray, begins: IntArray, length: int, rows: IntArray) -> Iterator[Piece]:
    """``length`` steps of some series from ``begins`` (B,) on, in pieces that memory holds."""
    most = max(READ_AT_ONCE // len(series), 1)
    for start in range(0, length, most):
        stop = min(start + most, length)
        positions = begins[:, None] + np.arange(start, stop)
        yield Piece(series, positions, rows if stop == length else None)


def reading(examples: ForecastWindows, positions: IntArray) -> Batch:
    """The fields of a network that reads on at ``positions`` (B, T) and answers after the last of them."""
    values = np.ascontiguousarray(examples.steps(positions))
    return {VALUES: values, **known_ahead(examples, positions[:, -1] + 1)}


def known_ahead(examples: ForecastWindows, origins: IntArray) -> Batch:
    """What is known of the steps from ``origins`` (B,) on: "ahead" (B, ...) where there is anything."""
    steps = origins[:, None] + np.arange(examples.frame.horizon)
    raw = {name: field[steps] for name, field in examples.windows.future.items() if name != TARGET}
    ahead = examples.told(raw, examples.panel.series_of(origins - 1))
    return {AHEAD: np.ascontiguousarray(ahead)} if ahead.shape[-1] else {}


# ---- training --------------------------------------------------------------------------------


def carried_training(train: ForecastWindows, options: Options) -> dict[str, Any]:
    """Rows of a batch, steps of a stretch, length, learning rate, patience and hidden size, by counts."""
    windows = max(len(train), 1)
    stretch = options.training.bptt or min(train.frame.window, LONGEST_STRETCH)
    rows = options.training.batch_size or int(np.clip(windows // stretch // LEAST_STRETCHES, 1, MOST_ROWS))
    steps = min(max(WORK / (rows * stretch), FEWEST_STEPS), MOST_STEPS)
    a_pass = steps_of_a_pass(windows, rows, stretch)
    epochs = int(np.clip(round(steps / a_pass), 1, 100))
    chosen: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": rows,
        "bptt": stretch,
        "learning_rate": 5e-3 if windows <= 4096 else 3e-3,
        "patience": max(epochs // 4, 3),
        "hidden_size": 32 if windows <= 4096 else 64,
    }
    if a_pass > steps:  # of many windows not all are asked for
        chosen["steps"] = int(steps)
    return chosen


def steps_of_a_pass(windows: int, rows: int, stretch: int) -> int:
    """Batches of ``rows`` stretches in which as many forecasts are asked for as there are windows."""
    return max(math.ceil(windows / (rows * min(MOST_ASKED, stretch))), 1)


class Lanes:
    """The training steps of all series in stretches, which the rows of a batch share out among them.

    Each row reads its share from the first stretch to the last, then all begin a new round, in which
    stretches begin a little earlier or later. What is read at a step follows from the seed and the step.
    """

    def __init__(self, examples: ForecastWindows, rows: int, stretch: int, seed: int) -> None:
        self._examples, self._seed, self._rows = examples, seed, rows
        series = np.unique(examples.series)
        ends = np.zeros(len(examples.panel.names), dtype=np.int64)
        np.maximum.at(ends, examples.series, examples.origins)
        self._first = examples.panel.offsets[series]
        sizes = ends[series] - self._first
        self._stretch = int(min(stretch, sizes.min()))  # the shortest series is learnt from too
        self._slack = np.minimum(sizes - self._stretch, self._stretch - 1)
        """(S,) steps by which the first stretch of a series may begin later."""
        self._counts = (sizes - self._slack) // self._stretch
        self._steps = max(math.ceil(int(self._counts.sum()) / rows), 1)
        self._round, self._begins = -1, np.zeros(0, dtype=np.int64)

    def batch(self, step: int) -> Batch:
        """The stretch of every row at ``step``: values (B, T, F), what is asked (B, Q, ...), fresh (B,)."""
        now, place = divmod(step, self._steps)
        if now != self._round:
            self._round, self._begins = now, self._drawn(now)
        at = (np.arange(self._rows) * self._steps + place) % len(self._begins)
        begins = self._begins[at]
        follows = (at > 0) & (begins == self._begins[at - 1] + self._stretch) & (place > 0)
        return {**stretch_batch(self._examples, begins, self._stretch), FRESH: ~follows}

    def _drawn(self, now: int) -> IntArray:
        """Where the stretches of a round begin, (C,), series by series in an order of its own."""
        rng = np.random.default_rng([self._seed, now])
        late = rng.integers(0, self._slack + 1)
        order = rng.permutation(len(self._first))
        each = [
            self._first[row] + late[row] + self._stretch * np.arange(self._counts[row])
            for row in order.tolist()
        ]
        return np.concatenate(each).astype(np.int64)


def stretch_batch(examples: ForecastWindows, begins: IntArray, stretch: int) -> Batch:
    """Stretches from ``begins`` (B,) on, of which Q steps are asked for a forecast.

    Where less than a window lies ahead of such a step, nothing is asked.
    """
    asks = min(MOST_ASKED, stretch)
    ends = np.array([math.ceil(stretch * (ask + 1) / asks) for ask in range(asks)], dtype=np.int64)
    window, count = examples.frame.window, len(begins)
    positions = begins[:, None] + np.arange(stretch)
    starts = begins[:, None] + ends - window  # (B, Q)
    known = starts >= examples.panel.offsets[examples.panel.series_of(begins)][:, None]
    windows = replace(examples.windows, starts=np.where(known, starts, begins[:, None]).ravel())
    asked = replace(examples, windows=windows).asked(np.arange(count * asks))
    out: Batch = {name: field.reshape(count, asks, *field.shape[1:]) for name, field in asked.items()}
    out[TARGET] = np.where(known[:, :, None, None], out[TARGET], np.float32(np.nan))
    if WEIGHT in out:
        out[WEIGHT] = out[WEIGHT][:, 0]
    out[VALUES] = np.ascontiguousarray(examples.steps(positions))
    out[LENGTHS] = np.full(count, stretch, dtype=np.int64)
    out[ASKED] = ends
    return out
