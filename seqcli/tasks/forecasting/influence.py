"""What a forecast is sensitive to: the inputs of a window one by one, moved a little up and down.

An input is a column at some lags: lag 1 is the last row, lag 0 the first step to be forecast, lag −1 the one
after it. All members answer for the moved window, so what comes out is the derivative of the whole forecast,
the last value that everything is relative to included. Members that need no network are linear, for which
central differences are exact; a network is smooth, and :data:`STEP` lies where rounding (float32) and
curvature are both far below a hundredth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import TARGET, AnyArray, FloatArray, IntArray, Windows
from seqcli.tasks.forecasting.rows import panel_columns
from seqcli.tasks.forecasting.windows import AHEAD, VALUES, ForecastWindows

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast

Array = NDArray[np.float64]
Outputs: TypeAlias = Callable[[ForecastWindows], FloatArray]
"""Runs the network: windows → outputs (N, H, K)."""

STEP = 2.0**-5
"""How far an input is moved each way, in its typical deviations."""
LEAST_STEP = 2.0**-12
"""The same as a share of the value itself: less is lost in float32."""
MOST_PROBES = 8192
"""Inputs of one window that are moved one by one; beyond, neighbouring lags move together."""
CHUNK = 128
"""Inputs whose moved windows are made at a time, fewer where windows are wide."""
MOST_NUMBERS = 8_000_000
"""Steps × columns of them."""
PAST, FUTURE, TRAITS = "past", "future", "traits"
_SPOKEN = {"missing": "missing cells", AHEAD: "calendar"}
"""What fields are called that stand for no column of the file."""


@dataclass(frozen=True)
class Opened:
    """Everything that N windows say, in arrays of their own that may be changed."""

    past: dict[str, AnyArray]
    """Name → (N, W, F)"""
    future: dict[str, AnyArray]
    """Name → (N, H, F)"""
    traits: dict[str, AnyArray]
    """Name → (N, 1, F): of the series that a window is of"""

    @classmethod
    def of(cls, examples: ForecastWindows, rows: IntArray) -> Opened:
        """Copies for some windows (N,), without what is to be forecast."""
        windows, panel = examples.windows, examples.panel
        raw = windows.batch(rows)
        future = {name: raw[name] for name in windows.future if name != TARGET}
        series = panel.series_of(windows.starts[rows])
        traits = {} if panel.traits is None else {TRAITS: panel.traits[series][:, None]}
        return cls({name: raw[name] for name in windows.past}, future, traits)

    def closed(self, examples: ForecastWindows) -> ForecastWindows:
        """Windows that say this, each a series of its own, otherwise as ``examples``; without targets."""
        window, horizon = examples.frame.window, examples.frame.horizon
        count, each = len(self.past[VALUES]), window + horizon

        def line(values: AnyArray, begin: int) -> AnyArray:
            whole = np.zeros((count, each, values.shape[2]), dtype=values.dtype)
            whole[:, begin : begin + values.shape[1]] = values
            return whole.reshape(count * each, -1)

        made = Windows(
            {name: line(values, 0) for name, values in self.past.items()},
            {name: line(values, window) for name, values in self.future.items()},
            np.arange(count, dtype=np.int64) * each,
            window,
            horizon,
        )
        panel = replace(
            examples.panel,
            lengths=np.full(count, window, dtype=np.int64),
            room=horizon,
            traits=self.traits[TRAITS][:, 0] if self.traits else None,
        )
        return replace(examples, panel=panel, windows=made, units=None)


@dataclass(frozen=True)
class Channel:
    """One number a step that the forecast reads: a column, a calendar feature, a mask."""

    name: str
    part: str
    """:data:`PAST`, :data:`FUTURE` or :data:`TRAITS`"""
    field: str
    """Name of a field of that part, and the place in it."""
    place: int
    apart: bool = True
    """Whether each lag is looked at by itself; all move together otherwise."""

    def of(self, opened: Opened) -> AnyArray:
        """The view (N, T) of this channel."""
        values: AnyArray = getattr(opened, self.part)[self.field][:, :, self.place]
        return values

    def steps(self, window: int, horizon: int) -> int:
        """T"""
        return {PAST: window, FUTURE: horizon, TRAITS: 1}[self.part]


@dataclass(frozen=True)
class Probe:
    """Steps ``first`` … ``last`` − 1 of a channel, which move together."""

    channel: Channel
    first: int
    last: int

    def lags(self, window: int) -> tuple[int, int] | None:
        """The nearest and the farthest lag; None for what is said of the series once."""
        if self.channel.part == TRAITS:
            return None
        end = window if self.channel.part == PAST else 0
        return end - self.last + 1, end - self.first


def channels(task: Forecast, examples: ForecastWindows) -> list[Channel]:
    """All that the network or a member reads of ``examples``, of which there is at least one."""
    opened = Opened.of(examples, np.zeros(1, dtype=np.int64))
    found = [
        channel
        for part in (PAST, FUTURE, TRAITS)
        for name, values in getattr(opened, part).items()
        for channel in _of_field(task, part, name, values.shape[2])
    ]
    return [channel for channel in found if channel.field == VALUES or _is_read(channel, examples)]


def _of_field(task: Forecast, part: str, name: str, width: int) -> Iterator[Channel]:
    """The channels of a field of so many places."""
    columns: Sequence[str] = ()
    if part == TRAITS:
        columns = [each.name for each in task.static.columns for _ in range(each.width)]
    elif name == VALUES:
        columns = panel_columns(task.plan)
    elif name == "told":
        columns = task.plan.ahead
    for place in range(width):
        own = columns[place] if len(columns) == width else _SPOKEN.get(name, name)
        yield Channel(own, part, name, place, apart=len(columns) == width and part != TRAITS)


def _is_read(channel: Channel, examples: ForecastWindows) -> bool:
    """Whether what the network is given depends on a channel: some decoders leave some out."""
    row = np.zeros(1, dtype=np.int64)
    opened = Opened.of(examples, row)
    plain = opened.closed(examples).batch(row)
    channel.of(opened)[...] += 1
    moved = opened.closed(examples).batch(row)
    return any(not np.array_equal(plain[name], moved[name]) for name in plain)


def probes_of(every: Sequence[Channel], window: int, horizon: int) -> list[Probe]:
    """Every lag of every channel, the nearest first; of more than :data:`MOST_PROBES` neighbours together."""
    inputs = sum(channel.steps(window, horizon) for channel in every if channel.apart)
    together = max(1, -(-inputs // MOST_PROBES))
    found = []
    for channel in every:
        steps = channel.steps(window, horizon)
        size = together if channel.apart else steps
        # counted from the last step, so that lag 1 is where a group begins
        ends = range(steps, 0, -size)
        found += [Probe(channel, max(end - size, 0), end) for end in ends]
    return found


def typical_deviations(every: Sequence[Channel], windows: Sequence[ForecastWindows]) -> Array:
    """How far each of C channels typically lies from its middle, (C,), over all of ``windows``.

    The middle of a column is the mean of its window, for that is what a window is seen against; of all
    else it is the mean over all windows.
    """
    opened = [Opened.of(each, np.arange(len(each), dtype=np.int64)) for each in windows if len(each)]
    sizes = []
    for channel in every:
        values = np.concatenate([channel.of(each) for each in opened]).astype(np.float64)  # (N, T)
        middle = values.mean(axis=1, keepdims=True) if channel.field == VALUES else values.mean()
        sizes.append(np.sqrt(np.mean((values - middle) ** 2)))
    return np.array(sizes)


@dataclass(frozen=True)
class Gradient:
    """What one typical deviation of each input changes the forecast by, in units of the file.

    The first of the 1 + M rows is the whole forecast, the others are its members, weighted.
    """

    names: tuple[str, ...]
    """(P,) columns"""
    lags: tuple[tuple[int, int] | None, ...]
    """(P,) nearest and farthest lag; None for what is said of the series once"""
    size: Array
    """(1 + M, P, K) mean over the steps asked for of the absolute change"""
    change: Array
    """(1 + M, P, K) mean of the change with its sign; NaN where several features are one input"""


def gradient(
    task: Forecast, run: Outputs, window: ForecastWindows, inputs: tuple[Sequence[Probe], Array], slope: Array
) -> Gradient:
    """The gradient of the forecast from one ``window``.

    ``inputs`` are the probes and the typical deviation of each (P,); ``slope`` (H, K) is what a forecast
    gains in units of the file when it gains 1 on the scale, 0 for steps that are not asked for.
    """
    probes, spreads = inputs
    counting = [place for place, weight in enumerate(task.mixture.weights) if weight.any()]
    size = np.zeros((1 + len(counting), len(probes), slope.shape[1]))
    change = size.copy()
    asked = slope.any(axis=1)
    moving = np.flatnonzero(spreads > 0)
    numbers = (task.frame.window + task.frame.horizon) * window.panel.values.shape[1]
    together = int(np.clip(MOST_NUMBERS // (2 * numbers), 1, CHUNK))
    for begin in range(0, len(moving), together):
        some = moving[begin : begin + together]
        moved, far = _moved(window, [probes[at] for at in some], spreads[some])
        outputs, past = run(moved), moved.past()
        each = []
        for place in counting:
            said = task.mixture.member(task.mixture.members[place], past, outputs, task.frame)
            risen = (said[0::2] - said[1::2]) * task.mixture.weights[place] * slope  # (n, H, K)
            each.append(risen[:, asked] * (spreads[some] / far)[:, None, None])
        whole = np.stack([np.sum(each, axis=0), *each])  # (1 + M, n, H, K)
        size[:, some], change[:, some] = np.abs(whole).mean(axis=2), whole.mean(axis=2)
    return _joined(probes, task.frame.window, size, change)


def _moved(window: ForecastWindows, probes: Sequence[Probe], spreads: Array) -> tuple[ForecastWindows, Array]:
    """Two windows for each of P probes, moved up and down, and how far they lie apart, (P,)."""
    opened = Opened.of(window, np.zeros(2 * len(probes), dtype=np.int64))
    apart = np.zeros(len(probes))
    for at, (probe, spread) in enumerate(zip(probes, spreads, strict=True)):
        values = probe.channel.of(opened)[2 * at : 2 * at + 2, probe.first : probe.last]
        far = max(STEP * spread, LEAST_STEP * float(np.abs(values).max()))
        values += np.array([[far], [-far]], dtype=values.dtype)
        apart[at] = np.mean(values[0].astype(np.float64) - values[1])  # what rounding has left of it
    return opened.closed(window), apart


def _joined(probes: Sequence[Probe], window: int, size: Array, change: Array) -> Gradient:
    """Features of one name and the same lags are one input: the root of their squares."""
    places: dict[tuple[str, tuple[int, int] | None], list[int]] = {}
    for at, probe in enumerate(probes):
        places.setdefault((probe.channel.name, probe.lags(window)), []).append(at)
    sizes = [np.sqrt((size[:, own] ** 2).sum(axis=1)) for own in places.values()]
    changes = [change[:, own[0]] if len(own) == 1 else change[:, own[0]] * np.nan for own in places.values()]
    return Gradient(
        tuple(name for name, _ in places),
        tuple(lags for _, lags in places),
        np.stack(sizes, axis=1),
        np.stack(changes, axis=1),
    )
