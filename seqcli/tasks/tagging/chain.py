"""The best tags of a sentence, and how sure they are, from a linear-chain CRF (Lafferty et al. 2001).

A network scores each tag at each step, e_t(y); beside it it learns how well one tag follows another,
a(y, y'). A sentence of T words then has the tags

    argmax_y  a(start, y_1) + Σ_t e_t(y_t) + Σ_t a(y_t, y_{t+1}) + a(y_T, end)

found by Viterbi's recursion, and each tag a probability, by the forward and the backward one. All sentences
of a batch and all tags go side by side; only the words of a sentence are met one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.sequences import FloatArray, IntArray

Real = NDArray[np.float64]
MOST_NUMBERS = 4_000_000
"""Of one step's scores, (B, C, C), and of one batch's, (B, T, C)."""
MOST_ROWS = 256


@dataclass(frozen=True)
class TagChain:
    """``scores`` (C + 1, C + 1): of tag j after tag i; the last row is the start, the last column the end.

    A tag that must not come has -inf there.
    """

    scores: Real

    @classmethod
    def of(cls, learnt: FloatArray, barred: Sequence[Sequence[int]]) -> TagChain:
        """From what a network learnt, (C + 1, C + 1), and for each row the tags that must not follow.

        Raises ModelError where the two do not go together, or scores are not finite.
        """
        size = len(barred)
        if learnt.shape != (size, size) or not np.isfinite(learnt).all():
            raise ModelError(
                "the model's scores of neighbouring tags cannot be used", "train the model again"
            )
        scores = learnt.astype(np.float64)
        for row, columns in enumerate(barred):
            scores[row, list(columns)] = -np.inf
        return cls(scores)

    @property
    def tags(self) -> int:
        """C."""
        return len(self.scores) - 1

    def best(self, emissions: FloatArray, offsets: IntArray) -> IntArray:
        """The best tags (M,) of sentences laid end to end: emissions (M, C), offsets (N + 1,)."""
        found = np.zeros(len(emissions), dtype=np.int64)
        for places, real, dense in self._batches(emissions, offsets):
            found[places[real]] = self.viterbi(dense, real.sum(axis=1))[real]
        return found

    def probabilities(self, emissions: FloatArray, offsets: IntArray) -> FloatArray:
        """How probable each tag of each word is, (M, C), of sentences laid end to end."""
        found = np.zeros(emissions.shape, dtype=np.float32)
        for places, real, dense in self._batches(emissions, offsets):
            found[places[real]] = self.marginals(dense, real.sum(axis=1))[real]
        return found

    def viterbi(self, emissions: Real, lengths: IntArray) -> IntArray:
        """The best tags (B, T) of emissions (B, T, C) with lengths (B,); at padding they say nothing."""
        rows, steps, tags = emissions.shape
        after = self.scores[:tags, :tags]
        came_from = np.zeros((steps, rows, tags), dtype=np.int64)
        best = emissions[:, 0] + self.scores[tags, :tags]  # (B, C): of the best way to each tag
        for step in range(1, steps):
            through = best[:, :, None] + after  # (B, C, C)
            going_on = step < lengths
            came_from[step] = np.where(going_on[:, None], through.argmax(axis=1), np.arange(tags))
            reached = through.max(axis=1) + emissions[:, step]
            best = np.where(going_on[:, None], reached, best)
        path = np.zeros((rows, steps), dtype=np.int64)
        path[:, -1] = (best + self.scores[:tags, tags]).argmax(axis=1)
        for step in range(steps - 1, 0, -1):
            path[:, step - 1] = came_from[step, np.arange(rows), path[:, step]]
        return path

    def marginals(self, emissions: Real, lengths: IntArray) -> Real:
        """The probability of each tag at each step, (B, T, C), of emissions (B, T, C) with lengths (B,).

        By the forward and backward recursions of Rabiner 1989, scaled at each step to sum to 1.
        """
        rows, steps, tags = emissions.shape
        weights = np.exp(emissions - emissions.max(axis=2, keepdims=True))
        largest = self.scores[:tags, :tags].max()
        after = np.exp(self.scores[:tags, :tags] - largest)  # (C, C)
        first, end = (
            np.exp(part - part.max()) for part in (self.scores[tags, :tags], self.scores[:tags, tags])
        )
        ahead = np.zeros((steps, rows, tags))
        ahead[0] = _scaled(first * weights[:, 0])
        for step in range(1, steps):
            ahead[step] = _scaled((ahead[step - 1] @ after) * weights[:, step])
        behind = np.broadcast_to(end, (rows, tags))
        found = np.zeros(emissions.shape)
        for step in range(steps - 1, -1, -1):
            if step < steps - 1:
                inside = (step + 1 < lengths)[:, None]
                behind = np.where(inside, _scaled((weights[:, step + 1] * behind) @ after.T), behind)
            found[:, step] = _scaled(ahead[step] * behind)
        return found

    def _batches(
        self, emissions: FloatArray, offsets: IntArray
    ) -> Iterator[tuple[IntArray, NDArray[np.bool_], Real]]:
        """Sentences of similar length: their places (B, T), which of those are words, emissions (B, T, C)."""
        lengths = np.diff(offsets)
        order = np.argsort(lengths, kind="stable")
        order = order[np.searchsorted(lengths[order], 1) :]
        start, most = 0, min(MOST_ROWS, max(1, MOST_NUMBERS // max(1, self.tags**2)))
        while start < len(order):
            count = most
            while (
                count > 1
                and int(lengths[order[start : start + count]][-1]) * count * self.tags > MOST_NUMBERS
            ):
                count //= 2
            rows = order[start : start + count]
            start += count
            steps = np.arange(int(lengths[rows[-1]]))
            real = steps < lengths[rows][:, None]
            places = np.where(real, offsets[rows][:, None] + steps, 0)
            yield places, real, emissions[places].astype(np.float64)


def _scaled(weights: Real) -> Real:
    """Each row of (B, C) to a sum of 1; a row that has run under to nothing stays even."""
    total = weights.sum(axis=1, keepdims=True)
    even = np.full_like(weights, 1.0 / weights.shape[1])
    return np.where(total > 0, weights / np.where(total > 0, total, 1.0), even)
