"""A heat map in characters: tokens are columns, rows come in groups with a scale each.

Colour says how large a number is, and so does the text in it, so that nothing depends on colour: the number
itself where the columns are as wide as words, else its first digit on the scale, with its sign.

                  the  main  cast              t m c
    mean         0.91  0.88  0.42              h a a
                                               e i s
                                      mean     9 8 4
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Line: TypeAlias = list[tuple[str, str]]
"""Pieces of text with a style of rich each."""

NUMBER = 6
"""Columns of a terminal for a number and the gap ahead of it."""
LETTERS = 8
"""A word that stands upright is cut to so many letters."""
SHADES = 10
CLOSED, OPEN, PLUS, MINUS = (38, 38, 38), (88, 190, 112), (232, 138, 58), (86, 146, 240)
"""Red, green and blue of zero, and of the whole scale of a gate, above zero and below it."""
LEGEND = "digits are tenths of the rows' scale: 7 is 0.7 up to 0.8, 9 is 0.9 and more"
BRIGHT = 110
"""On a background as bright as this, text is black."""


@dataclass(frozen=True)
class Row:
    """One line of the map: a value for each token."""

    label: str
    values: Sequence[float]
    signed: bool = False
    """Whether they can be below zero."""


@dataclass(frozen=True)
class Group:
    """Rows on one scale, from 0 to ``scale``, and as far below zero where a row is signed."""

    heading: str
    rows: Sequence[Row]
    scale: float = 1.0


def draw_heat_map(
    tokens: Sequence[str], groups: Sequence[Group], width: int, plain: bool = False
) -> list[Line]:
    """The map in lines of at most ``width`` columns, in blocks one below the other where it is wider."""
    labels = [visible(token, plain) for token in tokens]
    margin = 3 + max(len(row.label) for group in groups for row in group.rows)
    room = max(width - margin, NUMBER)
    widths = [max(NUMBER, _width(label) + 1) for label in labels]
    digits = sum(widths) > room
    if digits:
        widths = [_digit_width(len(labels), room)] * len(labels)
    lines: list[Line] = []
    start = 0
    for stop in _stops(widths, room):
        part = slice(start, stop)
        lines += [[("", "")]] if lines else []
        header = _header(labels[part], widths[part], digits, plain)
        lines += [[(" " * margin + head, "bold")] for head in header]
        for group in groups:
            lines.append([(group.heading, "dim")])
            for row in group.rows:
                label = ("  " + row.label.ljust(margin - 2), "")
                values = zip(row.values[part], widths[part], strict=True)
                lines.append(
                    [label, *(_cell(value, size, group.scale, row.signed, digits) for value, size in values)]
                )
        start = stop
    return lines + ([[(LEGEND, "dim")]] if digits else [])


def visible(token: str, plain: bool = False) -> str:
    """A token with its white space and whatever cannot be seen as signs."""
    signs = {" ": "_", "\n": "\\", "\t": ">"} if plain else {" ": "␣", "\n": "⏎", "\t": "⇥"}
    other = "?" if plain else "\N{REPLACEMENT CHARACTER}"
    token = token.strip(" ") or token  # a word carries the space ahead of it
    return "".join(signs.get(letter, letter if letter.isprintable() else other) for letter in token)


def style(value: float, scale: float, signed: bool) -> str:
    """The colours of one cell, as rich names them."""
    end = OPEN if not signed else PLUS if value > 0 else MINUS
    share = round(min(abs(value) / (scale or 1), 1) * SHADES) / SHADES
    red, green, blue = (round(zero + share * (full - zero)) for zero, full in zip(CLOSED, end, strict=True))
    bright = 0.3 * red + 0.59 * green + 0.11 * blue >= BRIGHT
    return f"{'black' if bright else 'white'} on #{red:02x}{green:02x}{blue:02x}"


def _cell(value: float, size: int, scale: float, signed: bool, digits: bool) -> tuple[str, str]:
    """One cell and its style: a digit of the scale or the number itself, with a sign where there are two."""
    if digits:
        digit = min(int(10 * abs(value) / (scale or 1)), 9)
        sign = "" if not digit or not signed else "+" if value > 0 else "-"
        text = f"{sign}{digit}"
    else:
        decimals = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0  # five characters in all
        text = f"{value:{'+' if signed else ''}.{decimals}f}"
        text = "0.00" if float(text) == 0 else text
    return text.rjust(size), style(value, scale, signed)


def _digit_width(count: int, room: int) -> int:
    """2 columns for a digit and its sign, 3 where that makes no more blocks."""
    blocks = {size: -(-count // (room // size)) for size in (2, 3)}
    return 3 if blocks[3] == blocks[2] else 2


def _stops(widths: Sequence[int], room: int) -> list[int]:
    """Where each block ends: as many columns as have room."""
    stops, used = [], 0
    for place, size in enumerate(widths):
        if used and used + size > room:
            stops.append(place)
            used = 0
        used += size
    return [*stops, len(widths)]


def _header(labels: Sequence[str], widths: Sequence[int], digits: bool, plain: bool) -> list[str]:
    """The tokens above their columns: one line, or upright, a letter a line, from the bottom up."""
    if not digits:
        return ["".join(_right(label, size) for label, size in zip(labels, widths, strict=True))]
    cut = "~" if plain else "…"
    upright = [label if len(label) <= LETTERS else label[: LETTERS - 1] + cut for label in labels]
    height = max(map(len, upright))
    columns = [label.rjust(height) for label in upright]
    return [
        "".join(_right(column[line], size) for column, size in zip(columns, widths, strict=True)).rstrip()
        for line in range(height)
    ]


def _right(text: str, size: int) -> str:
    """``text`` at the right of ``size`` columns; some characters take two of them."""
    return " " * (size - _width(text)) + text


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
