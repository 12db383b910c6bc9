"""How wide each interval is beside the others: by how hard its series is, or as the network says.

A network may say beside each answer how far its quantiles lie below and above it. Intervals that follow this
band are narrow where little is at stake and wide where much is (Romano, Patterson and Candès 2019,
"Conformalized quantile regression"; here the band is scaled, as in Lei et al. 2018, section 5.2, so that one
band serves every coverage). Whether they follow it is chosen on the validation part: half of it measures the
intervals, the other half scores them, and then the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.forecasting.conformal import conformal_radii
from seqcli.tasks.forecasting.interval_scores import interval_score

Array = NDArray[np.float64]

NARROWEST = 0.1
"""A band is never narrower than this share of the typical one."""
JUDGED_AT = (80, 95)
"""Coverages at which the two kinds of intervals are scored."""


def answers(outputs: FloatArray) -> FloatArray:
    """What a network foresees, (N, H, K), without the band that may come with it in ``outputs``."""
    return outputs[..., 0] if outputs.ndim == 4 else outputs


@dataclass(frozen=True)
class Widths:
    """``typical`` (H, K) is the mean band; None where intervals go by the units of the series alone."""

    typical: Array | None = None

    @classmethod
    def choose(cls, outputs: FloatArray, misses: Array, units: Array, moments: IntArray) -> Widths:
        """The better of the two for validation ``outputs`` (N, H, K[, 3]) at ``moments`` (N,).

        ``misses`` (N, H, K) are what came less the forecast, NaN where unscored, ``units`` (N, 1, 1).
        """
        if outputs.ndim != 4:
            return cls()
        banded = cls(np.maximum(outputs[..., 1:].mean(axis=(0, 3), dtype=np.float64), 1e-6))
        early = moments <= np.median(moments)
        halves = [np.flatnonzero(early), np.flatnonzero(~early)]
        if any(np.isnan(misses[half]).all() for half in halves):
            return cls()
        scores = [
            sum(_score(misses, kind.of(outputs, units), units, halves[::way]) for way in (1, -1))
            for kind in (cls(), banded)
        ]
        return banded if scores[1] < scores[0] else cls()

    def of(self, outputs: FloatArray, units: Array) -> Array:
        """How far below and above, next to the typical window: (N, H, K, 2), or (N, 1, 1, 2) by units.

        ``outputs`` are (N, H, K[, 3]), ``units`` (N, 1, 1).
        """
        if self.typical is None or outputs.ndim != 4:
            return np.repeat(units[..., None], 2, axis=3)
        return np.maximum(outputs[..., 1:] / self.typical[..., None], NARROWEST)

    def to_json(self) -> list[list[float]] | None:
        """JSON values that :meth:`from_json` restores."""
        return None if self.typical is None else [[float(f"{x:.6g}") for x in row] for row in self.typical]

    @classmethod
    def from_json(cls, data: Any, shape: tuple[int, int]) -> Widths:
        """Rebuild, for ``shape`` (H, K). Raises ModelError, TypeError or ValueError on anything else."""
        if data is None:
            return cls()
        typical = np.array(data, dtype=np.float64)
        if typical.shape != shape or not np.isfinite(typical).all() or not (typical > 0).all():
            raise ModelError("the model's intervals follow a band that cannot be used")
        return cls(typical)


def in_widths(misses: Array, widths: Array) -> Array:
    """``misses`` (N, H, K) counted in ``widths`` (N, H or 1, K or 1, 2) of their own side."""
    return np.asarray(misses / np.where(misses < 0, widths[..., 0], widths[..., 1]))


def _score(misses: Array, widths: Array, units: Array, halves: Sequence[IntArray]) -> float:
    """The mean interval score in one half of intervals that the other has measured."""
    measured, held = halves
    radii = conformal_radii(in_widths(misses[measured], widths[measured]), JUDGED_AT)
    total = 0.0
    for level, radius in zip(JUDGED_AT, radii, strict=True):
        below, above = (radius * widths[held, ..., side] for side in (0, 1))
        score = interval_score(level, misses[held], -below, above) / units[held]
        total += float(np.nanmean(score))
    return total
