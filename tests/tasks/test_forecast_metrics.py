from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.tasks.forecasting.metrics import averaged, point_metrics, seasonal_error, skill


def test_metrics_by_hand() -> None:
    actual = np.array([[[1.0], [3.0]], [[2.0], [np.nan]]])  # (2 windows, 2 steps, 1 target)
    forecast = np.array([[[2.0], [3.0]], [[5.0], [7.0]]])
    metrics = point_metrics(actual, forecast, np.array([[0.5], [2.0]]))
    assert metrics["mae"][0] == pytest.approx((1 + 0 + 3) / 3)
    assert metrics["rmse"][0] == pytest.approx(np.sqrt((1 + 0 + 9) / 3))
    assert metrics["smape"][0] == pytest.approx((200 / 3 + 0 + 600 / 7) / 3)
    assert metrics["mase"][0] == pytest.approx((1 / 0.5 + 0 + 3 / 2) / 3)


def test_zero_on_both_sides_is_no_error_and_opposite_signs_are_the_largest() -> None:
    actual = np.array([[[0.0], [5.0]]])
    metrics = point_metrics(actual, np.array([[[0.0], [-5.0]]]), np.ones((1, 1)))
    assert metrics["smape"][0] == pytest.approx((0 + 200) / 2)


def test_a_target_without_scored_values_is_nan_and_left_out_of_the_average() -> None:
    actual = np.array([[[1.0, np.nan]]])
    metrics = point_metrics(actual, np.zeros((1, 1, 2)), np.array([[1.0, np.nan]]))
    assert np.isnan(metrics["mae"][1])
    assert averaged(metrics)["mae"] == 1.0
    assert np.isnan(averaged({"mae": np.array([np.nan])})["mae"])


def test_seasonal_error_is_the_mean_step_over_one_season() -> None:
    assert seasonal_error(np.array([1.0, 5.0, 2.0, 7.0]), 2) == pytest.approx((1 + 2) / 2)
    assert seasonal_error(np.array([1.0, np.nan, 2.0, 7.0]), 1) == pytest.approx(5)
    assert np.isnan(seasonal_error(np.ones(9), 1))
    assert np.isnan(seasonal_error(np.arange(3.0), 3))


@given(st.floats(1e-290, 1e290))
def test_metrics_scale_with_the_values_up_to_the_largest_numbers(unit: float) -> None:
    actual = np.array([[[1.0], [3.0]], [[2.0], [4.0]]])
    forecast = np.array([[[2.0], [3.5]], [[5.0], [7.0]]])
    plain = point_metrics(actual, forecast, np.ones((2, 1)))
    large = point_metrics(actual * unit, forecast * unit, np.full((2, 1), unit))
    for name in ("mae", "rmse"):
        assert large[name][0] == pytest.approx(plain[name][0] * unit)
    for name in ("smape", "mase"):
        assert large[name][0] == pytest.approx(plain[name][0])


def test_skill_is_the_share_of_an_error_that_is_spared() -> None:
    assert skill(3.0, 4.0) == 0.25
    assert skill(6.0, 4.0) == -0.5
    assert skill(4.0 + 1e-7, 4.0) == 0.0  # the same forecast, rounded
    assert np.isnan(skill(1.0, 0.0))
    assert np.isnan(skill(float("nan"), 1.0))
