from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.errors import ModelError
from seqcli.preprocessing import ngrams as module
from seqcli.preprocessing.ngrams import NgramForm, NgramIndex, apart, bits_for, read_ngrams
from seqcli.preprocessing.vocabulary import tokenize_words

FORM = NgramForm(3, 2, 4)
RNG = np.random.default_rng(4)


def by_hand(text: str, form: NgramForm) -> dict[tuple[object, ...], int]:
    """Each n-gram of a text and how often it is there."""
    found: dict[tuple[object, ...], int] = {}
    words = ["<", *tokenize_words(text), ">"]
    letters = ["<", *" ".join(text.split()), ">"]
    shortest = form.fewest or 1
    for units, lengths in (
        (words, range(1, form.words + 1)),
        (letters, range(shortest, form.characters + 1)),
    ):
        for length in lengths:
            for start in range(len(units) - length + 1):
                run = tuple(units[start : start + length])
                if length > 1 or run[0] not in "<>":
                    found[(units is words, *run)] = found.get((units is words, *run), 0) + 1
    return found


TEXTS = [
    "a good film , a good cast",
    "A good  film",
    "not good",
    "good not",
    "",
    "   ",
    "é\tnaïve\nfilm",
    "x",
    "映画は良い",
    "aaaa aaaa",
]


@pytest.mark.parametrize("form", [FORM, NgramForm(2, 0, 0), NgramForm(0, 1, 3)])
def test_every_ngram_is_there_once_with_its_count_and_a_number_of_its_own(form) -> None:
    ngrams = read_ngrams(TEXTS, form)
    numbers: dict[tuple[object, ...], int] = {}
    for row, text in enumerate(TEXTS):
        start, stop = ngrams.offsets[row : row + 2]
        keys, counts = ngrams.keys[start:stop].tolist(), ngrams.counts[start:stop].tolist()
        assert keys == sorted(set(keys))
        expected = by_hand(text, form)
        assert sorted(counts) == sorted(expected.values())
        for run in expected:  # what is known of a run from the text that it makes up alone
            alone = read_ngrams([text], form)
            assert alone.keys.tolist() == keys
            numbers.setdefault(run, -1)
    distinct = np.unique(ngrams.keys)
    assert len(distinct) == len(numbers)


def test_equal_runs_have_equal_numbers_wherever_they_stand() -> None:
    def found(text: str) -> set[int]:
        return set(read_ngrams([text], NgramForm(3, 0, 0)).keys.tolist())

    assert len(found("x good film y") & found("good film z")) == 3  # good, film, good film
    assert len(found("good film") & found("film good")) == 2
    assert len(found("good film") & found("good cast")) == 2  # good, < good
    assert found("Good Film") == found("good film")


def test_the_order_of_words_and_the_ends_of_a_text_make_a_difference() -> None:
    one, other = (read_ngrams([text], NgramForm(2, 0, 0)) for text in ("not good", "good not"))
    assert len(one.keys) == len(other.keys) == 5  # two words, one pair, two ends
    assert len(set(one.keys.tolist()) & set(other.keys.tolist())) == 2


@given(st.lists(st.text(max_size=12), max_size=6))
def test_texts_are_read_alike_alone_and_together(texts) -> None:
    together = read_ngrams(texts, FORM)
    assert len(together) == len(texts)
    for row, text in enumerate(texts):
        alone = read_ngrams([text], FORM)
        some = slice(*together.offsets[row : row + 2])
        np.testing.assert_array_equal(together.keys[some], alone.keys)
        np.testing.assert_array_equal(together.counts[some], alone.counts)


def test_parts_are_joined(monkeypatch) -> None:
    whole = read_ngrams(TEXTS, FORM)
    monkeypatch.setattr(module, "TEXTS_AT_ONCE", 3)
    parts = read_ngrams(TEXTS, FORM)
    for name in ("keys", "counts", "offsets"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_marks_in_a_text_are_no_marks() -> None:
    ngrams = read_ngrams(["a\x02b\x03", "c"], NgramForm(0, 1, 3))
    clean = read_ngrams(["a b", "c"], NgramForm(0, 1, 3))
    np.testing.assert_array_equal(ngrams.keys, clean.keys)


def test_among_many_ngrams_next_to_none_share_a_number() -> None:
    texts = [f"w{number} v{number * 7} u{number * 13}" for number in range(20_000)]
    ngrams = read_ngrams(texts, NgramForm(2, 0, 0))
    distinct = 20_000 * 3 + 20_000 * 2 + 20_000 * 2  # words, pairs, ends; all different
    assert distinct - len(np.unique(ngrams.keys)) < 20


def test_a_form_survives_json_and_nothing_else_is_one() -> None:
    assert NgramForm.from_json(FORM.to_json()) == FORM
    for wrong in ((0, 0, 0), (6, 0, 0), (-1, 1, 2), (0, 0, 3), (0, 1, 13)):
        with pytest.raises(ModelError):
            NgramForm.from_json(dict(zip(("words", "fewest", "characters"), wrong, strict=True)))


KEYS = st.lists(st.integers(0, 2**32 - 1), unique=True, max_size=60)


@given(KEYS, st.lists(st.integers(0, 2**32 - 1)), st.integers(10, 14))
def test_the_index_finds_what_is_there_and_nothing_else(keys, others, bits) -> None:
    known = np.array(sorted(keys), dtype=np.uint32)
    known = known[apart(known, np.ones(len(known), np.int64), bits)]
    wanted = RNG.permutation(np.array([*keys, *keys, *others], dtype=np.uint32))
    which, places = NgramIndex(known, bits).find(wanted)
    assert which.tolist() == [at for at, key in enumerate(wanted.tolist()) if key in set(known.tolist())]
    np.testing.assert_array_equal(known[places], wanted[which])


def test_of_ngrams_with_the_same_first_bits_the_usual_one_is_kept() -> None:
    keys = np.array([0, 1, 2, 1 << 22, (1 << 22) + 1, 3 << 22], dtype=np.uint32)
    kept = apart(keys, np.array([3, 9, 9, 2, 5, 1]), 10)
    assert kept.tolist() == [False, True, False, False, True, True]
    assert apart(keys[:0], np.empty(0, np.int64), 10).tolist() == []


def test_few_are_lost_to_their_first_bits() -> None:
    for count in (500, 40_000, 400_000):
        keys = np.unique(RNG.integers(0, 2**32, count, dtype=np.uint32))
        assert apart(keys, np.ones(len(keys), np.int64), bits_for(count)).mean() > 0.94
