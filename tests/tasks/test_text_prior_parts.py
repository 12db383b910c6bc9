"""What tokens add to the linear part: all parts make the whole; without a word is with one never met."""

from __future__ import annotations

import numpy as np
import pytest

from seqcli.preprocessing.ngrams import NgramForm, bits_for, read_ngrams
from seqcli.preprocessing.spans import composed, token_spans
from seqcli.tasks.text_prior import TextPrior, as_logits
from seqcli.tasks.text_prior_parts import PriorParts

TEXTS = ["good film, so good", "not good at all", "bad bad bad Film", "a b  c"]
UNHEARD = "\u0416\u0416"  # in no n-gram that is known


def made(form: NgramForm, classes: int) -> TextPrior:
    rng = np.random.default_rng(3)
    keys = np.unique(read_ngrams(TEXTS, form).keys)
    bits = bits_for(len(keys)) + 2
    keys = keys[np.unique(keys >> np.uint32(32 - bits), return_index=True)[1]]
    outputs = 1 if classes == 2 else classes
    return TextPrior(
        form,
        0.5,
        1.0,
        bits,
        keys,
        rng.uniform(0.5, 2, len(keys)).astype(np.float32),
        rng.normal(size=(len(keys), outputs)).astype(np.float32),
        rng.normal(size=(2, outputs)).astype(np.float32),
        rng.normal(size=outputs).astype(np.float32),
    )


def parts_of(prior: TextPrior, text: str, dense=None) -> tuple[PriorParts, int]:
    spans = token_spans(text, "words")
    return PriorParts.of(prior, composed(text), spans, dense), len(spans)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("form", [NgramForm(3, 0, 0), NgramForm(2, 3, 5), NgramForm(0, 1, 4)])
@pytest.mark.parametrize("text", [*TEXTS, "", "good \u0416 Good\nfilm"])
def test_the_parts_of_all_tokens_and_the_rest_are_the_whole(form, classes, text) -> None:
    prior = made(form, classes)
    dense = np.array([0.5, -1], dtype=np.float32)
    parts, count = parts_of(prior, text, dense)
    whole = prior.logits([text], dense[None])
    assert parts.logits() == pytest.approx(whole, abs=1e-6)
    shares = parts.shares(count)
    assert shares.shape == (count + 1, classes)
    assert shares.sum(axis=0) + parts.baseline()[0] == pytest.approx(whole[0], abs=1e-5)
    assert parts.baseline() == pytest.approx(as_logits((prior.bias + dense @ prior.columns)[None]))


def test_without_a_word_is_with_one_that_was_never_met() -> None:
    prior = made(NgramForm(3, 0, 0), 3)
    words = ["so", "good", "film", "so", "good"]
    parts, count = parts_of(prior, " ".join(words))
    for place in range(count):
        other = " ".join([*words[:place], UNHEARD, *words[place + 1 :]])
        assert parts.logits(place) == pytest.approx(prior.logits([other]), abs=1e-6)


def test_a_pair_of_words_is_shared_by_both() -> None:
    form = NgramForm(2, 0, 0)
    keys = np.setdiff1d(read_ngrams(["not good"], form).keys, read_ngrams(["not x", "x good"], form).keys)
    prior = TextPrior(
        form,
        0.0,
        1.0,
        16,
        keys,
        np.ones(1, np.float32),
        np.full((1, 1), 4, np.float32),
        np.zeros((0, 1), np.float32),
        np.zeros(1, np.float32),
    )
    parts, count = parts_of(prior, "it is not good")
    assert parts.shares(count)[:, 1] == pytest.approx([0, 0, 1, 1, 0])  # half of 4 / 2 for the second class
