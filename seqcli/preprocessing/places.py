"""Where in a row each step stands, as numbers: for rows of one length, whose steps differ by their place.

    p_k(t) = exp(-((t - c_k) / w)²)       bumps with centres c_k spread evenly over the row, as far apart as w

A recurrent network has to count to know that it is at the 30th base; bumps tell it.
"""

from __future__ import annotations

import numpy as np

from seqcli.sequences import FloatArray, IntArray, LookUp, Sequences

STEPS_A_BUMP = 5
FEWEST, MOST = 4, 32
SAME_LENGTH = 0.95
"""Share of rows of one length, from which places mean something."""
FEWEST_STEPS = 8
LONGEST = 5000


def usual_length(lengths: IntArray) -> int:
    """The length that nearly all rows (N,) have, 0 where there is none."""
    found, counts = np.unique(lengths, return_counts=True)
    if not len(found):
        return 0
    usual = int(found[counts.argmax()])
    same = counts.max() >= SAME_LENGTH * counts.sum()
    return usual if same and FEWEST_STEPS <= usual <= LONGEST else 0


def bump_count(length: int) -> int:
    """How many bumps rows of this length have."""
    return int(np.clip(round(length / STEPS_A_BUMP), FEWEST, MOST))


def place_table(length: int) -> FloatArray:
    """The K bumps at each of L places, ``length``, behind a row of zeros for padding: (L + 1, K)."""
    centres = np.linspace(0, length - 1, bump_count(length))
    apart = (np.arange(length)[:, None] - centres) / (centres[1] - centres[0])
    return np.concatenate([np.zeros((1, len(centres))), np.exp(-(apart**2))]).astype(np.float32)


def places_of(offsets: IntArray, length: int) -> LookUp:
    """The bumps of each step of rows with these ``offsets`` (N + 1,); the last place goes on."""
    counts = np.diff(offsets)
    steps = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    numbers = (np.minimum(steps, length - 1) + 1).astype(np.uint16)
    return LookUp(
        Sequences(numbers, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)), place_table(length)
    )
