"""Two files of texts, line against line."""

from __future__ import annotations

import gzip

import pytest

from seqcli.errors import DataError
from seqcli.options import ReadingOptions
from seqcli.readers.pairs import read_pair


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_lines_stand_side_by_side_commas_and_all(tmp_path):
    one = write(tmp_path / "a.de", "Ein Mann, eine Frau\nzwei,drei\n")
    other = tmp_path / "a.en.gz"
    other.write_bytes(gzip.compress(b"A man, a woman\ntwo,three\n"))
    table = read_pair((one, str(other)), ReadingOptions())
    assert table.cells("source") == ["Ein Mann, eine Frau", "zwei,drei"]
    assert table.cells("target") == ["A man, a woman", "two,three"]
    assert table.files == (one, str(other))
    assert table.digest != read_pair((str(other), one), ReadingOptions()).digest


def test_a_line_that_is_blank_in_either_is_left_out_and_the_others_stay_together(tmp_path):
    one = write(tmp_path / "a", "1\n\n3\n4\n")
    other = write(tmp_path / "b", "eins\nzwei\n\nvier\n")
    table = read_pair((one, other), ReadingOptions())
    assert list(zip(table.cells("source"), table.cells("target"), strict=True)) == [
        ("1", "eins"),
        ("4", "vier"),
    ]
    assert table.records.tolist() == [1, 4]
    assert "2 lines blank in one of both left out" in table.notes


def test_files_that_do_not_end_together_are_refused(tmp_path):
    one, other = write(tmp_path / "a", "1\n2\n3\n"), write(tmp_path / "b", "1\n2\n")
    with pytest.raises(DataError, match=r"b ends at line 2, .*a at line 3"):
        read_pair((one, other), ReadingOptions())


@pytest.mark.parametrize("paths", [("a",), ("a", "b", "c"), ("a", ""), ("-", "a")])
def test_two_files_are_wanted(paths):
    with pytest.raises(DataError):
        read_pair(paths, ReadingOptions())
