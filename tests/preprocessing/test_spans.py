"""Where tokens and n-grams stand: held against what the vocabulary and the n-grams themselves say."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seqcli.preprocessing.ngrams import NgramForm, read_ngrams
from seqcli.preprocessing.spans import composed, gram_places, token_spans
from seqcli.preprocessing.vocabulary import tokenize_characters, tokenize_words

TEXTS = st.text(
    st.one_of(st.sampled_from(list("aAbeént'’ .,!İΣς\u0301\t\n3\x02日")), st.characters()), max_size=40
)


def pieces(text: str, level: str) -> list[str]:
    return [composed(text)[begin:end] for begin, end in token_spans(text, level).tolist()]


@given(TEXTS)
@example("I don't; DON’T isn'tn't")
@example("İİ n't x")
@example("ΑΣ ΑΣ'ς")
def test_spans_are_those_of_the_tokens(text) -> None:
    spans = token_spans(text, "words")
    tokens = tokenize_words(text)
    assert len(spans) == len(tokens)
    assert (spans[:, 0] < spans[:, 1]).all()
    assert (spans[1:, 0] >= spans[:-1, 1]).all()
    assert [piece.lower().replace("’", "'") for piece in pieces(text, "words")] == [
        token if not token.endswith(("ς", "σ")) else piece.lower().replace("’", "'")
        for token, piece in zip(tokens, pieces(text, "words"), strict=True)
    ]
    assert pieces(text, "characters") == tokenize_characters(text)


@given(TEXTS, st.sampled_from([NgramForm(3, 3, 6), NgramForm(2, 0, 0), NgramForm(0, 1, 4)]))
def test_places_hold_every_n_gram_as_often_as_it_is_there(text, form) -> None:
    places = gram_places(text, form, token_spans(text, "words"))
    whole = read_ngrams([text], form)
    assert Counter(places.keys.tolist()) == dict(
        zip(whole.keys.tolist(), whole.counts.astype(int).tolist(), strict=True)
    )
    assert (places.first <= places.last).all()


def test_an_n_gram_is_of_the_words_that_it_is_made_of() -> None:
    text = "So good,  so bad"  # so good , so bad
    spans = token_spans(text, "words")
    words = gram_places(text, NgramForm(2, 0, 0), spans)
    bigram = read_ngrams([","], NgramForm(1, 0, 0)).keys
    assert [(int(a), int(b)) for a, b in zip(words.first, words.last, strict=True)].count((2, 3)) == 1
    assert words.last[words.keys == bigram[0]].tolist() == [3]
    # Of two words side by side there are four pairs; the first and the last stand beside a mark.
    sizes = Counter((words.last - words.first).tolist())
    assert sizes == {1: 5 + 2, 2: 4}
    characters = gram_places(text, NgramForm(0, 4, 4), spans)
    found = {(int(a), int(b)) for a, b in zip(characters.first, characters.last, strict=True)}
    assert found == {(0, 1), (0, 2), (1, 2), (1, 3), (1, 4), (2, 4), (3, 4), (3, 5), (4, 5)}


@pytest.mark.parametrize("text", ["", "  \t"])
def test_n_grams_of_a_text_without_tokens_are_of_none(text) -> None:
    places = gram_places(text, NgramForm(3, 1, 4), token_spans(text, "words"))
    assert (places.first == places.last).all()
    assert len(places.keys) == len(read_ngrams([text], NgramForm(3, 1, 4)).keys)
