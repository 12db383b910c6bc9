"""Where results go: forms, whole files, streams that come in pieces."""

from __future__ import annotations

import csv
import io
import json
import os
import stat

import pytest

from seqcli.errors import UsageError
from seqcli.options import OutputOptions
from seqcli.reporting.results import RowWriter, check_output, result_format, result_stream, write_result
from seqcli.results import ResultColumn, ResultTable

TABLE = ResultTable("T", (ResultColumn("a"), ResultColumn("b")), [(1, "x"), (2, "y")])


@pytest.mark.parametrize(
    ("typed", "file", "form"),
    [
        (None, None, "csv"),
        ("json", None, "json"),
        (None, "out.jsonl", "jsonl"),
        (None, "out.JSON", "json"),
        (None, "out.txt", "csv"),
        ("table", "out.json", "table"),
        (None, "-", "csv"),
    ],
)
def test_the_form_follows_what_was_asked_then_the_name(typed, file, form) -> None:
    assert result_format(OutputOptions(format=typed, output=file)) == form


def test_a_terminal_gets_a_table(monkeypatch) -> None:
    monkeypatch.setattr("seqcli.reporting.results.is_terminal", lambda stream: True)
    assert result_format(OutputOptions()) == "table"


def test_a_result_goes_to_stdout(capsys) -> None:
    write_result(TABLE, OutputOptions())
    assert capsys.readouterr().out == "a,b\n1,x\n2,y\n"


def test_a_result_file_is_whole_and_alone(tmp_path) -> None:
    target = tmp_path / "out.csv"
    write_result(TABLE, OutputOptions(output=str(target)))
    assert target.read_text() == "a,b\n1,x\n2,y\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask


def test_an_error_midway_leaves_the_old_file(tmp_path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")

    def write_half() -> None:
        with result_stream(OutputOptions(output=str(target))) as stream:
            stream.write("half")
            raise ValueError

    with pytest.raises(ValueError):
        write_half()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_a_result_may_replace_the_file_it_was_read_from(tmp_path) -> None:
    target = tmp_path / "rows.csv"
    target.write_text("a\n1\n2\n")
    with open(target) as source, result_stream(OutputOptions(output=str(target))) as stream:
        for line in source:
            stream.write(line.strip() + ",new\n")
    assert target.read_text() == "a,new\n1,new\n2,new\n"


def test_a_device_is_written_directly() -> None:
    write_result(TABLE, OutputOptions(output=os.devnull))
    with pytest.raises(OSError):
        write_result(TABLE, OutputOptions(output="/dev/full"))


def test_a_place_that_cannot_be_written_is_refused_early(tmp_path) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        check_output(OutputOptions(output=str(tmp_path)))
    with pytest.raises(UsageError, match="there is no directory"):
        check_output(OutputOptions(output=str(tmp_path / "no" / "out.csv")))
    check_output(OutputOptions(output=str(tmp_path / "out.csv")))
    assert list(tmp_path.iterdir()) == []


def pieces(form, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    stream = io.StringIO()
    writer = RowWriter(["text", "prediction"], form, stream)
    writer.write(["good", "positive"])
    writer.flush()
    early = stream.getvalue()
    writer.write(["bad, really", "negative"])
    writer.write(["x" * 100, ""])
    writer.close()
    return early, stream.getvalue()


def test_rows_in_pieces_as_csv(monkeypatch) -> None:
    early, whole = pieces("csv", monkeypatch)
    assert early == "text,prediction\ngood,positive\n"
    assert list(csv.reader(io.StringIO(whole)))[2:] == [["bad, really", "negative"], ["x" * 100, ""]]


def test_rows_in_pieces_as_json_lines(monkeypatch) -> None:
    early, whole = pieces("jsonl", monkeypatch)
    assert json.loads(early) == {"text": "good", "prediction": "positive"}
    assert len(whole.splitlines()) == 3


def test_rows_in_pieces_as_one_json_document(monkeypatch) -> None:
    early, whole = pieces("json", monkeypatch)
    assert "good" in early
    assert [row["prediction"] for row in json.loads(whole)] == ["positive", "negative", ""]


def test_rows_in_pieces_as_one_table(monkeypatch) -> None:
    early, whole = pieces("table", monkeypatch)
    assert "positive" in early
    assert whole.count("prediction") == 1
    assert max(map(len, whole.splitlines())) <= 60


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "table"])
def test_no_rows_are_still_a_document(form) -> None:
    stream = io.StringIO()
    RowWriter(["a", "b"], form, stream).close()
    assert {"csv": "a,b\n", "json": "[]\n", "jsonl": ""}.get(form, stream.getvalue()) == stream.getvalue()
    if form == "table":
        assert "a" in stream.getvalue()
