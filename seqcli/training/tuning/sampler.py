"""Which values are tried next: small changes first, then what the trials so far make likely (TPE).

A proposal follows from the seed, the number of the trial and the trials before it alone. No sampler's state
is kept, so that a tuning that goes on proposes what an unbroken one would have.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqcli.errors import UsageError
from seqcli.training.tuning.space import Dimension
from seqcli.training.tuning.trials import Ranking, Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

INSTALL = "pip install 'seqcli[tune]'"
NEARBY = 8
"""Trials, the defaults among them, ahead of the estimator: few options of the best so far are changed."""
MOST_CHANGES = 3
ATTEMPTS = 20
"""Proposals of what was tried already, after which small changes are proposed, as often."""


def need_optuna() -> None:
    """Raise UsageError, with the command that installs it, where optuna cannot be imported."""
    try:
        import optuna
    except ImportError as error:
        missing = (error.name or "") == "optuna"
        reason = "is not installed" if missing else f"cannot be used: {error}"
        raise UsageError(f"tune chooses what to try by optuna, which {reason}", INSTALL) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # it tells of each trial


def propose(
    space: Sequence[Dimension], trials: Sequence[Trial], ranking: Ranking, seed: int
) -> tuple[int, ...] | None:
    """The places of the values to try next, one for each of the ``space``; None when nothing new is left.

    The first trial takes the defaults.
    """
    if not trials:
        return tuple(item.default for item in space)
    tried = {trial.places for trial in trials}
    early = len(trials) < NEARBY or not ranking.finished(trials)
    for attempt in range(2 * ATTEMPTS):
        entropy = np.random.SeedSequence([seed, len(trials), attempt])
        if early or attempt >= ATTEMPTS:
            places = _nearby(space, trials, ranking, np.random.default_rng(entropy))
        else:
            places = _likely(space, trials, ranking, int(entropy.generate_state(1)[0]))
        if places not in tried:
            return places
    every = itertools.product(*(range(len(item.values)) for item in space))
    return next((places for places in every if places not in tried), None)


def _nearby(
    space: Sequence[Dimension], trials: Sequence[Trial], ranking: Ranking, rng: np.random.Generator
) -> tuple[int, ...]:
    """The best trial so far (where none is finished, the defaults) with a few options changed."""
    best = ranking.best(trials)
    places = list((best or trials[0]).places)
    most = min(MOST_CHANGES, len(space))
    for at in rng.choice(len(space), size=int(rng.integers(1, most + 1)), replace=False).tolist():
        item = space[at]
        others = [place for place in range(len(item.values)) if place != places[at]]
        if item.ordered:  # a step or two away
            others = [place for place in others if abs(place - places[at]) <= 2]
        places[at] = int(rng.choice(others))
    return tuple(places)


def _likely(
    space: Sequence[Dimension], trials: Sequence[Trial], ranking: Ranking, seed: int
) -> tuple[int, ...]:
    """What a tree-structured Parzen estimator expects most of (Bergstra et al. 2011, NeurIPS 24)."""
    import optuna

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=0),
        direction="maximize" if ranking.higher_is_better else "minimize",
    )
    distributions = {item.option: _distribution(item) for item in space}
    study.add_trials([_told(space, distributions, trial) for trial in trials])
    asked = study.ask(distributions).params
    return tuple(int(asked[item.option]) for item in space)


def _distribution(item: Dimension) -> BaseDistribution:
    """Places of values: as numbers where values have neighbours, else as names."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    last = len(item.values) - 1
    return IntDistribution(0, last) if item.ordered else CategoricalDistribution(range(last + 1))


def _told(
    space: Sequence[Dimension], distributions: dict[str, BaseDistribution], trial: Trial
) -> FrozenTrial:
    """A trial as optuna knows it: one that was cut short by how far it had come."""
    from optuna.trial import TrialState, create_trial

    states = {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    return create_trial(
        state=states[trial.state],
        value=trial.score if trial.state == "finished" else None,
        params={item.option: place for item, place in zip(space, trial.places, strict=True)},
        distributions=distributions,
        intermediate_values={round(1000 * share): score for share, score in trial.curve},
    )
