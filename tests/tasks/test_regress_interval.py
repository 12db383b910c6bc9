"""Intervals of numbers: the rank by hand, the coverage by chance, and widths that follow the noise."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from seqcli.errors import ModelError
from seqcli.tasks.forecasting.conformal import LEVELS
from seqcli.tasks.regress_interval import LEAST, Interval, answers_of, interval_table


def outputs_of(middle, below, above):
    return np.stack([np.broadcast_to(each, np.shape(middle)) for each in (middle, below, above)], -1)[
        :, None
    ].astype(np.float32)


def test_the_rank_is_that_of_n_and_one_more() -> None:
    """19 misses of 1, 2, … 19 distances: ⌈20 · .95⌉ = 19, ⌈20 · .8⌉ = 16, ⌈20 · .5⌉ = 10."""
    order = np.random.default_rng(0).permutation(19) + 1.0
    signs = np.where(np.arange(19) % 2, 1.0, -1.0)
    below, above = 0.5, 2.0
    off = order * np.where(signs > 0, above, -below)
    found = Interval.fit(outputs_of(np.zeros(19), below, above), off[:, None].astype(np.float32))
    assert found is not None
    radii = dict(zip(LEVELS, found.radii, strict=True))
    assert (radii[95], radii[80], radii[50]) == (19, 16, 10)
    assert radii[99] == 19  # too few rows for 99 %: the largest bounds
    low, high = found.bounds(outputs_of(np.array([3.0]), 0.25, 1.0), [80])[0]
    assert (low[0], high[0]) == pytest.approx((3 - 16 * 0.25, 3 + 16 * 1.0))


@pytest.mark.parametrize("level", [50, 80, 95])
def test_new_rows_are_covered_as_often_as_promised_whatever_the_widths_are_worth(level) -> None:
    """Of exchangeable rows the mean coverage is at least c, and at most c + 1 / (n + 1)."""
    rng = np.random.default_rng(level)
    count, times, inside, rows = 99, 300, 0, 40
    for _ in range(times):
        hard = rng.random(count + rows) * 2 + 0.1
        actual = rng.normal(size=count + rows) * hard
        guess = outputs_of(np.zeros(count + rows), rng.random(count + rows) + 0.5, 1.0)
        found = Interval.fit(guess[:count], actual[:count, None].astype(np.float32))
        low, high = found.bounds(guess[count:], [level])[0]
        inside += int(((actual[count:] >= low) & (actual[count:] <= high)).sum())
    share, aim = inside / (times * rows), level / 100
    spread = math.sqrt(aim * (1 - aim) * (1 / (times * rows) + 1 / (times * (count + 2))))
    assert aim - 4 * spread <= share <= aim + 1 / (count + 1) + 4 * spread


def test_where_the_network_knows_what_is_hard_both_halves_are_covered() -> None:
    rng = np.random.default_rng(5)
    hard = np.where(rng.random(4000) < 0.5, 0.2, 2.0)
    actual = (rng.normal(size=4000) * hard)[:, None].astype(np.float32)
    for below, evenly in ((hard, True), (1.0, False)):
        guess = outputs_of(np.zeros(4000), below, below)
        low, high = Interval.fit(guess[:2000], actual[:2000]).bounds(guess[2000:], [80])[0]
        inside = (actual[2000:, 0] >= low) & (actual[2000:, 0] <= high)
        shares = [inside[hard[2000:] == each].mean() for each in (0.2, 2.0)]
        assert (max(abs(share - 0.8) for share in shares) < 0.05) == evenly
        assert inside.mean() == pytest.approx(0.8, abs=0.03)


def test_a_distance_of_nothing_is_a_little() -> None:
    guess = outputs_of(np.array([0.0]), 0.0, 0.0)
    found = Interval.fit(guess, np.array([[1.0]], np.float32))
    assert found.radii[0] == pytest.approx(1 / LEAST)


def test_nothing_is_measured_on_no_rows_or_without_a_band() -> None:
    assert Interval.fit(np.zeros((0, 1, 3), np.float32), np.zeros((0, 1), np.float32)) is None
    assert Interval.fit(np.zeros((2, 1), np.float32), np.zeros((2, 1), np.float32)) is None
    assert answers_of(np.ones((2, 1), np.float32)).tolist() == [[1], [1]]


def test_the_table_counts_what_lies_inside() -> None:
    actual = np.array([1.0, 2, 3, 4])
    table = interval_table((80,), [(np.array([0.0, 2, 3.5, 0]), np.array([2.0, 2, 5, 1]))], actual)
    assert table.rows == [(80, 0.5, pytest.approx(1.125), 0.0, 2.0)]


@pytest.mark.parametrize(
    "change",
    [{"radii": [1, 2]}, {"levels": [80]}, {"radii": "x"}, {"radii": [3, 2, 1, 4, 5, 6, 7, 8]},
     {"radii": [float("nan")] * 8}, {"radii": [-1, 0, 1, 2, 3, 4, 5, 6]}, {"radii": [1] * 7 + [math.inf]}],
)  # fmt: skip
def test_intervals_survive_json_and_broken_ones_do_not(change) -> None:
    own = Interval(tuple(map(float, range(8))))
    data = json.loads(json.dumps(own.to_json()))
    assert Interval.from_json(data) == own
    with pytest.raises((ModelError, ValueError, TypeError, KeyError)):
        Interval.from_json({**data, **change})
