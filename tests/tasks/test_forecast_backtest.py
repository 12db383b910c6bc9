"""Sums that add up over folds, and the tables made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from seqcli.tasks.forecasting.backtest import COMBINED, ROLLING, SAVED, Fold, Points, pooled, shared
from seqcli.tasks.forecasting.board import best_simple, leaderboard
from seqcli.tasks.forecasting.interval_scores import IntervalSums
from seqcli.tasks.forecasting.metrics import METRICS, point_metrics
from seqcli.tasks.forecasting.mixture import NAIVE, SEASON_MEAN, SEASONAL


def points(actual: np.ndarray, forecast: np.ndarray, scales: np.ndarray, names: Sequence[str]) -> Points:
    """Points of windows (N, H, K), one a series."""
    known = ~np.isnan(actual)
    scaled = np.where(known, np.abs(actual - forecast) / scales[:, None], 0.0)
    count = known.sum(axis=(0, 1)).astype(np.float64)
    return Points(
        point_metrics(actual, forecast, scales),
        dict.fromkeys(METRICS, count),
        (scaled.sum(axis=(0, 2)), known.sum(axis=(0, 2)).astype(np.float64)),
        {name: (float(scaled[row].sum()), int(known[row].sum())) for row, name in enumerate(names)},
    )


def some(seed: int, windows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    actual = rng.normal(10, 1, size=(windows, 4, 2))
    actual[0, :, 0] = np.nan
    return actual, rng.normal(10, 1, size=actual.shape), np.ones((windows, 2)), list("abcdefgh"[:windows])


def test_pooled_metrics_are_those_of_all_windows_together() -> None:
    one, other = some(0, 3), some(1, 5)
    both = pooled([points(*one), points(*other)])
    together = point_metrics(*(np.concatenate([a, b]) for a, b in zip(one[:3], other[:3], strict=True)))
    for name in METRICS:
        assert both.metrics[name] == pytest.approx(together[name]), name
    first = np.abs(one[0] - one[1])[1].sum() + np.abs(other[0] - other[1])[1].sum()
    assert both.series["b"] == (pytest.approx(first), 16)


def test_a_fold_in_which_nothing_was_scored_changes_nothing() -> None:
    one, empty = some(0, 3), some(1, 3)
    empty[0][:] = np.nan
    alone, both = pooled([points(*one)]), pooled([points(*one), points(*empty)])
    for name in METRICS:
        assert both.metrics[name] == pytest.approx(alone.metrics[name])


def test_huge_errors_do_not_overflow() -> None:
    actual, forecast, scales, names = some(0, 3)
    huge = pooled([points(actual * 1e200, forecast * 1e200, scales * 1e200, names)] * 2)
    plain = pooled([points(actual, forecast, scales, names)])
    assert huge.metrics["rmse"] / 1e200 == pytest.approx(plain.metrics["rmse"])


def fold(season: int | None = 7, **errors: float) -> Fold:
    """A fold of two series, in which each forecast is off by one number everywhere."""
    actual = np.full((2, 3, 1), 10.0)
    found = {
        name.replace("_", " "): points(actual, actual + error, np.array([[1.0], [2.0]]), ["a", "b"])
        for name, error in errors.items()
    }
    sums = {(kind, 80): IntervalSums(6, 3, 12.0, 6, 18.0) for kind in (SAVED, ROLLING, SEASONAL)}
    return Fold("2024-01-01", "2024-01-03", 6, season, 0, found, sums)


ERRORS = {"combined": 1.0, "gru_alone": 2.0, "naive": 4.0, "seasonal_naive": 3.0, "drift": 5.0}


def test_the_board_ranks_what_stands_beside_the_mix_and_says_what_is_spared() -> None:
    tables = leaderboard([fold(**ERRORS), fold(**{**ERRORS, "naive": 6.0})], "", ("y",), ("Title", ["first"]))
    board, by_fold, steps, worst, intervals = tables
    rows = board.records()
    assert [row["forecast"] for row in rows] == [
        "combined", "gru alone", "seasonal naive (7)", "naive", "drift",
    ]  # fmt: skip
    assert [row["skill"] for row in rows] == pytest.approx([1 - 1 / 3, 1 - 2 / 3, 0, 1 - 5 / 3, 1 - 5 / 3])
    assert board.caption.startswith("first; skill: the share of mae spared beside seasonal naive (7)")
    assert [row["fold"] for row in by_fold.records()] == [1, 2]
    assert [row["mase"] for row in steps.records()] == pytest.approx([0.75] * 3)
    assert [tuple(row.values()) for row in worst.records()] == [("a", 1.0, 3.0), ("b", 0.5, 1.5)]
    record = intervals.records()[2]
    assert record["kind"] == "around seasonal naive"
    assert (record["covered"], record["mean width"], record["score"]) == (0.5, 2.0, 3.0)


def test_a_fold_without_a_season_has_the_last_value_in_its_place() -> None:
    with_season, without = fold(**ERRORS), fold(None, combined=1.0, naive=4.0, drift=5.0)
    rows = leaderboard([with_season, without], "", ("y",), ("Title", []))[0].records()
    errors = {row["forecast"]: row["mae"] for row in rows}
    # "gru alone" is not in both.
    assert errors == pytest.approx({"combined": 1.0, "seasonal naive": 3.5, "naive": 4.0, "drift": 5.0})
    assert {SEASONAL} <= set(shared([without, with_season])[0].points)
    assert SEASON_MEAN not in shared([with_season])[0].points


def test_what_could_not_be_measured_is_neither_best_nor_first() -> None:
    measured = {COMBINED: {"mae": 1.0}, NAIVE: {"mae": float("nan")}, SEASONAL: {"mae": 7.0}}
    assert best_simple(measured, "") == SEASONAL


def test_a_protocol_shows_its_own_metrics() -> None:
    plain = fold(**ERRORS)
    each = {
        name: replace(own, protocol={"smape": 1.0, "mase": 2.0, "owa": number})
        for number, (name, own) in enumerate(plain.points.items(), 1)
    }
    board = leaderboard([replace(plain, points=each)], "m4", ("y",), ("Title", []))[0]
    assert [row["owa"] for row in board.records()] == [1, 2, 3, 4, 5]
    assert board.records()[0]["skill"] == pytest.approx(1 - 1 / 3)
