"""The window, what it is seen against, the linear forecasts: what is chosen once series are scaled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from seqcli.options import Options
from seqcli.preprocessing.windowing import evenly
from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.forecasting.choices import (
    check_decoder,
    check_window,
    choose_segment,
    choose_window,
    learns_residual,
    most_validation,
    window_candidates,
)
from seqcli.tasks.forecasting.mixture import choose_seasons
from seqcli.tasks.forecasting.normalisation import INSTANCE, choose_normalisation
from seqcli.tasks.forecasting.panel import Panel
from seqcli.tasks.forecasting.parts import Parts
from seqcli.tasks.forecasting.ridge import Ridge, Series, lookbacks
from seqcli.tasks.forecasting.starts import part_starts
from seqcli.tasks.forecasting.units import Units
from seqcli.tasks.forecasting.windows import Answering, ForecastWindows, Frame, few_enough, make_windows


@dataclass(frozen=True)
class Shape:
    """How windows are cut and seen, and the members that need no network."""

    frame: Frame
    ridge: Ridge | None
    seasons: int
    """Seasons in the season mean, 0 where there is none."""
    units: Units
    stride: int
    why: str
    """A sentence on the window."""

    def starts(self, panel: Panel, parts: Parts, part: int) -> tuple[IntArray, IntArray]:
        """Where the windows of a part start, (N,), and the positions (P,) that they are scored at.

        Of the validation part at most some, evenly spread.
        """
        frame, positions = self.frame, parts.positions(panel, part)
        stride = 1 if part else self.stride
        starts = part_starts(panel, positions, frame.window, frame.horizon, stride)
        if part == 1:
            starts = evenly(starts, most_validation(frame.horizon, panel.targets))
        return starts, positions

    def cut(self, panel: Panel, scaled: FloatArray, starts: IntArray, positions: IntArray) -> ForecastWindows:
        """Windows at ``starts`` (N,) of ``scaled`` (total, F), scored at ``positions`` (P,)."""
        windows = make_windows(panel, self.frame, scaled, starts, positions)
        units = self.units.values if len(panel.names) > 1 else None
        return replace(windows, ridge=self.ridge, units=units)


def fit_shape(
    panel: Panel,
    scaled: FloatArray,
    parts: Parts,
    ahead: tuple[int | None, int | None, int],
    options: Options,
    source: str,
) -> Shape:
    """Choose what was not typed, for ``scaled`` (total, F) without NaN.

    ``ahead`` is (season, the calendar's likeliest period, horizon).

    Raises DataError for too few rows, UsageError for options that exclude each other.
    """
    (season, period, horizon), train = ahead, parts.ends[:, 0]
    units = Units.same(panel.names)
    if len(train) > 1:
        units = Units.fit(panel, panel.scored(scaled), train, season or 1)
    window, why, ridge = _window(
        panel, _series(panel, scaled, parts, units), parts, (season or period, horizon), options
    )
    longest = int(np.argmax(train))
    check_window(window, int(train[longest]), int(panel.lengths[longest]), source)
    check_decoder(options, window, horizon)
    stride, positions = options.forecast.stride, parts.positions(panel, 0)
    starts = part_starts(panel, positions, window, horizon, stride)
    segment = choose_segment(window, horizon, season or period, options)
    feeds_back = options.forecast.decoder == "recursive"
    residual = ridge is not None and learns_residual(len(starts) * panel.targets, len(train), segment)
    stateful, seen = options.forecast.stateful, options.forecast.normalization
    if not stateful and seen is None:
        both = _both(panel, scaled, parts, units, (window, horizon))
        seen = choose_normalisation(*both, (window, horizon))
    if seen == INSTANCE:
        why += "; windows are seen relative to their own mean and spread"
    answers = Answering(segment, residual and not feeds_back, feeds_back, seen == INSTANCE, stateful)
    frame = Frame.fit(panel, scaled, starts, (window, horizon, season or 1), positions, answers)
    shape = Shape(frame, ridge, 0, units, stride, why)
    starts, positions = shape.starts(panel, parts, 1)
    starts = few_enough(starts, window + horizon, panel.targets, len(starts) + 1)
    judged = shape.cut(panel, scaled, starts, positions)
    return replace(shape, seasons=choose_seasons(judged.past(), judged.scaled_actual(), frame))


def _both(
    panel: Panel, scaled: FloatArray, parts: Parts, units: Units, shape: tuple[int, int]
) -> tuple[tuple[Series, IntArray], tuple[Series, IntArray]]:
    """Training and validation: what is asked for in each, and the starts (N,) of its windows."""
    series = _series(panel, scaled, parts, units)
    learnt, asked = (
        (series.asked(positions), part_starts(panel, positions, *shape))
        for positions in (parts.positions(panel, part) for part in (0, 1))
    )
    return learnt, asked


def _window(
    panel: Panel, series: Series, parts: Parts, shape: tuple[int | None, int], options: Options
) -> tuple[int, str, Ridge | None]:
    """The window as typed, or the best on validation, and a ridge; ``shape`` is (period, horizon)."""
    (season, horizon), typed = shape, options.forecast.window
    both = parts.positions(panel, 0), parts.positions(panel, 1)
    if typed is not None:
        _, _, ridge = choose_window(series, panel, both, lookbacks(typed, season or 1), horizon)
        return typed, f"window {typed} as typed", ridge
    candidates = window_candidates(season, panel.lengths, parts.ends[:, 0])
    return choose_window(series, panel, both, candidates, horizon)


def _series(panel: Panel, scaled: FloatArray, parts: Parts, units: Units) -> Series:
    """What linear forecasts are fitted on and judged by: test steps are unknown to them."""
    future, known = np.full((panel.total, panel.targets), np.nan, dtype=np.float32), panel.scored(scaled)
    for part in (0, 1):
        positions = parts.positions(panel, part)
        future[positions] = known[positions]
    return Series(scaled[:, : panel.targets], future, panel.each_step(1 / units.values))
