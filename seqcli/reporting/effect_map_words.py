"""What the parts of an answer hang on, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqcli.errors import printable
from seqcli.inference.effects import HERTZ, LOG_ODDS, NATS, SECONDS, STEPS
from seqcli.reporting.text_effect_words import MOST, NOTHING

if TYPE_CHECKING:
    from seqcli.inference.effects import Block, Effects, Real

MOST_PARTS, MOST_CAUSES = 3, 2
"""Parts that are named one by one, and what each of them hangs on."""
UNITS = {SECONDS: " s", HERTZ: " Hz"}


def told(effects: Effects) -> str:
    """One sentence: the answer, and what it hangs on most."""
    if effects.said:
        return _of_tags(effects)
    if effects.blocks[0].attention is not None:
        return _of_text(effects)
    sure = "" if effects.probability is None else f" ({100 * effects.probability:.0f} %)"
    answer = f"{printable(effects.prediction) or 'nothing is said'}{sure}"
    named = f"{printable(effects.read)}: " if effects.read else ""
    if effects.unit not in (LOG_ODDS, NATS):
        return f"{named}{answer}, moved most by {' and '.join(_mover(block) for block in effects.blocks)}"
    causes = [cause for block in effects.blocks if (cause := _most(block))]
    why = f", mostly because of {' and '.join(causes)}" if causes else ", and nothing by itself speaks for it"
    return f"{named}{answer}{why}"


def _of_tags(effects: Effects) -> str:
    """Of the first tags that a person sees, the words that speak for them most."""
    block, said = effects.blocks[0], []
    shown = range(len(effects.parts)) if effects.drawn is None else effects.drawn
    for at in shown[:MOST_PARTS]:
        scores = block.effects[at]
        order = [place for place in np.argsort(-scores, kind="stable").tolist() if scores[place] >= NOTHING]
        named = [
            f"{'itself' if place == effects.places[at] - 1 else _quoted(block.causes[place])}"
            f" ({scores[place]:+.2f})"
            for place in order[:MOST_CAUSES]
        ]
        why = f"because of {' and '.join(named)}" if named else "whatever is taken away"
        said.append(f"{_quoted(effects.parts[at])} is {printable(effects.said[at])} {why}")
    left = len(shown) - MOST_PARTS
    more = f"; {left} more" if left > 0 else ""
    return "; ".join(said) + more if said else "no word of it is in a span"


def _of_text(effects: Effects) -> str:
    """The text, and how often what it hangs on is what was looked at."""
    block, words = effects.blocks[0], len(effects.parts)
    assert block.attention is not None
    agree = int((block.effects.argmax(axis=1) == block.attention.argmax(axis=1)).sum())
    least = int(block.effects.sum(axis=0).argmax())
    most = f"; it needs {_quoted(block.causes[least])} most" if len(block.causes) > 1 else ""
    return (
        f"{printable(effects.prediction) or 'nothing is written'}{most}; {agree} of {words} parts hang most "
        "on what was looked at most"
    )


def _most(block: Block) -> str:
    """Where the effect is greatest: a column, or a stretch and its neighbours that do half as much."""
    scores = block.effects.sum(axis=0)
    best = int(scores.argmax())
    if scores[best] < NOTHING:
        return ""
    if not block.spans:
        return _quoted(block.causes[best])
    return _stretch(block, scores, best)


def _mover(block: Block) -> str:
    """What changes a number most, in either direction, and by how much."""
    scores = block.effects[0]
    best = int(np.abs(scores).argmax())
    where = _stretch(block, scores, best) if block.spans else _quoted(block.causes[best])
    return f"{where} ({scores[best]:+.3g})"


def _stretch(block: Block, scores: Real, best: int) -> str:
    """The stretch ``best`` of effects (S,), with its neighbours."""
    first = last = best
    share = scores / (scores[best] or 1.0)
    while first > 0 and share[first - 1] >= MOST:
        first -= 1
    while last + 1 < len(scores) and share[last + 1] >= MOST:
        last += 1
    begin, end = block.spans[first][0], block.spans[last][1]
    return f"{'steps ' if block.over == STEPS else ''}{begin:g}–{end:g}{UNITS.get(block.over, '')}"


def _quoted(text: str) -> str:
    return f"'{printable(text)}'"
