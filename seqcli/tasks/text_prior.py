"""The linear part of a text classifier: weights of n-grams, without a network.

    logit_c(text) = b_c + sum_g w_gc (1 + log count_g) idf_g / norm(text)

One table covers TF-IDF and naive-Bayes-weighted n-grams (Wang and Manning, Baselines and Bigrams, ACL
2012): they differ in how :mod:`seqcli.tasks.text_prior_fit` learns it. Applied by NumPy alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.preprocessing.ngrams import (
    LEAST_BITS,
    MOST_BITS,
    Keys,
    NgramForm,
    NgramIndex,
    Ngrams,
    read_ngrams,
)
from seqcli.sequences import FloatArray, IntArray

NAME = "linear n-grams"
"""What the linear part is called beside a network."""
ROWS_AT_ONCE = 512
LEAST_TO_CHOOSE = 50
"""Validation rows below which nothing is chosen."""
LARGEST = 1e4
"""What no fitted number comes near, in size."""


@dataclass(frozen=True, eq=False)
class TextPrior:
    """Fitted weights of G n-grams for C classes; of two there is one logit, of the second.

    Where a row has several labels there is one logit a label, and C is two or more.
    """

    called: ClassVar[str] = NAME

    form: NgramForm
    power: float
    """How the weights were learnt: 0 by TF-IDF, 1 by naive Bayes ratios, between the two .5."""
    strength: float
    """Inverse regularisation."""
    bits: int
    """First bits by which the n-grams are told apart."""
    keys: Keys
    """(G,), ascending."""
    scales: FloatArray
    """(G,) inverse document frequencies."""
    weights: FloatArray
    """(G, C), of two classes (G, 1)."""
    columns: FloatArray
    """(D, C) weights of the scaled columns beside the text."""
    bias: FloatArray
    """(C,)."""

    @property
    def weighting(self) -> str:
        """How its n-grams were weighted, in words."""
        return "TF-IDF" if self.power == 0 else "naive Bayes ratios"

    def logits(self, texts: Sequence[str], dense: FloatArray | None = None) -> FloatArray:
        """The logits (N, C) of texts and the scaled columns (N, D) beside them."""
        classes = max(2, len(self.bias))
        out = np.empty((len(texts), classes), dtype=np.float32)
        for start in range(0, len(texts), ROWS_AT_ONCE):
            some = slice(start, start + ROWS_AT_ONCE)
            found = self._summed(read_ngrams(texts[some], self.form)) + self.bias
            if dense is not None:
                found = found + dense[some] @ self.columns
            out[some] = as_logits(found)
        return out

    @cached_property
    def _index(self) -> NgramIndex:
        return NgramIndex(self.keys, self.bits)

    def _summed(self, ngrams: Ngrams) -> FloatArray:
        """The weights of each text's n-grams, summed: (N, C)."""
        rows, places, values = weighted(ngrams, self._index, self.scales)
        products = self.weights[places] * values[:, None]
        return np.stack(
            [np.bincount(rows, column, minlength=len(ngrams)) for column in products.T], axis=1
        ).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores, without the arrays."""
        return {
            "name": "ngrams.v1",
            "form": self.form.to_json(),
            "power": self.power,
            "strength": self.strength,
            "bits": self.bits,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TextPrior:
        """Rebuild, still without arrays. Raises ModelError, KeyError, TypeError or ValueError."""
        power, strength, bits = float(data["power"]), float(data["strength"]), int(data["bits"])
        known = data["name"] == "ngrams.v1" and LEAST_BITS <= bits <= MOST_BITS
        if not known or not (0 <= power <= 1 and strength > 0):
            raise ModelError("the model's linear part cannot be read", "was it made by a newer seqcli?")
        none = np.empty((0, 1), np.float32)
        keys = np.empty(0, np.uint32)
        return cls(
            NgramForm.from_json(data["form"]), power, strength, bits, keys, none[:, 0], none, none, none[:, 0]
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was fitted, by name; keys as int32."""
        return {
            "keys": self.keys.view(np.int32),
            "scales": self.scales,
            "weights": self.weights,
            "columns": self.columns,
            "bias": self.bias,
        }

    def with_arrays(self, arrays: Mapping[str, NDArray[Any]], outputs: int, columns: int) -> TextPrior:
        """With what :meth:`arrays` gave, for so many weights an n-gram and columns (D). Raises ModelError."""
        names = ("keys", "scales", "weights", "columns", "bias")
        if set(arrays) != set(names):
            raise ModelError("the model's linear part lacks an array, or has one too many")
        keys, rest = arrays["keys"], [arrays[name] for name in names[1:]]
        count = keys.size
        shapes = [(count,), (count, outputs), (columns, outputs), (outputs,)]
        fits = keys.ndim == 1 and keys.dtype == np.int32 and [array.shape for array in rest] == shapes
        if not fits or any(array.dtype != np.float32 for array in rest):
            raise ModelError("the model's linear part has arrays that do not fit each other")
        keys = np.ascontiguousarray(keys).view(np.uint32)
        usable = all(bool((np.abs(array) <= LARGEST).all()) for array in rest)
        first = keys >> np.uint32(32 - self.bits)
        if not usable or (first[1:] <= first[:-1]).any() or (rest[0] <= 0).any():
            raise ModelError("the model's linear part holds numbers that cannot be used")
        scales, weights, beside, bias = rest
        return replace(self, keys=keys, scales=scales, weights=weights, columns=beside, bias=bias)


def outputs_of(classes: int, several: bool = False) -> int:
    """Weights that an n-gram has: one a class, of two classes one; one a label where a row has several."""
    return 1 if classes == 2 and not several else classes


def weighted(ngrams: Ngrams, index: NgramIndex, scales: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """The known n-grams of N texts: whose (M,), which of the index (M,), and their values (M,).

    ``scales`` are (G,). A text's values have the square sum 1, unless it holds no known n-gram.
    """
    known, places = index.find(ngrams.keys)
    rows = np.repeat(np.arange(len(ngrams)), np.diff(ngrams.offsets))[known]
    values = (1 + np.log(ngrams.counts[known])) * scales[places]
    lengths = np.sqrt(np.bincount(rows, values * values, minlength=len(ngrams)))
    return rows, places, (values / lengths[rows]).astype(np.float32)


def as_logits(found: FloatArray) -> FloatArray:
    """(N, C) as it is; the one logit (N, 1) of two classes as two of opposite sign."""
    return np.concatenate([-found / 2, found / 2], axis=1) if found.shape[1] == 1 else found
