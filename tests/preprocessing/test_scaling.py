from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import preprocessing as sklearn_preprocessing

from seqcli.errors import ModelError
from seqcli.preprocessing.scaling import SCALERS, MinMaxScaler, StandardScaler, fit_scaler, restore_scaler

SKLEARN = {
    "standard.v1": sklearn_preprocessing.StandardScaler,
    "minmax.v1": sklearn_preprocessing.MinMaxScaler,
}
tables = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=12),
    elements=st.floats(-1e6, 1e6).map(lambda value: round(value, 6)) | st.just(np.nan),
)


@pytest.mark.parametrize("name", SCALERS)
@settings(deadline=None)
@given(values=tables)
def test_equals_scikit_learn(name, values):
    values = values[:, ~np.isnan(values).all(axis=0)]
    if not values.shape[1]:
        return
    ours, theirs = SCALERS[name].fit(values), SKLEARN[name]().fit(values)
    expected = theirs.transform(values)
    np.testing.assert_allclose(ours.transform(values), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.inverse(expected), values, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("name", SCALERS)
def test_equals_scikit_learn_to_twelve_digits_on_prices(name):
    rng = np.random.default_rng(0)
    values = 100 + np.cumsum(rng.normal(size=(2000, 6)), axis=0) * [1, 10, 0.1, 1e4, 1, 1e-3]
    values[rng.random(values.shape) < 0.05] = np.nan
    expected = SKLEARN[name]().fit_transform(values)
    np.testing.assert_allclose(SCALERS[name].fit(values).transform(values), expected, rtol=1e-12, atol=1e-12)


def test_standard_by_hand():
    scaler = StandardScaler.fit([[1.0], [3.0], [np.nan], [5.0]])
    assert scaler.shift.tolist() == [3.0]
    assert scaler.scale[0] == pytest.approx((8 / 3) ** 0.5, abs=1e-15)


def test_min_max_by_hand():
    scaler = MinMaxScaler.fit([[2.0, -1.0], [6.0, 1.0]])
    assert scaler.transform([[4.0, 0.0], [8.0, 1.0]]).tolist() == [[0.5, 0.5], [1.5, 1.0]]


@pytest.mark.parametrize("scaler", SCALERS.values())
@pytest.mark.parametrize("value", [0.0, 0.1, 7.3, -1e9, 123456.789])
def test_a_constant_column_becomes_zero(scaler, value):
    values = np.full((1000, 1), value)
    fitted = scaler.fit(values)
    assert fitted.scale.tolist() == [1.0]
    np.testing.assert_allclose(fitted.transform(values), 0.0, atol=1e-6)


@pytest.mark.parametrize("scaler", SCALERS.values())
def test_a_column_never_seen_is_left_alone(scaler):
    fitted = scaler.fit([[np.nan, 1.0], [np.nan, 2.0]])
    assert fitted.transform([[5.0, 1.0]])[0, 0] == 5.0
    assert scaler.fit(np.empty((0, 2))).transform([[5.0, 1.0]]).tolist() == [[5.0, 1.0]]


@pytest.mark.parametrize("scaler", SCALERS.values())
@pytest.mark.parametrize("size", [1e150, 1e300, 1e-300])
def test_huge_and_tiny_numbers_stay_finite(scaler, size):
    values = np.array([[1.0], [2.0], [4.0]]) * size
    scaled = scaler.fit(values).transform(values)
    assert np.isfinite(scaled).all()
    if size > 1:
        small = scaler.fit(values / size)
        np.testing.assert_allclose(scaled, small.transform(values / size), rtol=1e-12)


def test_leading_axes_are_kept():
    scaler = StandardScaler.fit(np.arange(12.0).reshape(6, 2))
    windows = np.arange(24.0).reshape(3, 4, 2)
    np.testing.assert_array_equal(scaler.transform(windows)[1], scaler.transform(windows[1]))
    np.testing.assert_allclose(scaler.inverse(scaler.transform(windows)), windows)


def test_select_takes_columns():
    values = np.random.default_rng(1).normal(size=(20, 3))
    scaler = StandardScaler.fit(values)
    np.testing.assert_array_equal(
        scaler.select([2, 0]).transform(values[:, [2, 0]]), scaler.transform(values)[:, [2, 0]]
    )


@pytest.mark.parametrize("scaler", SCALERS.values())
def test_infinite_and_misshapen_values_are_refused(scaler):
    with pytest.raises(ValueError, match="infinite"):
        scaler.fit([[1.0], [np.inf]])
    with pytest.raises(ValueError, match="shape"):
        scaler.fit([1.0, 2.0])


@pytest.mark.parametrize("name", ["standard", "minmax", "standard.v1"])
def test_json_restores_the_same_bits(name):
    values = np.random.default_rng(2).normal(size=(50, 4)) * 1e7
    scaler = fit_scaler(name, values)
    restored = restore_scaler(json.loads(json.dumps(scaler.to_json())))
    assert type(restored) is type(scaler)
    assert restored.transform(values).tobytes() == scaler.transform(values).tobytes()


@pytest.mark.parametrize(
    "data",
    [
        {},
        None,
        {"name": "robust.v9"},
        {"name": ["standard.v1"]},
        {"name": "standard.v1"},
        {"name": "standard.v1", "shift": [1.0], "scale": [1.0, 2.0]},
        {"name": "standard.v1", "shift": [1.0], "scale": [0.0]},
        {"name": "standard.v1", "shift": [1.0], "scale": [-1.0]},
        {"name": "standard.v1", "shift": [float("nan")], "scale": [1.0]},
        {"name": "minmax.v1", "shift": ["x"], "scale": [1.0]},
        {"name": "minmax.v1", "shift": 3, "scale": 3},
        {"name": "minmax.v1", "shift": [10**400], "scale": [1.0]},
    ],
)
def test_a_mutated_scaler_is_a_model_error(data):
    with pytest.raises(ModelError):
        restore_scaler(data)


@pytest.mark.parametrize("name", SCALERS)
@settings(deadline=None, max_examples=30)
@given(row=st.integers(20, 29), value=st.floats(-1e12, 1e12))
def test_rows_outside_training_leave_no_trace(name, row, value):
    values = np.random.default_rng(3).normal(size=(30, 2))
    before = json.dumps(fit_scaler(name, values[:20]).to_json())
    values[row] = value
    assert json.dumps(fit_scaler(name, values[:20]).to_json()) == before
