"""Members of a forecast and their weights: against grids, optimality conditions and chance."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcli.errors import ModelError
from seqcli.tasks.forecasting import mixture
from seqcli.tasks.forecasting.mixture import (
    EVENNESS,
    FEW_GAIN,
    LEAST_BLOCKS,
    Mixture,
    beats,
    choose_seasons,
    least_absolute,
    separate_blocks,
    simple_forecast,
    simplex_weights,
    student,
)
from seqcli.tasks.forecasting.ridge import Ridge, Series, judge_ridges
from seqcli.tasks.forecasting.windows import Frame


def frame_of(window=12, horizon=5, season=4, targets=1) -> Frame:
    ones = np.ones(targets, dtype=np.float32)
    return Frame(window, horizon, season, np.zeros(targets, dtype=bool), ones, 2 * ones)


def gram_of(size, rank, seed) -> np.ndarray:
    e = np.random.default_rng(seed).normal(size=(size, rank))
    return e @ e.T / rank


def grid(size, parts):
    """All weights that are whole multiples of 1 / parts, (N, size)."""
    return np.array([w for w in product(range(parts + 1), repeat=size) if sum(w) == parts]) / parts


# ---------------------------------------------------------------------- weights on the simplex


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 5), st.integers(1, 30), st.integers(0, 2**31), st.floats(1e-6, 1e6))
def test_simplex_weights_meet_the_conditions_of_a_minimum(size, rank, seed, scale) -> None:
    """wᵀGw is convex: w is its least on the simplex if and only if no direction into it leads down."""
    gram = gram_of(size, rank, seed) * scale
    weights = simplex_weights(gram)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    least = EVENNESS * np.diag(gram).min() + 1e-9 * np.trace(gram) + 1e-300
    slope = (gram + least * np.eye(size)) @ weights
    level = weights @ slope
    size_of_it = np.abs(gram).max()
    assert (slope >= level - 1e-7 * size_of_it).all()
    np.testing.assert_allclose(slope[weights > 0], level, atol=1e-7 * size_of_it)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_simplex_weights_are_below_every_point_of_a_grid(size, seed) -> None:
    gram = gram_of(size, 6, seed)
    weights = simplex_weights(gram)
    least = EVENNESS * np.diag(gram).min() + 1e-9 * np.trace(gram)
    pulled = gram + least * np.eye(size)
    values = np.einsum("nm,mk,nk->n", grid(size, 20), pulled, grid(size, 20))
    assert weights @ pulled @ weights <= values.min() + 1e-12


def test_members_that_are_equally_good_weigh_the_same() -> None:
    np.testing.assert_allclose(simplex_weights(np.ones((3, 3))), [1 / 3] * 3)
    np.testing.assert_allclose(simplex_weights(np.zeros((2, 2))), [0.5, 0.5])


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_least_absolute_is_near_the_best_of_a_grid(size, seed) -> None:
    """Within 2 %: small errors weigh no more than a share of the mean, and equal members are pulled."""
    rng = np.random.default_rng(seed)
    errors = rng.standard_t(3, size=(size, 500)) * rng.uniform(0.5, 2, size=(size, 1)) + 0.5 * rng.normal(
        size=500
    )
    weights = least_absolute(errors)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)
    best = np.abs(grid(size, 50) @ errors).mean(axis=1).min()
    assert np.abs(weights @ errors).mean() <= 1.02 * best


def test_many_errors_are_drawn_from_all_alike(monkeypatch) -> None:
    """Of 4 targets side by side every fourth number is of one: the first would decide for all."""
    rng = np.random.default_rng(0)
    errors = rng.normal(size=(2, 40_000)) * np.array([[0.1, 3, 3, 3], [1, 1, 1, 1]]).repeat(
        10_000, 0
    ).reshape(2, 10_000, 4).reshape(2, -1)
    monkeypatch.setattr(mixture, "MOST_ERRORS", 10_000)
    some = least_absolute(errors)
    monkeypatch.setattr(mixture, "MOST_ERRORS", 10**9)
    np.testing.assert_allclose(some, least_absolute(errors), atol=0.03)


# ---------------------------------------------------------------------- better than chance


def test_beats_by_hand() -> None:
    """Four blocks of two windows, gains 1, 3, 2, 2 on average: mean 2, standard error .41."""
    simple = np.full((8, 1, 1), 5.0)
    gains = np.array([0, 2, 3, 3, 1, 3, 2, 2.0])[:, None, None]
    blocks = np.arange(8) // 2
    assert beats(simple - gains, simple, blocks)
    assert not beats(simple + gains, simple, blocks)
    assert not beats(simple, simple, blocks)
    uneven = np.array([9, 9, -3, -3, 1, 1, -1, -1.0])[:, None, None]  # mean 1.5, standard error 2.6
    assert not beats(simple - uneven, simple, blocks)


def test_of_few_blocks_a_share_of_the_error_is_asked_for() -> None:
    simple = np.full((30, 2, 1), 1.0)
    blocks = np.arange(30) % (LEAST_BLOCKS - 1)
    assert beats(simple - 1.2 * FEW_GAIN, simple, blocks)
    assert not beats(simple - 0.8 * FEW_GAIN, simple, blocks)


def test_unknown_steps_count_for_nothing() -> None:
    simple, errors = np.full((40, 3, 1), 1.0), np.full((40, 3, 1), 0.9)
    errors += 0.01 * np.random.default_rng(0).normal(size=errors.shape)
    errors[:20] = np.nan
    errors[20:, 2] = np.nan
    assert beats(errors, simple, np.arange(40) // 2)
    assert not beats(np.full_like(errors, np.nan), simple, np.arange(40))


# ---------------------------------------------------------------------- members by hand


def test_simple_forecasts_by_hand() -> None:
    past = np.arange(24, dtype=np.float32).reshape(2, 12, 1) ** 2
    frame = frame_of()
    naive = simple_forecast("naive", past, frame, 0)
    assert naive[:, :, 0].tolist() == [[11.0**2] * 5, [23.0**2] * 5]
    seasonal = simple_forecast("seasonal naive", past, frame, 0)
    assert seasonal[0, :, 0].tolist() == [64, 81, 100, 121, 64]
    mean = simple_forecast("season mean", past, frame, 3)
    assert mean[0, :, 0].tolist() == [(k**2 + (k + 4) ** 2 + (k + 8) ** 2) / 3 for k in (0, 1, 2, 3, 0)]


def test_the_count_of_seasons_is_the_best_on_validation() -> None:
    frame = frame_of(window=40, horizon=6, season=4)
    rng = np.random.default_rng(0)
    past = rng.normal(size=(50, 40, 2)).astype(np.float32)
    for count in (2, 5, 8):
        phase = np.arange(6) % 4
        future = np.mean([past[:, 36 - 4 * back + phase] for back in range(count)], axis=0)
        future[:7] = np.nan
        assert choose_seasons(past, future.astype(np.float32), frame) == count
    assert choose_seasons(past, np.full((50, 6, 2), np.nan, np.float32), frame) == 0
    assert choose_seasons(past, future, replace(frame, season=1)) == 0
    assert choose_seasons(past, future, replace(frame, season=21)) == 0  # not two of them
    assert choose_seasons(past[:0], future[:0], frame) == 0


def test_a_mix_is_the_weighted_mean_of_its_members() -> None:
    rng = np.random.default_rng(0)
    frame = frame_of(targets=2)
    ridge = Ridge(rng.normal(size=(2, 6, 5)).astype(np.float32), 1e-4)
    some = Mixture.of_network(2, frame, 2, ridge)
    assert some.members == ("naive", "seasonal naive", "season mean", "ridge", "network")
    weights = rng.dirichlet(np.ones(5), size=2).T
    some = replace(some, weights=weights)
    past = rng.normal(size=(3, 12, 2)).astype(np.float32)
    outputs = rng.normal(size=(3, 5, 2)).astype(np.float32)
    expected = np.zeros((3, 5, 2))
    for n, h, k in np.ndindex(expected.shape):
        own = past[n, :, k].astype(float)
        expected[n, h, k] = np.dot(
            weights[:, k],
            [
                own[-1],
                own[8 + h % 4],
                (own[8 + h % 4] + own[4 + h % 4]) / 2,
                own[-1] + (own[-6:] - own[-1]) @ ridge.weights[k, :, h],
                own[-1] + 2 * outputs[n, h, k],
            ],
        )
    np.testing.assert_allclose(some.combined(past, outputs, frame), expected, rtol=1e-6)


def test_a_residual_network_goes_on_from_the_ridge() -> None:
    rng = np.random.default_rng(0)
    frame = replace(frame_of(), segment=4, residual=True)
    ridge = Ridge(rng.normal(size=(1, 6, 5)).astype(np.float32), 1e-4)
    some = Mixture.of_network(1, frame, 0, ridge)
    past, outputs = rng.normal(size=(3, 12, 1)).astype(np.float32), rng.normal(size=(3, 5, 1))
    np.testing.assert_allclose(
        some.combined(past, outputs, frame), ridge.forecast(past) + 2 * outputs, rtol=0, atol=1e-6
    )


def test_a_member_that_is_right_gets_all_weight_and_what_is_no_better_gets_none() -> None:
    rng = np.random.default_rng(0)
    some = Mixture(("naive", "network"), np.zeros((2, 1)), 0)
    errors = rng.normal(size=(2, 200, 3, 1))
    errors[1] *= 0.01
    blocks = np.arange(200) // 3
    assert some.fitted(errors, blocks).weights[1, 0] > 0.95
    worse = some.fitted(errors[::-1], blocks)
    assert worse.weights[:, 0].tolist() == [1, 0] or worse.weights[0, 0] > 0.95
    same = some.fitted(np.stack([errors[0], errors[0]]), blocks)
    assert same.weights[:, 0].tolist() == [1, 0]
    assert (same.simplest, same.gain) == ("naive", 0)
    assert not same.counts("network")
    unknown = np.full_like(errors, np.nan)
    assert some.fitted(unknown, blocks) is some


# ---------------------------------------------------------------------- in words and saved


def test_the_sentence_says_what_is_used() -> None:
    plain = Mixture(
        ("naive", "ridge", "network"), np.array([[1.0], [0], [0]]), 0, Ridge(np.zeros((1, 1, 1)), 0.0)
    )
    assert "nothing was better than the last value" in plain.sentence("gru", ("y",))
    mixed = replace(plain, weights=np.array([[0.2], [0.3], [0.5]]), gain=0.125)
    assert mixed.sentence("gru", ("y",)) == (
        "mixed by validation: 50 % gru, 30 % ridge, 20 % naive, "
        "12.5 % below the error of the last value there"
    )


def test_without_a_held_out_part_nothing_is_said_to_be_mixed() -> None:
    alone = Mixture.of_network(2, frame_of(targets=2))
    assert alone.sentence("gru", ("y", "z")) == (
        "nothing was held out to mix members by: the gru alone is used"
    )
    won = replace(alone, gain=0.3)
    assert won.sentence("gru", ("y", "z")).startswith("mixed by validation: 100 % gru, 30.0 % below")


def saved_mixture(**changes) -> dict:
    some = Mixture(
        ("naive", "season mean", "ridge", "network"),
        np.array([[0.1], [0.2], [0.3], [0.4]]),
        2,
        Ridge(np.zeros((1, 1, 1)), 1e-4),
        "naive",
        0.1,
    )
    return {**some.to_json(), **changes}


def test_what_is_saved_comes_back() -> None:
    data = saved_mixture()
    assert Mixture.from_json(data, 1).to_json() == data


@pytest.mark.parametrize(
    "changes",
    [
        {"members": []},
        {"members": ["naive", "season mean", "network", "ridge"]},
        {"members": ["naive", "naive", "ridge", "network"]},
        {"members": ["naive", "season mean", "ridge", "oracle"]},
        {"weights": [[0.1], [0.2], [0.3]]},
        {"weights": [[0.1, 0.1], [0.2, 0.2], [0.3, 0.3], [0.4, 0.4]]},
        {"weights": [[-0.1], [0.4], [0.3], [0.4]]},
        {"weights": [[0.1], [0.2], [0.3], [0.5]]},
        {"weights": [[0], [0], [0], [0]]},
        {"weights": [[float("nan")], [0.2], [0.3], [0.4]]},
        {"weights": [["x"], [0.2], [0.3], [0.4]]},
        {"seasons": 0},
        {"seasons": 1},
        {"seasons": 99},
        {"penalty": None},
        {"penalty": -1.0},
        {"penalty": float("nan")},
        {"penalty": "x"},
        {"simplest": "network"},
        {"simplest": ["naive"]},
        {"simplest": "seasonal naive"},
        {"gain": float("nan")},
        {"gain": "much"},
        {"gain": None},
    ],
)
def test_a_mixture_that_cannot_be_is_refused(changes) -> None:
    with pytest.raises((ModelError, KeyError, TypeError, ValueError)):
        Mixture.from_json(saved_mixture(**changes), 1)


@pytest.mark.parametrize("freedom", [3, 4, 7, 12, 30, 200])
def test_quantiles_of_students_t(freedom) -> None:
    assert student(freedom) == pytest.approx(scipy.stats.t.ppf(0.95, freedom), rel=0.02)


def walked(seed: int, held_out: int, horizon: int) -> bool:
    """Whether a ridge, fitted and mixed as a forecast does it, is called better on a pure random walk."""
    learnt, window = 400, 20
    steps = np.random.default_rng(seed).normal(size=learnt + held_out)
    values = steps.cumsum().astype(np.float32)[:, None]
    series = Series(values, values, np.ones(len(values), np.float32))
    train = np.arange(learnt - window)
    asked = np.arange(learnt - window - horizon + 1, learnt + held_out - window - horizon + 1)
    parts = (
        (series.asked(np.arange(learnt)), train[:-horizon]),
        (
            series.asked(np.arange(learnt, learnt + held_out)),
            asked,
        ),
    )
    found = judge_ridges(parts, (window, horizon), [5, 10, 20])
    some = Mixture(("naive", "ridge"), np.zeros((2, 1)), 0, min(found, key=lambda each: each.error).ridge)
    past = values[asked[:, None] + np.arange(window)]
    came = parts[1][0].future[asked[:, None] + window + np.arange(horizon)]
    frame = frame_of(window, horizon, 1)
    errors = np.stack([some.member(name, past, came, frame) - came for name in some.members])
    return some.fitted(errors, (asked + window) // horizon).counts("ridge")


@pytest.mark.parametrize(("held_out", "horizon"), [(60, 10), (130, 10), (100, 5)])
def test_on_a_random_walk_the_last_value_stays_19_times_of_20(held_out, horizon) -> None:
    """300 walks at 5 % give 15, and more than 25 less than once in a hundred times."""
    assert sum(walked(seed, held_out, horizon) for seed in range(300)) <= 25


def test_a_window_alone_is_no_block() -> None:
    series, moments = np.zeros(53, dtype=np.int64), np.arange(9, 62)  # the first and the last block are cut
    blocks = separate_blocks(series, moments, 10)
    assert [int((blocks == block).sum()) for block in np.unique(blocks)] == [11, 10, 10, 10, 12]
    both = separate_blocks(np.repeat([0, 1], 20), np.tile(np.arange(20), 2), 10)
    assert len(np.unique(both)) == 4  # too few moments: each series by itself
