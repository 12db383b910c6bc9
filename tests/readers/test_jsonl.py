"""JSON Lines: keys are columns, digits stay as written, a wrong line is named."""

from __future__ import annotations

import pytest

from seqcli.errors import DataError
from seqcli.options import ReadingOptions
from seqcli.readers.blocks import Block, Opening
from seqcli.readers.jsonl import JsonLines


def begin(text: str, final: bool = True, expected: tuple[str, ...] = ()) -> JsonLines:
    return JsonLines(Opening("f.jsonl", text, final, ReadingOptions(), expected))


def faults(block: Block) -> dict[int, str]:
    return {int(block.numbers[position]): fault.reason for position, fault in block.faults.items()}


def test_values_become_cells_as_they_were_written() -> None:
    reader = begin(
        '{"text": "größe, \\"x\\"\\n", "a": 1.50, "b": 12345678901234567890123, "c": null, "d": true}\n'
        '{"text": "None", "a": 1e400, "b": [1.0, {"k": "v"}], "c": NaN, "d": false}\n'
    )
    rows = list(reader.feed("", True).rows(reader.names))
    assert reader.names == ("text", "a", "b", "c", "d")
    assert rows[0] == ('größe, "x"\n', "1.50", "12345678901234567890123", "", "true")
    assert rows[1] == ("None", "1e400", '[1.0, {"k": "v"}]', "NaN", "false")


def test_keys_may_come_in_any_order_come_late_or_be_left_out() -> None:
    reader = begin('{"a": "1"}\n', final=False)
    assert list(reader.feed("", False).rows(reader.names)) == [("1",)]
    block = reader.feed('\n{"b": "2", "a": "3"}\n{"b": "4"}', True)
    assert reader.names == ("a", "b")
    assert list(block.rows(reader.names)) == [("3", "2"), ("", "4")]
    assert block.numbers.tolist() == [3, 4]


def test_lines_cut_anywhere_read_the_same() -> None:
    text = '{"a": "é"}\n{"a": "2"}\n'
    for cut in range(11, len(text)):
        reader = begin(text[:11], final=False)
        blocks = [reader.feed("", False), reader.feed(text[11:cut], False), reader.feed(text[cut:], True)]
        assert [row for block in blocks for row in block.rows(("a",))] == [("é",), ("2",)]
        assert [number for block in blocks for number in block.numbers.tolist()] == [1, 2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"a": 1', "not JSON: expecting ',' delimiter at character 8"),
        ("[1, 2]", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ('{"a": 1, "a": 2}', "two values are called 'a'"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ('{"a": "x\0"}', "a NUL byte"),
        ('{"a": "x\\u0000"}', "a NUL byte"),
        ('{"a": "\\ud800"}', "half a surrogate pair"),
        ('{"a": "\udce9"}', "byte 0xE9 does not fit the encoding"),
    ],
)
def test_a_wrong_line_is_named_and_the_others_are_kept(line: str, reason: str) -> None:
    block = begin('{"a": "1"}\n' + line + '\n{"a": "3"}\n').feed("", True)
    assert faults(block) == {2: reason}
    assert list(block.rows(("a",))) == [("1",), ("",), ("3",)]
    with pytest.raises(DataError) as caught:
        begin(line + "\n")
    assert caught.value.message == f"f.jsonl, line 1: {reason}"


def test_a_line_without_any_key_of_the_model_is_wrong() -> None:
    reader = begin(
        '{"review": "a", "n": 1}\n{"Review": "b"}\n{"review": null}\n{"n": "1"}\n', True, ("review", "n")
    )
    block = reader.feed("", True)
    assert faults(block) == {2: "no key is called 'review'"}
    assert block.faults[1].hint == "'Review' → 'review'?"


def test_an_empty_file() -> None:
    with pytest.raises(DataError, match=r"f\.jsonl: the file is empty"):
        begin("\n\n")
