from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from seqcli.errors import ModelError
from seqcli.preprocessing.ngrams import NgramForm, NgramIndex, read_ngrams
from seqcli.preprocessing.vocabulary import tokenize_words
from seqcli.tasks import text_prior_fit as module
from seqcli.tasks.classify_members import prior_sentence
from seqcli.tasks.text_prior import TextPrior, weighted
from seqcli.tasks.text_prior_fit import (
    Fit,
    Lesson,
    choose_prior,
    log_count_ratios,
    logistic_regression,
    mean_log_loss,
    minimised,
    ngram_form,
    refit_prior,
)

RNG = np.random.default_rng(5)
WORDS = ["red", "green", "blue", "pale", "dark", "loud", "calm", "warm", "cold"]
FORM = NgramForm(2, 0, 0)


def lesson(rows: int, classes: int = 2, dense: int = 0) -> Lesson:
    """Texts whose class the first words tell, by and large."""
    target = RNG.integers(0, classes, rows)
    texts = []
    for label in target:
        some = RNG.choice(WORDS, size=RNG.integers(3, 9)).tolist()
        some[1] = WORDS[label] if RNG.random() < 0.8 else some[1]
        texts.append(" ".join(some))
    columns = RNG.normal(size=(rows, dense)).astype(np.float32) if dense else None
    return Lesson(texts, columns, target)


def runs(text: str) -> list[str]:
    """Words and pairs of words of a text between its ends."""
    words = ["<", *tokenize_words(text), ">"]
    return [*words[1:-1], *(" ".join(pair) for pair in pairwise(words))]


@pytest.mark.parametrize("classes", [2, 4])
def test_it_is_scikit_learns_tfidf_and_regression(classes, monkeypatch) -> None:
    """An independent reading of the n-grams, weighted, normalised and fitted by another library."""
    monkeypatch.setattr(module, "TOLERANCE", 1e-8)
    monkeypatch.setattr(module, "MOST_STEPS", 1000)
    train, held = lesson(300, classes), lesson(80, classes)
    vectorizer = TfidfVectorizer(analyzer=runs, sublinear_tf=True, min_df=2)
    matrix = vectorizer.fit_transform(train.texts)
    fit = Fit.read(train, FORM, classes)
    assert fit.matrix.shape == matrix.shape
    np.testing.assert_allclose(np.sort(fit.scales), np.sort(vectorizer.idf_), rtol=1e-6)
    ours = fit.learnt(0.0, 4.0)
    theirs = LogisticRegression(C=4.0, tol=1e-8, max_iter=2000).fit(matrix, train.target)
    expected = theirs.predict_log_proba(vectorizer.transform(held.texts))
    logits = ours.logits(held.texts)
    found = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found, expected, atol=0.005)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.97


def test_logits_by_hand() -> None:
    form = NgramForm(1, 0, 0)
    known = read_ngrams(["red blue"], form).keys
    red = read_ngrams(["red"], form).keys[0]
    place = int(np.flatnonzero(known == red)[0])
    scales, weights = np.float32([2, 2]), np.zeros((2, 3), np.float32)
    scales[place], weights[place], weights[1 - place] = 1, [1, 0, -1], [0, 5, 0]
    bias = np.float32([0, 0, 0.5])
    prior = TextPrior(form, 0.0, 1.0, 16, known, scales, weights, np.float32([[1, 2, 3]]), bias)
    values = np.array([1 + np.log(2), 2.0])  # red twice, blue once
    values /= np.sqrt((values**2).sum())
    expected = [values[0], 5 * values[1], -values[0] + 0.5]
    texts = ["red blue Red", "green", ""]
    np.testing.assert_allclose(prior.logits(texts)[0], expected, rtol=1e-6)
    np.testing.assert_array_equal(prior.logits(texts)[1:], [bias, bias])  # no known word
    beside = prior.logits(texts, np.float32([[0], [1], [-1]]))
    np.testing.assert_allclose(beside - prior.logits(texts), [[0, 0, 0], [1, 2, 3], [-1, -2, -3]], atol=1e-6)


def test_rows_have_the_length_one() -> None:
    train = lesson(50)
    fit = Fit.read(train, FORM, 2)
    rows, _, values = weighted(read_ngrams(train.texts, FORM), NgramIndex(fit.keys, fit.bits), fit.scales)
    np.testing.assert_allclose(np.bincount(rows, values**2), np.ones(50), rtol=1e-5)


def test_ratios_by_hand() -> None:
    counts = np.array([[3.0, 0, 1], [1, 5, 1]])
    own, other = (counts + 1) / (counts + 1).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(log_count_ratios(counts)[:, 0], np.log(other / own), rtol=1e-6)
    three = log_count_ratios(np.array([[3.0, 0], [1, 5], [2, 2]]))
    share, rest = np.array([4, 1]) / 5, np.array([4, 8]) / 12
    np.testing.assert_allclose(three[:, 0], np.log(share / rest), rtol=1e-6)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("classes", [2, 3])
def test_what_is_learnt_is_least_and_ratios_make_weights_cheaper(power, classes) -> None:
    """The slope of the penalised loss is zero at the weights, by differences of the loss itself."""
    train = lesson(60, classes, dense=2)
    fit = Fit.read(train, FORM, classes)
    outputs = 1 if classes == 2 else classes
    trust = np.abs(fit.ratios) ** power
    trust = np.concatenate([trust / np.sqrt((trust**2).mean()), np.ones((2, outputs), np.float32)])
    trust = np.maximum(trust, 1e-3).astype(np.float32)
    weights, bias = logistic_regression((fit.matrix, train.target, fit.weight), classes, trust, 4.0)
    dense = fit.matrix.toarray().astype(np.float64)

    def loss(weights: np.ndarray, bias: np.ndarray) -> float:
        found = dense @ weights + bias
        logits = np.concatenate([-found / 2, found / 2], axis=1) if outputs == 1 else found
        total = mean_log_loss(logits, train.target) * len(train)
        return 4.0 * total + 0.5 * ((weights / trust) ** 2).sum()

    least = loss(weights.astype(np.float64), bias.astype(np.float64))
    for _ in range(30):
        away = RNG.normal(size=weights.shape) * trust * 0.05
        assert loss(weights + away, bias + RNG.normal(size=outputs) * 0.05) > least


def test_a_row_that_counts_twice_is_like_the_row_twice() -> None:
    train = lesson(30, 2)
    again = [*range(30), 3, 3]
    twice = Lesson([train.texts[row] for row in again], None, train.target[again])
    weight = np.ones(30, dtype=np.float32)
    weight[3] = 3
    one, other = (
        Fit.read(Lesson(train.texts, None, train.target, weight), FORM, 2),
        Fit.read(twice, FORM, 2),
    )
    trust = np.ones((len(one.keys), 1), dtype=np.float32)
    counted = logistic_regression((one.matrix, one.target, one.weight), 2, trust, 4.0)
    rows = np.concatenate([np.arange(30), [3, 3]])
    repeated = logistic_regression((one.matrix[rows], one.target[rows], other.weight), 2, trust, 4.0)
    np.testing.assert_allclose(counted[0], repeated[0], atol=2e-3)
    np.testing.assert_allclose(counted[1], repeated[1], atol=2e-3)


def test_the_least_of_a_quadratic_is_found() -> None:
    root = RNG.normal(size=(12, 12)).astype(np.float32)
    hessian, centre = root @ root.T + np.eye(12, dtype=np.float32), RNG.normal(size=12).astype(np.float32)

    def evaluate(place: np.ndarray) -> tuple[float, np.ndarray]:
        away = place - centre
        return float(away @ hessian @ away / 2) + 1.0, (hessian @ away).astype(np.float32)

    found = minimised(evaluate, np.zeros(12, np.float32))
    assert evaluate(found)[0] == pytest.approx(1, abs=1e-3)


def test_the_validation_part_chooses_only_where_it_is_large_enough(monkeypatch) -> None:
    train, held = lesson(300), lesson(100)
    monkeypatch.setattr(module, "POWERS", {"auto": (0.5, 1.0, 0.0)})
    chosen = choose_prior(train, held, 2, "words", "auto")
    fit = Fit.read(train, chosen.form, 2)

    def loss(power: float, strength: float) -> float:
        logits = fit.learnt(power, strength).logits(held.texts)
        return min(mean_log_loss(logits * scale, held.target) for scale in module.TEMPERATURES)

    powers = {power: loss(power, 16.0) for power in (0.0, 0.5, 1.0)}
    assert powers[chosen.power] == min(powers.values())
    strengths = {strength: loss(chosen.power, strength) for strength in (4.0, 16.0, 64.0)}
    assert strengths[chosen.strength] == min(strengths.values())
    few = choose_prior(train, Lesson(held.texts[:49], None, held.target[:49]), 2, "words", "auto")
    assert (few.power, few.strength) == (0.5, 16.0)


def test_a_kind_that_was_typed_is_kept() -> None:
    train, held = lesson(100), lesson(60)
    assert choose_prior(train, held, 2, "words", "tfidf").power == 0
    assert choose_prior(train, held, 2, "words", "tfidf").weighting == "TF-IDF"
    assert choose_prior(train, held, 2, "words", "nb").power == 1


def test_the_form_follows_the_texts() -> None:
    assert ngram_form(["ab"], "characters") == NgramForm(0, 1, 4)
    assert ngram_form(["a short text"], "words").characters == 6
    assert ngram_form(["a long text " * 60], "words") == NgramForm(3, 0, 0)


def test_too_many_texts_are_thinned_and_too_many_ngrams_left_out(monkeypatch) -> None:
    train = lesson(120)
    whole = Fit.read(train, FORM, 2)
    monkeypatch.setattr(module, "MOST_PAIRS", len(read_ngrams(train.texts, FORM).keys) // 3)
    assert Fit.read(train, FORM, 2).matrix.shape[0] in (30, 40)
    monkeypatch.undo()
    monkeypatch.setattr(module, "MOST_WEIGHTS", 10)
    few = Fit.read(train, FORM, 2)
    assert 0 < len(few.keys) <= 10
    counts = dict(zip(*np.unique(read_ngrams(train.texts, FORM).keys, return_counts=True), strict=True))
    assert min(counts[key] for key in few.keys) >= max(counts[key] for key in set(whole.keys) - set(few.keys))


def test_what_is_said_of_it() -> None:
    prior = Fit.read(lesson(100), NgramForm(2, 3, 4), 2).learnt(0.5, 4.0)
    what = "n-grams of 1 to 2 words and 3 to 4 characters by naive Bayes ratios"
    said = f"linear part: {len(prior.keys):,} {what}"
    assert prior_sentence(prior, 40, 1) == said
    assert (
        prior_sentence(prior, 1200, 3) == f"{said}, learnt from one row in 3, chosen on 1,200 validation rows"
    )


def test_refitting_keeps_what_was_chosen() -> None:
    train = lesson(100, 3, dense=1)
    prior = Fit.read(train, FORM, 3).learnt(1.0, 4.0)
    again = refit_prior(prior, train, 3)
    for name, array in prior.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)


# ---- saved ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved() -> TextPrior:
    return Fit.read(lesson(100, 3, dense=1), FORM, 3).learnt(0.5, 16.0)


def restored(prior: TextPrior, **changed: object) -> TextPrior:
    data = json.loads(json.dumps(prior.to_json()))
    return TextPrior.from_json(data).with_arrays({**prior.arrays(), **changed}, 3, 1)  # type: ignore[dict-item]


def test_it_survives_json_and_arrays(saved) -> None:
    texts, dense = lesson(20, 3).texts, np.ones((20, 1), np.float32)
    np.testing.assert_array_equal(restored(saved).logits(texts, dense), saved.logits(texts, dense))
    assert all(array.dtype in (np.float32, np.int32) for array in saved.arrays().values())


def test_arrays_that_do_not_fit_are_a_model_error(saved) -> None:
    arrays = saved.arrays()
    keys, weights = arrays["keys"], arrays["weights"]
    huge, odd = weights.copy(), weights.copy()
    huge[0, 0], odd[0, 0] = 1e30, np.nan
    wrong = [
        {"keys": keys[::-1]},
        {"keys": keys[:-1]},
        {"keys": np.arange(len(keys), dtype=np.int32)},  # all with the same first bits
        {"keys": np.repeat(keys[:1], len(keys))},
        {"keys": keys.astype(np.int64)},
        {"keys": keys[:, None]},
        {"weights": weights[:, :2]},
        {"weights": weights.astype(np.float64)},
        {"weights": huge},
        {"weights": odd},
        {"scales": -arrays["scales"]},
        {"columns": arrays["columns"][:0]},
        {"bias": arrays["bias"][:1]},
        {"other": weights},
    ]
    for change in wrong:
        with pytest.raises(ModelError, match="linear part"):
            restored(saved, **change)
    for data in (
        {"name": "ngrams.v2"},
        {"power": 2},
        {"bits": 30},
        {"bits": 15},
        {"strength": 0},
        {"form": {"words": 9, "fewest": 0}},
    ):
        with pytest.raises((ModelError, KeyError)):
            TextPrior.from_json({**saved.to_json(), **data})


def test_no_known_ngram_at_all_is_the_bias_alone() -> None:
    prior = Fit.read(Lesson([f"word{i}" for i in range(30)], None, np.arange(30) % 2), NgramForm(1, 0, 0), 2)
    assert len(prior.keys) == 0
    np.testing.assert_allclose(prior.learnt(0.5, 16.0).logits(["word1", ""]), 0, atol=1e-3)
