"""What the parts of an answer hang on: heat maps for a person, rows or records for a program.

Columns of a map are what was read, rows the parts of what was said: tags, written words, letters, a class.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from seqcli.inference.effects import CHARACTERS, COLUMNS, HERTZ, NATS, SECONDS, STEPS, WORDS
from seqcli.reporting.effect_map_words import told
from seqcli.reporting.heat_map import Group, Row, draw_heat_map, visible
from seqcli.reporting.results import RowWriter
from seqcli.reporting.screen import Screen, console_for, is_plain
from seqcli.reporting.tables import print_on
from seqcli.reporting.text_effect_words import NOTHING

if TYPE_CHECKING:
    from seqcli.inference.effects import Block, Effects
    from seqcli.results import Cell

TAGS, TEXTS, PLAIN = "tags", "texts", "plain"
"""Kinds of answers: a tag for each word, a text, or whatever is said of numbers."""
COLUMNS_OF = {
    TAGS: ("sentence", "position", "word", "tag", "probability", "because_position", "because", "score"),
    TEXTS: (
        *("row", "position", "written", "log_probability", "because_position", "because", "score"),
        "attention",
    ),
    PLAIN: ("row", "position", "answer", "over", "begin", "end", "because", "score"),
}
MOST_SAID = 10
"""Sentences on a screen beside rows in a pipe."""
THINGS = {
    WORDS: "word read",
    CHARACTERS: "character read",
    SECONDS: "stretch, by its first second",
    HERTZ: "band, by its lowest hertz",
    STEPS: "stretch, by its steps",
    COLUMNS: "column",
}
_DIGITS = 6


def write_maps(found: Iterable[Effects], kind: str, form: str, stream: IO[str], screen: Screen) -> None:
    """Write each row as it comes: "table" draws maps, "csv" has a row an effect, else an object a row."""
    if form == "table":
        _draw(found, stream)
    elif form == "csv":
        _write_rows(found, kind, stream, screen)
    else:
        _write_records(found, form, stream)


def _write_rows(found: Iterable[Effects], kind: str, stream: IO[str], screen: Screen) -> None:
    writer = RowWriter(COLUMNS_OF[kind], "csv", stream)
    for count, effects in enumerate(found):
        for row in _rows(effects, kind):
            writer.write(row)
        writer.flush()
        if count < MOST_SAID:
            screen.prose(f"{effects.row}: {told(effects)}")
        elif count == MOST_SAID:
            screen.line("of further rows --format jsonl has the sentence too", "dim")
    writer.close()


def _rows(effects: Effects, kind: str) -> Iterator[tuple[Cell, ...]]:
    """One row for each effect on each part."""
    for at, part in enumerate(effects.parts):
        place, measure = effects.places[at], _short(effects.measures[at])
        for block in effects.blocks:
            for number, (cause, score) in enumerate(
                zip(block.causes, block.effects[at].tolist(), strict=True)
            ):
                if kind == TAGS:
                    said = effects.said[at]
                    yield effects.row, place, part, said, measure, number + 1, cause, _short(score)
                elif kind == TEXTS:
                    looked = None if block.attention is None else _short(float(block.attention[at, number]))
                    yield effects.row, place, part, measure, number + 1, cause, _short(score), looked
                else:
                    begin, end = block.spans[number] if block.spans else (None, None)
                    yield effects.row, place, part, block.over, begin, end, cause, _short(score)


def _write_records(found: Iterable[Effects], form: str, stream: IO[str]) -> None:
    first, between, end = ("", "", "") if form == "jsonl" else ("[\n  ", ",\n  ", "\n]\n")
    written = False
    for effects in found:
        record = json.dumps(record_of(effects), ensure_ascii=False)
        stream.write((between if written else first) + record + ("\n" if form == "jsonl" else ""))
        stream.flush()
        written = True
    stream.write(end if written or not end else "[]\n")


def record_of(effects: Effects) -> dict[str, Any]:
    """One row as a JSON object."""
    parts = []
    for at, part in enumerate(effects.parts):
        tag = {"tag": effects.said[at]} if effects.said else {}
        parts.append(
            {"part": part, "position": effects.places[at], **tag, "measure": _short(effects.measures[at])}
        )
    return {
        "row": effects.row,
        "read": effects.read,
        "prediction": effects.prediction,
        "probability": None if effects.probability is None else _short(effects.probability),
        "unit": effects.unit,
        "because": told(effects),
        "parts": parts,
        "effects": [_block_record(block) for block in effects.blocks],
    }


def _block_record(block: Block) -> dict[str, Any]:
    spans = {"spans": [list(span) for span in block.spans]} if block.spans else {}
    looked = {} if block.attention is None else {"attention": _numbers(block.attention.tolist())}
    return {
        "over": block.over,
        "causes": block.causes,
        **spans,
        "scores": _numbers(block.effects.tolist()),
        **looked,
    }


def _numbers(rows: list[list[float]]) -> list[list[float]]:
    return [[_short(value) for value in row] for row in rows]


def _draw(found: Iterable[Effects], stream: IO[str]) -> None:
    """The sentence, and a map for each kind of thing that was taken away."""
    from rich.text import Text

    console, plain = console_for(stream), is_plain(stream)
    for effects in found:
        print_on(console, Text(f"{effects.row}: {told(effects)}", style="bold"))
        shown = effects if effects.drawn is None else effects.of(effects.drawn)
        for block in shown.blocks if shown.parts else ():
            heads = [_head(block, at, plain) for at in range(len(block.causes))]
            for line in draw_heat_map(heads, _groups(shown, block, plain), console.width, plain):
                print_on(console, Text.assemble(*line))
        print_on(console, "")
        stream.flush()


def _head(block: Block, at: int, plain: bool) -> str:
    """What stands above a column."""
    if block.over in (SECONDS, HERTZ):
        return f"{block.spans[at][0]:.{2 if block.over == SECONDS else 0}f}"
    return block.causes[at].replace("–", "-") if plain else block.causes[at]


def _groups(effects: Effects, block: Block, plain: bool) -> list[Group]:
    """The rows of the map of one block: each part, all of them together, and where was looked."""
    labels = [
        " ".join(visible(word, plain) for word in (part, *effects.said[at : at + 1]))
        for at, part in enumerate(effects.parts)
    ]
    groups = [_scaled(effects.unit, block.over, labels, block.effects.tolist())]
    if effects.unit == NATS and len(labels) > 1:
        whole = block.effects.sum(axis=0).tolist()
        groups.append(_scaled(f"{effects.unit} of the whole", block.over, ["all"], [whole]))
    if block.attention is not None:
        rows = [Row(label, row) for label, row in zip(labels, block.attention.tolist(), strict=True)]
        groups.append(Group("share of the attention, which need not be a reason", rows))
    return groups


def _scaled(unit: str, over: str, labels: list[str], rows: list[list[float]]) -> Group:
    """Signed rows on the scale of the largest of them."""
    scale = max(NOTHING, float(np.abs(rows).max(initial=0.0)))
    thing, _, named = THINGS[over].partition(", ")
    heading = f"{unit} that each {thing} brings{', ' * bool(named)}{named}; scale {scale:.2g}"
    return Group(heading, [Row(label, row, True) for label, row in zip(labels, rows, strict=True)], scale)


def _short(number: float) -> float:
    """Six digits: more than float32 outputs are good for are noise in a file."""
    return float(f"{number:.{_DIGITS}g}")
