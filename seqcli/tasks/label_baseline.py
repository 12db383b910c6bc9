"""What a network must beat: the most frequent set of labels, and logistic regression label by label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqcli.sequences import Examples, FloatArray, IntArray
from seqcli.tasks.base import Scores
from seqcli.tasks.baseline_features import baseline_features
from seqcli.tasks.classify_members import LINEAR, linear_logits, reads_texts
from seqcli.tasks.classify_metrics import LEAST_PROBABILITY
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.label_cuts import best_cuts
from seqcli.tasks.label_metrics import chances_of, set_scores
from seqcli.tasks.label_sets import labels_of, unknown_of
from seqcli.tasks.parts import Source

USUAL_SET = "most frequent labels"
STRENGTH = 1.0
"""Inverse regularisation C of the regressions."""


def usual_scores(train: FloatArray, test: FloatArray, unknown: IntArray) -> Scores:
    """Scores on the test labels (M, L) of the set that most training rows (N, L) have.

    Each label is as likely as it is frequent; ``unknown`` (M,) counts the labels that training never saw.
    """
    sets, counts = np.unique(train > 0, axis=0, return_counts=True)
    said = np.repeat(sets[[int(counts.argmax())]], len(test), axis=0)
    shares = np.clip(train.mean(axis=0), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    logits = np.repeat(np.log(shares / (1 - shares))[None], len(test), axis=0)
    return Scores(USUAL_SET, set_scores(said, logits, test, unknown))


def regression_scores(inputs: Inputs, source: Source, parts: Sequence[Examples]) -> Scores:
    """Scores on the test part of one logistic regression a label, with thresholds from validation."""
    targets = [labels_of(part) for part in parts]
    if reads_texts(inputs):
        name = LINEAR
        held, test = linear_logits(inputs, source, parts, targets[0].shape[1])
    else:
        ahead, features = baseline_features(inputs, source)
        name = f"{ahead}logistic regression"
        held, test = (_regressions(features[0], targets[0], other) for other in features[1:])
    said = chances_of(test) >= np.array(best_cuts(held, targets[1]))
    return Scores(name, set_scores(said, test, targets[2], unknown_of(parts[2])))


def _regressions(features: FloatArray, target: FloatArray, asked: FloatArray) -> FloatArray:
    """Logits (M, L) for ``asked`` (M, F), learnt from ``features`` (N, F) and labels (N, L)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    out = np.zeros((len(asked), target.shape[1]), dtype=np.float32)
    for label, column in enumerate(target.T):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=300, tol=1e-3))
        if column.min() == column.max():  # all training rows say the same
            out[:, label] = 10.0 if column.any() else -10.0
        elif len(asked):
            out[:, label] = model.fit(features, column).decision_function(asked)
    return out
