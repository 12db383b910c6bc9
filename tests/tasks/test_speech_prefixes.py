"""Letters behind those ahead of them, beside every path written out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from seqcli.tasks.speech.ctc import text_log_probability
from seqcli.tasks.speech.prefixes import letter_log_probabilities, prefix_log_probabilities

STEPS, SYMBOLS = 5, 3


def some_logs(clips: int = 2) -> np.ndarray:
    logits = np.random.default_rng(7).normal(size=(clips, STEPS, SYMBOLS)) * 2
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def spelt(path) -> tuple[int, ...]:
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol)


def chances(logs: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of every text, path by path."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(SYMBOLS), repeat=STEPS):
        found[spelt(path)] = found.get(spelt(path), 0.0) + np.exp(logs[np.arange(STEPS), path].sum())
    return found


@pytest.mark.parametrize("text", [(), (1,), (1, 2), (2, 2), (1, 1, 2), (2, 1, 2, 1)])
def test_a_text_begins_with_a_prefix_as_often_as_all_texts_that_do(text) -> None:
    logs = some_logs()
    found = np.exp(prefix_log_probabilities(logs, text))
    for clip, all_texts in enumerate(map(chances, logs)):
        for count in range(len(text) + 1):
            wanted = sum(p for other, p in all_texts.items() if other[:count] == text[:count])
            assert found[clip, count] == pytest.approx(wanted, rel=1e-9)
        assert found[clip, -1] == pytest.approx(all_texts.get(text, 0.0), rel=1e-9)


@pytest.mark.parametrize("text", [(), (2,), (1, 1, 2)])
def test_letters_and_the_end_add_up_to_the_text(text) -> None:
    logs = some_logs()
    letters = letter_log_probabilities(logs, text)
    assert letters.shape == (2, len(text) + 1)
    assert (letters <= 1e-12).all()
    whole = [text_log_probability(clip, text) for clip in logs]
    np.testing.assert_allclose(letters.sum(axis=1), whole, rtol=1e-9)


def test_a_text_that_is_too_long_cannot_be() -> None:
    letters = letter_log_probabilities(some_logs(1), (1, 1, 1, 1))
    assert np.isneginf(letters[0]).any()
    assert not np.isnan(letters).any()
