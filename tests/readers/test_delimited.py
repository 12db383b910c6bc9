"""csv and tsv are read strictly: equal to the csv module where a file is right, by row where it is not."""

from __future__ import annotations

import csv
import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.errors import DataError, UsageError
from seqcli.options import ReadingOptions
from seqcli.readers.blocks import Opening
from seqcli.readers.delimited import Csv, Tsv


def read(
    text: str, cuts: tuple[int, ...] = (), kind: type[Csv] = Csv, delimiter: str | None = None
) -> tuple[Csv, list[tuple[str, ...]], list[int], dict[int, str]]:
    """Feed ``text`` in pieces cut at some places; the reader, rows, row numbers, and faults by row number."""
    header = text.find("\n") + 1 or len(text)
    places = sorted({header, *(cut for cut in cuts if header < cut < len(text)), len(text)})
    reader = kind(Opening("f.csv", text[:header], header == len(text), ReadingOptions(delimiter=delimiter)))
    rows: list[tuple[str, ...]] = []
    numbers: list[int] = []
    faults: dict[int, str] = {}
    pieces = [""] + [text[start:stop] for start, stop in pairwise(places)]
    for place, piece in enumerate(pieces):
        block = reader.feed(piece, place == len(pieces) - 1)
        faults.update(
            {int(block.numbers[position]): fault.reason for position, fault in block.faults.items()}
        )
        rows += block.rows(reader.names)
        numbers += block.numbers.tolist()
    return reader, rows, numbers, faults


def named(text: str, *names: str, kind: type[Csv] = Csv) -> tuple[list[tuple[str, ...]], list[int]]:
    """The rows and row numbers of a file without a header."""
    reader = kind(Opening("f.csv", text, True, ReadingOptions(names=names)))
    block = reader.feed("", True)
    return list(block.rows(reader.names)), block.numbers.tolist()


def test_a_file_without_a_header_begins_with_its_first_row() -> None:
    assert named("good,1\nbad,2\n", "text", "stars") == ([("good", "1"), ("bad", "2")], [1, 2])
    assert named("a\tb c\n", "x", "y", kind=Tsv) == ([("a", "b c")], [1])
    assert named('"two\nlines",1\n', "text", "stars") == ([("two\nlines", "1")], [1])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a",), "--names calls 1 column, and f.csv has 2 columns: 'good', '1'"),
        (("a", "b", "c"), "--names calls 3 columns, and f.csv has 2 columns"),
        (("a", "a"), "two columns are called 'a'"),
    ],
)
def test_each_column_gets_a_name_of_its_own(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        named("good,1\n", *names)


cell = st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=6)


@given(
    st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=12),
    st.lists(st.integers(0, 200), max_size=4),
    st.booleans(),
)
def test_whatever_the_csv_module_writes_is_read_back_however_it_is_cut(
    rows: list[tuple[str, str, str]], cuts: list[int], quote_all: bool
) -> None:
    buffer = io.StringIO()
    buffer.write("a,b,c\n")
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    rows = [row for row in rows if any(row)]
    csv.writer(buffer, lineterminator="\n", quoting=quoting).writerows(rows)
    _, found, numbers, faults = read(buffer.getvalue(), tuple(cuts))
    assert not faults
    # only an unquoted cell may lose blanks at its left, as in "EI,  ATG"
    expected = (
        rows
        if quote_all
        else [
            tuple(cell if '"' in cell or "," in cell or "\n" in cell else cell.lstrip(" ") for cell in row)
            for row in rows
        ]
    )
    assert [row for row in found if any(row)] == [row for row in expected if any(row)]
    assert numbers == list(range(2, 2 + len(found)))


def test_a_clean_and_a_quoted_block_number_rows_alike() -> None:
    text = 'a,b\n1,2\n3,4\n"x\ny",6\n\n7,8\n'
    for cuts in ((), (8,), (12,), (15, 16, 17)):
        _, rows, numbers, faults = read(text, cuts)
        assert rows == [("1", "2"), ("3", "4"), ("x\ny", "6"), ("7", "8")]
        assert numbers == [2, 3, 4, 6]  # the blank line is row 5
        assert not faults


def test_leading_blanks_belong_to_no_cell_and_names_are_stripped() -> None:
    reader, rows, _, _ = read('Class, Donor ,   Sequence\nEI,   A-1,  CCAG\nN,"  kept", "a, b"\n')
    assert reader.names == ("Class", "Donor", "Sequence")
    assert rows == [("EI", "A-1", "CCAG"), ("N", "  kept", "a, b")]


ONE = "1 cell where the header has 2"


@pytest.mark.parametrize(
    ("text", "faults", "good"),
    [
        ("a,b\n1,2\n3\n5,6\n", {3: ONE}, [("1", "2"), ("5", "6")]),
        ("a,b\n1,2,3\n5,6\n", {2: "3 cells where the header has 2"}, [("5", "6")]),
        ("a,b\n1,2,3\n4\n5,6\n", {2: "3 cells where the header has 2", 3: ONE}, [("5", "6")]),
        ('a,b\n"x,2\n3,4\n', {2: "a quote is opened and never closed"}, [("3", "4")]),
        ('a,b\n"x,2\n3,4\n"y",5\n', {2: "a quote is opened and never closed"}, [("3", "4"), ("y", "5")]),
        ('a,b\n"x"y,2\n3,4\n', {2: "a quote stands in the middle of a cell"}, [("3", "4")]),
        ("a,b\n1,\x002\n3,4\n", {2: "a NUL byte"}, [("3", "4")]),
        ("a,b\n1,\udce9\n3,4\n", {2: "byte 0xE9 does not fit the encoding"}, [("3", "4")]),
        ('a,b\n"1","\udce9"\n3,4\n', {2: "byte 0xE9 does not fit the encoding"}, [("3", "4")]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("cuts", [(), (6,), (9, 12)])
def test_a_wrong_row_is_named_and_the_others_are_kept(
    text: str, faults: dict[int, str], good: list[tuple[str, ...]], cuts: tuple[int, ...]
) -> None:
    _, rows, numbers, found = read(text, cuts)
    assert found == faults
    assert [row for row, number in zip(rows, numbers, strict=True) if number not in faults] == good
    assert all("\0" not in cell and cell.isprintable() for row in rows for cell in row)


def test_an_open_quote_is_given_up_after_a_very_long_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqcli.readers.delimited._LONGEST_ROW", 10)
    reader = Csv(Opening("f.csv", "a,b\n", False, ReadingOptions()))
    block = reader.feed('"x,1\n2,3\n4,5\n', False)
    assert list(block.faults) == [0]
    assert list(block.rows(reader.names))[1:] == [("2", "3"), ("4", "5")]


@pytest.mark.parametrize(
    ("text", "delimiter", "names", "row"),
    [
        ("date;close\n2018-01-01;1,5\n2018-01-02;2,5\n", ";", ("date", "close"), ("2018-01-01", "1,5")),
        ("a\tb\n1, 2\t3\n", "\t", ("a", "b"), ("1, 2", "3")),
        ("a|b\n1|2\n", "|", ("a", "b"), ("1", "2")),
        ("text\nwell; yes\nno\n", ",", ("text",), ("well; yes",)),
        ('text,label\n"a; b",1\n"c; d",2\n', ",", ("text", "label"), ("a; b", "1")),
    ],
)
def test_separators_are_found_and_said(
    text: str, delimiter: str, names: tuple[str, ...], row: tuple[str, ...]
) -> None:
    reader = Csv(Opening("f.csv", text, True, ReadingOptions()))
    assert (reader.delimiter, reader.names) == (delimiter, names)
    assert next(iter(reader.feed("", True).rows(names))) == row
    assert bool(reader.notes) == (delimiter != ",")


def test_a_tsv_is_cut_at_tabs_in_silence_and_a_typed_separator_wins() -> None:
    reader, rows, _, _ = read("a\tb\n1,5\t2\n", kind=Tsv)
    assert (reader.notes, rows) == ((), [("1,5", "2")])
    reader, rows, _, _ = read("a:b\n1:2\n", delimiter=":")
    assert rows == [("1", "2")]
    assert read("a\tb\n1\t2\n", delimiter="tab")[1] == [("1", "2")]
    with pytest.raises(UsageError, match="not one character"):
        read("a:b\n", delimiter="::")


def test_one_column_keeps_blank_lines_between_rows_but_not_after_them() -> None:
    for cuts in ((), (9,), (10, 11)):
        _, rows, numbers, _ = read('value\n1\n\n3\n"4"\n\n\n', cuts)
        assert rows == [("1",), ("",), ("3",), ("4",)]
        assert numbers == [2, 3, 4, 5]


def test_a_blank_first_name_is_counted() -> None:
    assert read(",Date,Open\n0,2017-12-29,170.5\n")[0].names == ("column 1", "Date", "Open")


def test_a_header_below_blank_lines_and_over_two_lines() -> None:
    reader = Csv(Opening("f.csv", '\n\n"long\nname",b\n1,2\n', True, ReadingOptions()))
    assert reader.names == ("long\nname", "b")
    assert reader.feed("", True).numbers.tolist() == [5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.csv: the file is empty"),
        ("\n \n", "f.csv: the file is empty"),
        ("a,b,a\n1,2,3\n", "f.csv, row 1: two columns are called 'a'"),
        ("a, a\n1,2\n", "f.csv, row 1: two columns are called 'a'"),
        ('"a,b\n1,2\n', "f.csv, row 1: a quote is opened and never closed"),
        ("a\0,b\n1,2\n", "f.csv, row 1: a NUL byte"),
        ("2018-01-01,5.5\n2018-01-02,6\n", "f.csv, row 1: looks like data"),
        ('"3","Oil prices soar to an all time record this year"\n', "f.csv, row 1: looks like data"),
    ],
)  # fmt: skip
def test_a_wrong_header_is_refused(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        Csv(Opening("f.csv", text, True, ReadingOptions()))
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_years_may_be_names_beside_words() -> None:
    assert read("country,2010,2011\nA,1,2\n")[0].names == ("country", "2010", "2011")


def test_a_text_longer_than_the_csv_modules_limit() -> None:
    _, rows, _, _ = read('text,label\n"' + "long, " * 50_000 + '",x\n')
    assert len(rows[0][0]) == 300_000


def test_unusual_line_separators_end_no_row() -> None:
    for odd in ("\x0b", "\x0c", "\x1c", "\x85", "\u2028"):
        assert read(f'a,b\n"x{odd}y",{odd}\nz,w\n')[1] == [(f"x{odd}y", odd), ("z", "w")]
        assert read(f"a,b\nx{odd}y,1\nz,w\n")[1] == [(f"x{odd}y", "1"), ("z", "w")]
