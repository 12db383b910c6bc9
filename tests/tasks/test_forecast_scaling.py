from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from seqcli.errors import ModelError
from seqcli.tasks.forecasting.scaling import SeriesScaling, logarithm_helps

RNG = np.random.default_rng(5)
PLAIN = np.zeros(2, dtype=bool)


def two_series() -> list[np.ndarray]:
    return [RNG.normal(5, 2, size=(80, 2)), RNG.normal(-3000, 400, size=(50, 2))]


@pytest.mark.parametrize(("name", "other"), [("standard", StandardScaler), ("minmax", MinMaxScaler)])
def test_each_series_is_scaled_as_scikit_learn_scales_it(name: str, other: type) -> None:
    series = two_series()
    scaling = SeriesScaling.fit(name, ["a", "b"], series, PLAIN)
    for row, values in enumerate(series):
        np.testing.assert_allclose(
            scaling.transform(values, row), other().fit_transform(values), rtol=1e-9, atol=1e-9
        )


def test_logarithms_are_taken_where_swings_grow_with_the_level() -> None:
    growing = 100 * 1.03 ** np.arange(120) * np.exp(RNG.normal(0, 0.1, 120))
    assert logarithm_helps([growing])
    assert logarithm_helps([RNG.lognormal(10, 1, 300)])
    assert not logarithm_helps([100 + RNG.normal(size=300)])
    assert not logarithm_helps([growing - growing.min()])  # a zero
    assert not logarithm_helps([growing, -growing])
    assert not logarithm_helps([np.full(50, 3.0), np.full(50, np.nan)])


def test_logarithms_are_standardised_and_undone() -> None:
    volume = RNG.lognormal(15, 1, size=(200, 1))
    scaling = SeriesScaling.fit("standard", [""], [volume])
    assert scaling.logs.tolist() == [True]
    scaled = scaling.transform(volume, 0)
    np.testing.assert_allclose(scaled, StandardScaler().fit_transform(np.log(volume)), atol=1e-9)
    np.testing.assert_allclose(scaling.inverse(scaled[None], np.array([0]))[0], volume, rtol=1e-9)
    assert np.isfinite(scaling.transform(np.array([[0.0], [-1.0]]), 0)).all()
    assert np.isfinite(scaling.inverse(np.full((1, 1, 1), 1e9), np.array([0]))).all()


def test_rain_does_not_fall_below_zero() -> None:
    rain = np.where(RNG.random((200, 1)) < 0.5, 0.0, RNG.exponential(5, size=(200, 1)))
    dry = SeriesScaling.fit("standard", [""], [rain])
    warm = SeriesScaling.fit("standard", [""], [RNG.normal(20, 1, size=(200, 1))])
    low = np.full((1, 1, 1), -50.0)
    assert dry.inverse(low, np.array([0]))[0, 0, 0] == 0
    assert warm.inverse(low, np.array([0]))[0, 0, 0] < 0


def test_an_unknown_series_is_scaled_by_its_own_values_and_a_known_one_as_fitted() -> None:
    first, second = two_series()
    fitted = SeriesScaling.fit("standard", ["a"], [first], PLAIN)
    extended = fitted.extended(["new", "a"], [second, second])
    np.testing.assert_allclose(
        extended.transform(second, 0), StandardScaler().fit_transform(second), atol=1e-9
    )
    np.testing.assert_array_equal(extended.shift[1], fitted.shift[0])


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-200, 1e-3, 1.0, 1e200]), st.booleans())
def test_scaling_can_be_undone(seed: int, unit: float, log: bool) -> None:
    values = np.random.default_rng(seed).lognormal(size=(20, 1)) * unit
    scaling = SeriesScaling.fit("standard", [""], [values], np.array([log]))
    back = scaling.inverse(scaling.transform(values, 0)[None], np.array([0]))[0]
    np.testing.assert_allclose(back, values, rtol=1e-9)


def test_missing_values_stay_missing_and_json_restores_every_bit() -> None:
    series = two_series()
    series[0][3, 1] = np.nan
    scaling = SeriesScaling.fit("minmax", ["a", "b"], series)
    assert np.isnan(scaling.transform(series[0], 0)[3, 1])
    again = SeriesScaling.from_json(json.loads(json.dumps(scaling.to_json())), 2)
    np.testing.assert_array_equal(again.transform(series[1], 1), scaling.transform(series[1], 1))
    assert again.to_json() == scaling.to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"scaler": "robust.v9"},
        {"scale": [[0.0, 1.0]]},
        {"scale": [[1.0]]},
        {"shift": [[float("nan"), 0.0]]},
        {"floor": [[0.0, 0.0]]},
        {"logs": [True]},
        {"names": []},
    ],
)
def test_a_changed_scaling_is_refused(change: dict[str, object]) -> None:
    scaling = SeriesScaling.fit("standard", ["a"], two_series()[:1], PLAIN)
    with pytest.raises(ModelError):
        SeriesScaling.from_json({**scaling.to_json(), **change}, 2)
