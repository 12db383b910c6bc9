from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.tasks.forecasting.conformal import LEVELS, conformal_radii, radii_at


def one_step(residuals: list[float]) -> np.ndarray:
    return np.array(residuals, dtype=np.float64)[:, None, None]


@pytest.mark.parametrize(("count", "level", "rank"), [(9, 80, 8), (19, 95, 19), (99, 95, 95), (100, 80, 81)])
def test_radius_is_the_finite_sample_quantile(count: int, level: int, rank: int) -> None:
    residuals = np.random.default_rng(0).permutation(np.arange(1.0, count + 1)) * np.resize([1, -1], count)
    radii = conformal_radii(residuals[:, None, None], [level])
    assert radii[0, 0, 0] == rank  # the rank-th smallest of 1, 2, …, n


def test_coverage_on_new_values_is_at_least_nominal_and_not_far_above() -> None:
    rng = np.random.default_rng(1)
    inside = [
        np.abs(rng.normal()) <= conformal_radii(rng.normal(size=(30, 1, 1)), [80])[0, 0, 0]
        for _ in range(4000)
    ]
    # The expected coverage is ⌈31 · 0.8⌉ / 31 = 25/31 = 0.806; 4000 draws have a standard error of 0.006.
    assert abs(np.mean(inside) - 25 / 31) < 0.02


def test_too_few_residuals_of_a_step_are_pooled_over_steps_in_their_own_scale() -> None:
    # Ten residuals cannot bound 95 %, thirty can: the second and third steps are 2 and 3 times the first.
    base = np.arange(1.0, 11.0)
    residuals = np.stack([base, 2 * base, 3 * base], axis=1)[..., None]
    radii = conformal_radii(residuals, [95])[0, :, 0]
    np.testing.assert_allclose(radii, [10, 20, 30])  # rank 30 of 30 pooled: the largest
    np.testing.assert_allclose(conformal_radii(residuals, [80])[0, :, 0], [9, 18, 27])  # its own rank 9


def test_missing_residuals_are_left_out() -> None:
    radii = conformal_radii(one_step([1, 2, 3, 4, np.nan, np.nan]), [80])
    assert radii[0, 0, 0] == 4


def test_without_residuals_and_with_nothing_but_zeros_radii_are_zero() -> None:
    assert (conformal_radii(np.empty((0, 3, 2)), LEVELS) == 0).all()
    assert (conformal_radii(np.full((5, 3, 2), np.nan), LEVELS) == 0).all()
    assert (conformal_radii(np.zeros((50, 3, 2)), LEVELS) == 0).all()


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
    st.lists(st.sampled_from(range(1, 100)), min_size=2, max_size=5, unique=True),
)
def test_a_higher_level_is_never_narrower(residuals: list[float], levels: list[int]) -> None:
    radii = conformal_radii(one_step(residuals), levels)[:, 0, 0]
    assert np.isfinite(radii).all()
    ordered = radii[np.argsort(levels)]
    assert (np.diff(ordered) >= 0).all()
    assert ordered[-1] <= np.abs(residuals).max() * (1 + 1e-12)


def test_levels_between_the_known_ones_lie_on_the_line() -> None:
    radii = np.array([[[2.0]], [[4.0]]])
    np.testing.assert_allclose(radii_at([80, 90], radii, [80, 85, 90, 40, 99])[:, 0, 0], [2, 3, 4, 1, 4])
