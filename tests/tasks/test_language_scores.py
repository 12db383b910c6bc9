"""Surprisals of a text against a reader that goes token by token, and the figures made of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcli.sequences import TARGET, Windows
from seqcli.tasks import language_scores
from seqcli.tasks.language_scores import COLD_STEPS, nats_of, surprisals, text_scores

SIZE = 7
TABLE = np.random.default_rng(0).normal(size=(SIZE, SIZE)) * 2


def after(state, token, condition):
    """The state of a reader that forgets slowly, one row a stream: (V,)."""
    return 0.7 * state + TABLE[token] + condition


class Reader:
    """Reads batches as a network would, and notes their shapes."""

    def __init__(self):
        self.shapes = []

    def __call__(self, batch, states):
        rows, steps = batch["tokens"].shape
        self.shapes.append((rows, steps))
        state = np.zeros((rows, SIZE)) if states is None else states
        logits = np.empty((rows, steps, SIZE), dtype=np.float32)
        for t in range(steps):
            for row in range(rows):
                state[row] = after(state[row], batch["tokens"][row, t], batch["condition"][row, t])
            logits[:, t] = state
        return logits, state.copy()


def one_by_one(fields, start, stop):
    """Nats of targets start … stop − 1 under a reader that knows nothing before ``start``."""
    state, found = np.zeros(SIZE), []
    for at in range(start, stop):
        state = after(state, fields["tokens"][at], fields["condition"][at])
        total = sum(math.exp(logit) for logit in state.tolist())
        found.append(math.log(total) - float(state[fields[TARGET][at]]))
    return found


def a_text(length, seed=0):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, SIZE, length + 1)
    fields = {"tokens": ids[:-1], TARGET: ids[1:], "condition": rng.integers(0, 3, length)}
    return fields, Windows(fields, {}, np.arange(0), COLD_STEPS, 0)


@pytest.mark.parametrize("at_once", [1, SIZE * 50, SIZE * COLD_STEPS * 2, 2**22])
@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 200, 320])
def test_each_token_has_the_nats_of_a_reader_that_goes_one_by_one(monkeypatch, length, at_once):
    """However few logits fit at once, as where the vocabulary is huge."""
    monkeypatch.setattr(language_scores, "LOGITS_AT_ONCE", at_once)
    fields, examples = a_text(length)
    reader = Reader()
    nats = surprisals(reader, examples, SIZE)
    assert (nats.shape, nats.dtype) == ((length, 2), np.float32)
    np.testing.assert_allclose(nats[:, 0], one_by_one(fields, 0, length), atol=2e-6)
    whole = length // COLD_STEPS
    cold = [n for k in range(whole) for n in one_by_one(fields, k * COLD_STEPS, (k + 1) * COLD_STEPS)]
    np.testing.assert_allclose(nats[: whole * COLD_STEPS, 1], cold, atol=2e-6)
    assert np.isnan(nats[whole * COLD_STEPS :, 1]).all()
    for rows, steps in reader.shapes:
        least = steps == 1 or (rows == 1 and steps == COLD_STEPS)
        assert rows * steps * SIZE <= at_once or least


def test_a_window_that_ends_within_the_text_is_not_averaged():
    _, examples = a_text(100)
    nats = surprisals(Reader(), examples, SIZE)
    scores = text_scores(nats)
    assert scores["blk64"] == pytest.approx(float(nats[:64, 1].mean()))
    assert np.isnan(text_scores(nats[64:])["blk64"])


@settings(deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([1.0, 30.0, 1e4]))
def test_nats_are_minus_the_log_of_softmax(seed, scale):
    rng = np.random.default_rng(seed)
    logits = (rng.normal(size=(2, 3, 5)) * scale).astype(np.float32)
    target = rng.integers(0, 5, (2, 3))
    found = nats_of(logits, target)
    for place in np.ndindex(2, 3):
        numbers = [float(logit) for logit in logits[place]]
        highest = max(numbers)
        total = highest + math.log(math.fsum(math.exp(number - highest) for number in numbers))
        assert found[place] == pytest.approx(total - numbers[target[place]], rel=1e-5, abs=1e-5)


def test_scores_by_hand():
    nats = np.array([[1.0, 2.0], [2.0, 4.0], [6.0, np.nan]], dtype=np.float32)
    assert text_scores(nats) == pytest.approx(
        {"nats": 3.0, "blk64": 3.0, "bits": 3.0 / math.log(2.0), "perplexity": math.exp(3.0)}
    )


def test_guessing_among_eight_is_three_bits():
    nats = np.full((10, 2), math.log(8.0), dtype=np.float32)
    scores = text_scores(nats)
    assert scores["bits"] == pytest.approx(3.0)
    assert scores["perplexity"] == pytest.approx(8.0)


def test_no_text_has_no_score():
    assert all(np.isnan(value) for value in text_scores(np.empty((0, 2), dtype=np.float32)).values())


def test_many_tokens_are_averaged_without_drifting():
    nats = np.full((3_000_000, 2), 0.1, dtype=np.float32)
    assert text_scores(nats)["nats"] == pytest.approx(float(np.float32(0.1)), rel=1e-12)
