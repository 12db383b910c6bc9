"""Sentences from rows of words, from lists and from texts with spans."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from seqcli.errors import DataError
from seqcli.options import ColumnOptions
from seqcli.preprocessing.words import WordCutter
from seqcli.readers.table import Table
from seqcli.tasks.tag_plan import form_of, tag_plan
from seqcli.tasks.tagging.sentences import (
    LISTS,
    is_list_column,
    is_span_column,
    read_lists,
    read_texts,
    read_words,
)


def table(names, rows):
    return Table.from_records("f", names, rows, range(1, len(rows) + 1))


def test_rows_with_one_id_in_a_row_are_a_sentence() -> None:
    rows = [("1", "a", "X"), ("1", "b", "Y"), ("2", "c", "X"), ("1", "d", "_")]
    found = read_words(table(("s", "w", "t"), rows), "w", ("s",), "t")
    assert found.offsets.tolist() == [0, 2, 3, 4]
    assert found.rows.tolist() == [0, 2, 3]
    assert found.tag_lists() == [["X", "Y"], ["X"], ["_"]]
    kept, dropped = found.tagged()
    assert (kept.words, kept.offsets.tolist(), dropped) == (["a", "b", "c"], [0, 2, 3], 1)


def test_an_empty_id_goes_on_with_the_sentence_above() -> None:
    rows = [("Sentence: 1", "a"), ("", "b"), ("", "c"), ("Sentence: 2", "d"), ("", "e")]
    assert read_words(table(("s", "w"), rows), "w", ("s",)).offsets.tolist() == [0, 3, 5]


def test_of_two_tags_in_a_cell_the_first_counts_and_it_is_said() -> None:
    cells = ["B-person,B-location", "I-person I-location", "SG-NOM", "Case=Nom|Num=1", "", "O"]
    found = read_words(table(("s", "w", "t"), [("1", "w", cell) for cell in cells]), "w", ("s",), "t")
    assert found.tags == ["B-person", "I-person", "SG-NOM", "Case=Nom|Num=1", "_", "O"]
    assert found.notes == ("2 words have several tags, of which the first counts (f, row 1, column t)",)


def test_lists_of_words_and_tags() -> None:
    rows = [('["It", "ran"]', '["O", "B"]'), ("[]", "[]"), ('["No"]', '["O"]')]
    found = read_lists(table(("tokens", "tags"), rows), "tokens", "tags")
    assert (found.words, found.tags, found.rows.tolist()) == (["It", "ran", "No"], ["O", "B", "O"], [0, 2])
    for cell, what in (
        ('["O"]', "1 tags for 2 words"),
        ("[1, 2]", "numbers, not the names of tags"),
        ("x", "not a list of tags"),
    ):
        with pytest.raises(DataError, match=f"row 1, column tags: {what}"):
            read_lists(table(("tokens", "tags"), [('["It", "ran"]', cell)]), "tokens", "tags")
    with pytest.raises(DataError, match="not a list of words"):
        read_lists(table(("tokens",), [("It ran",)]), "tokens")


def spans_row(text, *spans):
    return text, json.dumps([{"start": a, "end": b, "label": label} for a, b, label in spans])


def test_spans_of_characters_become_tags_of_words() -> None:
    text = "Ann Lee left New York."
    rows = [spans_row(text, (13, 21, "LOC"), (0, 7, "PER")), ("  ", "[]"), ("No", '[[0, 2, "X"]]')]
    found = read_texts(table(("text", "spans"), rows), "text", WordCutter(), "spans")
    assert found.words == ["Ann", "Lee", "left", "New", "York", ".", "No"]
    assert found.tags == ["B-PER", "I-PER", "O", "B-LOC", "I-LOC", "O", "B-X"]
    assert found.rows.tolist() == [0, 2]
    assert (found.texts, found.notes) == ([text, "No"], ())
    assert found.places is not None
    assert [text[a:b] for a, b in found.places[:6]] == found.words[:6]


def test_a_span_within_a_word_takes_it_whole_and_one_over_another_is_left_out() -> None:
    rows = [spans_row("Annabel ran off", (2, 4, "A"), (0, 9, "B"), (8, 11, "C"), (11, 12, "D"))]
    found = read_texts(table(("text", "spans"), rows), "text", WordCutter(), "spans")
    assert found.tags == ["B-B", "I-B", "O"]
    assert "4 spans do not end where words do" in found.notes[0]


@pytest.mark.parametrize(
    "span", [[0, 99, "A"], [3, 3, "A"], [-1, 2, "A"], [0, 2], ["0", 2, "A"], "A", [0, 2, ""]]
)
def test_a_span_that_is_none_is_named(span) -> None:
    with pytest.raises(DataError, match=r"f, row 1, column spans: .* is no span of 6 characters"):
        read_texts(table(("text", "spans"), [("It ran", json.dumps([span]))]), "text", WordCutter(), "spans")


def test_columns_are_known_by_what_they_hold() -> None:
    assert is_list_column(['["a"]', "", "[]"])
    assert not is_list_column(["[]", "[]"])
    assert not is_list_column(['["a"]', "a"])
    assert is_span_column(['[{"start": 0, "end": 1, "label": "A"}]', "[]", '[[1, 2, "B"]]'])
    assert not is_span_column(['[{"start": 0, "end": 1}]'])
    assert not is_span_column(["[]"])


@pytest.mark.parametrize("cell", ["x", '[{"start": 0, "end": 1, "label": "A"', '{"start": 0}'])
def test_a_cell_that_is_no_list_of_spans_is_named_and_not_read_as_none(cell) -> None:
    rows = [spans_row("ab", (0, 1, "A")), spans_row("c", (0, 1, "A")), ("d", cell)]
    assert is_span_column([row[1] for row in rows])
    with pytest.raises(DataError, match="f, row 3, column spans: not a list of spans"):
        read_texts(table(("text", "spans"), rows), "text", WordCutter(), "spans")


def test_some_sentences_are_taken_with_all_that_is_theirs() -> None:
    rows = [spans_row("a b", (0, 1, "X")), spans_row("c", (0, 1, "Y")), spans_row("d e")]
    found = read_texts(table(("text", "spans"), rows), "text", WordCutter(), "spans").take(np.array([2, 0]))
    assert found.words == ["d", "e", "a", "b"]
    assert found.tags == ["O", "O", "B-X", "O"]
    assert (found.texts, found.rows.tolist(), found.offsets.tolist()) == (["d e", "a b"], [2, 0], [0, 2, 4])
    assert found.keys() == ["d\0e", "a\0b"]


def test_tags_that_are_numbers_still_make_a_file_of_tagged_words() -> None:
    rows = [('["It", "ran"]', "[0, 3]")] * 3
    numbered = replace(table(("tokens", "ner_tags"), rows), unit="line")
    assert form_of(numbered) == LISTS
    plan = tag_plan(numbered, ColumnOptions())
    with pytest.raises(DataError, match="f, line 1, column ner_tags: numbers, not the names of tags"):
        read_lists(numbered, plan.text[0], plan.target[0])
    assert form_of(replace(table(("tokens", "heads"), rows), unit="line")) == ""
