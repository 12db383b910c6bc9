"""Which colour a token gets, and that nothing else is written."""

from __future__ import annotations

import io
import re

import pytest

from seqcli.reporting.surprise import SurpriseWriter

CODES = {"2": "dim", "36": "cyan", "33": "yellow", "1;31": "red"}


class Screen(io.StringIO):
    encoding = "utf-8"


def drawn(tokens, unit="character") -> str:
    stream = Screen()
    writer = SurpriseWriter(stream, unit)
    writer.write(tokens)
    writer.close()
    return stream.getvalue()


def colours(text: str) -> list[tuple[str, str]]:
    return [(found[2], CODES[found[1]]) for found in re.finditer("\033\\[([0-9;]+)m(.*?)\033\\[0m", text)]


def test_colours_are_bands_of_bits() -> None:
    text = drawn([("a", None), ("b", 0.99), ("c", 1.0), ("d", 2.0), ("e", 4.0), ("f", 6.0), ("g", 40.0)])
    assert colours(text) == [("b", "dim"), ("d", "cyan"), ("e", "yellow"), ("f", "red"), ("g", "red")]
    assert re.sub("\033\\[[0-9;]*m", "", text) == "abcdefg\n"
    assert colours(drawn([(" the", 2.9), (" fox", 6.0)], "word")) == [(" the", "dim"), (" fox", "cyan")]


def test_a_blank_that_was_not_foreseen_is_seen() -> None:
    text = drawn([("a", 1.5), (" ", 1.0), ("b", 1.5), (" ", 5.0), ("\n", 7.0), ("\n", 0.1)])
    assert re.sub("\033\\[[0-9;]*m", "", text) == "a b·⏎\n\n"
    assert colours(text) == [("·", "yellow"), ("⏎", "red")]


def test_a_text_steers_no_terminal() -> None:
    assert "\x1b[2J" not in drawn([("\x1b[2J", 1.5), ("\r", 9.0)])
    assert "\r" not in drawn([("\r", 9.0)])


@pytest.mark.parametrize(("unit", "edges"), [("character", "1246"), ("word", ("3", "6", "9", "12"))])
def test_the_legend_names_all_bands(unit, edges) -> None:
    legend = SurpriseWriter(Screen(), unit).legend
    assert re.findall(r"\d+", legend) == [
        edges[0],
        *edges[1:],
    ]
