"""Texts with the tokens that led to their class: coloured for a person, rows or records for a program."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from seqcli.errors import printable
from seqcli.reporting.results import RowWriter
from seqcli.reporting.screen import Screen, console_for, is_terminal
from seqcli.reporting.tables import print_on
from seqcli.reporting.text_effect_words import COUNTS, MOST, NOTHING, figures, verdict

if TYPE_CHECKING:
    from seqcli.tasks.classify_explain import TextEffect

COLUMNS = ("text", "position", "token", "score", "prediction", "probability")
"""``text`` is the number of the row; a score above 0 speaks for the prediction."""
MOST_SAID = 10
"""Sentences on a screen beside rows in a pipe."""
_DIGITS = 6
_STYLES = {1: ("green", "black on green"), -1: ("red", "white on red")}
"""Of what counts and of what counts much: for the class, and against it."""

Explained = Iterator[tuple[int, "TextEffect"]]
"""Numbers of rows, with what was found."""


def write_effects(effects: Explained, form: str, stream: IO[str], screen: Screen, level: str) -> None:
    """Write each text as it comes: "table" is coloured text, "csv" a row a token, else one object a text."""
    if form == "table":
        _draw(effects, stream, screen, level)
    elif form == "csv":
        _write_rows(effects, stream, screen, level)
    else:
        _write_records(effects, form, stream, level)


def _write_rows(effects: Explained, stream: IO[str], screen: Screen, level: str) -> None:
    writer = RowWriter(COLUMNS, "csv", stream)
    for count, (number, effect) in enumerate(effects):
        tokens = zip(effect.row.tokens, effect.scores.tolist(), strict=True)
        for position, (token, score) in enumerate(tokens, start=1):
            writer.write((number, position, token, _short(score), effect.prediction, effect.probability))
        writer.flush()
        if count < MOST_SAID:
            screen.prose(f"{number}: {verdict(effect, level)}")
        elif count == MOST_SAID:
            screen.line("of further texts --format jsonl has the sentence too", "dim")
    writer.close()


def _write_records(effects: Explained, form: str, stream: IO[str], level: str) -> None:
    first, between, end = ("", "", "") if form == "jsonl" else ("[\n  ", ",\n  ", "\n]\n")
    written = False
    for number, effect in effects:
        record = json.dumps(record_of(number, effect, level), ensure_ascii=False)
        stream.write((between if written else first) + record + ("\n" if form == "jsonl" else ""))
        stream.flush()
        written = True
    stream.write(end if written or not end else "[]\n")


def record_of(number: int, effect: TextEffect, level: str) -> dict[str, Any]:
    """One text as a JSON object."""
    way = {}
    if effect.baseline is not None:
        way = {"baseline_log_odds": _short(effect.baseline), "rest": _short(effect.rest)}
    return {
        "row": number,
        "text": effect.row.text,
        "prediction": effect.prediction,
        "probability": effect.probability,
        "log_odds": _short(effect.log_odds),
        **way,
        "because": verdict(effect, level),
        "tokens": [
            {"token": token, "position": position, "score": _short(score)}
            for position, (token, score) in enumerate(
                zip(effect.row.tokens, effect.scores.tolist(), strict=True), start=1
            )
        ],
    }


def _draw(effects: Explained, stream: IO[str], screen: Screen, level: str) -> None:
    """The sentence, the text, the figures, and an empty line behind each text."""
    from rich.text import Text

    console = console_for(stream)
    coloured = is_terminal(stream) and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
    for count, (number, effect) in enumerate(effects):
        if not count:
            marks = (
                "green speaks for the class, red against it"
                if coloured
                else "[+for the class], [-against it]"
            )
            screen.line(f"{marks}; a number is the log-odds that a token brings", "dim")
        print_on(console, Text(f"{number}: {verdict(effect, level)}", style="bold"))
        text = Text()
        for piece, score in pieces(effect, level):
            text.append(*_shown(piece, score, coloured))
        numbers = figures(effect, level)
        for line in filter(None, (text, Text(numbers, style="dim"))):
            print_on(console, line)
        print_on(console, "")
        stream.flush()


def pieces(effect: TextEffect, level: str) -> list[tuple[str, float]]:
    """The whole text in pieces, each with its strength from -1 to 1, 0 for what does not count.

    Characters side by side of one strength are one piece.
    """
    text, scores = effect.row.text, effect.scores.tolist()
    scale = max([NOTHING, *map(abs, scores)])
    found: list[tuple[str, float]] = []
    place = 0
    for (begin, end), score in zip(effect.row.spans.tolist(), scores, strict=True):
        strength = _level(score / scale)
        found += [(text[place:begin], 0.0)] if begin > place else []
        if level == "characters" and found and found[-1][1] == strength:
            found[-1] = found[-1][0] + text[begin:end], strength
        else:
            found.append((text[begin:end], strength))
        place = end
    return found


def _level(strength: float) -> float:
    """0, or a half or a whole to either side."""
    size = 1.0 if abs(strength) >= MOST else 0.5 if abs(strength) >= COUNTS else 0.0
    return size if strength > 0 else -size


def _shown(piece: str, strength: float, coloured: bool) -> tuple[str, str]:
    """A piece of the text on one line, and its style; without colours marks stand around it."""
    shown = printable("".join(" " if character.isspace() else character for character in piece))
    if not strength:
        return shown, ""
    side = 1 if strength > 0 else -1
    if not coloured:
        return f"[{'+' if side > 0 else '-'}{shown}]", ""
    return shown, _STYLES[side][abs(strength) == 1]


def _short(number: float) -> float:
    """Six digits: more than float32 logits are good for are noise in a file."""
    return float(f"{number:.{_DIGITS}g}")
