"""Windows relative to their last value, or to their own mean and spread: as validation prefers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seqcli.tasks.forecasting.normalisation import INSTANCE, LAST, STILL, choose_normalisation, swing
from seqcli.tasks.forecasting.ridge import Series
from seqcli.tasks.forecasting.windows import Frame

SHAPE = (16, 4)


def series(values: np.ndarray) -> Series:
    column = values.astype(np.float32)[:, None]
    return Series(column, column.copy(), np.ones(len(column), np.float32))


def chosen(values: np.ndarray) -> str:
    starts, half = np.arange(len(values) - sum(SHAPE)), len(values) // 2 + 10
    part = series(values)
    return choose_normalisation((part, starts[: half - sum(SHAPE)]), (part, starts[half:]), SHAPE)


def test_a_walk_is_seen_from_its_last_value() -> None:
    assert chosen(np.random.default_rng(0).normal(size=1200).cumsum() / 10) == LAST


def test_a_season_that_grows_is_seen_in_its_own_spread() -> None:
    """What early windows, small ones, teach of its shape is as good as what the late ones do."""
    random = np.random.default_rng(0)
    season = np.tile(random.normal(size=12), 20)[:160] + random.normal(size=160) * 0.3
    values = np.exp(0.05 * np.arange(160)) * season
    assert chosen(values / values[:90].std()) == INSTANCE


def frame(instance: bool) -> Frame:
    ones = np.ones(2, dtype=np.float32)
    return Frame(8, 3, 1, np.zeros(2, bool), ones, ones, instance=instance)


def test_relative_to_itself_a_window_looks_the_same_at_any_level_and_in_any_unit() -> None:
    past = np.random.default_rng(0).normal(size=(1, 8, 2)).astype(np.float32) * 100
    own, moved = frame(True).seen(past), frame(True).seen(7 * past + 1000)
    np.testing.assert_allclose(own, moved, atol=1e-3)
    np.testing.assert_allclose(own.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(own.std(axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(frame(True).before(past)[:, 0], past.mean(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(frame(False).before(past)[:, 2], past[:, -1])
    np.testing.assert_array_equal(frame(False).scale(past), 1)


def test_a_window_that_stands_still_has_a_scale() -> None:
    assert swing(np.full((1, 5, 1), 3.0, np.float32)).ravel() == pytest.approx([STILL])


def test_a_frame_remembers_how_windows_are_seen() -> None:
    own = frame(True)
    assert Frame.from_json(own.to_json(), 2, 2).instance
    older = {key: value for key, value in own.to_json().items() if key != "instance"}
    assert not Frame.from_json(older, 2, 2).instance
    assert replace(own, instance=False).to_json()["instance"] is False
