"""What counting comes to: n-grams of the training text, the baseline of every language model.

P(w | c) = (n(c, w) + T(c) P(w | c')) / (n(c) + T(c)), where n counts in the training text, T(c) is how
many different tokens follow the context c, and c' is c without its first token; below the empty context
all tokens are equally likely (Witten and Bell 1991, method C, interpolated as in Chen and Goodman 1999,
section 2.5).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import TARGET, AnyArray, IntArray, Windows, as_ids
from seqcli.tasks.base import Scores
from seqcli.tasks.language_scores import text_scores

LONGEST = 7
"""Largest n that is tried; the validation part chooses."""
COUNTED = 4_000_000
"""Tokens at the end of a long training text that are counted: more take gigabytes."""
UNCHOSEN = 3
"""The n where there is no validation part."""


def ngram_scores(
    train: Windows, validation: Windows, test: Windows, size: int, both: bool = False
) -> list[Scores]:
    """Scores on ``test`` of the n-gram that is best on ``validation``, and of single tokens.

    With ``both`` validation text is counted, too, once it has chosen: as a network reads it that goes on.
    """
    parts = [train.past, validation.past, test.past]
    if len(train.past[TARGET]) > COUNTED:
        parts[0] = {name: values[-COUNTED:] for name, values in train.past.items()}
    lengths = [len(part[TARGET]) for part in parts]
    tokens = as_ids(np.concatenate([part["tokens"] for part in parts]))
    targets = as_ids(np.concatenate([part[TARGET] for part in parts]))
    edges = np.cumsum([0, *lengths])
    found: list[tuple[float, AnyArray]] = []
    for nats in _orders(tokens, targets, lengths[0], size):
        choosing, reported = nats[edges[1] : edges[2]], nats[edges[2] :].copy()  # the rest goes
        found.append((float(choosing.mean()) if len(choosing) else np.inf, reported))
    best = int(np.argmin([score for score, _ in found])) if lengths[1] else UNCHOSEN - 1
    if both and lengths[1]:
        again = zip(range(best + 1), _orders(tokens, targets, int(edges[2]), size), strict=False)
        found = [(0.0, nats[edges[2] :].copy()) for _, nats in again]
    unigram = _scores("unigram", found[0][1])
    return [_scores(f"{best + 1}-gram", found[best][1]), unigram] if best else [unigram]


def ngram_nats(tokens: IntArray, targets: IntArray, fitted: int, size: int) -> list[NDArray[np.float64]]:
    """Nats of each target (M,) under n-grams of n = 1 … :data:`LONGEST`, counted in the first ``fitted``.

    ``targets[i]`` follows ``tokens[i]`` in a vocabulary of ``size``; ahead of the first token stand zeros.
    """
    return list(_orders(tokens, targets, fitted, size))


def _orders(tokens: IntArray, targets: IntArray, fitted: int, size: int) -> Iterator[NDArray[np.float64]]:
    """As :func:`ngram_nats`, one n after the other."""
    ahead = np.zeros(LONGEST - 1, dtype=np.int64)
    tokens, targets = np.concatenate([ahead, tokens]), np.concatenate([ahead, targets])
    counted = slice(len(ahead), len(ahead) + fitted)
    contexts = np.zeros(len(tokens), dtype=np.int64)
    probability = np.full(len(tokens), 1.0 / size)
    for order in range(LONGEST):
        if order:  # one token more, of the past
            contexts = np.roll(contexts, 1) * size + tokens
            contexts = np.unique(contexts, return_inverse=True)[1].astype(np.int64, copy=False)
        pairs, kinds = np.unique(contexts * size + targets, return_inverse=True)
        pair_counts = np.bincount(kinds[counted], minlength=len(pairs))
        seen = np.bincount(contexts[counted], minlength=int(contexts.max(initial=0)) + 1)
        different = np.bincount(pairs[pair_counts > 0] // size, minlength=len(seen))
        known = seen[contexts] > 0
        mixed = pair_counts[kinds] + different[contexts] * probability
        probability = np.where(known, mixed / np.maximum(seen + different, 1)[contexts], probability)
        yield -np.log(probability[len(ahead) :])


def _scores(name: str, nats: AnyArray) -> Scores:
    """The figures of one predictor; counting knows no state, so windows say nothing more."""
    columns = np.stack([nats, np.full(len(nats), np.nan)], axis=1).astype(np.float32)
    return Scores(name, {key: value for key, value in text_scores(columns).items() if key != "blk64"})
