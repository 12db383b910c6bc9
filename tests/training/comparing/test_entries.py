"""Spread, ranking and what is told apart, against figures computed by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from seqcli.training.comparing.entries import BASELINE, Entry, Outcome, Standing, standings
from seqcli.training.comparing.said import student, told_apart


def outcomes(name: str, values, metric: str = "mae", rows: int | None = None, kind: str = "network"):
    return [
        Outcome(Entry(name, kind, rows=rows), seed, {metric: value}, {metric: value + 1}, seconds=2.0 * seed)
        for seed, value in enumerate(values)
    ]


def standing(name: str, values, metric: str = "mae", kind: str = "network") -> Standing:
    found = outcomes(name, values, metric, kind=kind)
    return Standing(found[0].entry, tuple(found), metric)


def test_mean_spread_and_error_over_seeds() -> None:
    three = standing("gru", [1.0, 2.0, 4.0])
    assert three.mean("validation") == pytest.approx(7 / 3)
    assert three.mean("test") == pytest.approx(10 / 3)
    # ((4/3)² + (1/3)² + (5/3)²) / 2 = 7/3
    assert three.spread == pytest.approx(math.sqrt(7 / 3))
    assert three.error == pytest.approx(math.sqrt(7) / 3)
    assert three.mean_of("seconds") == 2.0
    assert three.mean_of("micros") is None


def test_one_seed_has_no_spread_and_a_failure_none() -> None:
    assert standing("gru", [1.0]).spread is None
    failed = replace(outcomes("gru", [1.0])[0], validation={}, reason="diverged")
    assert Standing(failed.entry, (failed,), "mae").mean("validation") is None


def test_ranked_by_rows_then_by_validation_and_failures_last() -> None:
    every = [
        *outcomes("lstm", [3.0, 1.0], rows=100),
        *outcomes("gru", [1.5, 1.0], rows=100),
        *outcomes("gru", [9.0], rows=50),
        replace(outcomes("rnn", [0.0], rows=100)[0], validation={}, reason="diverged"),
    ]
    ranked = [(each.entry.rows, each.entry.name) for each in standings(every, "mae", False)]
    assert ranked == [(50, "gru"), (100, "gru"), (100, "lstm"), (100, "rnn")]
    ranked = [(each.entry.rows, each.entry.name) for each in standings(every, "mae", True)]
    assert ranked == [(50, "gru"), (100, "lstm"), (100, "gru"), (100, "rnn")]


def test_json_restores_what_came_of_a_training() -> None:
    outcome = Outcome(
        Entry("gru", both_ways=True, rows=7), 3, {"mae": 0.5, "r2": math.nan}, {"mae": 1.0}, 1.25, 99, 0.5,
        "both ways", ((0.5, 2.0),),
    )  # fmt: skip
    again = Outcome.from_json(json.loads(json.dumps(outcome.to_json())))
    assert math.isnan(again.validation["r2"])
    assert replace(again, validation=outcome.validation) == outcome
    with pytest.raises(ValueError, match="stranger"):
        Entry.from_json(["gru", "stranger", False, None])


def test_seeds_tell_apart_what_lies_further_than_students_t() -> None:
    # two seeds each, s = .1414 and error .1 each: t(2) √(.01 + .01) = 4.303 · .1414 = .6085
    one = standing("gru", [0.9, 1.1])
    assert not told_apart(one, standing("lstm", [1.50, 1.70]), "mae", 100)
    assert told_apart(one, standing("lstm", [1.51, 1.71]), "mae", 100)


def test_a_baseline_without_spread_is_held_against_the_seeds_of_the_other() -> None:
    # error .1, t(1) = 12.706
    one = standing("gru", [0.9, 1.1])
    assert not told_apart(one, standing("mean", [2.25], kind=BASELINE), "mae", 100)
    assert told_apart(one, standing("mean", [2.28], kind=BASELINE), "mae", 100)


def test_a_share_of_few_rows_is_told_apart_by_its_binomial_error_alone() -> None:
    # 1.96 √(.8 · .2 / 100 + .7 · .3 / 100) = .1192
    one = standing("gru", [0.8], "accuracy")
    assert not told_apart(one, standing("lstm", [0.7], "accuracy"), "accuracy", 100)
    assert told_apart(one, standing("lstm", [0.66], "accuracy"), "accuracy", 100)


def test_one_seed_of_what_is_no_share_tells_nothing_apart() -> None:
    assert not told_apart(standing("gru", [1.0]), standing("lstm", [99.0]), "mae", 100)


@pytest.mark.parametrize("freedom", [1, 2, 5, 10, 14, 40, 200])
def test_students_quantiles(freedom: int) -> None:
    from scipy.stats import t

    assert student(freedom) == pytest.approx(float(t.ppf(0.975, freedom)), rel=4e-3)
