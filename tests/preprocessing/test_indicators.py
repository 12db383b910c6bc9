"""Indicators against sums by hand, pandas, and the rule that no later value is seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from seqcli.preprocessing.indicators import INDICATORS, REACH, indicators

AT = {name: column for column, name in enumerate(INDICATORS)}
PRICES = np.array(
    [44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.1, 45.42, 45.84, 46.08, 45.89, 46.03, 45.61, 46.28, 46.28]
)
values = st.lists(st.one_of(st.floats(-1e3, 1e3), st.just(np.nan)), min_size=1, max_size=60).map(np.array)


def test_the_figures_of_a_small_series_by_hand() -> None:
    found = indicators(np.array([10.0, 11.0, 9.9, 9.9, 12.0, 13.2]))
    np.testing.assert_allclose(found[1:, AT["returns"]], [0.1, -0.1, 0.0, 2.1 / 9.9, 0.1])
    assert np.isnan(found[0, AT["returns"]])
    np.testing.assert_allclose(found[4:, AT["average 5"]], [52.8 / 5, 56.0 / 5])
    assert np.isnan(found[:4, AT["average 5"]]).all()


def test_relative_strength_is_the_share_of_rises() -> None:
    # 14 steps: 3.34 up in all and 1.40 down.
    found = indicators(PRICES)[:, AT["rsi 14"]]
    assert np.isnan(found[:14]).all()
    np.testing.assert_allclose(found[14], 100 * 3.34 / (3.34 + 1.40), rtol=1e-9)
    assert indicators(np.arange(1.0, 20))[-1, AT["rsi 14"]] == 100
    assert indicators(np.arange(20.0, 1, -1))[-1, AT["rsi 14"]] == 0
    assert indicators(np.full(20, 3.0))[-1, AT["rsi 14"]] == 50


def test_averages_and_volatility_are_those_of_pandas() -> None:
    series = pd.Series(100 + np.random.default_rng(0).normal(size=80).cumsum())
    found = indicators(series.to_numpy())
    np.testing.assert_allclose(found[:, AT["average 20"]], series.rolling(20).mean(), rtol=1e-12)
    np.testing.assert_allclose(
        found[:, AT["volatility 20"]], series.pct_change().rolling(20).std(), rtol=1e-9
    )


@given(values, st.data())
def test_a_later_value_changes_no_earlier_indicator(series: np.ndarray, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(series) - 1))
    changed = series.copy()
    changed[at] = data.draw(st.sampled_from([0.0, 1e300, np.nan, -5.0, 7.25]))
    np.testing.assert_array_equal(indicators(series)[:at], indicators(changed)[:at])


@given(values, st.integers(0, 30))
def test_only_the_last_known_values_count(series: np.ndarray, cut: int) -> None:
    whole, part = indicators(series), indicators(series[cut:])
    known = np.cumsum(~np.isnan(series[cut:]))
    np.testing.assert_allclose(part[known >= REACH], whole[cut:][known >= REACH], rtol=1e-9, atol=1e-9)


def test_gaps_are_passed_over_and_nothing_is_divided_by_zero() -> None:
    found = indicators(np.array([2.0, np.nan, 3.0, 0.0, 4.0, -1.0, 2.0]))
    np.testing.assert_allclose(found[:, AT["returns"]], [np.nan, np.nan, 0.5, -1, np.nan, -1.25, np.nan])
    assert np.isnan(found[1]).all()
    huge = indicators(np.array([1e-300, 1e300] * 15))
    assert np.isfinite(huge[~np.isnan(huge)]).all()
