"""What a network must beat: the mean, and ridge regression. Text needs scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqcli.tasks.baseline_features import baseline_features
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.parts import Source

STRENGTHS = (0.1, 1.0, 10.0, 100.0)
"""Regularisation of the ridge; the validation part chooses."""


def baseline_numbers(
    inputs: Inputs, source: Source, actual: Sequence[NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Predictions (N,) for the test part of predictors without a network.

    ``actual`` holds the numbers of the training, validation and test part; the last are not read.
    """
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    name, features = baseline_features(inputs, source)
    least, chosen = np.inf, None
    for strength in STRENGTHS:
        dense = isinstance(features[0], np.ndarray)
        model = make_pipeline(StandardScaler(), Ridge(strength)) if dense else Ridge(strength)
        model.fit(features[0], actual[0])
        error = float(np.abs(model.predict(features[1]) - actual[1]).mean()) if len(actual[1]) else 0.0
        if error < least:
            least, chosen = error, model
    found = {"mean": np.full(len(actual[2]), actual[0].mean())}
    if chosen is not None and len(actual[2]):
        found[f"{name}ridge regression"] = chosen.predict(features[2])
    return found
