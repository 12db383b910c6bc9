"""What answers hang on as panels: a line along time or steps, else bars of the strongest effects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqcli.inference.effects import SECONDS
from seqcli.reporting.heat_map import visible
from seqcli.reporting.panels import BarPanel, Line, LinePanel, Panel

if TYPE_CHECKING:
    from seqcli.inference.effects import Block, Effects

MOST_ROWS = 6
MOST_BARS = 24
MOST_TITLE = 48


def kept_panels(found: Iterable[Effects], kept: list[Panel]) -> Iterator[Effects]:
    """Pass rows on, and put panels of the first ones into ``kept``."""
    for count, effects in enumerate(found):
        if count < MOST_ROWS and effects.parts:
            shown = effects.of(effects.drawn) if effects.drawn else effects
            kept.append(_panel(shown, shown.blocks[0]))
        yield effects


def _panel(effects: Effects, block: Block) -> Panel:
    text = effects.read or effects.prediction
    title = f"{effects.row}: {text if len(text) <= MOST_TITLE else text[:MOST_TITLE] + '…'}"
    if not block.spans:
        return BarPanel(
            title, _bars(effects, block), "+.2f", f"a bar is the {effects.unit} that something brings"
        )
    whole = block.effects.sum(axis=0).tolist()
    points = [
        (x, value) for (begin, end), value in zip(block.spans, whole, strict=True) for x in (begin, end)
    ]
    note = f"how much each stretch brings to the answer, in {effects.unit}"
    across = "seconds" if block.over == SECONDS else "step"
    return LinePanel(f"{title}: {effects.prediction}", across, [Line(effects.unit, points)], note)


def _bars(effects: Effects, block: Block) -> list[tuple[str, float]]:
    """The strongest effects, in their order."""
    flat = block.effects.ravel()
    strongest = np.sort(np.argsort(-np.abs(flat), kind="stable")[:MOST_BARS]).tolist()
    bars = []
    for place in strongest:
        part, cause = divmod(place, len(block.causes))
        name = visible(block.causes[cause])
        label = name if len(effects.parts) == 1 else f"{visible(effects.parts[part])} ← {name}"
        bars.append((label, float(flat[place])))
    return bars
