"""What is tried next: the defaults, then small changes, then what the estimator likes; nothing twice."""

from __future__ import annotations

import numpy as np
import pytest

from seqcli.training.tuning.sampler import NEARBY, need_optuna, propose
from seqcli.training.tuning.space import Dimension
from seqcli.training.tuning.trials import Ranking, Trial

SPACE = (
    Dimension("learning_rate", (0.001, 0.002, 0.004, 0.008, 0.016), 2),
    Dimension("hidden_size", (16, 32, 64, 128), 1),
    Dimension("cell", ("gru", "lstm"), 0),
    Dimension("dropout", (0.0, 0.1, 0.2, 0.3, 0.4), 3),
)
BEST = (4, 3, 1, 0)


def distance(places: tuple[int, ...]) -> float:
    return float(sum(abs(a - b) for a, b in zip(places, BEST, strict=True)))


def searched(count: int, higher: bool, seed: int = 0, trials: list[Trial] | None = None) -> list[Trial]:
    """Trials whose score is how near they are to BEST."""
    trials, ranking = trials or [], Ranking("accuracy" if higher else "mae", higher)
    while len(trials) < count:
        places = propose(SPACE, trials, ranking, seed)
        assert places is not None
        score = -distance(places) if higher else distance(places)
        trials.append(Trial(len(trials) + 1, places, {}, "finished", 1.0, score, curve=((1.0, score),)))
    return trials


@pytest.fixture(autouse=True)
def _quiet() -> None:
    need_optuna()


def test_the_defaults_come_first() -> None:
    assert propose(SPACE, [], Ranking("mae", False), 7) == (2, 1, 0, 3)


def test_nothing_is_tried_twice() -> None:
    places = [trial.places for trial in searched(30, higher=True)]
    assert len(set(places)) == 30


def test_first_trials_change_few_options_of_the_best_so_far() -> None:
    trials = searched(NEARBY, higher=True)
    ranking = Ranking("accuracy", True)
    for at in range(1, NEARBY):
        best = ranking.best(trials[:at])
        assert best is not None
        assert 1 <= sum(a != b for a, b in zip(trials[at].places, best.places, strict=True)) <= 3


@pytest.mark.parametrize("higher", [True, False])
def test_later_trials_come_near_what_is_best(higher: bool) -> None:
    rng = np.random.default_rng(0)
    drawn = [tuple(int(rng.integers(len(item.values))) for item in SPACE) for _ in range(2000)]
    by_chance = np.mean([distance(places) for places in drawn])
    late = np.mean([distance(trial.places) for trial in searched(36, higher)[16:]])
    assert late < 0.8 * by_chance


def test_proposals_follow_from_the_trials_alone() -> None:
    whole = searched(14, higher=False, seed=3)
    for cut in (1, 5, NEARBY, 12):
        again = searched(14, higher=False, seed=3, trials=whole[:cut])
        assert [trial.places for trial in again] == [trial.places for trial in whole]
    other = searched(14, higher=False, seed=4)
    assert [trial.places for trial in other] != [trial.places for trial in whole]


def test_trials_that_failed_or_were_cut_short_are_learnt_from_too() -> None:
    trials = searched(NEARBY, higher=True)
    trials += [
        Trial(NEARBY + 1, (0, 0, 0, 4), {}, "failed", 1.0, reason="diverged"),
        Trial(NEARBY + 2, (0, 1, 0, 4), {}, "pruned", 1.0, -8.0, curve=((0.3, -8.5), (0.4, -8.0))),
    ]
    places = propose(SPACE, trials, Ranking("accuracy", True), 0)
    assert places is not None
    assert places not in {trial.places for trial in trials}


def test_a_space_that_is_used_up_is_said_to_be() -> None:
    space, trials, ranking = (Dimension("cell", ("gru", "lstm"), 0),), [], Ranking("mae", False)
    for number in (1, 2):
        places = propose(space, trials, ranking, 0)
        assert places is not None
        trials.append(Trial(number, places, {}, "finished", 1.0, 0.5))
    assert {trial.places for trial in trials} == {(0,), (1,)}
    assert propose(space, trials, ranking, 0) is None


def test_where_all_has_failed_the_search_goes_on_from_the_defaults() -> None:
    failed = [Trial(1, (2, 1, 0, 3), {}, "failed", 1.0, reason="diverged")]
    places = propose(SPACE, failed, Ranking("mae", False), 0)
    assert places is not None
    assert places != (2, 1, 0, 3)
