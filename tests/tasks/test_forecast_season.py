from __future__ import annotations

import numpy as np
import pytest

from seqcli.tasks.forecasting.season import autocorrelation, find_season

RNG = np.random.default_rng(3)
MONTHS = np.tile([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8.0], 8)


def test_autocorrelation_is_that_of_the_differences() -> None:
    values = RNG.normal(size=50).cumsum()
    steps = np.diff(values)
    steps = steps - steps.mean()
    expected = [np.mean(steps[lag:] * steps[: len(steps) - lag]) / np.mean(steps**2) for lag in range(8)]
    np.testing.assert_allclose(autocorrelation(values, 7), expected, atol=1e-12)


def test_a_season_is_found_under_trend_noise_and_growing_swings() -> None:
    steps = np.arange(len(MONTHS))
    assert find_season([MONTHS + 0.5 * steps + RNG.normal(size=len(steps))], (12,)) == 12
    assert find_season([(MONTHS + 10) * 1.02**steps], (12,)) == 12
    assert find_season([MONTHS], ()) == 12  # no calendar proposes it


def test_gaps_do_not_hide_a_season() -> None:
    values = MONTHS.copy()
    values[[5, 17, 30, 31, 60]] = np.nan
    assert find_season([values], (12,)) == 12


@pytest.mark.parametrize("candidates", [(7,), (5, 7, 12), ()])
def test_a_random_walk_a_line_and_a_constant_have_none(candidates: tuple[int, ...]) -> None:
    walk = np.random.default_rng(0).normal(size=1000).cumsum()
    for values in (walk, np.arange(300.0), np.full(300, 7.0), np.full(300, np.nan)):
        assert find_season([values], candidates) is None


def test_the_shortest_of_equally_good_seasons_is_taken() -> None:
    days = np.tile([1, 2, 6, 3, 9, 0, 4.0], 60)
    assert find_season([days], (28, 14, 7)) == 7


def test_a_season_must_fit_three_times() -> None:
    assert find_season([MONTHS[:35]], (12,)) is None
    assert find_season([MONTHS[:36]], (12,)) == 12


def test_series_are_judged_together() -> None:
    seasonal = [MONTHS + RNG.normal(size=len(MONTHS)) for _ in range(3)]
    assert find_season([*seasonal, RNG.normal(size=40).cumsum()], (12,)) == 12
    assert find_season([MONTHS[:36], *(RNG.normal(size=400).cumsum() for _ in range(8))], (12,)) is None
    assert find_season([], (12,)) is None
