"""Plain text: every line is one text."""

from __future__ import annotations

import pytest

from seqcli.errors import DataError
from seqcli.options import ReadingOptions
from seqcli.readers.blocks import Opening
from seqcli.readers.lines import Lines


def begin(text: str, final: bool = True, expected: tuple[str, ...] = (), column: str = "text") -> Lines:
    return Lines(Opening("f.txt", text, final, ReadingOptions(), expected, column))


def test_only_line_feeds_end_a_line_and_nothing_is_cut_or_stripped() -> None:
    text = ' a, "b\n\nc\x85d\x0ce\u2028f\ng'
    for cut in range(2, len(text)):
        reader = begin(text[:cut], final=False)
        blocks = [reader.feed("", False), reader.feed(text[cut:], True)]
        assert [row for block in blocks for row in block.rows(("text",))] == [
            (' a, "b',),
            ("",),
            ("c\x85d\x0ce\u2028f",),
            ("g",),
        ]
        assert [number for block in blocks for number in block.numbers.tolist()] == [1, 2, 3, 4]


def test_the_column_has_the_models_name() -> None:
    reader = begin("fine\n", expected=("review",), column="review")
    assert reader.names == ("review",)
    assert list(reader.feed("", True).rows(("review",))) == [("fine",)]


def test_a_model_that_reads_no_text_refuses_lines() -> None:
    with pytest.raises(DataError, match="lines of text, but the model reads x, y"):
        begin("fine\n", expected=("x", "y"))


def test_a_bad_character_is_named() -> None:
    block = begin("fine\nc\0d\nca\udce9\n").feed("", True)
    assert {int(block.numbers[at]): fault.reason for at, fault in block.faults.items()} == {
        2: "a NUL byte",
        3: "byte 0xE9 does not fit the encoding",
    }
    assert list(block.rows(("text",))) == [("fine",), ("c\ufffdd",), ("ca?",)]


def test_a_table_in_a_text_file_is_pointed_out() -> None:
    assert "tab separated" in begin("a\tb\n" * 8).warnings[0]
    assert begin("one, two\nthree\nfour\nfive\nsix\nseven\n").warnings == ()


def test_an_empty_file() -> None:
    with pytest.raises(DataError, match=r"f\.txt: the file is empty"):
        begin(" \n")
