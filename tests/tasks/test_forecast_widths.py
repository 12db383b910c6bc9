"""Widths of intervals: learnt where windows differ in how hard they are, and only where that pays."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from seqcli.errors import ModelError
from seqcli.tasks.forecasting import calibration
from seqcli.tasks.forecasting.calibration import Misses, without_network
from seqcli.tasks.forecasting.mixture import Mixture
from seqcli.tasks.forecasting.ridge import Ridge
from seqcli.tasks.forecasting.widths import SIGNS, Widths, answers, in_widths


def restless(rows: int = 400, seed: int = 0):
    """Windows (N, 24, 1) that move by 1 or by 4 a step, outputs with an even band, misses in proportion."""
    random = np.random.default_rng(seed)
    size = np.where(random.random(rows) < 0.5, 1.0, 4.0)[:, None, None]
    past = (random.normal(size=(rows, 24, 1)) * size).astype(np.float32)
    outputs = np.ones((rows, 3, 1, 3), dtype=np.float32)
    return past, outputs, random.normal(size=(rows, 3, 1)) * size, size


def test_widths_follow_how_restless_a_window_is() -> None:
    past, outputs, misses, size = restless()
    widths = Widths.fit(outputs, past, 1, misses).of(outputs, past, 1, np.ones((len(past), 1, 1)))
    assert widths.shape == (400, 3, 1, 2)
    ratio = widths[size[:, 0, 0] == 4].mean() / widths[size[:, 0, 0] == 1].mean()
    assert ratio == pytest.approx(4.0, rel=0.25)


def test_the_band_gives_the_shape_over_the_steps_and_the_two_sides() -> None:
    past, outputs, misses, _ = restless()
    outputs[:, 2, :, 1:] = (2.0, 4.0)
    widths = Widths.fit(outputs, past, 1, misses).of(outputs, past, 1, np.ones((len(past), 1, 1)))
    np.testing.assert_allclose(widths[:, 2, 0, 1] / widths[:, 2, 0, 0], 2.0, rtol=5e-3)
    np.testing.assert_allclose(widths[:, 2, 0, 1] / widths[:, 0, 0, 1], 4.0, rtol=5e-3)


def test_without_a_regression_widths_are_the_units() -> None:
    past, outputs, _, _ = restless(3)
    units = np.array([0.5, 1.0, 2.0])[:, None, None]
    widths = Widths().of(outputs, past, 1, units)
    np.testing.assert_array_equal(widths[:, 0, 0], [[0.5, 0.5], [1, 1], [2, 2]])
    assert not Widths().learnt


def test_misses_are_counted_on_their_own_side() -> None:
    widths = np.array([2.0, 5.0]).reshape(1, 1, 1, 2)
    counted = in_widths(np.array([[[-4.0]], [[10.0]], [[np.nan]]]), np.repeat(widths, 3, axis=0))
    np.testing.assert_array_equal(counted.ravel(), [-2.0, 2.0, np.nan])


def test_answers_of_networks_with_and_without_a_band() -> None:
    outputs = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
    np.testing.assert_array_equal(answers(outputs), outputs[..., 0])
    np.testing.assert_array_equal(answers(outputs[..., 0]), outputs[..., 0])


def test_saved_widths_say_the_same_and_odd_ones_are_refused() -> None:
    past, outputs, misses, _ = restless()
    fitted = Widths.fit(outputs, past, 1, misses)
    again = Widths.from_json(json.loads(json.dumps(fitted.to_json())))
    units = np.ones((len(past), 1, 1))
    np.testing.assert_array_equal(fitted.of(outputs, past, 1, units), again.of(outputs, past, 1, units))
    assert Widths.from_json(Widths().to_json()) == Widths()
    good = fitted.to_json() or {}
    for name, part in (("spread", [0.0] * SIGNS), ("slopes", [float("nan")] * SIGNS), ("middle", [1.0])):
        with pytest.raises(ModelError):
            Widths.from_json({**good, name: part})


@pytest.mark.parametrize("window", [1, 2, 5])
def test_windows_of_a_step_or_two_have_widths_too(window: int) -> None:
    past, outputs, misses, _ = restless(40)
    widths = Widths.fit(outputs, past[:, :window], 12, misses).of(
        outputs, past[:, :window], 12, np.ones((40, 1, 1))
    )
    assert np.isfinite(widths).all()
    assert (widths > 0).all()


def test_parts_count_by_the_time_they_span_and_training_by_half_of_it() -> None:
    held = Misses(np.zeros((60, 1, 1)), np.arange(60))  # a window a moment
    earlier = Misses(np.ones((150, 1, 1)), np.arange(0, 300, 2))  # every other moment of 300
    pooled = calibration._pooled([held], earlier).ravel()
    assert (pooled == 0).sum() == 30
    assert (pooled == 1).sum() == 75


def test_a_ridge_takes_the_place_of_the_network() -> None:
    weights = np.array([[0.2], [0.3], [0.5]])
    mixture = Mixture(("naive", "ridge", "network"), weights, 0, Ridge(np.zeros((1, 2, 1), np.float32), 0.1))
    stand_in = without_network(mixture)
    assert stand_in is not None
    np.testing.assert_allclose(stand_in.weights.ravel(), [0.2, 0.8, 0.0])
    assert without_network(Mixture(("naive", "network"), weights[1:], 0)) is None
    alone = replace(mixture, weights=np.array([[1.0], [0.0], [0.0]]))
    assert without_network(alone) is alone
