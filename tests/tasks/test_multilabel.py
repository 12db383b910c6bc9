"""The task of several labels: what is fitted on which rows, learnt, answered and saved."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from seqcli.errors import DataError, ModelError
from seqcli.options import ColumnOptions, Options, SplitOptions
from seqcli.tasks import text_prior_fit
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.fusion import Fusion
from seqcli.tasks.label_metrics import in_pairs
from seqcli.tasks.multilabel import Multilabel
from seqcli.tasks.text_prior_fit import (
    Fit,
    Lesson,
    log_count_ratios,
    logistic_regression,
    mean_log_loss,
)

FILLERS = ["red", "green", "blue", "pale", "dark", "loud", "calm"]
PLANTED = {"food": "bread", "law": "court", "sport": "match"}


def posts(count=300, seed=0, noise=0.05):
    """Texts of fillers with a planted word for each of their labels."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        has = {label for label in PLANTED if rng.random() < 0.4}
        words = [*rng.choice(FILLERS, size=5), *(PLANTED[label] for label in sorted(has))]
        labels = {label for label in PLANTED if (label in has) != (rng.random() < noise)}
        rows.append((" ".join(rng.permutation(words)) + f" number{number}", sorted(labels)))
    return rows


def prepare(table, options=None, **given):
    options = options or Options()
    plan = make_plan(table, options.columns, options.reading)
    return Multilabel.prepare(Tables(table, **given), plan, options)


@pytest.fixture
def table(table_of):
    return table_of("post,tags\n" + "\n".join(f"{text},{'|'.join(has)}" for text, has in posts()))


def test_three_parts_with_a_yes_or_no_for_each_label(table) -> None:
    prepared = prepare(table)
    task = prepared.task
    assert task.classes == ("food", "law", "sport")
    assert (prepared.loss, prepared.network.output_shape) == ("binary", (3,))
    assert prepared.train.fields["target"].dtype == np.float32
    cells = dict(zip(table.cells("post"), table.cells("tags"), strict=True))
    for part, source in zip(
        (prepared.train, prepared.test), (prepared.source.train, prepared.source.test), strict=True
    ):
        for row, target in zip(part.row_ids.tolist(), part.fields["target"].tolist(), strict=True):
            has = cells[source.cells("post")[row]].split("|")
            assert target == [float(name in has) for name in task.classes]
    assert any("have no label, which is learnt too" in said for said in prepared.warnings)


def test_columns_of_zero_and_one_are_the_same_task(table_of) -> None:
    rows = [",".join([text, *(str(int(name in has)) for name in ("law", "food"))]) for text, has in posts()]
    options = Options(columns=ColumnOptions(target=("law", "food")))
    prepared = prepare(table_of("post,law,food\n" + "\n".join(rows)), options)
    assert prepared.task.classes == ("law", "food")
    assert prepared.task.columns == ("post",)
    law = [float(cell) for cell in prepared.source.test.cells("law")]
    assert prepared.test.fields["target"][:, 0].tolist() == law


def test_a_sequence_with_two_answers_is_refused_for_any_label(table_of) -> None:
    lines = [f"s{i // 4},{i % 4},{i * 0.1:.1f},{i // 4 % 2},{i // 8 % 2}" for i in range(160)]
    columns = ColumnOptions(target=("up", "down"), id=("id",), time="t", task="multilabel")
    assert prepare(table_of("id,t,x,up,down\n" + "\n".join(lines)), Options(columns=columns)).task.inputs.ids
    lines[5] = lines[5][:-1] + "1"
    with pytest.raises(DataError, match="column down: 1, but 0 in an earlier row"):
        prepare(table_of("id,t,x,up,down\n" + "\n".join(lines)), Options(columns=columns))


def test_rows_outside_training_leave_all_that_is_fitted_on_training_as_it_was(table_of) -> None:
    options = Options.from_flat({"prior": "nb"})
    rows = [f"{text},{'|'.join(has)}" for text, has in posts()]
    prepared = prepare(table_of("post,tags\n" + "\n".join(rows)), options).members()
    train = {int(record) for record in prepared.source.train.records}
    changed = [
        row if record in train else f"other words {record},{row.rpartition(',')[2]}"
        for record, row in enumerate(rows, start=2)
    ]
    other = prepare(table_of("post,tags\n" + "\n".join(changed)), options).members()
    assert set(other.source.train.records.tolist()) == train
    assert json.dumps(other.task.inputs.to_json()) == json.dumps(prepared.task.inputs.to_json())
    assert other.task.classes == prepared.task.classes
    strength = {"strength": prepared.task.prior.strength}  # chosen on validation
    assert {**other.task.prior.to_json(), **strength} == prepared.task.prior.to_json()
    if other.task.prior.strength == prepared.task.prior.strength:
        for name, array in prepared.task.arrays().items():
            assert other.task.arrays()[name].tobytes() == array.tobytes()


def test_the_linear_part_learns_each_label_as_scikit_learn_does(table, monkeypatch) -> None:
    monkeypatch.setattr(text_prior_fit, "TOLERANCE", 1e-9)
    monkeypatch.setattr(text_prior_fit, "MOST_STEPS", 500)
    texts = [table.cells("post")[row] for row in range(200)]
    target = np.array([[float(word in text) for word in PLANTED.values()] for text in texts], np.float32)
    fit = Fit.read(Lesson(texts, None, target), prepare(table).members().task.prior.form, 3)
    trust = np.ones((len(fit.keys), 3), np.float32)
    weights, bias = logistic_regression((fit.matrix, target, fit.weight), 3, trust, 4.0)
    for label in range(3):
        model = LogisticRegression(C=4.0, tol=1e-8, max_iter=1000).fit(fit.matrix, target[:, label])
        ours = fit.matrix @ weights[:, label] + bias[label]
        np.testing.assert_allclose(ours, model.decision_function(fit.matrix), atol=0.01)


def test_ratios_of_labels_are_against_all_rows_without_them() -> None:
    counts, total = np.array([[3.0, 0], [1, 5]]), np.array([5, 6])
    found = log_count_ratios(counts, total)
    own, others = counts[0] + 1, total - counts[0] + 1
    np.testing.assert_allclose(found[:, 0], np.log(own / own.sum() / (others / others.sum())), rtol=1e-6)
    assert found.shape == (2, 2)  # two labels are not two classes
    logits = np.array([[0.0, 3.0]])
    wanted = (np.log(2) + np.log1p(np.exp(-3))) / 2
    assert mean_log_loss(logits, np.array([[1.0, 1.0]])) == pytest.approx(wanted)


def calibrated(prepared):
    blind = np.zeros((len(prepared.validation), 3), np.float32)
    return prepared.task.calibrate(blind, prepared.validation)


def test_the_linear_part_joins_the_network_and_stands_alone_beside_it(table) -> None:
    prepared = prepare(table)
    assert prepared.task.prior is None
    prepared = prepared.members()
    assert "prior" not in prepared.train.fields  # it knows the answers there
    task = calibrated(prepared)
    outputs = np.zeros((len(prepared.test), 3), np.float32)
    both, network, linear = task.member_scores(outputs, prepared.test, "gru")
    assert [each.predictor for each in (both, network, linear)] == [
        "combined",
        "gru alone",
        "linear n-grams alone",
    ]
    assert both.values["micro_f1"] == linear.values["micro_f1"] > 0.85
    assert network.values["log_loss"] == pytest.approx(np.log(2))
    (usual,) = task.baselines(prepared)
    assert usual.predictor == "most frequent labels"
    joined = task.joined(outputs, prepared.test)
    np.testing.assert_allclose(joined, prepared.test.fields["prior"] * task.fusion.prior, rtol=1e-5)
    pairs = in_pairs(prepared.validation.fields["prior"])
    labels = prepared.validation.fields["target"].ravel().astype(np.int64)
    assert task.fusion == Fusion.fit(np.zeros_like(pairs), pairs, labels)


def test_the_usual_set_is_counted_by_hand(table_of) -> None:
    sets = ["a|b", "a|b", "a", "b|c", "a|b", "c", "", "a|c", "b"]
    rows = "\n".join(f"text number {i} of some words,{sets[i % 9]}" for i in range(180))
    prepared = prepare(table_of(f"post,tags\n{rows}"))
    usual = prepared.task.baselines(prepared)[0].values
    target = prepared.test.fields["target"] > 0
    said = np.array([True, True, False])
    assert usual["subset_accuracy"] == pytest.approx((target == said).all(axis=1).mean())
    hits = (target & said).sum()
    assert usual["micro_f1"] == pytest.approx(2 * hits / (2 * len(target) + target.sum()))


@pytest.mark.parametrize("prior", ["none", "auto"])
def test_without_a_linear_part_regression_is_the_baseline(table, prior) -> None:
    prepared = prepare(table, Options.from_flat({"prior": prior}))
    assert (prepared.members is None) == (prior == "none")
    scores = prepared.task.baselines(prepared)
    assert [score.predictor for score in scores] == ["most frequent labels", "TF-IDF + logistic regression"]
    assert scores[1].values["micro_f1"] > 0.85


def test_columns_of_numbers_have_a_regression_of_numbers(table_of) -> None:
    rng = np.random.default_rng(1)
    lines = [f"{x:.3f},{z:.3f},{int(x > 0)},{int(z > 0.5)}" for x, z in rng.normal(size=(200, 2))]
    options = Options(columns=ColumnOptions(target=("a", "b"), task="multilabel"))
    prepared = prepare(table_of("x,z,a,b\n" + "\n".join(lines)), options)
    scores = prepared.task.baselines(prepared)[1]
    assert scores.predictor == "logistic regression"
    assert scores.values["subset_accuracy"] > 0.9


def test_a_label_that_no_training_row_has_is_missed_and_named(table, table_of) -> None:
    test = table_of("post,tags\nbread and court,food|new\nred,")
    prepared = prepare(table, test=test)
    assert prepared.test.fields["unknown"].tolist() == [1, 0]
    assert any("1 held-out rows have a label that no training row has" in said for said in prepared.warnings)
    outputs = np.array([[9.0, -9, -9], [-9, -9, -9]], np.float32)
    assert prepared.task.score(outputs, prepared.test)["subset_accuracy"] == 0.5
    assert prepared.refit is None


def test_answers_name_what_is_likely_enough_in_order_and_joined(table) -> None:
    task = calibrated(prepare(table).members())
    cuts = task.labelling.cuts
    logits = np.array([[9.0, -9, 9], [-9, -9, -9]], np.float32)
    first, second = task.decode(logits, probabilities=True)
    assert (first["prediction"], first["prediction"].names) == ("food|sport", ("food", "sport"))
    assert (second["prediction"], second["prediction"].names) == ("", ())
    assert first["probability_law"] == pytest.approx(1 / (1 + np.exp(9)), abs=1e-6)
    edge = np.log(np.array(cuts) / (1 - np.array(cuts)))[None].astype(np.float32)
    assert task.decode(edge + 0.01)[0]["prediction"].names == task.classes
    assert task.decode(edge - 0.01)[0]["prediction"].names == ()
    assert task.decode(logits[:0]) == []


def test_too_many_labels_or_no_test_part(table, table_of) -> None:
    rows = "\n".join(f"text number {i} of some words,a{i}|b{i}" for i in range(60))
    options = Options(columns=ColumnOptions(target=("tags",), label_separator="|"))
    with pytest.raises(DataError, match=r"labels in \d+ training rows"):
        prepare(table_of(f"post,tags\n{rows}"), options)
    prepared = prepare(table, Options(split=SplitOptions(test_share=0.0)))
    scores = prepared.task.baselines(prepared)
    assert np.isnan(scores[0].values["micro_f1"])
    assert prepared.task.report(scores, np.empty((0, 3), np.float32), prepared.test)


def test_a_saved_task_answers_as_before_and_learns_from_all_rows_after_the_test(table) -> None:
    prepared = prepare(table).members()
    task = calibrated(prepared)
    restored = Multilabel.from_json(json.loads(json.dumps(task.to_json()))).with_arrays(task.arrays())
    found, wanted = (one.encode(table).fields["prior"] for one in (restored, task))
    np.testing.assert_array_equal(found, wanted)
    assert (restored.cuts, restored.fusion) == (task.cuts, task.fusion)
    everything = prepared.refit()
    assert len(everything.texts) == len(everything) == 300
    assert len(task.refitted(everything).prior.keys) > len(task.prior.keys)
    with pytest.raises(ModelError, match="linear part"):
        Multilabel.from_json(task.to_json()).with_arrays({})
    with pytest.raises(ModelError, match="arrays"):
        prepare(table).task.with_arrays(task.arrays())


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["a"]},
        {"classes": ["a", "a", "b"]},
        {"classes": [1, 2, 3]},
        {"cuts": {"all": [0.5, 0.5, 0.5]}},
        {"cuts": 5},
        {"cuts": {name: [0.5, 0.5] for name in ("all", "network", "prior")}},
        {"cuts": {name: [0.5, 0.5, 2] for name in ("all", "network", "prior")}},
        {"cuts": {name: [0.5, 0.5, float("nan")] for name in ("all", "network", "prior")}},
        {"fusion": {"network": 1, "prior": 1, "network_alone": 1, "prior_alone": 1}},
        {"plan": {}},
        {"inputs": []},
        {"prior": 5},
    ],
)
def test_a_broken_task_is_a_model_error(table, change) -> None:
    with pytest.raises(ModelError):
        Multilabel.from_json({**prepare(table).task.to_json(), **change})


def test_targets_must_be_the_labels_where_nothing_separates_them(table) -> None:
    data = prepare(table).task.to_json()
    data["plan"]["separator"] = ""
    with pytest.raises(ModelError, match="labels cannot be read"):
        Multilabel.from_json(data)
