"""Reading whole files: what is right is read and said, every kind of bad file is one clear error."""

from __future__ import annotations

import gzip
import hashlib
import io
from pathlib import Path

import numpy as np
import pandas
import pytest

from seqcli.errors import DataError
from seqcli.options import ReadingOptions
from seqcli.readers.columns import BlockColumn
from seqcli.readers.read import read_table
from seqcli.readers.table import Table


def packed(data: bytes) -> bytes:
    """Gzipped without the time of day, which would give a test another name in each worker."""
    return gzip.compress(data, mtime=0)


def read(path: Path, data: bytes | str, **typed: str) -> Table:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_table([str(path)], ReadingOptions(**typed))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.csv", b"", "the file is empty"),
        ("empty.tsv", b"", "the file is empty"),
        ("empty.jsonl", b"", "the file is empty"),
        ("empty.txt", b"\n\n", "the file is empty"),
        ("empty.csv.gz", packed(b""), "the file is empty"),
        ("header.csv", b"a,b\n", "a header and no rows"),
        ("header.csv", b"a,b", "a header and no rows"),
        ("header.tsv", b"a\tb\n\n\n", "a header and no rows"),
        ("nul.csv", b"a,b\n1,2\n3,\x004\n", "row 3: a NUL byte"),
        ("nul.txt", b"fine\n\x00bad\n" + b"fine\n" * 20, "line 2: a NUL byte"),
        ("nul.jsonl", b'{"a": 1}\n{"a": "\x00"}\n', "line 2: a NUL byte"),
        ("ragged.csv", b"a,b\n1,2\n3,4,5\n", "row 3: 3 cells where the header has 2"),
        ("ragged.tsv", b"a\tb\n1\t2\n3\n", "row 3: 1 cell where the header has 2"),
        ("quote.csv", b'a,b\n1,2\n"3,4\n5,6\n', "row 3: a quote is opened and never closed"),
        ("twice.csv", b"a,b,a\n1,2,3\n", "row 1: two columns are called 'a'"),
        ("twice.jsonl", b'{"a": 1}\n{"a": 1, "a": 2}\n', "line 2: two values are called 'a'"),
        ("bytes.csv", bytes(range(256)) * 20, "is binary data, not text"),
        ("sheet.csv", b"PK\x03\x04" + bytes(99), "is a spreadsheet or a zip archive"),
        ("cut.csv.gz", packed(b"a,b\n1,2\n" * 999)[:-20], "the gzip data ends too early"),
        ("mixed.csv", "a,b\nfür,1\n".encode() + b"caf\xe9,2\n", "row 3: byte 0xE9 does not fit the encoding"),
        ("headless.csv", b"2018-01-01,5\n2018-01-02,6\n", "row 1: looks like data"),
        ("broken.jsonl", b'{"a": 1}\n{"a": \n', "line 2: not JSON"),
    ],
)
def test_a_bad_file_is_one_line_that_names_file_and_row_and_one_that_helps(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path / name, data)
    assert caught.value.exit_code == 3
    assert caught.value.message.startswith(str(tmp_path / name))
    assert words in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint


ROWS = [("2018-01-01", "größer, „besser“", "1.5"), ("2018-01-02", "None", "2.5"), ("2018-01-03", "007", "")]


CSV = 'date,text,n\n2018-01-01,"größer, „besser“",1.5\n2018-01-02,None,2.5\n2018-01-03,007,\n'
OTHER = "date;text;n\r\n2018-01-01;größer, „besser“;1.5\r\n2018-01-02;None;2.5\r\n2018-01-03;007;\r\n"
JSON = (
    '{"date": "2018-01-01", "text": "größer, „besser“", "n": 1.5}\n'
    '{"date": "2018-01-02", "text": "None", "n": 2.5}\n'
    '{"date": "2018-01-03", "text": "007", "n": null}\n'
)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "text", "encoding", "notes"),
    [
        ("x.csv", CSV, "utf-8", ()),
        ("x.csv", CSV, "utf-8-sig", ("byte order mark",)),
        ("x.csv", OTHER, "cp1252", ("encoding cp1252", "separator semicolon")),
        ("x.csv", OTHER.replace(";", "|"), "utf-16", ("encoding UTF-16", "separator bar")),
        ("x.csv", OTHER.replace(";", "\t"), "utf-8", ("separator tab",)),
        ("x.tsv", OTHER.replace(";", "\t"), "utf-8", ()),
        ("x.jsonl", JSON, "utf-8", ()),
        ("x.jsonl", JSON, "utf-16", ("encoding UTF-16",)),
    ],
)
def test_every_format_and_encoding_gives_the_same_table(
    tmp_path: Path, name: str, text: str, encoding: str, notes: tuple[str, ...], ending: str
) -> None:
    data = text.encode(encoding)
    table = read(tmp_path / (name + ending), packed(data) if ending else data)
    assert table.names == ("date", "text", "n")
    assert list(zip(*(table.cells(column) for column in table.names), strict=True)) == ROWS
    assert [table.kind(column) for column in table.names] == ["date", "text", "number"]
    assert table.notes == ((("gzip",) if ending else ()) + notes)
    assert table.digest == hashlib.sha256((tmp_path / (name + ending)).read_bytes()).hexdigest()


def test_a_text_file_is_one_column_without_its_blank_lines(tmp_path: Path) -> None:
    table = read(tmp_path / "x.txt", "one, two\n\nthree\n")
    assert table.cells("text") == ["one, two", "three"]
    assert table.where(1) == f"{tmp_path / 'x.txt'}, line 3"
    assert any("1 line is blank" in note for note in table.notes)


def test_many_blocks_are_one_table_and_numbers_equal_pandas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqcli.readers.sources._PIECE", 700)
    values = np.random.default_rng(0).normal(scale=1000, size=(400, 3)).round(4)
    frame = pandas.DataFrame(values, columns=list("xyz")).assign(
        note=["a, b" if n % 97 == 5 else f"n{n}" for n in range(400)]
    )
    frame.to_csv(tmp_path / "x.csv", index=False)
    table = read_table([str(tmp_path / "x.csv")], ReadingOptions())
    for name in "xyz":
        assert table.numbers(name).values.tolist() == frame[name].tolist()
    assert table.cells("note") == frame["note"].tolist()
    assert table.records.tolist() == list(range(2, 402))


def test_a_key_that_comes_up_late_is_empty_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqcli.readers.sources._PIECE", 60)
    table = read(tmp_path / "x.jsonl", '{"a": 1}\n' * 60 + '{"a": 2, "b": 3}\n')
    assert table.names == ("a", "b")
    assert table.cells("b") == [""] * 60 + ["3"]


def bytes_held(table: Table) -> int:
    """What the blocks of a table hold; fails where cells are strings."""
    parts = [part for column in table.columns.values() for part in column._parts]  # type: ignore[attr-defined]
    assert all(isinstance(part, BlockColumn) for part in parts)
    return sum(block.size for block in {part.block for part in parts})


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.csv", '"2024-01-01 00:{0:02d}","{0}.5"\n'),
        ("a.csv", '"2024-01-01 00:{0:02d}","{0}.""5"""\n'),
        ("a.jsonl", '{{"time": "2024-01-01 00:{0:02d}", "load": {0}.5}}\n'),
    ],
)
def test_short_cells_are_held_as_bytes_in_every_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, line: str
) -> None:
    monkeypatch.setattr("seqcli.readers.sources._PIECE", 256)
    header = "time,load\n" if name.endswith("csv") else ""
    table = read(tmp_path / name, header + "".join(line.format(step) for step in range(60)))
    assert table.cells("time") == [f"2024-01-01 00:{step:02d}" for step in range(60)]
    wanted = [f'{step}."5"' if '""' in line else f"{step}.5" for step in range(60)]
    assert table.cells("load") == wanted
    text = sum(map(len, table.cells("time") + wanted))
    assert bytes_held(table) == text + 60 * 2 * (1 + 4)  # a byte behind each cell, and where it ends


def test_long_texts_stay_strings(tmp_path: Path) -> None:
    table = read(tmp_path / "a.jsonl", "".join(f'{{"text": "{"word " * 20}{n}"}}\n' for n in range(9)))
    with pytest.raises(AssertionError):
        bytes_held(table)


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n")))
    table = read_table(["-"], ReadingOptions())
    assert (table.source, table.cells("b"), table.notes) == ("stdin", ["2"], ("read as csv",))


def test_the_stock_file_of_a_stranger(tmp_path: Path) -> None:
    """Newest first, a time of day among the dates, thousands separators in one cell."""
    rows = [
        f'"2018/{10 - n // 28:02d}/{28 - n % 28:02d}","{250 + n}.5900","{6000000 + n}.0000"\n'
        for n in range(120)
    ]
    table = read(
        tmp_path / "x.csv", '"date","close","volume"\n"11:34","270.49","4,787,699"\n' + "".join(rows)
    )
    assert [table.kind(name) for name in table.names] == ["date", "number", "number"]
    assert [(cell.record, cell.text) for cell in table.dates("date").bad] == [(2, "11:34")]
    assert table.numbers("volume").values[:2].tolist() == [4787699, 6000000]
    assert table.numbers("volume").notes == ("thousands separator ','",)
