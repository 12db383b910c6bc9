"""Logits become tokens: temperature, then top-k, then top-p, then one draw.

    scaled   log p(v) / temperature                     0 takes the most likely token
    top-k    the k most likely tokens                   the others can no longer be drawn
    top-p    the fewest of these that hold a share p    (nucleus sampling, Holtzman et al. 2020)

Of tokens that are equally likely those with the lower id are kept first. The reserved ids stand for no
text and are never drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.vocabulary import RESERVED
from seqcli.sequences import FloatArray, IntArray


@dataclass(frozen=True)
class Draw:
    """One token for each of B streams."""

    ids: IntArray
    """The tokens (B,)."""
    logprob: NDArray[np.float64]
    """Log-probability (B,) under the network itself, temperature 1 and nothing left out."""
    sampled_logprob: NDArray[np.float64]
    """Log-probability (B,) with which the sampler drew it."""


@dataclass(frozen=True)
class Sampler:
    """How to draw. ``temperature`` 0 is greedy; ``top_k`` and ``top_p`` None leave nothing out."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def draw(self, logits: FloatArray, rng: np.random.Generator) -> Draw:
        """One token a row of ``logits`` (B, V). Greedy draws take no random number."""
        scores = logits.astype(np.float64)  # (B, V)
        scores -= scores.max(axis=1, keepdims=True)
        total = np.log(np.exp(scores).sum(axis=1))  # (B,)
        rows = np.arange(len(scores))
        if self.temperature == 0:
            ids = scores[:, RESERVED:].argmax(axis=1)
            sampled = np.zeros(len(scores))
        else:
            shares = self.shares(scores)  # (B, V - RESERVED)
            summed = shares.cumsum(axis=1)
            # Below the sum, which rounding may have moved off 1: a token without a share is never met.
            mark = rng.random((len(scores), 1)) * summed[:, -1:]
            ids = (summed <= mark).sum(axis=1)
            sampled = np.log(shares[rows, ids] / summed[:, -1])
        ids = ids + RESERVED
        return Draw(ids, scores[rows, ids] - total, sampled)

    def shares(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each token but the reserved ones is drawn with, (B, V) → (B, V - RESERVED), sums 1."""
        scaled = scores[:, RESERVED:]
        with np.errstate(over="ignore"):  # of a temperature near 0: minus infinity is what is meant
            scaled = (scaled - scaled.max(axis=1, keepdims=True)) / self.temperature
        shares: NDArray[np.float64] = np.exp(scaled)
        if self.top_k is not None and self.top_k < shares.shape[1]:
            shares = _largest(shares, np.full(len(shares), self.top_k))
        shares /= shares.sum(axis=1, keepdims=True)
        if self.top_p is not None and self.top_p < 1:
            falling = np.sort(shares, axis=1)[:, ::-1]
            short = falling.cumsum(axis=1) < self.top_p  # without the token that reaches the share
            shares = _largest(shares, short.sum(axis=1) + 1)
            shares /= shares.sum(axis=1, keepdims=True)
        return shares


def _largest(shares: NDArray[np.float64], counts: IntArray) -> NDArray[np.float64]:
    """``shares`` (B, V) with all but the ``counts`` (B,) largest of each row set to 0."""
    counts = np.minimum(counts, shares.shape[1])
    last = np.sort(shares, axis=1)[np.arange(len(shares)), -counts][:, None]  # the smallest that stays
    above, equal = shares > last, shares == last
    room = counts[:, None] - above.sum(axis=1, keepdims=True)
    kept: NDArray[np.float64] = np.where(above | (equal & (equal.cumsum(axis=1) <= room)), shares, 0.0)
    return kept
