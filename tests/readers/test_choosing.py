"""The format of an input, by the rules for stdin."""

from __future__ import annotations

import io

import pytest

from seqcli.errors import DataError, UsageError
from seqcli.options import ReadingOptions
from seqcli.readers.blocks import Opening
from seqcli.readers.choosing import choose_format, read_opening
from seqcli.readers.registry import FORMATS, begin_format, format_of_name
from seqcli.readers.sources import Source


def choose(
    text: str, expected: tuple[str, ...] = (), name: str = "stdin", **typed: str
) -> tuple[str, list[str]]:
    source = Source(name, io.BytesIO())
    return choose_format(source, text, ReadingOptions(**typed), expected), source.notes


@pytest.mark.parametrize(
    ("text", "expected", "chosen"),
    [
        ('{"review": "a"}\n', ("review",), "jsonl"),
        ("review,label\nfine,1\n", ("review",), "csv"),
        ("label;review\n1;fine\n", ("review",), "csv"),
        ("label\treview\n", ("review",), "csv"),
        ("review\nfine\n", ("review",), "csv"),
        ('"review",label\nfine,1\n', ("review",), "csv"),
        ("a good film, all in all\nbad\n", ("review",), "txt"),
        ("a good film, all in all", ("review",), "txt"),
        ("one text\nanother text\n", ("review",), "txt"),
        ("a,b\n1,2\n", (), "csv"),
        ("First Citizen:\nBefore we proceed, hear me.\n", (), "txt"),
        ('{"a": 1}\n', (), "jsonl"),
    ],
)
def test_the_first_lines_decide_and_the_choice_is_said(
    text: str, expected: tuple[str, ...], chosen: str
) -> None:
    found, notes = choose(text, expected)
    assert found == chosen
    assert notes == [
        {"csv": "read as csv", "jsonl": "read as JSON Lines", "txt": "read as one text a line"}[chosen]
    ]


def test_a_header_without_the_models_column_shows_the_near_miss() -> None:
    with pytest.raises(DataError) as caught:
        choose("Review,label\nfine,1\n", ("review",))
    assert caught.value.message == "stdin: no column is called 'review'"
    assert caught.value.hint == "'Review' → 'review'?"


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("x.csv", "csv"),
        ("x.CSV.gz", "csv"),
        ("x.tsv", "tsv"),
        ("x.tab", "tsv"),
        ("x.jsonl.gz", "jsonl"),
        ("x.ndjson", "jsonl"),
        ("x.txt", "txt"),
        ("dir.csv/x", ""),
        ("x.log", ""),
        ("x.gz", ""),
    ],
)
def test_the_name_decides_first(name: str, chosen: str) -> None:
    assert format_of_name(name) == chosen
    if chosen:
        assert choose("one text a line\n", ("review",), name) == (chosen, [])


def test_a_typed_format_decides_before_all() -> None:
    assert choose("Review,label\nfine,1\n", ("review",), "x.csv", input_format="txt")[0] == "txt"


@pytest.mark.parametrize("name", ["book.txt", "rows.jsonl.gz"])
def test_a_delimiter_is_of_a_table(name: str) -> None:
    with pytest.raises(UsageError, match="--delimiter separates the columns of a table"):
        choose("a;b\n", name=name, delimiter=";")
    assert choose("a;b\n", name=name, delimiter=";", input_format="csv")[0] == "csv"


def test_names_are_of_a_table() -> None:
    assert choose("a\tb\n", name="pairs.txt", names=("en", "de"))[0] == "csv"
    assert choose("a\tb\n", name="x.tsv", names=("en", "de"))[0] == "tsv"
    for name, typed in (("rows.jsonl", None), ("x.csv", "txt")):
        with pytest.raises(UsageError, match="--names calls the columns of a csv or tsv"):
            choose("a,b\n", name=name, input_format=typed, names=("a", "b"))


def test_nothing_at_all() -> None:
    with pytest.raises(DataError, match="stdin: there is nothing to read"):
        choose("\n", ("review",))


def test_every_registered_format_begins_and_an_unknown_one_names_the_closest() -> None:
    text = {"csv": "a,b\n1,2\n", "tsv": "a\tb\n1\t2\n", "jsonl": '{"a": 1}\n', "txt": "1\n"}
    text |= {"conll": "a O\n", "conllu": "\t".join("1abcdefghi") + "\n"}
    text |= {"ts": "@univariate true\n@data\n1\n", "fasta": ">one\nACGT\n"}
    assert set(text) == set(FORMATS)
    for name, content in text.items():
        reader = begin_format(name, Opening("f", content, True, ReadingOptions()))
        assert len(reader.feed("", True)) == 1
    with pytest.raises(UsageError) as caught:
        begin_format("jsnol", Opening("f", "", True, ReadingOptions()))
    assert caught.value.hint == "did you mean 'jsonl'?"


def test_the_opening_of_a_short_input_is_all_of_it() -> None:
    assert read_opening(Source("x", io.BytesIO(b"a\nb")), patient=True) == ("a\nb", True)
    long = b"line\n" * 50
    assert read_opening(Source("x", io.BytesIO(long)), patient=True) == (long.decode(), False)
