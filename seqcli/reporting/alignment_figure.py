"""Where a translator looked, as panels: what it read goes across, what it wrote goes down.

Pieces of words are put together first, so that a line is a word: of what was read their shares are added up,
of what was written they are averaged. Each row still sums to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqcli.reporting.alignment import BLANK
from seqcli.reporting.axes import LABEL_SIZE, shortened, text_width
from seqcli.reporting.fan import PANEL_TITLE_SIZE
from seqcli.reporting.heat_map import visible
from seqcli.reporting.panel_figure import MOST_PANELS, PanelFigure
from seqcli.reporting.panels import LEFT, RIGHT, Numbers
from seqcli.reporting.svg import Drawing, Point
from seqcli.sequences import FloatArray

if TYPE_CHECKING:
    from seqcli.inference.translating import Aligned

MOST_WORDS = 60
"""Of a longer text the first ones are drawn."""
MOST_BESIDE = 26
"""With more words than this a panel is as wide as the figure."""
END = "<end>"
NOTE = (
    "across is what was read, down what was written; the darker, the more of the looking went there; "
    "each row sums to 1"
)
_HEAD, _ROW, _WIDEST = 34.0, 17.0, 34.0
"""Pixels above the words, of a row, and at most of a column."""
_NAMES = (58.0, 120.0)
"""Pixels for the words at the left, at least and at most."""
_UPRIGHT = 100.0
"""Pixels for the words that stand above their columns."""
_SHADES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class AlignmentPanel:
    """One text: a row a written word, a column a word that was read, ``weights`` (T, S) between them."""

    title: str
    source: Sequence[str]
    written: Sequence[str]
    weights: FloatArray
    note: str = NOTE

    @property
    def height(self) -> float:
        """Pixels from the top to the bottom."""
        return _HEAD + self._above() + 8 + _ROW * len(self.written) + 10

    def _above(self) -> float:
        """Pixels of the words above the columns: one letter stands as it is, more are turned."""
        turned = [text_width(word, LABEL_SIZE) for word in self.source if len(word) > 1]
        return max(min(max(turned, default=0.0), _UPRIGHT) + 4, 2 * LABEL_SIZE + 4)

    def paint(self, drawing: Drawing, corner: Point, width: float) -> None:
        """Paint it with its left upper corner at ``corner``."""
        begins = _legend(drawing, (corner[0] + width - RIGHT, corner[1] + 20))
        room = begins - corner[0] - LEFT - 12
        title = shortened(self.title, PANEL_TITLE_SIZE * 1.2, room)  # some faces are wider
        drawing.text((corner[0] + LEFT, corner[1] + 20), title, "panel", whole=self.title)
        widest = max(text_width(word, LABEL_SIZE) for word in self.written)
        names = min(max(widest, _NAMES[0]), _NAMES[1])
        left, top = corner[0] + LEFT + names + 8, corner[1] + _HEAD + self._above() + 8
        side = min(_WIDEST, (corner[0] + width - RIGHT - left) / len(self.source))
        right, bottom = left + side * len(self.source), top + _ROW * len(self.written)
        drawing.text((left - 8, top - 8 - LABEL_SIZE - 4), "read →", "label", "end")
        drawing.text((left - 8, top - 8), "written ↓", "label", "end")
        for place, word in enumerate(self.source):
            across = left + side * (place + 0.5)
            if len(word) == 1:
                drawing.text((across, top - 6), word, "label", "middle")
            else:
                at = (across + LABEL_SIZE * 0.36, top - 5)
                drawing.turned(at, shortened(word, LABEL_SIZE, _UPRIGHT), "label", word)
        for row, word in enumerate(self.written):
            down = top + _ROW * row
            text = shortened(word, LABEL_SIZE, names)
            drawing.text((left - 8, down + _ROW / 2 + 4), text, "label", "end", word)
            for place, share in enumerate(self.weights[row].tolist()):
                if share >= 0.005:  # less is no shade that is seen
                    at = (left + side * place + 0.5, down + 0.5)
                    drawing.rectangle(at, side - 1, _ROW - 1, "band", min(share, 1.0))
        for x in (left, right):
            drawing.line((x, top), (x, bottom), "grid")
        for y in (top, bottom):
            drawing.line((left, y), (right, y), "grid")

    def told(self) -> str:
        """Where was looked most for each word."""
        most = (self.source[int(place)] for place in self.weights.argmax(axis=1))
        pairs = ", ".join(f"{word} from {where}" for word, where in zip(self.written, most, strict=True))
        return f"{self.title}: most was looked at {pairs}."

    def numbers(self) -> Numbers:
        """The shares, a row a written word."""
        rows = zip(self.written, self.weights.tolist(), strict=True)
        return ["written", *self.source], [[word, *shares] for word, shares in rows]


class Looks:
    """Panels of the first texts that go by; the others are counted."""

    def __init__(self) -> None:
        self.panels: list[AlignmentPanel] = []
        self.left = 0

    def note(self, aligned: Aligned) -> None:
        """One text with where was looked; nothing to draw of one that is blank."""
        if not len(aligned.weights):
            return
        if len(self.panels) == MOST_PANELS:
            self.left += 1
        else:
            self.panels.append(alignment_panel(aligned))

    def figure(self, model: str, source: str) -> PanelFigure:
        """What was drawn of the texts of ``source``."""
        wide = any(len(panel.source) > MOST_BESIDE for panel in self.panels)
        shown = len(self.panels)
        count = f"the first {shown:,} of {shown + self.left:,} texts" if self.left else "texts"
        said = f"{count} of {source}, each under its translation"
        return PanelFigure(f"Where {model} looked", said, self.panels, self.left, wide)


def alignment_panel(aligned: Aligned) -> AlignmentPanel:
    """The panel of one text and its translation."""
    source, written = aligned.source, aligned.written
    weights = np.asarray(aligned.weights, dtype=np.float64)
    if aligned.pieces:
        source, columns = joined(source)
        written, rows = joined(written)
        weights = np.add.reduceat(weights, columns, axis=1)
        counts = np.diff([*rows, len(weights)])[:, None]
        weights = np.add.reduceat(weights, rows, axis=0) / counts
    title = aligned.text
    if max(len(source), len(written)) > MOST_WORDS:
        unit = "words" if aligned.pieces else "characters"
        title = f"{title} (the first {MOST_WORDS} {unit})"
    shown = [[visible(word) for word in words[:MOST_WORDS]] for words in (source, written)]
    return AlignmentPanel(title, shown[0], shown[1], weights[:MOST_WORDS, :MOST_WORDS].astype(np.float32))


def joined(pieces: Sequence[str]) -> tuple[list[str], list[int]]:
    """Words of ``pieces``, and where each begins; a mark begins one: ▁bak er ' s → baker 's."""
    words: list[str] = []
    places: list[int] = []
    for place, piece in enumerate(pieces):
        mark = not any(letter.isalnum() for letter in piece.lstrip(BLANK))
        if not words or piece.startswith(BLANK) or piece == END or (mark and words[-1] != BLANK):
            words.append(piece)
            places.append(place)
        else:
            words[-1] += piece
    return [word.replace(BLANK, " ").strip() or " " for word in words], places


def _legend(drawing: Drawing, end: Point) -> float:
    """What the shades stand for, ahead of the right ``end``; return where it begins."""
    right = end[0] - text_width("1", LABEL_SIZE)
    drawing.text((end[0], end[1]), "1", "label", "end")
    right -= 5 + 14 * len(_SHADES)
    for place, shade in enumerate(_SHADES):
        drawing.rectangle((right + 14 * place, end[1] - 10), 13, 11, "band", shade)
    left, right = right - 1, right + 14 * len(_SHADES)
    for y in (end[1] - 10, end[1] + 1):
        drawing.line((left, y), (right, y), "grid")
    drawing.line((left, end[1] - 10), (left, end[1] + 1), "grid")
    drawing.text((left - 5, end[1]), "share: 0", "label", "end")
    return left - 5 - text_width("share: 0", LABEL_SIZE)
