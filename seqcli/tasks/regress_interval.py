"""Between which numbers the true one lies: split-conformal intervals, wide where the network expects to miss.

    unit miss u = (y − ŷ) / above where y ≥ ŷ, else (ŷ − y) / below
    interval of coverage c: [ŷ − r·below, ŷ + r·above], r the ⌈(n + 1)·c⌉-th smallest u of n held-out rows

``below`` and ``above`` are the network's own distances to its 10 % and 90 % quantiles. Whatever they are
worth, a new exchangeable row is covered with probability c at least (Vovk, Gammerman and Shafer 2005,
Algorithmic Learning in a Random World; Lei, G'Sell, Rinaldo, Tibshirani and Wasserman 2018, Distribution-free
predictive inference for regression, sections 2.2 and 5.2); where they are good, hard rows get wide intervals
and easy ones narrow ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.sequences import FloatArray
from seqcli.tasks.forecasting.conformal import LEVELS, conformal_radii, radii_at

Array = NDArray[np.float64]
USUAL = (80, 95)
"""Coverages in percent of the intervals that are said where none are asked for."""
LEAST = 0.01
"""A distance is never smaller, in standard deviations of the target."""


def answers_of(outputs: FloatArray) -> FloatArray:
    """The scaled numbers (N, 1), without the band that may come with them: outputs (N, 1[, 3])."""
    return outputs[..., 0] if outputs.ndim == 3 else outputs.reshape(-1, 1)


def distances_of(outputs: FloatArray) -> tuple[Array, Array]:
    """How far below and above each answer the network expects the number, (N,) each: outputs (N, 1, 3)."""
    away = np.maximum(outputs[:, 0, 1:].astype(np.float64), LEAST)
    return away[:, 0], away[:, 1]


@dataclass(frozen=True)
class Interval:
    """How many of the network's own distances an interval of each coverage reaches."""

    radii: tuple[float, ...]
    """(L,), one for each of the :data:`LEVELS`; none falls from one level to a higher one."""

    @classmethod
    def fit(cls, outputs: FloatArray, target: FloatArray) -> Interval | None:
        """Measured on rows that were not learnt from: outputs (N, 1, 3), scaled target (N, 1).

        None without any row. Where a level needs more rows than there are (95 % needs 19), the largest
        miss bounds.
        """
        if not len(target) or outputs.ndim != 3:
            return None
        below, above = distances_of(outputs)
        off = (target - answers_of(outputs)).astype(np.float64)[:, 0]
        units = np.where(off >= 0, off / above, -off / below)
        found = conformal_radii(units[:, None, None], LEVELS)[:, 0, 0]
        return cls(tuple(float(f"{radius:.6g}") for radius in found))

    def bounds(self, outputs: FloatArray, levels: Sequence[int]) -> list[tuple[Array, Array]]:
        """The scaled ends (N,) of the interval of each level, around outputs (N, 1, 3)."""
        middle = answers_of(outputs)[:, 0].astype(np.float64)
        below, above = distances_of(outputs)
        radii = radii_at(LEVELS, np.array(self.radii)[:, None, None], levels)[:, 0, 0]
        return [(middle - radius * below, middle + radius * above) for radius in radii]

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {"levels": list(LEVELS), "radii": list(self.radii)}

    @classmethod
    def from_json(cls, data: Any) -> Interval:
        """Rebuild from :meth:`to_json`. Raises ModelError, KeyError, TypeError or ValueError."""
        radii = tuple(float(radius) for radius in data["radii"])
        rising = all(0 <= low <= high < np.inf for low, high in pairwise(radii))
        if tuple(data["levels"]) != LEVELS or len(radii) != len(LEVELS) or not rising:
            raise ModelError("the model's intervals cannot be read", "train it again")
        return cls(radii)


def interval_table(
    levels: Sequence[int], bounds: Sequence[tuple[Array, Array]], actual: Array
) -> ResultTable:
    """How many of the numbers (N,) lie in the intervals of each level, and how wide those are."""
    columns = (
        ResultColumn("interval", "d"),
        ResultColumn("covered", ".1%"),
        ResultColumn("mean width", ".4g"),
        ResultColumn("narrowest", ".4g"),
        ResultColumn("widest", ".4g"),
    )
    rows: list[tuple[Cell, ...]] = []
    for level, (low, high) in zip(levels, bounds, strict=True):
        width = high - low
        inside = float(((actual >= low) & (actual <= high)).mean())
        rows.append((level, inside, float(width.mean()), float(width.min()), float(width.max())))
    return ResultTable("Intervals", columns, rows, "of the true numbers so many percent should lie inside")
