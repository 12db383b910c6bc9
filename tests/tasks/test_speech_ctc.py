"""Decoding against the sum over every path, written out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from seqcli.tasks.speech.ctc import beam_search, best_text, greedy, text_log_probability


def logs_of(steps: int, symbols: int, seed: int) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(0, 1.5, (steps, symbols))
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def spelt(path: tuple[int, ...]) -> tuple[int, ...]:
    merged = [symbol for place, symbol in enumerate(path) if not place or symbol != path[place - 1]]
    return tuple(symbol for symbol in merged if symbol)


def by_enumeration(logs: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of each text: the sum over all paths."""
    found: dict[tuple[int, ...], float] = {}
    for path in product(range(logs.shape[1]), repeat=len(logs)):
        chance = float(np.exp(sum(logs[step, symbol] for step, symbol in enumerate(path))))
        found[spelt(path)] = found.get(spelt(path), 0.0) + chance
    return found


@pytest.mark.parametrize(("steps", "symbols"), [(1, 3), (2, 2), (4, 3), (5, 3), (6, 2), (4, 4)])
@pytest.mark.parametrize("seed", range(4))
def test_a_beam_of_full_width_equals_enumeration(steps: int, symbols: int, seed: int) -> None:
    logs = logs_of(steps, symbols, seed)
    wanted = by_enumeration(logs)
    found = beam_search(logs, 10_000)
    assert {text for text, _ in found} == set(wanted)
    for text, chance in found:
        assert np.exp(chance) == pytest.approx(wanted[text], rel=1e-9)
        assert np.exp(text_log_probability(logs, text)) == pytest.approx(wanted[text], rel=1e-9)
    assert [chance for _, chance in found] == sorted((chance for _, chance in found), reverse=True)
    assert sum(np.exp(chance) for _, chance in found) == pytest.approx(1)


def test_greedy_by_hand() -> None:
    def path(*symbols: int) -> np.ndarray:
        return np.eye(4)[list(symbols)]

    assert greedy(path(0, 1, 1, 0, 2, 2, 2)) == (1, 2)
    assert greedy(path(1, 1, 0, 1, 3)) == (1, 1, 3)
    assert greedy(path(0, 0, 0)) == ()
    assert greedy(np.empty((0, 4))) == ()


def test_a_beam_finds_what_the_best_path_misses() -> None:
    # Graves's example: the best path is two blanks (.36), and all paths that spell 1 are .64 together.
    logs = np.log(np.array([[0.6, 0.4], [0.6, 0.4]]))
    assert greedy(logs) == ()
    (text, chance), (other, rest) = beam_search(logs, 10)
    assert (text, other) == ((1,), ())
    assert (np.exp(chance), np.exp(rest)) == pytest.approx((0.64, 0.36))


def test_a_narrow_beam_follows_no_more_texts() -> None:
    found = beam_search(logs_of(6, 4, 0), 3)
    assert len(found) == 3
    every = by_enumeration(logs_of(6, 4, 0))
    for text, chance in found:  # what was lost on the way can only be missing
        assert np.exp(chance) <= every[text] + 1e-12


@pytest.mark.parametrize("width", [1, 2, 5, 500])
def test_the_best_text_is_measured_by_all_its_paths(width: int) -> None:
    for seed in range(10):
        logs = logs_of(5, 3, seed)
        text, chance = best_text(logs, width)
        every = by_enumeration(logs)
        assert np.exp(chance) == pytest.approx(every[text])
        assert every[text] >= every[greedy(logs)] * (1 - 1e-12)
        if width == 500:
            assert every[text] == max(every.values())
        if width == 1:
            assert text == greedy(logs)


def test_what_no_path_can_spell_has_no_probability() -> None:
    logs = logs_of(2, 3, 0)
    assert text_log_probability(logs, (1, 1)) == -np.inf
    assert text_log_probability(logs, (1, 2)) > -np.inf


class Likings:
    """Made-up log-probabilities of each symbol behind each text, and of its end."""

    def __init__(self, symbols: int, seed: int) -> None:
        self._symbols, self._seed = symbols, seed

    def _row(self, text: tuple[int, ...]) -> np.ndarray:
        scores = np.random.default_rng([self._seed, *text]).normal(0, 2, self._symbols)
        return 0.7 * (scores - np.log(np.exp(scores).sum()))

    def behind(self, texts: list[tuple[int, ...]]) -> np.ndarray:
        return np.stack([self._row(text) for text in texts])

    def whole(self, text: tuple[int, ...]) -> float:
        rows = [self._row(text[:place])[symbol] for place, symbol in enumerate(text)]
        return float(sum(rows) + self._row(text)[0])


@pytest.mark.parametrize(("steps", "symbols"), [(1, 3), (4, 3), (5, 3), (4, 4)])
@pytest.mark.parametrize("seed", range(4))
def test_fusion_at_full_width_equals_enumeration(steps: int, symbols: int, seed: int) -> None:
    logs, likings = logs_of(steps, symbols, seed), Likings(symbols, seed)
    every = by_enumeration(logs)
    found = beam_search(logs, 10_000, likings)
    assert {text for text, _ in found} == set(every)
    for text, score in found:
        without_end = likings.whole(text) - likings.behind([text])[0, 0]
        assert score == pytest.approx(np.log(every[text]) + without_end, rel=1e-9)
    best = max(every, key=lambda text: np.log(every[text]) + likings.whole(text))
    text, heard = best_text(logs, 10_000, likings)
    assert text == best
    assert np.exp(heard) == pytest.approx(every[text])  # its probability is still by the sound alone


def test_fusion_changes_what_is_found() -> None:
    changed = 0
    for seed in range(20):
        logs = logs_of(5, 3, seed)
        changed += best_text(logs, 500)[0] != best_text(logs, 500, Likings(3, seed))[0]
    assert 0 < changed < 20


def test_a_narrow_beam_is_led_by_what_is_held_likely() -> None:
    # By sound alone 3 is third, and two that are followed would not be it.
    class Third(Likings):
        def _row(self, text: tuple[int, ...]) -> np.ndarray:
            return np.log(np.array([0.2, 0.05, 0.05, 0.7]))

    logs = np.log(np.array([[0.02, 0.35, 0.33, 0.30], [0.97, 0.01, 0.01, 0.01]]))
    assert best_text(logs, 2)[0] == (1,)
    assert best_text(logs, 2, Third(4, 0))[0] == (3,)
