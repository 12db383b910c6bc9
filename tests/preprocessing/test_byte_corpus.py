"""Bytes and runs of bytes: exact for any text, cut as the package that learnt them cuts, decoded whole."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcli.errors import ModelError
from seqcli.preprocessing.byte_corpus import (
    FEWEST_PIECES,
    ByteCorpus,
    fit_corpus,
    learn_merges,
    restore_corpus,
)
from seqcli.preprocessing.corpus import Corpus, cut
from seqcli.preprocessing.vocabulary import RESERVED

TEXT = "The naïve café's owner sold 12 crêpes; the cat ate the crêpes — 日本語のテキスト 😀!\n" * 30
ANY_TEXT = st.text() | st.text(st.sampled_from("the ca’é日😀\n\t "))


@pytest.fixture(scope="module")
def pieces() -> ByteCorpus:
    return ByteCorpus.fit(TEXT, "bpe")


def test_bytes_are_bytes() -> None:
    corpus = ByteCorpus.fit(TEXT, "bytes")
    assert corpus.encode("aé\n").tolist() == [RESERVED + byte for byte in (0x61, 0xC3, 0xA9, 0x0A)]
    assert (corpus.size, corpus.unit) == (256 + RESERVED, "byte")
    assert corpus.cut("aé") == ["a", "\\xc3", "\\xa9"]


@settings(deadline=None)
@given(ANY_TEXT)
def test_any_text_comes_back(text) -> None:
    for corpus in (ByteCorpus("bytes"), ByteCorpus("bpe", ((b"t", b"h"), (b"th", b"e"), (b"\xc3", b"\xa9")))):
        ids = corpus.encode(text)
        assert ids.dtype == np.int64
        assert corpus.decode(ids.tolist()) == text
        assert corpus.characters[ids].sum() == len(text)
        decoder = corpus.decoder()
        parts = [decoder.feed([i]) for i in ids.tolist()]
        assert "".join(parts) == text
        assert decoder.pending == b""
        assert len(corpus.cut(text)) == len(ids)


def test_a_character_is_given_out_with_its_last_byte() -> None:
    corpus = ByteCorpus("bytes")
    decoder = corpus.decoder()
    ids = corpus.encode("é😀").tolist()
    assert [decoder.feed([i]) for i in ids] == ["", "é", "", "", "", "😀"]
    decoder.feed(ids[2:5])
    assert decoder.pending == "😀".encode()[:3]
    other = corpus.decoder()
    other.wait_for(decoder.pending)
    assert other.feed(ids[5:]) == "😀"
    assert corpus.decoder().feed([RESERVED + 0xA9, RESERVED + 0x61]) == "\N{REPLACEMENT CHARACTER}a"


def test_pieces_are_those_of_the_package_that_learnt_them(pieces) -> None:
    from tokenizers import Tokenizer, models

    def letters(raw: bytes) -> str:
        return "".join(chr(0x100 + byte) for byte in raw)

    vocabulary = {letters(bytes([byte])): byte for byte in range(256)}
    for left, right in pieces.merges:
        vocabulary.setdefault(letters(left + right), len(vocabulary))
    merges = [(letters(left), letters(right)) for left, right in pieces.merges]
    theirs = Tokenizer(models.BPE(vocabulary, merges))
    for word in cut(TEXT[:100] + " other caféteria crepe 日本 the theme 😀😀", "words"):
        expected = theirs.encode(letters(word.encode())).ids
        assert (pieces.encode(word) - RESERVED).tolist() == expected, word


def test_what_comes_often_is_one_piece(pieces) -> None:
    assert 50 < len(pieces.merges) <= FEWEST_PIECES
    assert pieces.encode(" the").tolist() == [RESERVED + pieces.tokens.index(" the")]
    assert len(pieces.encode(TEXT)) < 0.5 * len(TEXT)
    assert "crêpes" in "".join(pieces.tokens)


def test_equal_texts_give_equal_pieces(pieces) -> None:
    assert ByteCorpus.fit(TEXT, "bpe") == pieces
    assert len(learn_merges([TEXT], 10)) <= 10


def test_it_survives_json(pieces) -> None:
    for corpus in (pieces, ByteCorpus("bytes"), Corpus.fit("abc", "characters")):
        restored = restore_corpus(json.loads(json.dumps(corpus.to_json())))
        assert restored == corpus
        np.testing.assert_array_equal(restored.encode(TEXT), corpus.encode(TEXT))
    assert fit_corpus("abc", "characters", False) == Corpus.fit("abc", "characters")


@pytest.mark.parametrize(
    "change",
    [
        {"level": "words"},
        {"level": None},
        {"level": "bytes"},
        {"merges": None},
        {"merges": [["a"]]},
        {"merges": [["a", 7]]},
        {"merges": ["ab"]},
        {"merges": [["a", "b", "c"]]},
        {"merges": [["a", "€"]]},
        {"merges": [["ab", "c"]]},
        {"merges": [["a", ""]]},
        {"tokens": []},
        {"tokens": None},
        {"name": "corpus.v3"},
    ],
)
def test_anything_else_is_a_model_error(pieces, change) -> None:
    with pytest.raises(ModelError):
        restore_corpus({**pieces.to_json(), **change})


def test_pieces_that_double_without_end_are_refused() -> None:
    merges, part = [], "a"
    while len(part) < 10_000:
        merges.append([part, part])
        part += part
    with pytest.raises(ModelError):
        ByteCorpus.from_json({"level": "bpe", "merges": merges, "tokens": []})
