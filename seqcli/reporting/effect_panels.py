"""What the tokens of a text did for its class, as bars: the first texts of a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqcli.reporting.heat_map import visible
from seqcli.reporting.panels import BarPanel, Panel

if TYPE_CHECKING:
    from seqcli.tasks.classify_explain import TextEffect

MOST_TEXTS = 6
MOST_TOKENS = 24
"""Of a longer text those that count most, in their order."""
NOTE = "a bar is the log-odds that a token brings: to the right for the class, to the left against it"


def noted(effects: Iterator[tuple[int, TextEffect]], kept: list[Panel]) -> Iterator[tuple[int, TextEffect]]:
    """Pass texts on, and put panels of the first ones into ``kept``."""
    for number, effect in effects:
        if len(kept) < MOST_TEXTS and len(effect.scores):
            kept.append(effect_panel(number, effect))
        yield number, effect


def effect_panel(number: int, effect: TextEffect) -> BarPanel:
    """The tokens of the text of row ``number``, in its order, and what each brings to its prediction."""
    strongest = np.sort(np.argsort(-np.abs(effect.scores), kind="stable")[:MOST_TOKENS])
    bars = [(visible(effect.row.tokens[place]), float(effect.scores[place])) for place in strongest.tolist()]
    title = f"Row {number}: {effect.prediction}, probability {effect.probability:.3f}"
    return BarPanel(title, bars, "+.2f", NOTE)
