"""The linear part of series and DNA: scikit-learn's regression, saved and restored to the same logits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from seqcli.errors import ModelError
from seqcli.preprocessing.dna import encode_bases, reverse_complement
from seqcli.preprocessing.series_features import SeriesFeatures, summarised, summary_count
from seqcli.sequences import Batchable, Sequences
from seqcli.tasks.classify_metrics import log_softmax
from seqcli.tasks.series_prior import SeriesPrior
from seqcli.tasks.series_prior_fit import Candidate, Lesson, _fitted, learn_prior, regress, relearn


def waves(rows: int, seed: int) -> Lesson:
    """Series of two channels and unequal lengths: of class 1 the first channel is quicker."""
    rng = np.random.default_rng(seed)
    target = np.arange(rows) % 2
    made = []
    for kind in target.tolist():
        steps = np.arange(rng.integers(20, 40)) + rng.integers(9)
        noise = 0.1 * rng.standard_normal((len(steps), 2))
        made.append(np.stack([np.sin(steps * (0.4 + 0.5 * kind)), np.cos(steps)], axis=1) + noise)
    return Lesson(Sequences.from_lists(made, np.float32), target)


def sites(rows: int, seed: int, letters: int = 24) -> tuple[list[str], np.ndarray]:
    """DNA of which class 1 has GT in its middle, and class 0 no G there."""
    rng = np.random.default_rng(seed)
    target, made = np.arange(rows) % 2, []
    for kind in target.tolist():
        text = rng.choice(list("ACGT"), letters)
        text[letters // 2 : letters // 2 + 2] = list("GT") if kind else rng.choice(list("ACT"), 2)
        made.append("".join(text))
    return made, target


def test_the_regression_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    values, target = rng.standard_normal((80, 5)), rng.integers(0, 3, 80)
    weight = rng.random(80) + 0.5
    found = regress(values, target, weight, (3, 0.7))
    theirs = LogisticRegression(C=1 / 0.7, tol=1e-8, max_iter=1000).fit(values, target, sample_weight=weight)
    said = log_softmax(values @ found[:-1] + found[-1])
    assert np.abs(said - theirs.predict_log_proba(values)).max() < 1e-3


def test_more_numbers_than_rows_give_the_weights_of_the_plain_way() -> None:
    lesson = waves(24, 1)
    features = SeriesFeatures(2, summaries=True)
    assert features.size > 24 - 1
    few = _fitted(Candidate(features, (1.0,)), lesson, 2, 0.05)
    values = summarised(lesson.series).astype(float)
    scaled = (values - values.mean(0)) / values.std(0) / np.sqrt(features.size)
    plain = regress(scaled, lesson.target, np.ones(24), (2, 0.05))
    expected = log_softmax(scaled @ plain[:-1] + plain[-1])
    examples = Batchable({"values": lesson.series}, np.arange(24))
    assert np.abs(log_softmax(few.logits(examples)) - expected).max() < 0.02


def test_summaries_are_those_of_the_series() -> None:
    row = np.array([[1.0], [5.0], [2.0], [0.0]])
    (found,) = summarised(Sequences.from_lists([row], np.float32))
    expected = [2, 3, 1, 1, 5, 2, 0, row.std(), 0, 5, 1, 0, np.log(4)]
    assert len(found) == summary_count(1)
    assert np.allclose(found, expected)


@pytest.mark.parametrize("kind", ["series", "dna"])
def test_it_learns_and_is_restored_to_the_same_logits(kind: str) -> None:
    if kind == "series":
        lesson, fresh = waves(60, 2), waves(40, 3)
    else:
        lesson, fresh = (Lesson(encode_bases(made), target) for made, target in (sites(120, 2), sites(60, 3)))
    prior = learn_prior(lesson, 2)
    field = "values" if kind == "series" else "bases"
    examples = Batchable({field: fresh.series}, np.arange(len(fresh.target)))
    logits = prior.logits(examples)
    assert (logits.argmax(axis=1) == fresh.target).mean() > 0.9
    again = SeriesPrior.from_json(json.loads(json.dumps(prior.to_json()))).with_arrays(prior.arrays(), 2)
    assert np.array_equal(again.logits(examples), logits)
    assert relearn(prior, lesson, 2).weights == pytest.approx(prior.weights, abs=1e-5)


def test_of_dna_it_reads_places_and_runs_from_both_strands() -> None:
    features = SeriesFeatures(4, places=6, at_place=2, run=3, both_strands=True)
    assert list(features.blocks) == ["bases by place", "runs of bases"]
    cells = ["ACGTTG", "NRYACC"]
    one, other = (
        features.read(encode_bases(each)) for each in (cells, [reverse_complement(cell) for cell in cells])
    )
    assert np.allclose(one, other)
    assert one.shape == (2, features.size)


@pytest.mark.parametrize("spoilt", ["weights", "bias", "biases", "dilations"])
def test_arrays_that_do_not_fit_are_the_models_fault(spoilt: str) -> None:
    prior = learn_prior(waves(30, 4), 2)
    arrays = dict(prior.arrays())
    for bad in (arrays[spoilt][:-1], arrays[spoilt].astype(np.float64), None):
        broken = {name: array for name, array in arrays.items() if name != spoilt}
        if bad is not None:
            broken[spoilt] = bad
        with pytest.raises(ModelError):
            prior.with_arrays(broken, 2)
    with pytest.raises(ModelError):
        prior.with_arrays({**arrays, "weights": arrays["weights"] + np.float32(np.inf)}, 2)
    with pytest.raises(ModelError):
        SeriesPrior.from_json({**prior.to_json(), "features": {**prior.features.to_json(), "kernels": -1}})


def test_all_else_equal_weights_of_rows_count() -> None:
    rng = np.random.default_rng(5)
    values, target = rng.standard_normal((40, 3)), np.arange(40) % 2
    doubled = regress(
        np.concatenate([values, values[:10]]), np.concatenate([target, target[:10]]), np.ones(50), (2, 1.0)
    )
    weight = np.where(np.arange(40) < 10, 2.0, 1.0)
    assert np.abs(regress(values, target, weight, (2, 1.0)) - doubled).max() < 1e-3
