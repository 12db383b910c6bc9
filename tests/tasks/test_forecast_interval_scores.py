"""Interval scores by hand, and what rolling intervals may know."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.tasks.forecasting.conformal import conformal_radii
from seqcli.tasks.forecasting.interval_scores import IntervalSums, interval_score, rolling_radii


def test_the_score_by_hand() -> None:
    score = interval_score(80, np.array([5.0, 1.0, 12.0]), np.full(3, 3.0), np.full(3, 9.0))
    assert score == pytest.approx([6.0, 6 + 2 / 0.2 * 2, 6 + 2 / 0.2 * 3])


def test_the_true_quantiles_have_the_least_score() -> None:
    values = np.random.default_rng(0).normal(size=40_000)
    means = {
        half: interval_score(80, values, np.full_like(values, -half), np.full_like(values, half)).mean()
        for half in (1.0, 1.2816, 1.6)
    }
    assert min(means, key=lambda half: means[half]) == 1.2816


def test_sums_add_up_over_parts_and_leave_out_what_is_unknown() -> None:
    rng = np.random.default_rng(1)
    actual = rng.normal(size=(6, 3, 2))
    actual[0, 0, 0] = np.nan
    low, high = np.full_like(actual, -1.0), np.full_like(actual, 0.5)
    scales = np.array([[1.0, 2.0]] * 5 + [[np.nan, 4.0]])
    whole = IntervalSums.of(90, actual, (low, high), scales)
    parts = [
        IntervalSums.of(90, actual[rows], (low[rows], high[rows]), scales[rows])
        for rows in (slice(0, 2), slice(2, 6))
    ]
    both = parts[0] + parts[1]
    assert (whole.steps, whole.inside, whole.scaled_steps) == (both.steps, both.inside, both.scaled_steps)
    assert (whole.steps, whole.scaled_steps) == (35, 32)
    known = actual[~np.isnan(actual)]
    assert whole.inside == ((known >= -1) & (known <= 0.5)).sum()
    assert whole.width == pytest.approx(1.5 * 35)
    expected = [
        float(interval_score(90, actual[n, h, k], np.float64(-1), np.float64(0.5))) / scales[n, k]
        for n, h, k in np.ndindex(6, 3, 2)
        if not np.isnan(actual[n, h, k] / scales[n, k])
    ]
    assert whole.score == pytest.approx(sum(expected))
    assert both.score == pytest.approx(whole.score)


def rolled(residuals: np.ndarray, since: np.ndarray, origins: np.ndarray, saved: np.ndarray) -> np.ndarray:
    """Half widths (M, L, H, K) at each origin."""
    out = np.full((len(origins), *saved.shape), np.nan)
    for rows, radii in rolling_radii(residuals, since, origins, [80], saved):
        out[rows] = radii
    return out


def test_rolling_radii_are_those_of_all_values_a_horizon_old() -> None:
    rng = np.random.default_rng(2)
    since = np.arange(-20, 15)
    residuals = rng.normal(size=(35, 3, 1))
    found = rolled(residuals, since, np.arange(15), np.full((1, 3, 1), 9.0))
    for origin in range(15):
        known = residuals.copy()
        for row, step in np.ndindex(35, 3):
            if since[row] + step > origin - 3:
                known[row, step] = np.nan
        assert found[origin] == pytest.approx(conformal_radii(known, [80]))


@given(st.integers(0, 14), st.integers(0, 34), st.integers(0, 2))
def test_what_is_younger_than_a_horizon_changes_no_interval(origin: int, row: int, step: int) -> None:
    residuals = np.random.default_rng(3).normal(size=(35, 3, 1))
    since = np.arange(-20, 15)
    changed = residuals.copy()
    changed[row, step] = 1e6
    before, after = (
        rolled(each, since, np.arange(15), np.ones((1, 3, 1)))[origin] for each in (residuals, changed)
    )
    young = since[row] + step > origin - 3
    assert not young or (before == after).all()


def test_without_a_value_that_is_old_enough_the_saved_radii_stay() -> None:
    saved = np.array([[[1.0], [2.0]]])
    found = rolled(np.ones((3, 2, 1)), np.array([0, 1, 2]), np.array([0, 1, 4]), saved)
    assert found[0] == pytest.approx(saved[0][None])
    assert found[2] == pytest.approx(np.ones((1, 2, 1)))


def test_many_origins_are_calibrated_in_groups_that_know_less_and_not_more() -> None:
    since = np.arange(-400, 400)
    growing = np.abs(since)[:, None, None] * np.ones((1, 2, 1)) + 1.0
    growing[since < 0] = 1.0
    origins = np.arange(400)
    calls = list(rolling_radii(growing, since, origins, [99], np.ones((1, 2, 1))))
    assert len(calls) == 50
    assert sorted(np.concatenate([rows for rows, _ in calls]).tolist()) == origins.tolist()
    for rows, radii in calls:
        assert radii.max() <= max(rows.min() - 2, 0) + 1
