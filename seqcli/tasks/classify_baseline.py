"""What a network must beat: the most frequent class, and logistic regression, by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import IntArray
from seqcli.tasks.base import Scores
from seqcli.tasks.baseline_features import baseline_features
from seqcli.tasks.classify_metrics import LEAST_PROBABILITY, class_scores
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.parts import Source

MAJORITY = "most frequent class"
STRENGTHS = (1.0, 10.0)
"""Inverse regularisation C of the regression; the validation part chooses."""
Targets: TypeAlias = Sequence[IntArray]
"""Classes of the training, validation and test part."""


def majority_scores(targets: Targets, classes: int) -> Scores:
    """Scores on the test part of the share that each class has in the training part."""
    counts = np.bincount(targets[0], minlength=classes).astype(np.float64)
    usual = np.log(np.maximum(counts / counts.sum(), LEAST_PROBABILITY))
    return Scores(MAJORITY, class_scores(np.tile(usual, (len(targets[2]), 1)), targets[2]))


def regression_scores(inputs: Inputs, source: Source, targets: Targets, classes: int) -> Scores:
    """Scores on the test part of logistic regression on columns or summaries, fitted on the training part."""
    name, features = baseline_features(inputs, source)
    regression = _regression(features, targets, classes)
    return Scores(f"{name}logistic regression", class_scores(regression, targets[2]))


def _regression(features: list[Any], targets: Targets, classes: int) -> NDArray[np.float64]:
    """Log-probabilities (N, C) of logistic regression on the test part, C chosen by validation."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    best, chosen = -np.inf, None
    for strength in STRENGTHS:
        regression = LogisticRegression(C=strength, max_iter=300, tol=1e-3)
        dense = isinstance(features[0], np.ndarray)
        model = make_pipeline(StandardScaler(), regression) if dense else regression
        model.fit(features[0], targets[0])
        right = float(model.score(features[1], targets[1])) if len(targets[1]) else 0.0
        if right > best:
            best, chosen = right, model
    out = np.full((len(targets[2]), classes), np.log(LEAST_PROBABILITY))
    if chosen is not None and len(targets[2]):
        out[:, chosen.classes_] = np.log(np.maximum(chosen.predict_proba(features[2]), LEAST_PROBABILITY))
    return out
