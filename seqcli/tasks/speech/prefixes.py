"""How probable each letter of a text is behind those ahead of it, by the scores of each symbol at each step.

A text begins with the letters y_1 … y_i when a path says y_i for the first time behind them; whatever comes
later. With alpha as in :mod:`seqcli.tasks.speech.ctc`,

    P(y_1 … y_i, …) = Σ_t p_t(y_i) (alpha_{t-1}(blank ahead of y_i) + [y_i ≠ y_{i-1}] alpha_{t-1}(y_{i-1}))

(Graves 2008, Supervised sequence labelling with recurrent neural networks, section 7.5.2), and

    p(y_i | y_1 … y_{i-1}) = P(y_1 … y_i, …) / P(y_1 … y_{i-1}, …)

The last factor is that nothing follows; the product of all is the probability of the text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqcli.tasks.speech.ctc import BLANK, NONE, Text

Real = NDArray[np.float64]


def letter_log_probabilities(logs: Real, text: Text) -> Real:
    """Of each letter behind those ahead of it, and of the end, (N, L + 1), by N clips' logs (N, T, V)."""
    begun = prefix_log_probabilities(logs, text)  # (N, L + 2)
    with np.errstate(invalid="ignore"):
        found = np.diff(begun, axis=1)
    return np.where(begun[:, 1:] == NONE, NONE, found)


def prefix_log_probabilities(logs: Real, text: Text) -> Real:
    """That a text begins with none, one, … all L letters of ``text``, and that it is the text: (N, L + 2)."""
    clips, marks = len(logs), np.full(2 * len(text) + 1, BLANK)
    marks[1::2] = text
    jumps = np.zeros(len(marks), np.bool_)
    jumps[3::2] = marks[3::2] != marks[1:-2:2]
    found = np.full((clips, len(text) + 2), NONE)
    found[:, 0] = 0.0
    alpha = np.full((clips, len(marks)), NONE)
    alpha[:, 0] = 0.0  # ahead of the first step, of which the first letter is one as well
    for place in range(logs.shape[1]):
        step = logs[:, place]
        ahead = np.concatenate([np.full((clips, 1), NONE), alpha[:, :-1]], axis=1)
        skipped = np.full_like(alpha, NONE)
        if place:
            skipped[:, jumps] = alpha[:, np.flatnonzero(jumps) - 2]
        entered = np.logaddexp(ahead, skipped) + step[:, marks]
        found[:, 1:-1] = np.logaddexp(found[:, 1:-1], entered[:, 1::2])
        alpha = np.logaddexp(alpha + step[:, marks], entered)
    found[:, -1] = np.logaddexp.reduce(alpha[:, -2:], axis=1)
    return found
