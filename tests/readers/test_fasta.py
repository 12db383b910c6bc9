"""FASTA: what a sequence is, where its label stands, how a broken one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqcli.errors import DataError
from seqcli.options import ReadingOptions
from seqcli.readers.blocks import Opening
from seqcli.readers.fasta import Fasta
from seqcli.readers.read import read_file, read_table


def begin(text: str, final: bool = True, expected: tuple[str, ...] = ()) -> Fasta:
    return Fasta(Opening("f.fa", text, final, ReadingOptions(), expected))


def rows(text: str) -> list[tuple[str, ...]]:
    reader = begin(text)
    block = reader.feed("", True)
    assert not block.faults
    return list(block.rows(reader.names))


def test_lines_below_a_name_are_joined() -> None:
    text = ">one first\nACGT\nacg\n\n>two\n  TTT \n; said\n"
    assert rows(text) == [("one", "ACGTacg"), ("two", "TTT")]


def test_it_is_cut_anywhere_and_reads_the_same() -> None:
    text = ">a x\nAC\nGT\n>b\nTT\n>c\nGGG"
    whole = rows(text)
    assert whole == [("a", "ACGT"), ("b", "TT"), ("c", "GGG")]
    for cut in range(1, len(text)):
        reader = begin(text[:cut], final=False)
        blocks = [reader.feed("", False), reader.feed(text[cut:], True)]
        assert [row for block in blocks for row in block.rows(reader.names)] == whole
        assert [n for block in blocks for n in block.numbers.tolist()] == [1, 4, 6]


@pytest.mark.parametrize("form", [">s{n} label={c}", ">s{n}|x|{c}", ">s{n} class={c};chr=1"])
def test_a_label_in_the_names_becomes_a_column(form: str) -> None:
    text = "".join(form.format(n=n, c="yes" if n % 2 else "no") + "\nACGT\n" for n in range(6))
    reader = begin(text)
    assert reader.names == ("id", "sequence", "label")
    assert [row[2] for row in reader.feed("", True).rows(reader.names)] == ["no", "yes"] * 3
    assert "labels are read from the names" in reader.notes[0]


def test_what_differs_in_each_name_is_no_label() -> None:
    text = "".join(f">gi|{n}|ref|NM_{n}| gene {n}\nACGT\n" for n in range(9))
    assert begin(text).names == ("id", "sequence")


def test_the_name_of_a_file_is_the_label_of_its_sequences(tmp_path: Path) -> None:
    for name in ("pos", "neg"):
        (tmp_path / f"{name}.fa").write_text(f">1\nACGT\n>2\n{name[0]}\n")
    table = read_table([str(tmp_path / "pos.fa"), str(tmp_path / "neg.fa")], ReadingOptions())
    assert table.cells("label") == ["pos", "pos", "neg", "neg"]
    assert table.cells("sequence") == ["ACGT", "p", "ACGT", "n"]


def test_a_name_without_a_sequence_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "f.fa"
    file.write_text(">one\nACGT\n>two\n>three\nA\n")
    with pytest.raises(DataError) as caught:
        read_file(str(file), ReadingOptions())
    assert caught.value.message == f"{file}, line 3: no sequence below this name"


def test_bases_without_a_name_and_an_empty_file_are_refused() -> None:
    with pytest.raises(DataError, match="line 2: no > ahead of the first sequence"):
        begin("\nACGT\n>one\nA\n")
    with pytest.raises(DataError, match="the file is empty"):
        begin("\n\n")


def test_a_model_of_other_columns_is_told_which_is_not_there() -> None:
    with pytest.raises(DataError, match="no column is called 'Sequence'"):
        begin(">one\nACGT\n", expected=("Sequence",))


def test_a_model_that_learnt_from_a_table_finds_its_column_of_text() -> None:
    opening = Opening("f.fa", ">a\nACGT\n", True, ReadingOptions(), ("Sequence",), "Sequence")
    reader = Fasta(opening)
    assert reader.names == ("id", "Sequence")
    assert list(reader.feed("", True).rows(reader.names)) == [("a", "ACGT")]
    with pytest.raises(DataError, match="no column is called 'age'"):
        Fasta(opening._replace(expected=("Sequence", "age")))
