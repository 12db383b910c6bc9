"""DNA as a logo: letters as tall as a class needs them, on a terminal, as rows, and as SVG."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING

from seqcli.preprocessing.dna import BASES
from seqcli.reporting.results import RowWriter
from seqcli.reporting.screen import Screen, console_for, is_terminal
from seqcli.reporting.tables import print_on

if TYPE_CHECKING:
    from seqcli.inference.mutagenesis import Mutated

COLUMNS = ("row", "position", "base", "score", *BASES, "prediction", "probability")
STYLES = {"A": "green", "C": "blue", "G": "yellow", "T": "red"}
UP, DOWN = 5, 2
"""Lines above the sequence, and below it for bases that speak against the class."""
MARGIN = 8
_DIGITS = 6


def write_logos(found: Iterator[Mutated], form: str, stream: IO[str], screen: Screen) -> None:
    """Each sequence as it comes: "table" draws a logo, else a row a base."""
    if form == "table":
        _draw(found, stream, screen)
        return
    writer = RowWriter(COLUMNS, form, stream)
    for each in found:
        for place, (base, score, changes) in enumerate(
            zip(each.bases, each.scores.tolist(), each.changes.tolist(), strict=True), 1
        ):
            numbers = [_short(change) for change in (score, *changes)]
            writer.write((each.number, place, base, *numbers, each.prediction, each.probability))
        writer.flush()
    writer.close()


def said(each: Mutated) -> str:
    """What the logo shows, in a sentence."""
    scores = each.scores
    best = int(scores.argmax())
    begin = f"{each.prediction} ({each.probability:.3f})"
    if scores[best] <= 0:
        return f"{begin}: no base is needed for it"
    base, fall = each.bases[best], f"{scores[best]:.2f}"
    return f"{begin}: most by {base} at {best + 1}, without which its log-odds fall by {fall}"


def lines_of(bases: str, scores: Sequence[float], scale: float) -> list[str]:
    """The letters of some bases, each repeated to its height: UP lines, the bases, DOWN lines below."""
    heights = [round(UP * max(score, 0) / scale) for score in scores]
    depths = [round(UP * max(-score, 0) / scale) for score in scores]
    rows = [
        "".join(base if height >= level else " " for base, height in zip(bases, heights, strict=True))
        for level in range(UP, 0, -1)
    ]
    below = [
        "".join(base.lower() if depth >= level else " " for base, depth in zip(bases, depths, strict=True))
        for level in range(1, DOWN + 1)
    ]
    return [*rows, "".join("-" if not height else "=" for height in heights), *below]


def _draw(found: Iterator[Mutated], stream: IO[str], screen: Screen) -> None:
    from rich.text import Text

    console = console_for(stream)
    coloured = is_terminal(stream) and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
    width = max(console.width - MARGIN, 20)
    for count, each in enumerate(found):
        if not count:
            screen.line("letters stand as tall as the class needs them; below the line: against it", "dim")
        print_on(console, Text(f"{each.number}: {said(each)}", style="bold"))
        scores = each.scores.tolist()
        scale = max(1e-9, *map(abs, scores))
        for start in range(0, len(scores), width):
            part = slice(start, start + width)
            for place, line in enumerate(lines_of(each.bases[part], scores[part], scale)):
                if not line.strip():
                    continue
                text = Text(f"{start + 1:>{MARGIN - 2}}  " if place == UP else " " * MARGIN, style="dim")
                for letter in line:
                    text.append(letter, STYLES.get(letter.upper(), "dim") if coloured else "")
                print_on(console, text)
        print_on(console, "")
        stream.flush()


def _short(number: float) -> float:
    """Six digits, as of all scores in files."""
    return float(f"{number:.{_DIGITS}g}")
