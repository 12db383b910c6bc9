"""Short reviews whose label depends on word order: negation, contrast and intensifiers.

Each review is one clause or two of opposite polarity joined by a connective that says which one
counts ("although A, B" is B; "A, even though B" is A). A clause states an adjective or denies it
from a distance ("I would not call the acting of this cast moving"). An adjective therefore says
little by itself: a bag of words and word pairs stays far below a model that reads in order.

A template is a connective with the forms of its clauses. Its name stands in the file, so that
``--group template`` holds whole templates out of training: what is tested then is composition.
"""

from __future__ import annotations

import random
from typing import TypeAlias

Row: TypeAlias = tuple[str, str, str]
"""(review, label, template)"""

POSITIVE = (
    "moving", "funny", "clever", "gripping", "charming", "fresh", "brilliant", "warm", "subtle", "elegant",
    "convincing", "tender", "witty", "rich", "lively", "bold",
)  # fmt: skip
NEGATIVE = (
    "dull", "clumsy", "tedious", "flat", "shallow", "stale", "awkward", "cold", "lifeless", "sloppy",
    "hollow", "noisy", "bland", "tired", "messy", "dreary",
)  # fmt: skip
ASPECTS = (
    "acting", "story", "ending", "music", "pacing", "dialogue", "camera work", "opening", "cast", "humour",
    "second half", "main character", "editing", "lighting", "final scene", "script",
)  # fmt: skip
INTENSIFIERS = ("", "", "very ", "really ", "truly ", "quite ", "rather ", "so ", "utterly ", "terribly ")

# {a} aspect, {i} intensifier, {j} adjective. The first list states, the second denies.
STATED = (
    "the {a} was {i}{j}",
    "I found the {a} {i}{j}",
    "we all thought the {a} felt {i}{j}",
    "the {a} turned out {i}{j}",
    "to me the {a} seemed {i}{j}",
)
DENIED = (
    "the {a} was never for a moment {i}{j}",
    "I would not call the {a} {i}{j}",
    "nobody could say the {a} felt {i}{j}",
    "the {a} did not turn out {i}{j}",
    "to me the {a} hardly seemed {i}{j}",
)

# {1} and {2} are clauses of opposite polarity; the number says which one decides.
CONTRASTS = (
    ("{1}, but {2}", 2),
    ("although {1}, {2}", 2),
    ("{1}, even though {2}", 1),
    ("{1}, yet in the end {2}", 2),
    ("while {1}, {2}", 2),
    ("{1}, and that counts more for me than that {2}", 1),
)

SINGLE_SHARE, DENIED_SHARE = 0.35, 0.3
"""Enough plain statements that adjectives say something; the rest needs the order of the words."""

LABELS = {True: "positive", False: "negative"}


def reviews(rows: int = 3200, seed: int = 7) -> list[Row]:
    """Return ``rows`` distinct reviews with label and template name, in a fixed order for a seed."""
    rng = random.Random(seed)
    made: dict[str, Row] = {}
    while len(made) < rows:
        row = _single(rng) if rng.random() < SINGLE_SHARE else _contrast(rng)
        made.setdefault(row[0], row)
    return list(made.values())


def _single(rng: random.Random) -> Row:
    """One clause; it decides by itself."""
    good = rng.random() < 0.5
    clause, form = _clause(rng, good)
    return _sentence(clause), LABELS[good], f"single-{form}"


def _contrast(rng: random.Random) -> Row:
    """Two clauses of opposite polarity; the connective decides between them."""
    good = rng.random() < 0.5
    index = rng.randrange(len(CONTRASTS))
    frame, decisive = CONTRASTS[index]
    first, first_form = _clause(rng, good if decisive == 1 else not good)
    second, second_form = _clause(rng, good if decisive == 2 else not good)
    text = frame.replace("{1}", first).replace("{2}", second)
    return _sentence(text), LABELS[good], f"contrast{index}-{first_form}-{second_form}"


def _clause(rng: random.Random, good: bool) -> tuple[str, str]:
    """A clause of the wanted polarity and the name of its form ("s2" stated, "d0" denied)."""
    denied = rng.random() < DENIED_SHARE
    index = rng.randrange(len(STATED))
    adjective = rng.choice(POSITIVE if good != denied else NEGATIVE)
    pattern = (DENIED if denied else STATED)[index]
    clause = pattern.format(a=rng.choice(ASPECTS), i=rng.choice(INTENSIFIERS), j=adjective)
    return clause, f"{'d' if denied else 's'}{index}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
