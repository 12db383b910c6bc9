"""How wide each interval is beside the others: by how hard its series is, or by how hard its window is.

How far a forecast will be off can be learnt as the forecast itself can. For windows of the training part,
whose misses m (H, K) are known,

    log mean |m| ≈ b·x + b₀      x: how restless the window is, and how wide the network's band
    width = exp(b·x) · band / mean band

by ridge regression; the band, how far below and above its answer the network expects its quantiles, gives the
shape over the steps to come. Intervals of any coverage are these widths times one number, measured as split
conformal prediction does (Lei et al. 2018, section 5.2, "locally weighted"; with quantiles as widths, Romano,
Patterson and Candès 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.sequences import FloatArray

Array = NDArray[np.float64]

SIGNS = 6
"""What is known of a window: five measures of restlessness, and the network's band."""
PENALTY = 0.1
"""Of the regression, as a share of its examples."""
LEAST = 1e-3
"""Added ahead of a logarithm, in spreads."""
MOST = 4.0
"""A width is never further from the typical one than e to this power, and a half of it as a rule."""
RECENT = 10
"""Last steps of a short window that are looked at by themselves; of a long one its sixth."""


def answers(outputs: FloatArray) -> FloatArray:
    """What a network foresees, (N, H, K), without the band that may come with it in ``outputs``."""
    return outputs[..., 0] if outputs.ndim == 4 else outputs


@dataclass(frozen=True)
class Widths:
    """What the regression knows of F signs, (F,) each; None where widths are the units."""

    slopes: Array | None = None
    """b (F,)"""
    middle: Array | None = None
    """Mean of each sign, (F,)"""
    spread: Array | None = None
    """Standard deviation of each sign, (F,)"""

    @classmethod
    def fit(cls, outputs: FloatArray, past: FloatArray, season: int, misses: Array) -> Widths:
        """Learnt from ``misses`` (N, H, K) of windows ``past`` (N, W, K) and their outputs (N, H, K, 3)."""
        signs = _signs(outputs, past, season)  # (N, K, SIGNS)
        known = ~np.isnan(misses).all(axis=1)  # (N, K)
        off = np.where(np.isnan(misses), 0.0, np.abs(misses)).sum(axis=1)
        count = np.maximum((~np.isnan(misses)).sum(axis=1), 1)
        size, x = np.log(off / count + LEAST)[known], signs[known]
        middle, spread = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
        x = (x - middle) / spread
        gram = x.T @ x + PENALTY * len(x) * np.eye(SIGNS)
        return cls(np.linalg.solve(gram, x.T @ (size - size.mean())), middle, spread)

    @property
    def learnt(self) -> bool:
        """Whether a window's own width is known, and not the unit of its series alone."""
        return self.slopes is not None

    def of(self, outputs: FloatArray, past: FloatArray, season: int, units: Array) -> Array:
        """How far below and above, next to the typical window: (N, H, K, 2), or (N, 1, 1, 2) by units.

        ``outputs`` are (N, H, K[, 3]), ``past`` (N, W, K) scaled, ``units`` (N, 1, 1).
        """
        if self.slopes is None or self.middle is None or self.spread is None or outputs.ndim != 4:
            return np.repeat(units[..., None], 2, axis=3)
        signs = (_signs(outputs, past, season) - self.middle) / self.spread
        size = np.exp(np.clip(signs @ self.slopes, -MOST / 2, MOST / 2))  # (N, K)
        band = outputs[..., 1:].astype(np.float64) + LEAST
        shape = band / band.mean(axis=(1, 3), keepdims=True)
        return np.asarray(size[:, None, :, None] * np.maximum(shape, np.exp(-MOST / 2)))

    def to_json(self) -> dict[str, list[float]] | None:
        """JSON values that :meth:`from_json` restores."""
        if self.slopes is None or self.middle is None or self.spread is None:
            return None
        parts = {"slopes": self.slopes, "middle": self.middle, "spread": self.spread}
        return {name: part.tolist() for name, part in parts.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Widths:
        """Rebuild. Raises ModelError, KeyError, TypeError or ValueError on anything else."""
        if data is None:
            return cls()
        parts = [np.array(data[name], dtype=np.float64) for name in ("slopes", "middle", "spread")]
        usable = all(part.shape == (SIGNS,) and np.isfinite(part).all() for part in parts)
        if not usable or not (parts[2] > 0).all():
            raise ModelError("the model's intervals have widths that cannot be used")
        return cls(*parts)


def in_widths(misses: Array, widths: Array) -> Array:
    """``misses`` (N, H, K) counted in ``widths`` (N, H or 1, K or 1, 2) of their own side."""
    return np.asarray(misses / np.where(misses < 0, widths[..., 0], widths[..., 1]))


def _signs(outputs: FloatArray, past: FloatArray, season: int) -> Array:
    """What is known of windows (N, W, K) and outputs (N, H, K, 3), as logarithms: (N, K, SIGNS).

    Steps between neighbours and between seasons, of the whole window and of its end; the distance from its
    mean; the network's band.
    """
    values, window = past.astype(np.float64), past.shape[1]
    steps = np.abs(np.diff(values, axis=1)) if window > 1 else np.zeros_like(values)
    back = season if season < window else 1
    seasons = np.abs(values[:, back:] - values[:, :-back]) if window > back else steps
    end = max(window // 6, min(window, RECENT))
    measures = [
        steps.mean(axis=1),
        steps[:, -end:].mean(axis=1),
        seasons.mean(axis=1),
        seasons[:, -max(back, RECENT) :].mean(axis=1),
        np.abs(values - values.mean(axis=1, keepdims=True)).mean(axis=1),
        outputs[..., 1:].mean(axis=(1, 3), dtype=np.float64),
    ]
    return np.log(np.stack(measures, axis=-1) + LEAST)
