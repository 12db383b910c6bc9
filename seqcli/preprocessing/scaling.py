"""Scaling of numbers, fitted on training rows and saved as JSON.

standard.v1: z = (x - mean) / standard deviation (population, ddof 0)
minmax.v1:   z = (x - min) / (max - min)

Both ignore NaN when fitting and keep it when transforming, and both equal scikit-learn's scalers
of the same name. A column that never changes (or was never seen) is divided by 1, so that nothing
becomes infinite. Fitting costs one pass in NumPy: importing scikit-learn alone costs seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqcli.errors import ModelError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Affine:
    """z = (x - shift) / scale, column by column; a subclass says how the two are fitted."""

    shift: Array
    """(F,) what is subtracted."""
    scale: Array
    """(F,) what is divided by; finite and above zero."""

    name: ClassVar[str] = ""

    @classmethod
    def fit(cls, values: ArrayLike) -> Self:
        """Fit on ``values`` (N, F); NaN is ignored. Raises ValueError for an infinite value."""
        columns = np.asarray(values, dtype=np.float64)
        if columns.ndim != 2:
            raise ValueError(f"expected values of shape (N, F), got {columns.shape}")
        if np.isinf(columns).any():
            raise ValueError("an infinite value cannot be scaled")
        return cls(*cls._measure(columns))

    @classmethod
    def _measure(cls, columns: Array) -> tuple[Array, Array]:
        """Shift and scale, each (F,), of ``columns`` (N, F)."""
        raise NotImplementedError  # abstract: the two scalers below have their own

    def transform(self, values: ArrayLike) -> Array:
        """Scale ``values`` (..., F) → (..., F) float64; NaN stays NaN."""
        scaled: Array = (np.asarray(values, dtype=np.float64) - self.shift) / self.scale
        return scaled

    def inverse(self, values: ArrayLike) -> Array:
        """Undo :meth:`transform`: (..., F) → (..., F) float64."""
        restored: Array = np.asarray(values, dtype=np.float64) * self.scale + self.shift
        return restored

    def select(self, columns: list[int]) -> Self:
        """The scaler of some columns alone, in the order given."""
        return type(self)(self.shift[columns], self.scale[columns])

    def to_json(self) -> dict[str, Any]:
        """JSON values that :func:`restore_scaler` turns back into the same bits."""
        return {"name": self.name, "shift": self.shift.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            shift = np.array([float(value) for value in data["shift"]], dtype=np.float64)
            scale = np.array([float(value) for value in data["scale"]], dtype=np.float64)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"the model's scaler {cls.name} cannot be read") from error
        if shift.shape != scale.shape or not np.isfinite(shift).all() or not np.isfinite(scale).all():
            raise ModelError(f"the model's scaler {cls.name} cannot be read")
        if (scale <= 0).any():
            raise ModelError(f"the model's scaler {cls.name} divides by zero")
        return cls(shift, scale)


@dataclass(frozen=True)
class StandardScaler(_Affine):
    """Mean 0 and standard deviation 1 over the rows it was fitted on."""

    name: ClassVar[str] = "standard.v1"

    @classmethod
    def _measure(cls, columns: Array) -> tuple[Array, Array]:
        seen = ~np.isnan(columns)
        count = np.maximum(seen.sum(axis=0), 1)
        filled = np.where(seen, columns, 0.0)
        # Halves of huge numbers: a power of two changes no digit, and squares cannot overflow.
        power = 2.0 ** np.frexp(np.abs(filled).max(axis=0, initial=0.0))[1].clip(-1000, 1000)
        filled = filled / power
        mean = filled.sum(axis=0) / count
        deviations = np.where(seen, filled - mean, 0.0)
        # The second term corrects the rounding of the mean (Chan, Golub & LeVeque 1983).
        variance = ((deviations**2).sum(axis=0) - deviations.sum(axis=0) ** 2 / count) / count
        # What n roundings of the mean can leave behind in a column that never changes.
        noise = count * np.finfo(np.float64).eps
        constant = variance <= noise * variance + (noise * mean) ** 2
        return mean * power, np.where(constant, 1.0, np.sqrt(np.maximum(variance, 0.0)) * power)


@dataclass(frozen=True)
class MinMaxScaler(_Affine):
    """From 0 (smallest) to 1 (largest) over the rows it was fitted on."""

    name: ClassVar[str] = "minmax.v1"

    @classmethod
    def _measure(cls, columns: Array) -> tuple[Array, Array]:
        empty = np.isnan(columns).all(axis=0)
        low = np.where(empty, 0.0, np.fmin.reduce(columns, axis=0, initial=np.inf))
        high = np.where(empty, 0.0, np.fmax.reduce(columns, axis=0, initial=-np.inf))
        spread = high - low
        constant = spread < 10 * np.finfo(np.float64).eps
        return low, np.where(constant, 1.0, spread)


Scaler = StandardScaler | MinMaxScaler

SCALERS: dict[str, type[StandardScaler] | type[MinMaxScaler]] = {
    "standard.v1": StandardScaler,
    "minmax.v1": MinMaxScaler,
}


def fit_scaler(name: str, values: ArrayLike) -> Scaler:
    """Fit the scaler called ``name`` ("standard" or "minmax", with or without version) on (N, F)."""
    return SCALERS[name if name in SCALERS else f"{name}.v1"].fit(values)


def restore_scaler(data: Mapping[str, Any]) -> Scaler:
    """Rebuild a scaler from its JSON. Raises ModelError for an unknown name or unusable numbers."""
    name = data.get("name") if isinstance(data, Mapping) else None
    if not isinstance(name, str) or name not in SCALERS:
        raise ModelError(f"the model names an unknown scaler {name!r}", "was it made by a newer seqcli?")
    return SCALERS[name].from_json(data)
