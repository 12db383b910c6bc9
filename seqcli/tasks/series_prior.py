"""The linear part of a classifier of series or DNA: weights of features that need no network.

    logit_c(series) = b_c + sum_f w_fc feature_f(series)

Learnt by :mod:`seqcli.tasks.series_prior_fit`, applied by NumPy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.preprocessing.series_features import SeriesFeatures
from seqcli.sequences import Batchable, FloatArray, LookUp, Sequences
from seqcli.tasks.inputs import BASES_FIELD, VALUES, Inputs
from seqcli.tasks.text_prior import LARGEST

KIND = "series.v1"
LARGEST_WEIGHT = LARGEST * 100
"""Weights of features that hardly change can be large."""


@dataclass(frozen=True, eq=False)
class SeriesPrior:
    """Fitted weights of F features for C classes."""

    called: ClassVar[str] = "linear part"

    features: SeriesFeatures
    shares: tuple[tuple[str, float], ...]
    """How much each block of features was let count, and its name."""
    strength: float
    """Inverse regularisation."""
    weights: FloatArray
    """(F, C)"""
    bias: FloatArray
    """(C,)"""

    def logits(self, examples: Batchable) -> FloatArray:
        """The logits (N, C) of examples."""
        found: FloatArray = self.features.read(series_of(examples)) @ self.weights + self.bias
        return found

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores, without the arrays."""
        return {
            "name": KIND,
            "features": self.features.to_json(),
            "shares": [list(item) for item in self.shares],
            "strength": self.strength,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SeriesPrior:
        """Rebuild, still without arrays. Raises ModelError, KeyError, TypeError or ValueError."""
        shares = tuple((str(name), float(share)) for name, share in data["shares"])
        none = np.empty((0, 1), np.float32)
        features = SeriesFeatures.from_json(data["features"])
        return cls(features, shares, float(data["strength"]), none, none[:, 0])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was fitted, by name."""
        return {"weights": self.weights, "bias": self.bias, **self.features.arrays()}

    def with_arrays(self, arrays: Mapping[str, NDArray[Any]], classes: int) -> SeriesPrior:
        """With what :meth:`arrays` gave, for so many classes. Raises ModelError where that does not fit."""
        others = {name: array for name, array in arrays.items() if name not in ("weights", "bias")}
        if len(arrays) != len(others) + 2:
            raise ModelError("the model's linear part lacks an array")
        features, weights, bias = self.features.with_arrays(others), arrays["weights"], arrays["bias"]
        fits = weights.shape == (features.size, classes) and bias.shape == (classes,)
        if not fits or weights.dtype != np.float32 or bias.dtype != np.float32:
            raise ModelError("the model's linear part has arrays that do not fit each other")
        if not all((np.abs(array) <= LARGEST_WEIGHT).all() for array in (weights, bias)):
            raise ModelError("the model's linear part holds numbers that cannot be used")
        return replace(self, features=features, weights=weights, bias=bias)


def reads_series(inputs: Inputs) -> bool:
    """Whether examples are series of numbers, or DNA: what such a linear part is for."""
    return inputs.reads_steps


def series_of(examples: Batchable) -> Sequences | LookUp:
    """The steps of each example, (T, channels)."""
    found = examples.fields.get(BASES_FIELD, examples.fields.get(VALUES))
    assert isinstance(found, Sequences | LookUp)
    return found
