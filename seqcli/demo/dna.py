"""Made DNA: stretches that hold the two boxes of a bacterial promoter, and stretches that do not."""

from __future__ import annotations

import random

FIRST, SECOND = "TTGACA", "TATAAT"
"""The boxes 35 and 10 letters ahead of where reading begins, as most promoters of E. coli have them."""
KEPT = 0.92
"""How often a letter of a box is the usual one."""
LENGTH = 60


def promoters(rows: int = 1200, seed: int = 29) -> list[tuple[str, str]]:
    """Return ``rows`` stretches of 60 letters, each "promoter" or "other".

    A promoter has the first box, 16 to 18 letters, and the second. Half of the others have the same two
    boxes in the opposite order, the rest have none: what counts is not which boxes are there.
    """
    rng = random.Random(seed)
    made: list[tuple[str, str]] = []
    for row in range(rows):
        kind = row % 4
        boxes = {0: (FIRST, SECOND), 1: (FIRST, SECOND), 2: (SECOND, FIRST)}.get(kind)
        letters = [rng.choice("ACGT") for _ in range(LENGTH)]
        if boxes:
            gap = rng.randint(16, 18)
            place = rng.randint(5, LENGTH - 12 - gap - 5)
            for start, box in ((place, boxes[0]), (place + 6 + gap, boxes[1])):
                for at, letter in enumerate(box):
                    letters[start + at] = letter if rng.random() < KEPT else rng.choice("ACGT")
        made.append(("".join(letters), "promoter" if kind < 2 else "other"))
    rng.shuffle(made)
    return made
