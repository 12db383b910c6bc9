"""Figures of translations, beside the package that papers use, and the baseline, beside dictionaries."""

from __future__ import annotations

import math
from collections import defaultdict
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.tasks.translating import scores
from seqcli.tasks.translating.lexicon import PASSES, Lexicon, word_by_word
from seqcli.tasks.translating.scores import edits, error_rate, signature, text_scores

WRITTEN = ["the cat sat on the mat", "a dog", "birds fly south in winter"]
WANTED = ["the cat sat on a mat", "a dog", "the birds fly to the south"]


@given(st.text("ab", max_size=7), st.text("abc", max_size=7))
def test_edits_are_the_least_there_are(one, other):
    @cache
    def least(i, j):
        if not i or not j:
            return i + j
        return min(
            least(i - 1, j) + 1, least(i, j - 1) + 1, least(i - 1, j - 1) + (one[i - 1] != other[j - 1])
        )

    assert edits(one, other) == least(len(one), len(other))


def test_figures_are_those_of_sacrebleu():
    sacrebleu = pytest.importorskip("sacrebleu")
    found = text_scores(WRITTEN, WANTED, characters=False)
    assert found["bleu"] == pytest.approx(sacrebleu.corpus_bleu(WRITTEN, [WANTED]).score)
    assert found["chrf"] == pytest.approx(sacrebleu.corpus_chrf(WRITTEN, [WANTED]).score)
    assert found["exact"] == pytest.approx(1 / 3)
    assert found["token_error"] == pytest.approx(5 / 14)
    assert "version:" + sacrebleu.__version__ in signature(WANTED)
    assert "tok:13a" in signature(WANTED)
    assert "tok:char" in signature(["二人の男が歩く"])


def test_without_the_package_the_others_are_there(monkeypatch):
    monkeypatch.setattr(scores, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    found = text_scores(["abc"], ["abd"], characters=True)
    assert math.isnan(found["bleu"])
    assert found["token_error"] == pytest.approx(1 / 3)
    assert "pip install 'seqcli[translate]'" in signature(["abd"])
    assert math.isnan(text_scores([], [], characters=True)["exact"])
    assert error_rate([], []) == 0


def plain_lexicon(pairs):
    """Expectation and maximisation of model 1 with dictionaries."""
    chance = defaultdict(lambda: 1.0)
    for _ in range(PASSES):
        counts, totals = defaultdict(float), defaultdict(float)
        for source, target in pairs:
            for e in target:
                around = ["", *source]
                norm = sum(chance[f, e] for f in around)
                for f in around:
                    counts[f, e] += chance[f, e] / norm
                    totals[f] += chance[f, e] / norm
        chance = defaultdict(float, {(f, e): count / totals[f] for (f, e), count in counts.items()})
    return chance


def test_the_lexicon_is_model_1():
    pairs = [
        ("das haus", "the house"),
        ("das buch", "the book"),
        ("ein buch", "a book"),
        ("ein haus", "a house"),
    ]
    sources, targets = ([text.split() for text in side] for side in zip(*pairs, strict=True))
    lexicon = Lexicon.fit(sources, targets)
    assert lexicon.words == {"das": "the", "haus": "house", "buch": "book", "ein": "a"}
    chance = plain_lexicon(list(zip(sources, targets, strict=True)))
    for f, e in lexicon.words.items():
        assert chance[f, e] == max(chance[f, other] for other in ("the", "house", "book", "a"))
    assert word_by_word(([p[0] for p in pairs], [p[1] for p in pairs]), ["ein neues haus"], str.split) == [
        "aneueshouse"
    ]


def test_the_lexicon_learns_from_part_of_many_texts(monkeypatch):
    monkeypatch.setattr("seqcli.tasks.translating.lexicon.MOST_PAIRS", 12)
    lexicon = Lexicon.fit([["x"], ["y"], ["z"]] * 3, [["1", "2"], ["3"], ["4"]] * 3)
    assert set(lexicon.words) == {"x", "y", "z"}
    assert Lexicon.fit([], []).write(["x"]) == ["x"]
