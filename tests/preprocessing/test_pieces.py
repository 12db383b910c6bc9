from __future__ import annotations

import builtins

import pytest

import seqcli.preprocessing.pieces as module
from seqcli.errors import ModelError, UsageError
from seqcli.preprocessing.pieces import Pieces, learn_pieces
from seqcli.preprocessing.vocabulary import BPE, Vocabulary

MERGES = (("l", "o"), ("lo", "w"), ("e", "r"), ("er", "▁"), ("a", "a"), ("w", "er▁"), ("low", "▁"))
TEXTS = [
    "the lower the newer the wider it was the lowest of the newest and widest",
    "lowering and widening newer lower lows in the low land",
    "aaa aaaa aab the lower land is the newest land",
] * 3


def test_merges_in_the_order_in_which_they_were_learnt() -> None:
    pieces = Pieces(MERGES)
    assert pieces.cut(["low"]) == ["low▁"]
    assert pieces.cut(["lower", "slow"]) == ["low", "er▁", "s", "low▁"]
    assert pieces.cut(["aaaaa"]) == ["aa", "aa", "a", "▁"]  # neighbours from the left, none twice
    assert pieces.cut(["x"]) == ["x", "▁"]
    assert pieces.cut([]) == []


def test_a_long_stream_needs_no_more_memory_and_no_word_is_endless(monkeypatch) -> None:
    monkeypatch.setattr(module, "KEPT_WORDS", 10)
    pieces = Pieces(MERGES)
    for start in range(0, 100, 7):
        words = [f"lower{number}" for number in range(start, start + 7)]
        assert pieces.cut(words) == Pieces(MERGES).cut(words)
        assert len(pieces._known) <= 17
    assert len(pieces.cut(["x" * 10**6])) <= module.LONGEST_WORD


def test_json_restores_it_and_nothing_else_passes() -> None:
    assert Pieces.from_json(Pieces(MERGES).to_json()) == Pieces(MERGES)
    for broken in (
        None,
        {},
        [["a"]],
        [["a", ""]],
        [["a", 1]],
        ["ab"],
        [["a", "b"]] * (module.MOST_MERGES + 1),
    ):
        with pytest.raises(ModelError):
            Pieces.from_json(broken)
    data = Vocabulary(BPE, ("low▁",), Pieces(MERGES)).to_json()
    assert Vocabulary.from_json(data) == Vocabulary(BPE, ("low▁",), Pieces(MERGES))
    for broken in ({**data, "level": "words"}, {key: data[key] for key in ("name", "level", "tokens")}):
        with pytest.raises(ModelError):
            Vocabulary.from_json(broken)


def test_without_the_package_the_error_names_what_installs_it(monkeypatch) -> None:
    real = builtins.__import__

    def absent(name, *rest, **more):
        if name == "tokenizers":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(UsageError, match="tokenizers") as caught:
        learn_pieces([["a"]], 10)
    assert caught.value.hint == "pip install 'seqcli[text]'"


def test_words_are_cut_as_the_package_itself_cuts_them() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    words = [text.split() for text in TEXTS]
    pieces = learn_pieces(words, 60)
    assert 10 < len(pieces.merges) < 60
    known = sorted({character for row in words for word in row for character in word + "▁"})
    known += [left + right for left, right in pieces.merges]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(known))}
    model = tokenizers.models.BPE(vocab=vocabulary, merges=list(pieces.merges))
    theirs = tokenizers.Tokenizer(model)
    for word in sorted({word for row in words for word in row}):
        assert pieces.cut([word]) == theirs.encode(word + "▁").tokens


def test_a_vocabulary_of_pieces_knows_words_that_no_text_had() -> None:
    pytest.importorskip("tokenizers")
    vocabulary = Vocabulary.fit(TEXTS, BPE, max_size=60)
    assert vocabulary.unit == "piece"
    assert vocabulary.size <= 60
    ids = vocabulary.encode(["the lowest widening", ""])
    assert ids.row(0).min() > 1
    assert ids.row(1).tolist() == [2]
    assert Vocabulary.fit(TEXTS, BPE, max_size=60) == vocabulary
