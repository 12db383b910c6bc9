"""Streams: batches when they are full or the input falls silent, bad rows named, nothing waited for."""

from __future__ import annotations

import io
import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqcli.errors import DataError
from seqcli.options import ReadingOptions
from seqcli.readers.blocks import Opening
from seqcli.readers.choosing import choose_format, read_opening
from seqcli.readers.registry import begin_format
from seqcli.readers.sources import Source
from seqcli.readers.stream import Record, RecordStream, open_stream


@pytest.fixture
def pipe() -> Iterator[tuple[Source, int]]:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as file:
        yield Source("pipe", file), writing  # type: ignore[arg-type]


def stream(source: Source, expected: tuple[str, ...]) -> RecordStream:
    text, final = read_opening(source, patient=False)
    chosen = choose_format(source, text, ReadingOptions(), expected)
    opening = Opening(source.name, text, final, ReadingOptions(), expected, expected[0])
    return RecordStream(source, begin_format(chosen, opening), final)


def test_a_silent_pipe_hands_over_what_it_has(pipe: tuple[Source, int]) -> None:
    source, writing = pipe
    os.write(writing, b"text,label\nfine,1\nbad,2\nwor")
    batches = stream(source, ("text",)).batches(100)
    assert [record.cells for record in next(batches)] == [("fine", "1"), ("bad", "2")]
    os.write(writing, b"se,3\n")
    assert next(batches) == [Record(4, ("worse", "3"), "")]
    os.write(writing, b'"over two\nlines",4\n')
    assert next(batches) == [Record(5, ("over two\nlines", "4"), "")]
    os.write(writing, b"last,5")
    os.close(writing)
    assert next(batches) == [Record(6, ("last", "5"), "")]
    assert next(batches, None) is None


def test_one_line_of_text_is_answered_before_the_pipe_says_more(pipe: tuple[Source, int]) -> None:
    source, writing = pipe
    os.write(writing, b"a good film, all in all\n")
    rows = stream(source, ("review",))
    assert rows.names == ("review",)
    assert rows.notes == ("read as one text a line",)
    batches = rows.batches(100)
    assert next(batches) == [Record(1, ("a good film, all in all",), "")]
    os.write(writing, b'{"no": "json any more"}\n')
    assert next(batches) == [Record(2, ('{"no": "json any more"}',), "")]
    os.close(writing)
    assert list(batches) == []


def test_a_header_that_comes_alone_is_a_header(pipe: tuple[Source, int]) -> None:
    source, writing = pipe
    os.write(writing, b"text,label\n")
    rows = stream(source, ("text",))
    later = threading.Timer(0.05, lambda: (os.write(writing, b"fine,1\n"), os.close(writing)))
    later.start()
    assert list(rows.batches(100)) == [[Record(2, ("fine", "1"), "")]]
    later.join()


def test_a_file_goes_in_full_batches(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("n\n" + "".join(f"{n}\n" for n in range(25)))
    batches = list(open_stream(str(path), ReadingOptions(), ("n",)).batches(10))
    assert [len(batch) for batch in batches] == [10, 10, 5]
    records = [record for batch in batches for record in batch]
    assert [record.cells[0] for record in records] == [str(n) for n in range(25)]
    assert [record.number for record in records] == list(range(2, 27))


def test_a_file_knows_what_share_of_it_was_handed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("n\n" + "".join(f"{n}\n" for n in range(25)))
    rows = open_stream(str(path), ReadingOptions(), ("n",))
    assert rows.share == 0
    assert [rows.share for _ in rows.batches(10)] == [0.4, 0.8, 1.0]


def test_a_share_counts_the_bytes_that_are_still_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqcli.readers.sources._PIECE", 100)
    path = tmp_path / "x.csv"
    path.write_text("number\n" + "123456789\n" * 99)
    rows = open_stream(str(path), ReadingOptions(), ("number",))
    shares = [rows.share or 0.0 for _ in rows.batches(3)]
    steps = [later - sooner for sooner, later in itertools.pairwise(shares)]
    assert min(steps) > 0
    assert max(steps) < 0.06
    assert shares[-1] == 1


def test_a_pipe_has_no_share(pipe: tuple[Source, int]) -> None:
    source, writing = pipe
    os.write(writing, b"text,label\nfine,1\n")
    assert stream(source, ("text",)).share is None
    os.close(writing)
    assert Source("memory", io.BytesIO(b"text\n")).share is None


def test_bad_rows_are_named_and_the_stream_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('text,label\nfine,1\na,b,c\n"open,1\nlast,2\n')
    (batch,) = open_stream(str(path), ReadingOptions(), ("text",)).batches(10)
    assert [(record.number, record.error) for record in batch] == [
        (2, ""),
        (3, f"{path}, row 3: 3 cells where the header has 2"),
        (4, f"{path}, row 4: a quote is opened and never closed"),
        (5, ""),
    ]
    assert all(len(record.cells) == 2 for record in batch)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "Review,label\nfine,1\n", "no column is called 'review'"),
        ("x.csv", "one text a line\n", "no column is called 'review'"),
        ("x.tsv", "Review\tlabel\nfine\t1\n", "no column is called 'review'"),
        ("x.csv", "", "the file is empty"),
        ("x.txt", "", "the file is empty"),
        ("x", "", "there is nothing to read"),
    ],
)
def test_what_the_model_cannot_read_is_refused_at_once(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as caught:
        open_stream(str(tmp_path / name), ReadingOptions(), ("review",))
    assert caught.value.message == f"{tmp_path / name}: {message}"


def test_a_header_and_no_rows_is_an_error_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("review,label\n")
    with pytest.raises(DataError, match="a header and no rows"):
        list(open_stream(str(path), ReadingOptions(), ("review",)).batches(10))


def test_json_lines_have_the_models_columns_even_when_the_first_lacks_one(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n{"b": 2, "new": 3}\n')
    rows = open_stream(str(path), ReadingOptions(), ("a", "b"))
    assert rows.names == ("a", "b")
    assert [record.cells for batch in rows.batches(5) for record in batch] == [("1", ""), ("", "2")]
