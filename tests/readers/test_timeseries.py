"""The .ts files of the UEA and UCR archives: what a series is, and how a broken line is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqcli.errors import DataError
from seqcli.options import ReadingOptions
from seqcli.readers.blocks import Opening
from seqcli.readers.read import read_file
from seqcli.readers.timeseries import TimeSeries

HEAD = (
    "# about\n@problemName x\n@timeStamps false\n@univariate false\n"
    "@dimensions 2\n@classLabel true a b\n@data\n"
)
"""Seven lines, so that the first series is line 8."""


def begin(text: str, final: bool = True, expected: tuple[str, ...] = ()) -> TimeSeries:
    return TimeSeries(Opening("f.ts", text, final, ReadingOptions(), expected))


def rows(text: str) -> list[tuple[str, ...]]:
    reader = begin(text)
    block = reader.feed("", True)
    assert not block.faults
    return list(block.rows(reader.names))


def test_each_step_is_a_row_with_its_series_channels_and_class() -> None:
    reader = begin(HEAD + "1.50,2:3,-4e-1:a\n\n% said\n7:8:b")
    block = reader.feed("", True)
    assert reader.names == ("series", "step", "channel 1", "channel 2", "label")
    assert list(block.rows(reader.names)) == [
        ("1", "1", "1.50", "3", "a"),
        ("1", "2", "2", "-4e-1", "a"),
        ("2", "1", "7", "8", "b"),
    ]
    assert block.numbers.tolist() == [8, 8, 11]
    assert not block.faults


def test_missing_values_and_an_unknown_class_are_empty_cells() -> None:
    assert rows(HEAD + "?,NaN:1,2:?\n") == [("1", "1", "", "1", ""), ("1", "2", "", "2", "")]


def test_one_channel_is_called_value_and_a_number_to_learn_target() -> None:
    head = "@univariate true\n@targetLabel true\n@data\n"
    assert begin(head + "1,2:0.5\n").names == ("series", "step", "value", "target")
    assert rows(head + "1,2:0.5\n")[0] == ("1", "1", "1", "0.5")
    assert begin("@classLabel false\n@data\n1,2\n").names == ("series", "step", "value")


def test_channels_are_counted_where_the_header_does_not_say_how_many() -> None:
    assert begin("@classLabel true a\n@data\n1:2:3:a\n").names[2:5] == ("channel 1", "channel 2", "channel 3")
    assert begin("@classLabel false\n@data\n1:2\n").names[2:] == ("channel 1", "channel 2")


def test_it_is_cut_anywhere_and_reads_the_same() -> None:
    text = HEAD + "1,2:3,4:a\n5:6:b\n7,8,9:1,2,3:a\n"
    whole = rows(text)
    assert len(whole) == 6
    for cut in range(len(HEAD), len(text)):
        reader = begin(text[:cut], final=False)
        blocks = [reader.feed("", False), reader.feed(text[cut:], True)]
        assert [row for block in blocks for row in block.rows(reader.names)] == whole
        assert [n for block in blocks for n in block.numbers.tolist()] == [8, 8, 9, 10, 10, 10]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,2:3,4,5:a", "channel 2 has 3 values, channel 1 has 2"),
        ("1,2:a", "1 channel, where 2 and a class should stand between the colons"),
        ("1:2:3:a", "3 channels, where 2 and a class should stand between the colons"),
        ("1,x:2,3:a", "'x' is not a number"),
        ("1:2:c", "'c' is no class of the header"),
    ],
)
def test_a_broken_line_is_named_with_its_number(tmp_path: Path, line: str, reason: str) -> None:
    file = tmp_path / "f.ts"
    file.write_text(HEAD + "1:2:a\n" + line + "\n3:4:b\n")
    with pytest.raises(DataError) as caught:
        read_file(str(file), ReadingOptions())
    assert caught.value.message == f"{file}, line 9: {reason}"
    reader = begin(file.read_text())
    block = reader.feed("", True)
    assert [row[0] for row in block.rows(reader.names)] == ["1", "2", "3"]  # a stream goes on behind it
    assert list(block.faults) == [1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@classLabel true a\n1:a\n", "f.ts: no line says @data"),
        ("1,2:a\n@data\n", "f.ts, line 1: '1,2:a' stands above @data"),
        ("@timeStamps true\n@data\n(0,1):a\n", "f.ts: its values carry time stamps, which are not read"),
        ("@dimensions many\n@data\n1:a\n", "f.ts: @dimensions 'many' is no number of channels"),
    ],
)
def test_a_broken_header_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        begin(text)
    assert caught.value.message == message
    assert caught.value.hint


def test_a_model_of_other_channels_is_told_which_is_not_there() -> None:
    with pytest.raises(DataError, match="no column is called 'channel 3'"):
        begin(HEAD + "1:2:a\n", expected=("series", "step", "channel 1", "channel 2", "channel 3"))
