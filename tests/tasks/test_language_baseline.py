"""The counting baseline against its formula, one count at a time."""

from __future__ import annotations

import math
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcli.sequences import TARGET, Windows
from seqcli.tasks.language_baseline import LONGEST, ngram_nats, ngram_scores


def witten_bell(tokens, targets, fitted, size):
    """P(w | c) = (n(c, w) + T(c) P(w | c')) / (n(c) + T(c)) for n = 1 … LONGEST; nats by [n - 1][i].

    Ahead of the first token stand zeros.
    """

    def context(i, length):
        return tuple(tokens[k] if k >= 0 else 0 for k in range(i - length + 1, i + 1))

    counts = {}
    for length in range(LONGEST):
        for i in range(fitted):
            counts.setdefault(context(i, length), Counter())[targets[i]] += 1

    @cache
    def probability(token, seen):
        shorter = probability(token, seen[1:]) if seen else 1 / size
        follows = counts.get(seen)
        if not follows:
            return shorter
        kinds = len(follows)
        return (follows[token] + kinds * shorter) / (follows.total() + kinds)

    return [
        [-math.log(probability(targets[i], context(i, length))) for i in range(len(tokens))]
        for length in range(LONGEST)
    ]


@settings(deadline=None)
@given(
    st.integers(1, 60), st.integers(0, 40), st.sampled_from([2, 3, 9]), st.integers(0, 2**31), st.booleans()
)
def test_ngrams_are_their_formula(fitted, others, size, seed, novel):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, size, fitted + others + 1)
    ids[: fitted + 1] %= max(size - novel, 1)  # the others may hold a token that was never counted
    tokens, targets = ids[:-1], ids[1:]
    found = ngram_nats(tokens, targets, fitted, size)
    expected = witten_bell(tokens.tolist(), targets.tolist(), fitted, size)
    assert len(found) == LONGEST
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 8), st.sampled_from([2, 5]), st.integers(0, 2**31))
def test_probabilities_sum_to_one(fitted, others, size, seed):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, size, fitted + others + 2)
    tokens, targets = ids[:-1], ids[1:].copy()
    total = np.zeros(LONGEST)
    for token in range(size):
        targets[-1] = token
        total += [math.exp(-nats[-1]) for nats in ngram_nats(tokens, targets, fitted, size)]
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)


def test_by_hand():
    """ababa, where a→b, b→a, a→b are counted: P(a) = (1 + 2/4)/(3 + 2), P(a | b) = (1 + P(a))/(1 + 1)."""
    a, b = 2, 3
    ids = np.array([a, b, a, b, a])
    unigram, bigram, *_ = ngram_nats(ids[:-1], ids[1:], 3, 4)
    p_a, p_b = (1 + 2 / 4) / (3 + 2), (2 + 2 / 4) / (3 + 2)
    np.testing.assert_allclose(np.exp(-unigram), [p_b, p_a, p_b, p_a])
    np.testing.assert_allclose(np.exp(-bigram), [(2 + p_b) / 3, (1 + p_a) / 2, (2 + p_b) / 3, (1 + p_a) / 2])


def part(ids):
    ids = np.asarray(ids)
    return Windows({"tokens": ids[:-1], TARGET: ids[1:]}, {}, np.arange(0), 64, 0)


def ruled(length, period, seed):
    """A sequence in which the last ``period`` tokens tell the next, but for one time in ten."""
    rule = np.random.default_rng(99).integers(2, 6, size=4**period)
    rng = np.random.default_rng(seed)
    ids = list(rng.integers(2, 6, period))
    while len(ids) < length:
        code = 0
        for token in ids[-period:]:
            code = 4 * code + token - 2
        ids.append(int(rule[code]) if rng.random() < 0.9 else int(rng.integers(2, 6)))
    return ids


@pytest.mark.parametrize("period", [1, 2, 3])
def test_validation_chooses_the_order_that_the_text_has(period):
    train, validation, test = (ruled(count, period, seed) for seed, count in enumerate((9_000, 2_000, 2_000)))
    best, unigram = ngram_scores(part(train), part(validation), part(test), 6)
    assert (best.predictor, unigram.predictor) == (f"{period + 1}-gram", "unigram")
    assert best.values["nats"] < 0.8 * unigram.values["nats"]
    assert best.values["perplexity"] == pytest.approx(math.exp(best.values["nats"]))
    assert set(best.values) == {"nats", "bits", "perplexity"}


def test_where_single_tokens_are_best_they_stand_alone():
    rng = np.random.default_rng(0)
    parts = [part(rng.integers(2, 6, count)) for count in (300, 300, 300)]
    assert [score.predictor for score in ngram_scores(*parts, 6)] == ["unigram"]


def test_without_a_validation_part_it_is_a_trigram():
    nothing = Windows({"tokens": np.empty(0, int), TARGET: np.empty(0, int)}, {}, np.arange(0), 64, 0)
    scores = ngram_scores(part(ruled(500, 1, 0)), nothing, part(ruled(100, 1, 1)), 6)
    assert [score.predictor for score in scores] == ["3-gram", "unigram"]


def test_what_is_held_out_is_not_counted():
    """The nats of a token do not change with what comes after the training part and after it."""
    ids = np.array(ruled(900, 2, 0))
    longer = np.concatenate([ids, np.tile(ids[600:], 5)])
    before = ngram_nats(ids[:-1], ids[1:], 600, 6)
    after = ngram_nats(longer[:-1], longer[1:], 600, 6)
    np.testing.assert_array_equal(before, np.stack(after)[:, :899])
    counted = ngram_nats(ids[:-1], ids[1:], 800, 6)
    assert not np.allclose(before, counted)


def test_validation_text_is_counted_too_once_it_has_chosen():
    texts = ruled(500, 1, 0), ruled(200, 2, 3), ruled(150, 2, 4)
    best, unigram = ngram_scores(*map(part, texts), 6, both=True)
    alone = ngram_scores(*map(part, texts), 6)
    assert best.predictor == alone[0].predictor
    order = int(best.predictor.removesuffix("-gram"))
    windows = [part(text) for text in texts]
    tokens = np.concatenate([window.past["tokens"] for window in windows])
    targets = np.concatenate([window.past[TARGET] for window in windows])
    known = sum(len(window.past[TARGET]) for window in windows[:2])
    nats = ngram_nats(tokens, targets, known, 6)
    assert best.values["nats"] == pytest.approx(nats[order - 1][known:].mean(), rel=1e-6)
    assert unigram.values["nats"] == pytest.approx(nats[0][known:].mean(), rel=1e-6)
    assert best.values["nats"] < alone[0].values["nats"]
