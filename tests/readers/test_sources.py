"""Opening inputs: encodings, line ends, gzip, and everything that is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.errors import DataError, UsageError
from seqcli.readers.sources import Source, bad_character, open_source

TEXT = "name,größe\nÄpfel,5 €\n„zitiert“,7\n"


def packed(data: bytes) -> bytes:
    """Gzipped without the time of day, which would give a test another name in each worker."""
    return gzip.compress(data, mtime=0)


class Dripping(io.RawIOBase):
    """A file that gives a few bytes at a time."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.data, self.sizes = data, sizes

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        count = self.sizes.pop(0) if self.sizes else len(self.data)
        part, self.data = self.data[:count], self.data[count:]
        return part


def text_of(data: bytes, encoding: str | None = None, sizes: tuple[int, ...] = ()) -> tuple[str, list[str]]:
    source = Source("x", Dripping(data, list(sizes)), encoding)  # type: ignore[arg-type]
    return "".join(iter(source.read, "")), source.notes


@pytest.mark.parametrize(
    ("data", "notes"),
    [
        (TEXT.encode(), []),
        (TEXT.encode("utf-8-sig"), ["byte order mark"]),
        (TEXT.encode("utf-16"), ["encoding UTF-16"]),
        (TEXT.encode("utf-16-le"), ["encoding UTF-16"]),
        (TEXT.encode("utf-16-be"), ["encoding UTF-16"]),
        (TEXT.encode("cp1252"), ["encoding cp1252"]),
        (packed(TEXT.encode()), ["gzip"]),
        (packed(TEXT.encode("cp1252")), ["gzip", "encoding cp1252"]),
        (packed(TEXT[:9].encode()) + packed(TEXT[9:].encode()), ["gzip"]),
        (TEXT.replace("\n", "\r\n").encode(), []),
        (TEXT.replace("\n", "\r").encode(), []),
    ],
)
def test_encodings_are_found_and_said(data: bytes, notes: list[str]) -> None:
    assert text_of(data) == (TEXT, notes)


@given(
    st.lists(st.integers(4, 9), max_size=20),
    st.sampled_from(["utf-8", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_pieces_of_any_size_give_the_same_text(sizes: list[int], encoding: str, end: str) -> None:
    assert text_of(TEXT.replace("\n", end).encode(encoding), None, tuple(sizes))[0] == TEXT


@given(st.lists(st.integers(3, 9), max_size=20))
def test_gzip_in_pieces_of_any_size_gives_the_same_text(sizes: list[int]) -> None:
    assert text_of(packed(TEXT.encode()), None, tuple(sizes))[0] == TEXT


def test_a_late_umlaut_still_finds_cp1252() -> None:
    data = b"plain ascii\n" + "später".encode("cp1252")
    assert text_of(data, None, (12, 3, 1)) == ("plain ascii\nspäter", ["encoding cp1252"])


def test_one_wrong_byte_in_utf8_is_kept_for_its_row_to_be_named() -> None:
    text, notes = text_of("für\n".encode() + b"caf\xe9\n" + "über\n".encode())
    assert notes == []
    assert [bad_character(line) for line in text.split("\n")[:3]] == [
        "",
        "byte 0xE9 does not fit the encoding",
        "",
    ]


def test_a_typed_encoding_is_used_and_an_unknown_one_is_a_usage_error() -> None:
    assert text_of("Привет".encode("cp1251"), "cp1251")[0] == "Привет"
    assert text_of(TEXT.encode("utf-8-sig"), "utf8")[0] == TEXT
    with pytest.raises(UsageError) as caught:
        text_of(b"x", "utf-88")
    assert caught.value.hint == "did you mean 'utf-8'?"


@pytest.mark.parametrize(
    ("data", "words", "hint"),
    [
        (b"PK\x03\x04rest", "spreadsheet or a zip", "save the sheet as CSV"),
        (b"PAR1....", "Parquet", "csv, tsv, jsonl or txt"),
        (b"%PDF-1.7", "PDF", "csv, tsv, jsonl or txt"),
        (b"SQLite format 3\x00", "SQLite", ""),
        (b"BZh91AY", "bzip2", "bunzip2"),
        (bytes(range(256)) * 8, "binary data", "csv, tsv, jsonl or txt"),
        (packed(b"a,b\n1,2\n")[:-12], "ends too early", "again"),
        (packed(b"a,b\n1,2\n" * 99)[:-8] + bytes(8), "damaged gzip", "again"),
        (packed(packed(b"a" * 999)), "binary data", ""),
        ("abc".encode("utf-16") + b"\x00", "does not fit its encoding", "--encoding"),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, words: str, hint: str) -> None:
    with pytest.raises(DataError) as caught:
        text_of(data)
    assert words in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint


def test_a_missing_file_names_the_closest(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("a\n")
    with pytest.raises(DataError) as caught:
        open_source(str(tmp_path / "review.csv"))
    assert caught.value.message.endswith("review.csv: no such file")
    assert caught.value.hint == f"did you mean {tmp_path / 'reviews.csv'}?"
    (tmp_path / "prices.seqcli").mkdir()  # a model is nothing to read
    with pytest.raises(DataError) as caught:
        open_source(str(tmp_path / "prices.csv"))
    assert caught.value.hint != f"did you mean {tmp_path / 'prices.seqcli'}?"
    with pytest.raises(DataError) as caught:
        open_source(str(tmp_path / "nowhere" / "x.csv"))
    assert caught.value.hint == "look at its path and spelling"


def test_a_directory_and_a_spreadsheet_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a directory"):
        open_source(str(tmp_path))
    sheet = tmp_path / "sales.xlsx"
    sheet.write_bytes(b"anything")
    with pytest.raises(DataError, match="is a spreadsheet") as caught:
        open_source(str(sheet))
    assert "save the sheet as CSV" in caught.value.hint


def test_a_name_with_a_nul_byte() -> None:
    with pytest.raises(DataError, match="cannot be opened"):
        open_source("a\0b.csv")


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.csv"
    path.write_text("a\n1\n")
    path.chmod(0)
    if os.geteuid() == 0:  # root may read everything: let the opening say what another user would hear

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match="no permission") as caught:
        open_source(str(path))
    assert caught.value.hint == f"chmod u+r {path}"


def test_a_read_that_fails_is_an_error_of_the_data() -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(DataError, match="cannot be read: Input/output error"):
        Source("disk.csv", Broken()).read()  # type: ignore[arg-type]


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(packed(b"a,b\n"))
    source = open_source(str(path))
    assert "".join(iter(source.read, "")) == "a,b\n"
    assert source.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    source.close()


def test_stdin_may_be_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"text\nfine\n")))
    source = open_source("-")
    assert (source.name, source.waits(), source.read(), source.read()) == ("stdin", False, "text\nfine\n", "")
    source.close()


def test_a_silent_pipe_waits_and_a_closed_one_does_not() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as file:
        source = Source("pipe", file)  # type: ignore[arg-type]
        assert source.waits()
        os.write(writing, b"one\n")
        assert not source.waits()
        assert source.read() == "one\n"
        assert source.waits(0.01)
        os.close(writing)
        assert not source.waits()
        assert source.read() == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [("fine", ""), ("größe", ""), ("a\0b", "a NUL byte"), ("\ud800", "half a surrogate pair")],
)
def test_bad_characters(text: str, reason: str) -> None:
    assert bad_character(text) == reason
