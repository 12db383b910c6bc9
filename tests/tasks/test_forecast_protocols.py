"""The figures of papers, against what was computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from seqcli.tasks.forecasting.protocols import (
    competition_errors,
    error_scale,
    is_seasonal,
    naive2,
    overall,
    seasonal_figure,
    standard_errors,
    training_spread,
)

NAN = float("nan")


def cube(*windows: list[float]) -> np.ndarray:
    return np.array(windows, dtype=np.float64)[:, :, None]


def test_z_scores_by_the_training_rows() -> None:
    values = np.array([[1.0, 5.0], [3.0, 5.0], [NAN, 5.0]])
    assert training_spread(values) == pytest.approx([1.0, 1.0])  # of 1 and 3 with ddof 0
    actual, forecast = cube([2.0, NAN], [4.0, 8.0]), cube([3.0, 9.0], [4.0, 2.0])
    errors = standard_errors(actual, forecast, np.array([[2.0], [2.0]]))
    assert errors["mae"] == pytest.approx((0.5 + 0 + 3) / 3)
    assert errors["mse"] == pytest.approx((0.25 + 0 + 9) / 3)


def test_competition_errors_are_means_of_the_series_means() -> None:
    actual, forecast = cube([1.0, 3.0], [10.0, NAN]), cube([2.0, 3.0], [5.0, 0.0])
    errors = competition_errors(actual, forecast, np.array([[2.0], [10.0]]))
    assert errors["smape"] == pytest.approx(((200 / 3 + 0) / 2 + 200 * 5 / 15) / 2)
    assert errors["mase"] == pytest.approx((0.25 + 0.5) / 2)
    assert overall(errors, {"smape": errors["smape"] * 2, "mase": errors["mase"] / 2}) == pytest.approx(1.25)


def test_the_scale_is_the_seasonal_error_of_the_whole_past() -> None:
    assert error_scale(np.array([1.0, 5.0, 2.0, 9.0]), 2) == pytest.approx((1 + 4) / 2)


def seasonal(figure: list[float], seasons: int, slope: float) -> np.ndarray:
    trend = 100 + slope * np.arange(len(figure) * seasons)
    return trend * np.tile(figure, seasons)


@pytest.mark.parametrize("figure", [[0.5, 1.0, 1.5], [0.6, 1.4, 0.8, 1.2]], ids=["odd", "even"])
def test_the_figure_of_a_pure_season_is_found_again(figure: list[float]) -> None:
    past = seasonal(figure, 8, 0.0)
    assert seasonal_figure(past, len(figure)) == pytest.approx(figure)
    # The last value without its season is 100, and the season goes on where it stopped.
    cut = past[:-1]
    expected = (100 * np.resize(figure, 40))[len(cut) : len(cut) + 5]
    assert naive2(cut, len(figure), 5) == pytest.approx(expected)


def test_an_even_season_is_averaged_with_half_weights_at_its_ends() -> None:
    past = np.array([2.0, 4.0, 3.0, 8.0, 5.0])
    trend = [(2 / 2 + 4 + 3 / 2) / 2, (4 / 2 + 3 + 8 / 2) / 2, (3 / 2 + 8 + 5 / 2) / 2]
    ratio = [4 / trend[0], 3 / trend[1], 8 / trend[2]]
    raw = np.array([ratio[1], (ratio[0] + ratio[2]) / 2])
    assert seasonal_figure(past, 2) == pytest.approx(raw / raw.mean())


def test_the_test_of_a_season_by_hand() -> None:
    past = np.array([1.0, 3.0, 2.0, 4.0, 1.5, 3.5, 2.5, 4.5, 1.0, 3.0])
    centred = past - past.mean()
    acf = [float((centred[lag:] * centred[:-lag]).sum() / (centred**2).sum()) for lag in (1, 2)]
    bound = 1.645 / np.sqrt(10) * np.sqrt(1 + 2 * acf[0] ** 2)
    assert is_seasonal(past, 2) is bool(abs(acf[1]) > bound)
    assert is_seasonal(seasonal([0.5, 1.5], 10, 0.0), 2)
    assert not is_seasonal(np.random.default_rng(0).normal(size=200), 7)
    assert not is_seasonal(seasonal([0.5, 1.5], 2, 0.0), 2)  # fewer than three seasons
    assert not is_seasonal(np.full(30, 5.0), 2)
    long = seasonal(list(np.linspace(0.5, 1.5, 30)), 4, 0.0)
    assert not is_seasonal(long, 30)  # beyond the 20 lags that are looked at of 120 values


@pytest.mark.parametrize("past", [[3.0, 1.0, 7.0], list(np.random.default_rng(1).normal(100, 1, 80))])
def test_without_a_season_naive2_is_the_last_value(past: list[float]) -> None:
    assert naive2(np.array(past), 4, 3) == pytest.approx([past[-1]] * 3)


def test_a_decomposition_that_cannot_be_divided_by_takes_nothing_out() -> None:
    assert seasonal_figure(np.zeros(12), 3) == pytest.approx([1.0, 1.0, 1.0])
