"""How far predicted numbers are off: MAE, RMSE and R²."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqcli.results import Cell, ResultColumn, ResultTable

BANDS = 5
"""Rows of the error table: equal shares of the rows, by the size of the target."""


def number_scores(predicted: NDArray[np.float64], actual: NDArray[np.float64]) -> dict[str, float]:
    """Mean absolute error, root mean squared error and R² of numbers (N,); NaN where there are none.

    R² = 1 - Σ(y - ŷ)² / Σ(y - ȳ)², and 0 for a target that never changes.
    """
    if not len(actual):
        return {"mae": np.nan, "rmse": np.nan, "r2": np.nan}
    errors = actual - predicted
    spread = float(((actual - actual.mean()) ** 2).sum())
    return {
        "mae": float(np.abs(errors).mean()),
        "rmse": float(np.sqrt((errors**2).mean())),
        "r2": 1.0 - float((errors**2).sum()) / spread if spread else 0.0,
    }


def error_table(predicted: NDArray[np.float64], actual: NDArray[np.float64]) -> ResultTable:
    """The error of numbers (N,) in bands of the target, from the smallest to the largest."""
    columns = (
        *(ResultColumn(name, ".4g") for name in ("from", "to")),
        ResultColumn("rows", ",d"),
        *(ResultColumn(name, ".4g") for name in ("mae", "bias")),
    )
    order = np.argsort(actual, kind="stable")
    rows: list[tuple[Cell, ...]] = []
    for band in np.array_split(order, BANDS):
        if len(band):
            errors = predicted[band] - actual[band]
            mae, bias = float(np.abs(errors).mean()), float(errors.mean())
            rows.append((float(actual[band[0]]), float(actual[band[-1]]), len(band), mae, bias))
    return ResultTable("Errors by size of the target", columns, rows, "bias is predicted minus actual")
