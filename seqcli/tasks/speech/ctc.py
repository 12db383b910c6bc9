"""From scores of each symbol at each step to the symbols: connectionist temporal classification.

A path gives each step a symbol or the blank (0); it spells what is left once repeats are merged and blanks
taken out. The probability of a text is the sum over all paths that spell it (Graves et al. 2006,
Connectionist temporal classification). Greedy decoding takes the best path; prefix beam search keeps the best
texts so far, each with the probability of its paths that end in a blank and of those that do not (Hannun et
al. 2014, First-pass large vocabulary continuous speech recognition using bi-directional recurrent DNNs).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log1p
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import AnyArray

BLANK = 0
NONE = float("-inf")
"""The logarithm of no probability."""
Text = tuple[int, ...]


def greedy(scores: AnyArray) -> Text:
    """The text of the best path of scores (T, V), of which symbol 0 is the blank."""
    best = scores.argmax(axis=1)
    kept = best[np.concatenate([[True], best[1:] != best[:-1]])] if len(best) else best
    return tuple(kept[kept != BLANK].tolist())


class Foresight(Protocol):
    """A model of texts, by which those that sound alike are told apart; how much it counts is its own."""

    def behind(self, texts: Sequence[Text]) -> NDArray[np.float64]:
        """Log-probabilities (N, V) of each symbol behind each text, and of its end at the blank's place."""

    def whole(self, text: Text) -> float:
        """The log-probability of a whole text and its end."""


def beam_search(
    logs: NDArray[np.float64], width: int, foresight: Foresight | None = None
) -> list[tuple[Text, float]]:
    """The likeliest texts by log-probabilities (T, V), at most ``width``, each with its log-probability.

    No more than ``width`` texts are followed at a time; with as many as there are, the result is exact. With
    ``foresight`` the log-probability by it is part of the sum, of the end alone it is not.
    """
    beams: dict[Text, tuple[float, float]] = {(): (0.0, NONE)}  # paths that end in a blank, and the others
    held: dict[Text, float] = {(): 0.0}  # what foresight says of a text
    for row in logs.tolist():
        grown: dict[Text, list[float]] = {}
        followed = list(beams)
        behind = foresight.behind(followed).tolist() if foresight else [[0.0] * len(row)] * len(followed)
        for text, nexts in zip(followed, behind, strict=True):
            blank, other = beams[text]
            total, last = _either(blank, other), text[-1] if text else BLANK
            kept = grown.setdefault(text, [NONE, NONE])
            kept[0] = _either(kept[0], total + row[BLANK])
            if text:
                kept[1] = _either(kept[1], other + row[last])
            for symbol in range(1, len(row)):
                longer = grown.setdefault((*text, symbol), [NONE, NONE])
                # The same symbol again is a new one only behind a blank.
                before = blank if symbol == last else total
                longer[1] = _either(longer[1], before + row[symbol])
                held[(*text, symbol)] = held[text] + nexts[symbol]
        ranked = sorted((-_either(*both) - held[text], text) for text, both in grown.items())[:width]
        beams = {text: (grown[text][0], grown[text][1]) for least, text in ranked if least < -NONE}
        held = {text: held[text] for text in beams}
    found = [(text, _either(*both) + held[text]) for text, both in beams.items()]
    return sorted(found, key=lambda item: (-item[1], item[0]))


def best_text(
    logs: NDArray[np.float64], width: int, foresight: Foresight | None = None
) -> tuple[Text, float]:
    """The likeliest text that is found by log-probabilities (T, V), and its own whole log-probability.

    A beam of 1 takes the best path's. A narrow beam loses paths on the way, so its texts are measured anew.
    With ``foresight`` the text is chosen by the sum with what that says of it and its end.
    """
    found = {greedy(logs)}
    if width > 1:
        found |= {text for text, _ in beam_search(logs, width, foresight)}
    heard = {text: text_log_probability(logs, text) for text in found}
    sums = {text: heard[text] + (foresight.whole(text) if foresight else 0.0) for text in found}
    text = min(found, key=lambda text: (-sums[text], text))
    return text, heard[text]


def _either(one: float, other: float) -> float:
    """The logarithm of the sum of two probabilities, by their logarithms."""
    high, low = (one, other) if one >= other else (other, one)
    return high if low == NONE else high + log1p(exp(low - high))


def text_log_probability(logs: NDArray[np.float64], text: Text) -> float:
    """The log-probability of one text by log-probabilities (T, V): the sum over its paths, step by step."""
    marks = np.zeros(2 * len(text) + 1, np.int64)  # a blank ahead of each symbol, and one behind the last
    marks[1::2] = text
    jumps = np.zeros(len(marks), np.bool_)  # from two places back, unless that is the same symbol
    jumps[3::2] = marks[3::2] != marks[1:-2:2]
    alpha = np.full(len(marks), NONE)
    alpha[0] = 0.0  # ahead of the first step, of which the first symbol is one as well
    for place, step in enumerate(logs):
        ahead = np.concatenate([[NONE], alpha[:-1]])
        skipped = np.where(jumps, np.concatenate([[NONE, NONE], alpha])[: len(marks)], NONE)
        alpha = np.logaddexp(np.logaddexp(alpha, ahead), skipped if place else NONE) + step[marks]
    return float(np.logaddexp.reduce(alpha[-2:]))
