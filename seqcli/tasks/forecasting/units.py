"""How hard each series is: by what a naive forecast errs in it, next to the middle one.

Scaled values say how far a series ranges, not how far a forecast of it will be off. Errors count by these
units, as they do in MASE, when many series are learnt together, and intervals are as wide as they say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.forecasting.metrics import mean_known, seasonal_error
from seqcli.tasks.forecasting.panel import Panel

MOST = 10.0
"""A unit is never further from 1 than this many times."""


@dataclass(frozen=True)
class Units:
    """``values`` (S,) of the series called ``names``, in units of the ``middle`` one's naive error."""

    names: tuple[str, ...]
    values: FloatArray
    middle: float
    season: int

    @classmethod
    def fit(cls, panel: Panel, scored: FloatArray, train: IntArray, season: int) -> Units:
        """From the first ``train`` (S,) steps of each series; ``scored`` (total, K) are scaled targets."""
        errors = _errors(panel, scored, 0 * train, train, season)
        known = errors[errors > 0]
        middle = float(np.median(known)) if len(known) else 1.0
        return cls(panel.names, _within(errors / middle), middle, season)

    @classmethod
    def same(cls, names: Sequence[str]) -> Units:
        """All series alike."""
        return cls(tuple(names), np.ones(len(names), dtype=np.float32), 1.0, 1)

    def of(self, panel: Panel, scored: FloatArray, begins: IntArray, ends: IntArray) -> FloatArray:
        """The units (S,) of ``panel``'s series; of an unknown one by its steps ``begins`` to ``ends``, (S,).

        ``scored`` (total, K) are scaled targets.
        """
        known = dict(zip(self.names, self.values.tolist(), strict=True))
        out = np.array([known.get(name, np.nan) for name in panel.names])
        unknown = np.isnan(out)
        if unknown.any():
            errors = _errors(panel, scored, begins, np.where(unknown, ends, begins), self.season)
            out = np.where(unknown, _within(errors / self.middle), out)
        return out.astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores; names are those of the scaling."""
        return {
            "values": [float(value) for value in self.values],
            "middle": self.middle,
            "season": self.season,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], names: Sequence[str]) -> Units:
        """Rebuild. Raises ModelError, KeyError, TypeError or ValueError on anything else."""
        values = np.array(data["values"], dtype=np.float32)
        middle, season = float(data["middle"]), int(data["season"])
        usable = values.shape == (len(names),) and np.isfinite(values).all() and (values > 0).all()
        if not usable or not 0 < middle < np.inf or season < 1:
            raise ModelError("the model's series have units that cannot be used")
        return cls(tuple(names), values, middle, season)


def _errors(panel: Panel, scored: FloatArray, begins: IntArray, ends: IntArray, season: int) -> NDArray[Any]:
    """The mean error (S,) of a naive forecast over steps of each series; NaN where there is none."""
    out = np.full(len(panel.names), np.nan)
    for row, (offset, begin, end) in enumerate(zip(panel.offsets, begins, ends, strict=True)):
        if end > begin:
            own = scored[offset + begin : offset + end]
            out[row] = mean_known([seasonal_error(own[:, k], season) for k in range(panel.targets)])
    return out


def _within(units: NDArray[Any]) -> FloatArray:
    """Units (S,) within bounds; 1 where nothing is known."""
    return np.clip(np.where(units > 0, units, 1.0), 1 / MOST, MOST).astype(np.float32)
