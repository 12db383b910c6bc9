"""What a labeller of steps must beat: the commonest label, and logistic regression on a window of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqcli.sequences import Batchable, Examples, FloatArray, IntArray, LookUp, Sequences
from seqcli.tasks.base import Scores
from seqcli.tasks.classify_baseline import MAJORITY, STRENGTHS
from seqcli.tasks.classify_metrics import LEAST_PROBABILITY
from seqcli.tasks.inputs import BASES_FIELD, VALUES

if TYPE_CHECKING:
    from seqcli.tasks.steps import Steps

MOST_COLUMNS, WIDEST = 200, 10
"""Numbers that the regression reads, and steps that it looks to either side, at the most."""
MOST_STEPS = 20_000
"""Training steps that it learns from, evenly spread."""


def baseline_scores(task: Steps, parts: Sequence[Examples], both_ways: bool) -> list[Scores]:
    """Scores on the last of ``parts`` (training, validation, test); one way, nothing later is looked at."""
    from seqcli.tasks.steps import scored

    count, features, targets = len(task.classes), [], []
    width = reach(parts[0])
    for part in parts:
        steps, target = scored(np.arange(int(part.lengths.sum())), part)
        if not features and len(steps) > MOST_STEPS:
            spread = np.linspace(0, len(steps) - 1, MOST_STEPS).astype(np.int64)
            steps, target = steps[spread], target[spread]
        features.append(around(part, steps, width, width if both_ways else 0))
        targets.append(target)
    train, held, test = targets
    usual = np.bincount(train, minlength=count).astype(np.float64)
    log_usual = np.log(np.maximum(usual / usual.sum(), LEAST_PROBABILITY))
    sides = f"{width} to either side" if both_ways else f"{width} before"
    title = f"logistic regression on a step and {sides}" if width else "logistic regression on a step"
    return [
        Scores(MAJORITY, task.measures(np.tile(log_usual, (len(test), 1)), test)),
        Scores(title, task.measures(regression(features, (train, held), count), test)),
    ]


def reach(examples: Examples) -> int:
    """Steps to either side whose numbers are not too many for a regression."""
    channels = _steps(examples)[0].shape[1]
    return int(np.clip((MOST_COLUMNS // channels - 1) // 2, 0, WIDEST))


def around(examples: Examples, steps: IntArray, before: int, behind: int) -> FloatArray:
    """Some steps (N,), with those around each: (N, (before + 1 + behind) F), zeros beyond the piece."""
    values, offsets = _steps(examples)
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    parts = []
    for shift in range(-before, behind + 1):
        there = np.clip(steps + shift, 0, max(len(values) - 1, 0))
        inside = (steps + shift == there) & (owner[there] == owner[steps])
        parts.append(np.where(inside[:, None], values[there], np.float32(0)))
    return np.concatenate(parts, axis=1)


def _steps(examples: Examples) -> tuple[FloatArray, IntArray]:
    """What is read at each step, (M, F), and the offsets (N + 1,) of pieces."""
    assert isinstance(examples, Batchable)
    field = examples.fields.get(VALUES, examples.fields.get(BASES_FIELD))
    if isinstance(field, LookUp):
        start, stop = int(field.numbers.offsets[0]), int(field.numbers.offsets[-1])
        return field.table[field.numbers.values[start:stop]], field.numbers.offsets - start
    assert isinstance(field, Sequences)
    start, stop = int(field.offsets[0]), int(field.offsets[-1])
    return field.values[start:stop], field.offsets - start


def regression(
    features: Sequence[FloatArray], targets: Sequence[IntArray], classes: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Log-probabilities (N, C) for the last of ``features`` (N, F), learnt from the first.

    ``targets`` are the classes of the first two; the second chooses the strength.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    best, chosen = -np.inf, None
    for strength in STRENGTHS:
        regressor = LogisticRegression(C=strength, max_iter=200, tol=1e-3)
        model = make_pipeline(StandardScaler(), regressor).fit(features[0], targets[0])
        right = float(model.score(features[1], targets[1])) if len(targets[1]) else 0.0
        if right > best:
            best, chosen = right, model
    out = np.full((len(features[2]), classes), np.log(LEAST_PROBABILITY))
    if chosen is not None and len(features[2]):
        out[:, chosen.classes_] = np.log(np.maximum(chosen.predict_proba(features[2]), LEAST_PROBABILITY))
    return out
