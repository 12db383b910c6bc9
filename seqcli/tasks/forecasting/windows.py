"""What the network sees of a set of series: windows, each seen from its own last value.

Every window is taken relative to its last step, and the network is asked for the difference to a
reference forecast: the last value, or the value one season before. A trend then never leads out of
what the network has learned from, and a network that answers 0 *is* the reference forecast. Where it is
better on validation a window is seen relative to its mean, in its own spread, and answered so.

    values (B, W, F + 1 + C)   (z_t − z_W) / spread of each column, share of missing cells, calendar
    ahead  (B, C)              calendar of the first step after the window
    target (B, H, K)           (z − reference) / spread of each target, NaN where unscored

A network that decodes all steps side by side reads whole segments, and the calendar of what is to come:

    values (B, W', F[ + 1])    the last W' = W − W mod segment steps, missing cells where training had any
    ahead  (B, H, C)           calendar of every step after the window, and columns that are known ahead

What a network whose state is carried from row to row reads must not depend on where a window ends: of a
target z_t − z_{t-1}, of the other columns z_t, each / spread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.network import InputSpec
from seqcli.preprocessing.windowing import evenly, panel_windows
from seqcli.sequences import LENGTHS, TARGET, Batch, Examples, FloatArray, IntArray, Windows
from seqcli.tasks.forecasting.changes import changes
from seqcli.tasks.forecasting.normalisation import swing
from seqcli.tasks.forecasting.panel import Panel
from seqcli.tasks.forecasting.ridge import Ridge

Array = NDArray[np.float64]

VALUES, AHEAD, WEIGHT = "values", "ahead", "weight"
_MISSING, _CALENDAR, _TOLD = "missing", "calendar", "told"

FARTHEST = 10.0
"""Inputs further than this many spreads from the last value are seen as this far."""
SAMPLED_WINDOWS = 2000
"""Windows looked at when the spreads are measured."""
MOST_GATHERED = 20_000_000
"""Windows × steps × columns that are gathered at once; fewer windows are looked at where that is too much."""


@dataclass(frozen=True)
class Answering:
    """What the answers of a network are like, as far as windows depend on it."""

    segment: int = 0
    """Steps of a segment; 0 where the network reads step by step and answers in one go."""
    residual: bool = False
    """They are relative to a ridge's forecast."""
    feeds_back: bool = False
    """It reads them again, so that they must be in the spread of its inputs."""
    instance: bool = False
    """They are counted in the spread of their window, from its mean."""
    stateful: bool = False
    """It carries its state over all steps of a series."""


@dataclass(frozen=True)
class Frame:
    """How windows are seen; fitted on training windows."""

    window: int
    horizon: int
    season: int
    """Steps of a season, 1 where there is none."""
    seasonal: NDArray[np.bool_]
    """(K,) targets whose reference is the value one season before; the last value for the others."""
    value_spread: FloatArray
    """(F,) typical distance of a column from the window's last value; with ``stateful`` that of a target
    from its value one step before, and of other columns from 0."""
    target_spread: FloatArray
    """(K,) typical distance of a target from its reference."""
    segment: int = 0
    """Steps of a segment; 0 where the network reads step by step and answers in one go."""
    residual: bool = False
    """Whether the network's reference is the ridge's forecast, and not a value of the window."""
    masked: bool = True
    """Whether the network sees which cells are missing."""
    instance: bool = False
    """Whether windows are seen relative to their mean and spread, and not to their last value."""
    stateful: bool = False
    """Whether its state is carried over all steps of a series, and not begun anew in each window."""

    @classmethod
    def fit(
        cls,
        panel: Panel,
        scaled: FloatArray,
        starts: IntArray,
        shape: tuple[int, int, int],
        train: IntArray,
        answers: Answering = Answering(),
    ) -> Frame:
        """Choose references and measure spreads on the windows at ``starts``, seeing ``train`` steps alone.

        ``scaled`` (total, F) has no NaN; ``shape`` is (window, horizon, season). The spread around a ridge
        is taken to be that around the best simple reference.
        """
        window, horizon, season = shape
        segment, residual = answers.segment, answers.residual
        masked = not segment or bool(panel.missing_share[train].any())
        targets = panel.targets
        picked = few_enough(starts, window + horizon, scaled.shape[1], SAMPLED_WINDOWS)
        steps = picked[:, None] + np.arange(window)
        past = scaled[steps]  # (N, W, F)
        target = np.full((panel.total, targets), np.nan, dtype=np.float32)
        target[train] = panel.scored(scaled)[train]
        future = target[picked[:, None] + window + np.arange(horizon)]  # (N, H, K)
        ones = np.ones(scaled.shape[1], dtype=np.float32)
        none = np.zeros(targets, dtype=bool)
        kind = (segment, residual, masked, answers.instance, answers.stateful)
        frame = cls(window, horizon, season, none, ones, ones[:targets], *kind)
        if (residual or not (segment or answers.stateful)) and 1 < season <= window:
            before = replace(frame, seasonal=np.ones(targets, dtype=bool))
            errors = [_mean(np.abs(future - each.before(past))) for each in (frame, before)]
            frame = replace(frame, seasonal=errors[1] < errors[0])
        seen = changes(panel, scaled, steps) if answers.stateful else frame.seen(past)
        distance = seen.astype(np.float64)
        change = ((future - frame.before(past)) / frame.scale(past[..., :targets])).astype(np.float64)
        far, off = np.mean(distance**2, axis=(0, 1)), _mean(change**2)
        if segment:  # one network reads all targets, so what is small beside the others stays small
            far[:targets] = far[:targets].mean()
            off = far[:targets] if answers.feeds_back else np.full(targets, off.mean())
        return replace(frame, value_spread=_usable(np.sqrt(far)), target_spread=_usable(np.sqrt(off)))

    def reference(self, past: FloatArray, ridge: Ridge | None = None) -> FloatArray:
        """What the network's answers are relative to, (N, H, K), for windows (N, W, F)."""
        if not self.residual:
            return self.before(past)
        assert ridge is not None
        return ridge.forecast(past[..., : len(self.seasonal)]).astype(np.float32)

    def seen(self, past: FloatArray) -> FloatArray:
        """Windows (N, W, F) relative to what they are seen from, before any spread."""
        centre = past.mean(axis=1, keepdims=True, dtype=np.float64) if self.instance else past[:, -1:]
        return np.asarray((past - centre) / self.scale(past), dtype=past.dtype)

    def scale(self, past: FloatArray) -> FloatArray:
        """What the answers for windows (N, W, F) are counted in: (N, 1, F), or 1 for all."""
        return swing(past) if self.instance else np.ones((1, 1, 1), dtype=np.float32)

    def before(self, past: FloatArray) -> FloatArray:
        """What is expected of windows (N, W, F) beforehand: (N, H, K).

        That is the last value or season, or the window's mean where it is seen relative to that.
        """
        targets = len(self.seasonal)
        if self.instance:
            level = past[..., :targets].mean(axis=1, keepdims=True, dtype=np.float64).astype(past.dtype)
        else:
            level = past[:, -1:, :targets]
        last = np.repeat(level, self.horizon, axis=1)
        if not self.seasonal.any():
            return last
        steps = self.window - self.season + np.arange(self.horizon) % self.season
        return np.where(self.seasonal, past[:, steps, :targets], last)

    @property
    def reads(self) -> int:
        """Steps of a window that the network reads."""
        return self.window - self.window % max(self.segment, 1)

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {
            "window": self.window,
            "horizon": self.horizon,
            "season": self.season,
            "seasonal": self.seasonal.tolist(),
            "value_spread": [float(value) for value in self.value_spread],
            "target_spread": [float(value) for value in self.target_spread],
            "segment": self.segment,
            "residual": self.residual,
            "masked": self.masked,
            "instance": self.instance,
            "stateful": self.stateful,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], columns: int, targets: int) -> Frame:
        """Rebuild. Raises ModelError, KeyError, TypeError or ValueError on anything else."""
        window, horizon, season = (int(data[key]) for key in ("window", "horizon", "season"))
        seasonal = np.array([bool(flag) for flag in data["seasonal"]], dtype=bool)
        spreads = [np.array(data[key], dtype=np.float32) for key in ("value_spread", "target_spread")]
        sized = seasonal.shape == spreads[1].shape == (targets,) and spreads[0].shape == (columns,)
        if not sized or not all(np.isfinite(spread).all() and (spread > 0).all() for spread in spreads):
            raise ModelError("the model's window does not fit its columns")
        if min(window, horizon, season) < 1 or (seasonal.any() and season > window):
            raise ModelError("the model's window, horizon or season cannot be used")
        segment, residual = int(data.get("segment", 0)), bool(data.get("residual", False))
        masked, stateful = bool(data.get("masked", True)), bool(data.get("stateful", False))
        if not 0 <= segment <= window or not (segment or masked):
            raise ModelError("the model's window does not hold its segments")
        instance = bool(data.get("instance", False))
        if stateful and (segment > 1 or residual or instance):
            raise ModelError("the model carries a state that it cannot have")
        kind = (segment, residual, masked, instance, stateful)
        return cls(window, horizon, season, seasonal, spreads[0], spreads[1], *kind)


@dataclass(frozen=True)
class ForecastWindows:
    """Windows of a panel as the network sees them: an :class:`~seqcli.sequences.Examples`."""

    panel: Panel
    frame: Frame
    windows: Windows
    ridge: Ridge | None = None
    """What the network's answers are relative to, where the frame says so."""
    units: FloatArray | None = None
    """(S,) how hard each series is, and so how little its errors count; None for all alike."""
    note: str = ""
    """A sentence on what is scored here, for the table's caption."""

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def lengths(self) -> IntArray:
        """Every window has the same number of steps, (N,)."""
        return np.full(len(self), self.frame.reads, dtype=np.int64)

    @property
    def origins(self) -> IntArray:
        """Position in the panel of the first step after each window, (N,)."""
        return self.windows.starts + self.frame.window

    @property
    def series(self) -> IntArray:
        """Number of the series of each window, (N,)."""
        return self.panel.series_of(self.windows.starts)

    def batch(self, rows: IntArray) -> Batch:
        """The named windows as the module's head says, with ``lengths`` (B,)."""
        raw = self.windows.batch(rows)
        if self.frame.stateful:
            read = self.steps(self.windows.starts[rows, None] + np.arange(self.frame.window))
        else:
            read = self._seen(self.frame.seen(raw[VALUES]), raw)
        return {
            VALUES: np.ascontiguousarray(read[:, -self.frame.reads :]),
            LENGTHS: np.full(len(rows), self.frame.reads, dtype=np.int64),
            **self.asked(rows, raw),
        }

    def steps(self, positions: IntArray) -> FloatArray:
        """What a network that carries its state reads at consecutive ``positions`` (B, T): (B, T, F')."""
        past = self.windows.past
        raw = {name: past[name][positions] for name in (_MISSING, _CALENDAR)}
        return self._seen(changes(self.panel, past[VALUES], positions), raw)

    def _seen(self, values: FloatArray, raw: Batch) -> FloatArray:
        """Columns (B, T, F) in spreads, beside the missing share and the calendar of ``raw``: (B, T, F')."""
        seen = np.clip(values / self.frame.value_spread, -FARTHEST, FARTHEST)
        parts = [seen, raw[_MISSING]] if self.frame.masked else [seen]
        if not self.frame.segment:
            parts.append(raw[_CALENDAR])
        return np.concatenate(parts, axis=2) if len(parts) > 1 else seen

    def asked(self, rows: IntArray, raw: Batch | None = None) -> Batch:
        """What is known of the steps after some windows (B,), and where they are labelled what came."""
        out: Batch = {}
        raw = self.windows.batch(rows) if raw is None else raw
        series = self.panel.series_of(self.windows.starts[rows])
        ahead = self.told(raw, series)
        if ahead.shape[-1]:
            out[AHEAD] = np.ascontiguousarray(ahead)
        if TARGET in raw:
            past = raw[VALUES]
            change = raw[TARGET] - self.frame.reference(past, self.ridge)
            own = self.frame.scale(past[..., : self.panel.targets])
            out[TARGET] = change / (self.frame.target_spread * own)
            if self.units is not None:
                out[WEIGHT] = 1 / self.units[series]
        return out

    @property
    def own_units(self) -> NDArray[Any]:
        """The unit of each window's series, (N, 1, 1)."""
        units = np.ones(len(self.panel.names), dtype=np.float32) if self.units is None else self.units
        return units[self.series, None, None].astype(np.float64)

    def told(self, raw: Batch, series: IntArray) -> FloatArray:
        """What is known of the steps to come of some ``series`` (B,): (B, H, A), or (B, A) in one."""
        parts = [raw[AHEAD]] + ([raw[_TOLD]] if _TOLD in raw else [])  # (B, H, ...) each
        if self.panel.traits is not None:
            traits = self.panel.traits[series]
            parts.append(np.repeat(traits[:, None], self.frame.horizon, axis=1))
        if self.frame.segment:
            return np.concatenate(parts, axis=2) if len(parts) > 1 else parts[0]
        # Answering in one go, a network is told all columns known ahead, and where in its cycles it begins.
        flat = [raw[_TOLD].reshape(len(raw[_TOLD]), -1)] if _TOLD in raw else []
        once = [part[:, 0] for part in parts if part is not raw.get(_TOLD)]
        return np.concatenate([*once, *flat], axis=1)

    def take(self, rows: IntArray) -> ForecastWindows:
        """Some of the windows, by number (B,)."""
        return replace(self, windows=self.windows.take(rows))

    def past(self, rows: slice = slice(None)) -> FloatArray:
        """The scaled targets over some windows, (N, W, K)."""
        scaled = self.windows.past[VALUES][:, : self.panel.targets]
        return np.asarray(scaled[self.windows.starts[rows, None] + np.arange(self.frame.window)])

    def scaled_actual(self) -> FloatArray:
        """What came, scaled, for every window: (N, H, K), NaN where unscored."""
        return self._after(self.windows.future[TARGET])

    def actual(self) -> Array:
        """What came, as it stood in the file, for every window: (N, H, K), NaN where unscored."""
        values = self._after(self.panel.values[:, : self.panel.targets])
        return np.where(np.isnan(self.scaled_actual()), np.nan, values)

    def _after(self, field: NDArray[Any]) -> NDArray[Any]:
        """The horizon of every window in ``field`` (total, K): (N, H, K)."""
        return np.asarray(field[self.origins[:, None] + np.arange(self.frame.horizon)])

    def inputs(self) -> tuple[InputSpec, ...]:
        """The fields that the network reads."""
        calendar, parallel = self.panel.calendar_features.shape[1], self.frame.segment > 0
        width = self.panel.values.shape[1] + int(self.frame.masked)
        values = InputSpec(VALUES, "values", width if parallel else width + calendar)
        told = 0 if self.panel.told is None else self.panel.told.shape[1]
        traits = 0 if self.panel.traits is None else self.panel.traits.shape[1]
        known = calendar + traits + (told if parallel else told * self.frame.horizon)
        if not known:
            return (values,)
        return (values, InputSpec(AHEAD, "ahead" if parallel else "dense", known))


def few_enough(items: IntArray, steps: int, columns: int, most: int) -> IntArray:
    """At most ``most`` of ``items`` (N,), evenly spread, and no more than fit :data:`MOST_GATHERED`."""
    return evenly(items, int(np.clip(MOST_GATHERED // (steps * columns), 1, most)))


def windows_of(examples: Examples) -> ForecastWindows:
    """``examples`` as what this task makes. Raises TypeError for those of another task."""
    if not isinstance(examples, ForecastWindows):
        raise TypeError(f"a forecast is scored on windows, not on {type(examples).__name__}")
    return examples


def make_windows(
    panel: Panel,
    frame: Frame,
    scaled: FloatArray,
    starts: IntArray,
    part: IntArray | None = None,
    note: str = "",
) -> ForecastWindows:
    """Windows at ``starts`` (N,) of ``scaled`` (total, F) without NaN.

    Only steps in ``part`` (P,) are scored; without a part there is no target field at all.
    """
    past = {
        VALUES: scaled,
        _MISSING: panel.missing_share[:, None],
        _CALENDAR: panel.calendar_features,
    }
    future = {AHEAD: panel.calendar_features}
    if panel.told is not None:
        future[_TOLD] = panel.told
    if part is not None:
        target = np.full((panel.total, panel.targets), np.nan, dtype=np.float32)
        target[part] = panel.scored(scaled)[part]
        future[TARGET] = target
    windows = panel_windows(past, future, starts, frame.window, frame.horizon)
    return ForecastWindows(panel, frame, windows, note=note)


def _mean(values: NDArray[Any]) -> Array:
    """Mean over windows and steps (N, H, K) → (K,); 0 where all is NaN."""
    known = ~np.isnan(values)
    return np.asarray(np.where(known, values, 0.0).sum(axis=(0, 1)) / np.maximum(known.sum(axis=(0, 1)), 1))


def _usable(spread: Array) -> FloatArray:
    """Spreads as float32, 1 for what never moves."""
    return np.where(spread > 1e-6, spread, 1.0).astype(np.float32)
