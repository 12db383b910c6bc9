"""CoNLL and CoNLL-U: what is a word, what is a sentence, what is passed over."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from seqcli.errors import DataError
from seqcli.options import ReadingOptions
from seqcli.readers.blocks import Opening
from seqcli.readers.conll import Conll, Conllu, looks_tagged
from seqcli.readers.read import read_file


def begin(text: str, final: bool = True, kind: type[Conll] = Conll) -> Conll:
    return kind(Opening("f.conll", text, final, ReadingOptions()))


def rows(text: str, kind: type[Conll] = Conll) -> list[tuple[str, ...]]:
    reader = begin(text, kind=kind)
    block = reader.feed("", True)
    assert not block.faults
    return list(block.rows(reader.names))


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n\n\n"])
def test_blank_lines_end_sentences_and_the_last_one_may_be_missing(end: str) -> None:
    text = "\nIt\tPRON\nran\tVERB\n\n\t\nNo\tX" + end
    assert rows(text) == [("1", "It", "PRON"), ("1", "ran", "VERB"), ("2", "No", "X")]


def test_it_is_cut_anywhere_and_reads_the_same() -> None:
    text = "-DOCSTART- -X- O\n\nEU NNP B-ORG\nrejects VBZ O\n\nPeter NNP B-PER\n. . O\n"
    whole = rows(text)
    assert whole[0] == ("1", "EU", "NNP", "B-ORG")
    assert [row[0] for row in whole] == ["1", "1", "2", "2"]
    for cut in range(text.index("EU NNP") + 7, len(text)):
        reader = begin(text[:cut], final=False)
        blocks = [reader.feed("", False), reader.feed(text[cut:], True)]
        assert [row for block in blocks for row in block.rows(reader.names)] == whole
        assert [n for block in blocks for n in block.numbers.tolist()] == [3, 4, 6, 7]


def test_columns_are_named_by_their_place() -> None:
    assert begin("a b c d\n").names == ("sentence", "token", "column 2", "column 3", "column 4")
    assert begin("a O\n").names == ("sentence", "token", "tag")
    assert begin("a\n\nb\n").names == ("sentence", "token")
    assert begin("1 a x O\n2 b y O\n\n1 c z O\n").names == ("sentence", "id", "token", "column 3", "column 4")
    assert begin("2020 CD O\n\nx NN O\n").names == ("sentence", "token", "column 2", "column 3")


def test_tabs_or_any_run_of_blanks_stand_between_columns() -> None:
    assert rows("New York\tLOC\nis\tO\n") == [("1", "New York", "LOC"), ("1", "is", "O")]
    assert rows("EU   NNP  B-ORG \nis VBZ\tO\n".replace("\t", " ")) == [
        ("1", "EU", "NNP", "B-ORG"),
        ("1", "is", "VBZ", "O"),
    ]
    assert rows("a\tO\t\nb\tO\n") == [("1", "a", "O"), ("1", "b", "O")]


def test_white_space_that_is_no_blank_and_no_tab_may_be_a_word() -> None:
    text = "a\x85b\tO\n\x85\tO\n\u00a0\tO\nc\u2028\tO\n"
    assert [row[1] for row in rows(text)] == ["a\x85b", "\x85", "\u00a0", "c\u2028"]


def test_comments_stand_between_sentences_and_a_hashtag_is_a_word() -> None:
    text = "# a title of five words\nx O\n#tag O\n\n# id = 3\ny O\n# O\n"
    assert [row[:2] for row in rows(text)] == [("1", "x"), ("1", "#tag"), ("2", "y"), ("2", "#")]


def test_a_document_line_ends_a_sentence() -> None:
    assert [row[0] for row in rows("a O\n-DOCSTART- O\nb O\n")] == ["1", "2"]


CONLLU = """# newdoc id = 1
# text = Don't go
1-2	Don't	_	_	_	_	_	_	_	_
1	Do	do	AUX	_	_	3	aux	_	_
2	n't	not	PART	_	_	3	advmod	_	_
3	go	go	VERB	_	_	0	root	_	_
3.1	there	there	ADV	_	_	_	_	_	_

# text = #
1	#	#	SYM	_	_	0	root	_	SpaceAfter=No
"""


def test_conllu_leaves_out_ranges_and_empty_nodes() -> None:
    reader = begin(CONLLU, kind=Conllu)
    found = list(reader.feed("", True).rows(("sentence", "form", "upos")))
    assert found == [("1", "Do", "AUX"), ("1", "n't", "PART"), ("1", "go", "VERB"), ("2", "#", "SYM")]
    assert reader.names[1:5] == ("id", "form", "lemma", "upos")


def test_conllu_plus_names_its_columns() -> None:
    text = "# global.columns = ID FORM UPOS PARSEME:MWE\n1\tIt\tPRON\t*\n"
    assert rows(text, Conllu) == [("1", "1", "It", "PRON", "*")]
    assert begin(text, kind=Conllu).names[-1] == "parseme:mwe"


def test_a_row_of_another_width_is_a_fault_that_says_so() -> None:
    block = begin("a O\nb\nc O\n").feed("", True)
    assert {int(block.numbers[at]): fault.reason for at, fault in block.faults.items()} == {
        2: "1 column where the first sentence has 2"
    }
    assert list(block.rows(("token", "tag"))) == [("a", "O"), ("b", ""), ("c", "O")]
    bad = begin("a O\nb\udce9 O\n").feed("", True)
    assert bad.faults[1].reason == "byte 0xE9 does not fit the encoding"
    assert list(bad.rows(("token",)))[1] == ("b?",)


@pytest.mark.parametrize(("text", "kind"), [("\n\n", Conll), ("-DOCSTART- O\n", Conll), ("# a\n", Conllu)])
def test_a_file_without_a_word(text: str, kind: type[Conll]) -> None:
    with pytest.raises(DataError, match="there is no word in it"):
        begin(text, kind=kind)


def test_a_text_file_of_iob_tags_is_known_by_its_lines() -> None:
    tagged = ["EU NNP B-ORG", "rejects VBZ O", "German JJ B-MISC", "call NN O", "to TO O"]
    assert looks_tagged(tagged)
    assert looks_tagged(["-DOCSTART- -X- O O", "EU NNP B-NP B-ORG"])
    assert not looks_tagged(tagged[:4])
    assert not looks_tagged([*tagged[:4], "to TO"])
    assert not looks_tagged(["one two"] * 6)
    assert not looks_tagged(["O"] * 6)


def test_files_are_known_by_their_names_and_content(tmp_path: Path) -> None:
    text = "EU B-ORG\nis O\n\nIt O\nran O\nO O\n"
    for name in ("a.conll", "a.iob", "a.txt", "eng.train"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert read_file(str(tmp_path / name), ReadingOptions()).names == ("sentence", "token", "tag")
    (tmp_path / "a.conllu.gz").write_bytes(gzip.compress(CONLLU.replace("\n", "\r\n").encode()))
    table = read_file(str(tmp_path / "a.conllu.gz"), ReadingOptions())
    assert table.cells("misc")[-1] == "SpaceAfter=No"
    assert table.where(3, "upos").endswith("line 10, column upos")


def test_a_line_between_blanks_among_tabs_says_what_is_wrong_with_it() -> None:
    (fault,) = begin("It\tPRON\nran VERB\n").feed("", True).faults.values()
    assert fault.reason == "1 column between tabs where the first sentence has 2"
    (fault,) = begin("It\tPRON\nran\n").feed("", True).faults.values()
    assert fault.reason == "1 column where the first sentence has 2"
