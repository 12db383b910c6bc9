"""The sampler against shares worked out by hand, and against how often it draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from seqcli.inference.sampling import Sampler
from seqcli.preprocessing.vocabulary import RESERVED

SHARES = (0.5, 0.3, 0.15, 0.05)


def logits(*rows: tuple[float, ...], reserved: float = -50.0) -> np.ndarray:
    """Logits (B, 3 + n) whose softmax over the drawable tokens is ``rows``, shifted by an arbitrary 7."""
    return np.float32([[reserved] * RESERVED + [math.log(share) + 7 for share in row] for row in rows])


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (Sampler(), SHARES),
        (Sampler(1e-308), (1, 0, 0, 0)),
        (Sampler(0.5), [share**2 / 0.365 for share in SHARES]),  # .25 + .09 + .0225 + .0025
        (Sampler(top_k=2), (0.625, 0.375, 0, 0)),
        (Sampler(top_k=9), SHARES),
        (Sampler(top_p=0.7), (0.625, 0.375, 0, 0)),
        (Sampler(top_p=0.81), (0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0)),
        (Sampler(top_p=1.0), SHARES),
        (Sampler(top_p=0.0), (1, 0, 0, 0)),
        (Sampler(top_k=2, top_p=0.6), (1, 0, 0, 0)),  # .625 of what top-k left holds .6, .5 of all would not
        (Sampler(0.5, top_p=0.6), (1, 0, 0, 0)),  # .25 / .365 = .68 after the temperature
        (Sampler(0.5, top_k=3, top_p=0.9), (0.25 / 0.34, 0.09 / 0.34, 0, 0)),
    ],
)
def test_shares_are_those_of_the_chain(sampler, expected) -> None:
    scores = logits(SHARES).astype(np.float64)
    np.testing.assert_allclose(sampler.shares(scores), [expected], rtol=1e-6)


def test_of_equal_tokens_the_lower_ids_stay() -> None:
    scores = logits((0.25, 0.25, 0.25, 0.25)).astype(np.float64)
    np.testing.assert_allclose(Sampler(top_k=3).shares(scores), [[1 / 3, 1 / 3, 1 / 3, 0]])
    np.testing.assert_allclose(Sampler(top_p=0.4).shares(scores), [[0.5, 0.5, 0, 0]])


def test_greedy_takes_the_likeliest_token_that_is_text() -> None:
    rng = np.random.default_rng(0)
    drawn = Sampler(0.0).draw(logits(SHARES, SHARES[::-1], (0.3, 0.3, 0.2, 0.2), reserved=99.0), rng)
    np.testing.assert_array_equal(drawn.ids, [3, 6, 3])
    np.testing.assert_array_equal(drawn.sampled_logprob, [0, 0, 0])
    assert rng.random() == np.random.default_rng(0).random()  # no number was taken


def test_log_probabilities_of_what_was_drawn() -> None:
    rows = logits(SHARES, SHARES[::-1], reserved=math.log(0.5) + 7)  # reserved ids hold 1.5 of 2.5
    drawn = Sampler(0.5, top_k=2).draw(rows, np.random.default_rng(3))
    for row, shares in enumerate((SHARES, SHARES[::-1])):
        share = shares[drawn.ids[row] - RESERVED]
        assert drawn.logprob[row] == pytest.approx(math.log(share / 2.5), abs=1e-6)
        assert drawn.sampled_logprob[row] == pytest.approx(math.log(share**2 / 0.34), abs=1e-6)


def test_tokens_come_as_often_as_their_shares_say() -> None:
    draws = 40_000
    rows = np.repeat(logits(SHARES), draws, axis=0)
    for sampler, shares in ((Sampler(), SHARES), (Sampler(top_k=3), [s / 0.95 for s in SHARES[:3]])):
        ids = sampler.draw(rows, np.random.default_rng(1)).ids
        counts = np.bincount(ids, minlength=RESERVED + 4)[RESERVED:]
        assert counts.sum() == draws
        for count, share in zip(counts, [*shares, 0, 0], strict=False):
            assert abs(count - draws * share) <= 4 * math.sqrt(draws * share * (1 - share))


def test_a_seed_fixes_the_draws() -> None:
    rows = np.repeat(logits(SHARES), 200, axis=0)
    first, second, other = (Sampler().draw(rows, np.random.default_rng(seed)).ids for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


ANY_LOGITS = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 3), st.integers(4, 12)), elements=st.floats(-1e4, 1e4, width=32)
)


@settings(deadline=None)
@given(
    ANY_LOGITS,
    st.floats(1e-3, 1e3),
    st.none() | st.integers(1, 20),
    st.none() | st.floats(0, 1),
    st.integers(0, 2**32),
)
def test_whatever_the_logits_a_token_with_a_share_is_drawn(rows, temperature, top_k, top_p, seed) -> None:
    sampler = Sampler(temperature, top_k, top_p)
    shares = sampler.shares(rows.astype(np.float64))
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-9)
    assert ((shares > 0).sum(axis=1) <= (top_k or rows.shape[1])).all()
    for row in range(len(rows)):  # rows know nothing of each other
        np.testing.assert_array_equal(
            sampler.shares(rows[row : row + 1].astype(np.float64)), shares[row : row + 1]
        )
    drawn = sampler.draw(rows, np.random.default_rng(seed))
    assert (drawn.ids >= RESERVED).all()
    assert (shares[np.arange(len(rows)), drawn.ids - RESERVED] > 0).all()
    assert np.isfinite(drawn.logprob).all()
    assert (drawn.logprob <= 1e-9).all()
    assert (drawn.sampled_logprob <= 1e-9).all()


# ---- min-p, penalty, bias


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (Sampler(min_p=0.29), (0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0)),  # .15 is .3 of the likeliest
        (Sampler(min_p=0.31), (0.625, 0.375, 0, 0)),
        (Sampler(min_p=1.0), (1, 0, 0, 0)),
        (Sampler(min_p=0.0), SHARES),
        (Sampler(0.5, min_p=0.3), (0.25 / 0.34, 0.09 / 0.34, 0, 0)),  # .09 / .25 = .36, .0225 / .25 = .09
        (Sampler(top_k=2, min_p=0.7), (1, 0, 0, 0)),
    ],
)
def test_min_p_is_a_share_of_the_likeliest(sampler, expected) -> None:
    scores = logits(SHARES).astype(np.float64)
    np.testing.assert_allclose(sampler.shares(scores), [expected], rtol=1e-6)


def test_a_penalty_divides_what_is_above_zero_and_multiplies_what_is_below() -> None:
    scores = np.float32([[0, 0, 0, 2.0, -1.0, 3.0, 0.0]])
    seen = np.array([[6, 5, 3, 4, 4]])  # the last three: 3, 4, 4
    found = Sampler(repetition_penalty=2.0, window=3).adjusted(scores, seen)
    np.testing.assert_allclose(found, [[0, 0, 0, 1.0, -2.0, 3.0, 0.0]])
    whole = Sampler(repetition_penalty=2.0, window=5).adjusted(scores, seen)
    np.testing.assert_allclose(whole, [[0, 0, 0, 1.0, -2.0, 1.5, 0.0]])
    none = np.zeros((1, 0), dtype=np.int64)
    np.testing.assert_allclose(Sampler(repetition_penalty=2.0).adjusted(scores, none), scores)


def test_a_bias_is_added_behind_the_penalty() -> None:
    scores = np.float32([[0, 0, 0, 2.0, -1.0]])
    sampler = Sampler(repetition_penalty=2.0, bias=((3, 0.5), (4, -math.inf)))
    np.testing.assert_allclose(sampler.adjusted(scores, np.array([[3]])), [[0, 0, 0, 1.5, -math.inf]])


def test_penalty_and_bias_change_what_is_drawn_and_not_what_the_network_said() -> None:
    rows = logits(SHARES)
    sampler = Sampler(0.0, bias=((3, -math.inf),))
    drawn = sampler.draw(rows, np.random.default_rng(0))
    assert drawn.ids.tolist() == [4]
    assert drawn.logprob[0] == pytest.approx(math.log(0.3), abs=1e-6)
    sampler = Sampler(1.0, bias=((6, math.log(20)),))  # shares .5 .3 .15 1.0
    ids = sampler.draw(np.repeat(rows, 20_000, axis=0), np.random.default_rng(2)).ids
    assert (ids == 6).mean() == pytest.approx(1 / 1.95, abs=0.015)
