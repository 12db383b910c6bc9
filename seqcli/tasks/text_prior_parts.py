"""What each token of one text adds to the linear part, and what the linear part would say without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqcli.preprocessing.ngrams import NgramIndex
from seqcli.preprocessing.spans import gram_places
from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.text_prior import TextPrior, as_logits


@dataclass(frozen=True)
class PriorParts:
    """The known n-grams of one text of T tokens: U different ones (U,), which stand at places (M,)."""

    owner: IntArray
    """(M,) which of the different ones stands there."""
    first: IntArray
    last: IntArray
    """(M,) the tokens ``first`` … ``last`` - 1 that it is of."""
    scales: FloatArray
    """(U,) inverse document frequencies."""
    weights: FloatArray
    """(U, C), of two classes (U, 1)."""
    rest: FloatArray
    """(C,) what is said without any n-gram: the bias, and the columns beside the text."""

    @classmethod
    def of(cls, prior: TextPrior, text: str, spans: IntArray, dense: FloatArray | None) -> PriorParts:
        """Of a text whose tokens stand at ``spans`` (T, 2), with the scaled columns (D,) beside it."""
        places = gram_places(text, prior.form, spans)
        known, found = NgramIndex(prior.keys, prior.bits).find(places.keys)
        different, owner = np.unique(found, return_inverse=True)
        rest = prior.bias if dense is None else prior.bias + dense @ prior.columns
        return cls(
            owner,
            places.first[known],
            places.last[known],
            prior.scales[different],
            prior.weights[different],
            rest,
        )

    def logits(self, without: int | None = None) -> FloatArray:
        """The logits (1, C) of the text, or of the text without the n-grams of one token."""
        kept = np.ones(len(self.owner), dtype=np.bool_)
        if without is not None:
            kept = (without < self.first) | (without >= self.last)
        values = self._values(np.bincount(self.owner[kept], minlength=len(self.scales)))
        return as_logits((values @ self.weights + self.rest)[None].astype(np.float32))

    def baseline(self) -> FloatArray:
        """The logits (1, C) without any n-gram."""
        return as_logits(self.rest[None].astype(np.float32))

    def shares(self, tokens: int) -> FloatArray:
        """What each token adds to the logits, (T + 1, C): the last row is of n-grams of no token.

        An n-gram's part is split evenly over the places where it stands, and there over its tokens.
        """
        counts = np.bincount(self.owner, minlength=len(self.scales))
        parts = self._values(counts)[:, None] * self.weights / np.maximum(counts, 1)[:, None]  # (U, C)
        sizes = self.last - self.first
        each = parts[self.owner] / np.maximum(sizes, 1)[:, None]  # (M, C)
        steps = np.zeros((tokens + 2, self.weights.shape[1]), dtype=np.float64)
        there = sizes > 0
        np.add.at(steps, self.first[there], each[there])  # begins here, and ends there
        np.add.at(steps, self.last[there], -each[there])
        out = steps.cumsum(axis=0)[: tokens + 1]
        out[tokens] = each[~there].sum(axis=0)
        return as_logits(out.astype(np.float32))

    def _values(self, counts: IntArray) -> FloatArray:
        """The values (U,) of n-grams that are there so often; their square sum is 1, or 0 for none."""
        values = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0) * self.scales
        length = np.sqrt((values * values).sum())
        scaled: FloatArray = (values / length if length else values).astype(np.float32)
        return scaled
