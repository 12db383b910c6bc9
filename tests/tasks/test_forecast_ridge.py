"""The ridge of a forecast against scikit-learn's, and its choices against all that there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Reference

from seqcli.options import Options
from seqcli.tasks.base import Plan, Tables
from seqcli.tasks.forecast import Forecast
from seqcli.tasks.forecasting import ridge as module
from seqcli.tasks.forecasting.ridge import (
    PENALTIES,
    Ridge,
    Series,
    judge_ridges,
    lookbacks,
    refit_ridge,
)

W, H = 12, 5


def series_of(total=260, targets=2, seed=0, weights=None):
    """Noisy waves of several lengths, a different mix for each target."""
    rng = np.random.default_rng(seed)
    steps = np.arange(total)
    waves = np.stack(
        [np.sin(steps * (0.3 + 0.2 * k)) + 0.3 * rng.normal(size=total) for k in range(targets)], 1
    )
    values = (waves + 0.02 * steps[:, None]).astype(np.float32)
    return Series(values, values.copy(), np.ones(total, np.float32) if weights is None else weights)


def by_hand(series, starts, window=W, horizon=H):
    """Changes since the last value, (K, N, W) and (K, N, H), window by window."""
    past = [series.past[s : s + window] - series.past[s + window - 1] for s in starts]
    future = [series.future[s + window : s + window + horizon] - series.past[s + window - 1] for s in starts]
    each = series.weights[starts][:, None, None]
    return ((np.stack(part) * each).transpose(2, 0, 1).astype(np.float64) for part in (past, future))


def reference(x, y, penalty):
    """scikit-learn's weights (L, H) for x (N, L) and y (N, H), λ as a share of the trace."""
    fitted = Reference(alpha=penalty * np.square(x).sum(), fit_intercept=False, solver="cholesky").fit(x, y)
    return fitted.coef_.T


@pytest.mark.parametrize("penalty", PENALTIES[2:])
@pytest.mark.parametrize("apart", [False, True])
def test_weights_are_those_of_scikit_learn(penalty, apart):
    weights = np.random.default_rng(3).uniform(0.5, 2, 260).astype(np.float32)
    series, starts = series_of(weights=weights), np.arange(0, 240, 3)
    x, y = by_hand(series, starts)
    like = Ridge(np.zeros((2 if apart else 1, W, H), np.float32), penalty)
    found = refit_ridge(like, series, starts, W, H).weights
    if apart:
        expected = np.stack([reference(x[k], y[k], penalty) for k in range(2)])
    else:
        expected = reference(np.concatenate(x), np.concatenate(y), penalty)[None]
    np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.parametrize("lookback", [1, 4, 9])
def test_a_part_of_the_sums_is_a_fit_on_shorter_windows(lookback):
    """Of a window that is read in part the last steps count, so shorter windows begin later."""
    series, starts = series_of(), np.arange(0, 240)
    like = Ridge(np.zeros((1, lookback, H), np.float32), 1e-4)
    whole = refit_ridge(like, series, starts, W, H)
    short = refit_ridge(like, series, starts + W - lookback, lookback, H)
    np.testing.assert_allclose(whole.weights, short.weights, atol=1e-6)
    past = series.past[starts[:7, None] + np.arange(W)]
    np.testing.assert_allclose(whole.forecast(past), short.forecast(past[:, -lookback:]), atol=1e-5)


@pytest.mark.parametrize("apart", [False, True])
def test_a_forecast_by_hand(apart):
    rng = np.random.default_rng(1)
    ridge = Ridge(rng.normal(size=(2 if apart else 1, 4, H)).astype(np.float32), 0.0)
    past = rng.normal(size=(3, W, 2)).astype(np.float32)
    found = ridge.forecast(past)
    assert found.shape == (3, H, 2)
    for n in range(3):
        for k in range(2):
            last = past[n, -1, k]
            expected = last + (past[n, -4:, k].astype(float) - last) @ ridge.weights[k if apart else 0]
            np.testing.assert_allclose(found[n, :, k], expected, rtol=1e-12)


def unknown_behind(series, positions):
    future = np.full_like(series.future, np.nan)
    future[positions] = series.future[positions]
    return replace(series, future=future)


def brute(learnt, train, asked, validation, lookback, targets):
    """(error, penalty, apart) of all choices, as the module's docstring has them, errors on validation."""
    x, y = by_hand(learnt, train)
    whole = [~np.isnan(part).any(axis=1) for part in y]
    vx, vy = by_hand(asked, validation)
    tried = []
    for apart in (False, True) if targets > 1 else (False,):
        for penalty in PENALTIES:
            if apart:
                fits = [
                    reference(x[k][whole[k], -lookback:], y[k][whole[k]], penalty) for k in range(targets)
                ]
            else:
                joined = [np.concatenate([part[k][whole[k]] for k in range(targets)]) for part in (x, y)]
                fits = [reference(joined[0][:, -lookback:], joined[1], penalty)] * targets
            miss = np.stack([vx[k][:, -lookback:] @ fits[k] - vy[k] for k in range(targets)])
            tried.append((float(np.nanmean(np.square(miss))), penalty, apart))
    return tried


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_penalty_lookback_and_pooling_are_the_best_of_all(targets, seed):
    series = series_of(targets=targets, seed=seed)
    learnt = unknown_behind(series, np.arange(200))
    asked = unknown_behind(series, np.arange(200, 230))
    train, validation = np.arange(0, 190), np.arange(184, 218)
    found = judge_ridges(((learnt, train), (asked, validation)), (W, H), (3, 6, 12))
    assert [judged.ridge.lookback for judged in found] == [3, 6, 12]
    for judged in found:
        tried = brute(learnt, train, asked, validation, judged.ridge.lookback, targets)
        pooled = min(each for each in tried if not each[2])
        apart = min((each for each in tried if each[2]), default=(np.inf, 0.0, True))
        best = apart if apart[0] < 0.99 * pooled[0] else pooled
        assert judged.error == pytest.approx(best[0], rel=1e-3)
        assert judged.error <= 1.001 * min(each[0] for each in tried) / 0.99
        assert len(judged.ridge.weights) == (targets if best[2] else 1)


def test_targets_that_move_alike_share_their_weights_and_others_do_not():
    rng = np.random.default_rng(0)
    up, down = np.zeros(400), np.zeros(400)
    for t in range(1, 400):
        up[t] = 0.9 * up[t - 1] + rng.normal()
        down[t] = -0.9 * down[t - 1] + rng.normal()
    for values, size in (((up, down), 2), ((up, np.roll(up, 57)), 1)):
        both = np.stack(values, axis=1).astype(np.float32)
        series = Series(both, both, np.ones(400, np.float32))
        parts = ((series, np.arange(0, 300)), (series, np.arange(310, 380)))
        (judged,) = judge_ridges(parts, (4, 2), [4])
        assert len(judged.ridge.weights) == size


def test_without_a_whole_window_or_a_known_step_there_is_none():
    series, starts = series_of(), np.arange(0, 100)
    blank = unknown_behind(series, np.arange(0))
    assert judge_ridges(((blank, starts), (series, starts)), (W, H), [W]) == []
    assert judge_ridges(((series, starts), (blank, starts)), (W, H), [W]) == []
    none = np.arange(0)
    assert judge_ridges(((series, none), (series, starts)), (W, H), [W]) == []
    assert judge_ridges(((series, starts), (series, none)), (W, H), [W]) == []


def test_windows_with_an_unknown_step_are_left_out():
    series, starts = series_of(targets=1), np.arange(0, 240)
    gaps = np.arange(40, 200, 23)
    holed = replace(series, future=series.future.copy())
    holed.future[gaps] = np.nan
    asked = starts[:, None] + W + np.arange(H)
    whole = starts[~np.isin(asked, gaps).any(axis=1)]
    like = Ridge(np.zeros((1, W, H), np.float32), 1e-4)
    found, expected = (refit_ridge(like, each, at, W, H) for each, at in ((holed, starts), (series, whole)))
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-6)


def test_numbers_that_run_over_leave_the_ridge_as_it_was():
    series = series_of(targets=1)
    series.past[150] = 1e37
    like = Ridge(np.ones((1, W, H), np.float32), 1e-4)
    assert refit_ridge(like, series, np.arange(0, 240), W, H) is like


def test_sums_of_many_targets_take_the_room_of_one(monkeypatch):
    series, starts = series_of(targets=5), np.arange(0, 240)
    like = Ridge(np.zeros((1, W, H), np.float32), 1e-4)
    apart = refit_ridge(like, series, starts, W, H)
    monkeypatch.setattr(module, "MOST_APART", 4)
    sums = module._Sums.of(series, starts, W, H)
    assert sums.gram.shape == (1, W, W)
    np.testing.assert_allclose(refit_ridge(like, series, starts, W, H).weights, apart.weights, atol=1e-6)


@pytest.mark.parametrize(
    ("window", "season", "found"),
    [
        (60, 1, [15, 30, 60]),
        (60, 24, [15, 24, 30, 48, 60]),
        (3, 7, [1, 3]),
        (1, 1, [1]),
        (24, 24, [6, 12, 24]),
    ],
)
def test_what_a_ridge_may_read(window, season, found):
    assert list(lookbacks(window, season)) == found


def test_sums_that_run_over_make_no_ridge():
    series = series_of(targets=1)
    series.past[150] = 1e37
    parts = ((series, np.arange(0, 200)), (series, np.arange(200, 240)))
    assert judge_ridges(parts, (W, H), [W]) == []


@pytest.mark.parametrize("at", [84, 88, 95, 96, 119])
@pytest.mark.parametrize("decoder", ["direct", "parallel"])
def test_no_value_behind_training_reaches_a_fit(table_of, at, decoder, monkeypatch):
    """Of 120 rows 84 are learnt from; the windows' horizon of 10 reaches over that end."""
    monkeypatch.setattr(module, "PENALTIES", (1e-4,))
    values = series_of(120, 1).past[:, 0].astype(float)
    found = []
    for changed in (values[at], 7.0):
        values[at] = changed
        text = "y\n" + "\n".join(f"{value:.6f}" for value in values)
        options = Options.from_flat({"window": 12, "horizon": 10, "decoder": decoder})
        prepared = Forecast.prepare(Tables(table_of(text)), Plan("forecast", ("y",)), options)
        found.append(prepared.task.arrays()["ridge"])
    np.testing.assert_array_equal(*found)
