"""Logits become tokens. What is asked for is done in this order, and the rest is left out:

    penalty      logit x of each token among the last N: x / θ above 0, x · θ below    (Keskar et al. 2019)
    bias         + X to the logit of a token                 -inf: it can no longer be drawn
    temperature  logits / temperature                        0 takes the most likely token
    top-k        the k most likely tokens                    the others can no longer be drawn
    top-p        the fewest of these that hold a share p     (nucleus sampling, Holtzman et al. 2020)
    min-p        those at least p times as likely as the likeliest                     (Nguyen et al. 2024)
    one draw

Of tokens that are equally likely those with the lower id are kept first. The reserved ids stand for no
text and are never drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    """How to draw. ``temperature`` 0 is greedy; None, and a ``repetition_penalty`` of 1, leave it out."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0
    window: int = 64
    """Tokens back to which a token counts as repeated, those of the prompt among them."""
    bias: tuple[tuple[int, float], ...] = ()
    """Pairs of a token's id and what is added to its logit."""

    def draw(self, logits: FloatArray, rng: np.random.Generator, recent: IntArray | None = None) -> Draw:
        """One token a row of ``logits`` (B, V); ``recent`` (B, N) came last.

        Greedy draws take no random number.
        """
        rows = np.arange(len(logits))
        plain = log_shares(logits)
        scores = plain
        if self.bias or self.repetition_penalty != 1:
            scores = self.adjusted(logits, recent)
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
        return Draw(ids, plain[rows, ids], sampled)

    def adjusted(self, logits: FloatArray, recent: IntArray | None = None) -> NDArray[np.float64]:
        """Logits (B, V) after the penalty for those among the last of ``recent`` (B, N), and the bias."""
        scores = logits.astype(np.float64)
        if recent is not None and self.repetition_penalty != 1:
            met = np.zeros(scores.shape, dtype=bool)
            np.put_along_axis(met, recent[:, -self.window :], True, axis=1)
            worse = np.where(scores > 0, scores / self.repetition_penalty, scores * self.repetition_penalty)
            scores = np.where(met, worse, scores)
        for token, more in self.bias:
            scores[:, token] += more
        return scores

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
        if self.min_p:
            shares = np.where(shares >= self.min_p * shares.max(axis=1, keepdims=True), shares, 0.0)
            shares /= shares.sum(axis=1, keepdims=True)
        return shares


def log_shares(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """log softmax of logits (B, V), the reserved ids among them."""
    scores: NDArray[np.float64] = logits.astype(np.float64)
    scores -= scores.max(axis=1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return scores


def _largest(shares: NDArray[np.float64], counts: IntArray) -> NDArray[np.float64]:
    """``shares`` (B, V) with all but the ``counts`` (B,) largest of each row set to 0."""
    counts = np.minimum(counts, shares.shape[1])
    last = np.sort(shares, axis=1)[np.arange(len(shares)), -counts][:, None]  # the smallest that stays
    above, equal = shares > last, shares == last
    room = counts[:, None] - above.sum(axis=1, keepdims=True)
    kept: NDArray[np.float64] = np.where(above | (equal & (equal.cumsum(axis=1) <= room)), shares, 0.0)
    return kept
