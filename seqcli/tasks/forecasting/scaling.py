"""Values of a set of series on one scale: a logarithm where it helps, then a scaler per series.

Everything here is fitted on training rows. Each series has its own scaler, so that series of other
magnitude look alike to the one network over all of them; a series that was never seen gets one from
its own past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.preprocessing.scaling import SCALERS, fit_scaler

Array = NDArray[np.float64]

LEAST_GAIN = 3.0
"""A logarithm must make the training rows e³ times as likely before it is taken."""
FLOOR_SHARE = 0.1
"""Later values below this share of the smallest training value are read as it: ln 0 has no place."""
ZERO_SHARE = 0.02
"""A column that is never negative, and exactly 0 this often, cannot go below 0: rain, sales, counts."""
HIGHEST_LOG = 690.0
"""exp of more than this is too large for a float64."""


def logarithm_helps(series: Sequence[NDArray[Any]]) -> bool:
    """Whether one column, its training rows given by series (each (T,)), is better seen as ln x.

    Compares the Gaussian likelihoods of the first differences of x and of ln x, the latter with its
    Jacobian (Box & Cox 1964, λ = 0 against λ = 1). Only positive columns can; prices that hardly
    move are alike either way and stay as they are.
    """
    gain = 0.0
    for values in series:
        known = values[~np.isnan(values)]
        if not len(known):
            continue
        if known.min() <= 0:
            return False
        if len(known) < 3:
            continue
        top = known.max()
        plain, logs = np.diff(known / top), np.diff(np.log(known))
        if plain.std() > 0 and logs.std() > 0:
            jacobian = np.log(known[1:] / top).mean()
            gain += len(plain) * (np.log(plain.std()) - np.log(logs.std()) - jacobian)
    return bool(gain > LEAST_GAIN)


@dataclass(frozen=True)
class SeriesScaling:
    """z = (g(x) − shift) / scale per series and column, where g is ln(max(x, floor)) or x itself."""

    scaler: str
    logs: NDArray[np.bool_]
    """(F,) columns seen as logarithms."""
    names: tuple[str, ...]
    """The S series it was fitted on."""
    shift: Array
    """(S, F)"""
    scale: Array
    """(S, F), above 0"""
    floor: Array
    """(S, F), above 0"""
    bounded: NDArray[np.bool_]
    """(F,) columns whose values end at 0."""

    @classmethod
    def fit(
        cls,
        scaler: str,
        names: Sequence[str],
        series: Sequence[NDArray[Any]],
        logs: NDArray[np.bool_] | None = None,
    ) -> SeriesScaling:
        """Fit on the training rows of each of ``series`` (T, F), NaN ignored; ``logs`` (F,) None: decide."""
        columns = series[0].shape[1]
        if logs is None:
            logs = np.array(
                [logarithm_helps([values[:, j] for values in series]) for j in range(columns)], dtype=bool
            )
        fitted = [_fit_series(scaler, values, logs) for values in series]
        shift, scale, floor = (np.stack(part) for part in zip(*fitted, strict=True))
        bounded = np.array(
            [_ends_at_zero([values[:, j] for values in series]) for j in range(columns)], dtype=bool
        )
        return cls(f"{scaler.removesuffix('.v1')}.v1", logs, tuple(names), shift, scale, floor, bounded)

    def extended(self, names: Sequence[str], series: Sequence[NDArray[Any]]) -> SeriesScaling:
        """The scaling of exactly ``names``: as fitted where known, else fitted on the series' own (T, F)."""
        known = {name: row for row, name in enumerate(self.names)}
        parts = [
            (self.shift[known[name]], self.scale[known[name]], self.floor[known[name]])
            if name in known
            else _fit_series(self.scaler, values, self.logs)
            for name, values in zip(names, series, strict=True)
        ]
        shift, scale, floor = (np.stack(part) for part in zip(*parts, strict=True))
        return replace(self, names=tuple(names), shift=shift, scale=scale, floor=floor)

    def transform(self, values: NDArray[Any], row: int) -> Array:
        """Values (T, F) of series number ``row`` → scaled (T, F); NaN stays NaN."""
        logged = np.log(
            np.maximum(values, self.floor[row]), where=self.logs & ~np.isnan(values), out=values * 1.0
        )
        scaled: Array = (logged - self.shift[row]) / self.scale[row]
        return scaled

    def inverse(self, scaled: NDArray[Any], rows: NDArray[np.int64]) -> Array:
        """Scaled targets (N, H, K) of the series numbered ``rows`` (N,) → values (N, H, K)."""
        targets = scaled.shape[2]
        scale, shift = self.scale[rows, None, :targets], self.shift[rows, None, :targets]
        with np.errstate(over="ignore"):
            values = np.asarray(scaled, dtype=np.float64) * scale + shift
        values = np.clip(values, -np.finfo(np.float64).max, np.finfo(np.float64).max)
        values = np.where(self.bounded[:targets], np.maximum(values, 0.0), values)
        logs = np.broadcast_to(self.logs[:targets], values.shape)
        return np.where(logs, np.exp(np.where(logs, np.minimum(values, HIGHEST_LOG), 0.0)), values)

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores to the same bits."""
        return {
            "scaler": self.scaler,
            "logs": self.logs.tolist(),
            "names": list(self.names),
            "shift": self.shift.tolist(),
            "scale": self.scale.tolist(),
            "floor": self.floor.tolist(),
            "bounded": self.bounded.tolist(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], columns: int) -> SeriesScaling:
        """Rebuild for F ``columns``; raises ModelError, KeyError, TypeError or ValueError on the rest."""
        names = tuple(str(name) for name in data["names"])
        shift, scale, floor = (np.array(data[key], dtype=np.float64) for key in ("shift", "scale", "floor"))
        logs, bounded = (
            np.array([bool(flag) for flag in data[key]], dtype=bool) for key in ("logs", "bounded")
        )
        shape = (len(names), columns)
        fits = (
            logs.shape == bounded.shape == (columns,) and shift.shape == scale.shape == floor.shape == shape
        )
        if data["scaler"] not in SCALERS or not names or not fits:
            raise ModelError("the model's scaler does not fit its columns")
        if (
            not all(np.isfinite(part).all() for part in (shift, scale, floor))
            or (scale <= 0).any()
            or (floor <= 0).any()
        ):
            raise ModelError("the model's scaler holds numbers that cannot be used")
        if (logs & bounded).any() or len(set(names)) != len(names):
            raise ModelError("the model's scaler contradicts itself")
        return cls(data["scaler"], logs, names, shift, scale, floor, bounded)


def _ends_at_zero(series: Sequence[NDArray[Any]]) -> bool:
    """Whether one column (each series (T,)) is never negative and often exactly 0."""
    values = np.concatenate(series)
    known = values[~np.isnan(values)]
    return bool(len(known) and known.min() == 0 and (known == 0).mean() >= ZERO_SHARE)


def _fit_series(scaler: str, values: NDArray[Any], logs: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Shift, scale and floor, each (F,), of one series (T, F)."""
    positive = np.where(values > 0, values, np.inf)
    smallest = positive.min(axis=0, initial=np.inf)
    floor = np.where(np.isfinite(smallest), smallest * FLOOR_SHARE, 1.0)
    floor = np.maximum(floor, np.finfo(np.float64).tiny)
    logged = np.log(np.maximum(values, floor), where=logs & ~np.isnan(values), out=values * 1.0)
    fitted = fit_scaler(scaler, logged)
    return fitted.shift, fitted.scale, floor
