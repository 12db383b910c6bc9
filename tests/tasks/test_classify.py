from __future__ import annotations

import json

import numpy as np
import pytest

from seqcli.errors import DataError, ModelError
from seqcli.options import ColumnOptions, Options, ReadingOptions, SplitOptions
from seqcli.tasks.base import Tables
from seqcli.tasks.classify import Classify
from seqcli.tasks.classify_first import FirstClassify
from seqcli.tasks.detect import make_plan

WORDS = ["red", "green", "blue", "pale", "dark", "loud", "calm"]


def texts(count, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, size=rng.integers(4, 9))) for _ in range(count)]


def prepare(table, options=None, **given):
    options = options or Options()
    plan = make_plan(table, options.columns, options.reading)
    return Classify.prepare(Tables(table, **given), plan, options)


@pytest.fixture
def reviews(table_of):
    rows = [f"{text},{['good', 'bad'][i % 2]}" for i, text in enumerate(texts(200))]
    return table_of("review,label\n" + "\n".join(rows))


def test_three_parts_with_targets_and_a_network(reviews) -> None:
    prepared = prepare(reviews)
    sizes = [len(part) for part in (prepared.train, prepared.validation, prepared.test)]
    assert sum(sizes) == 200
    assert sizes == pytest.approx([140, 20, 40], abs=8)  # equal texts are kept together
    assert prepared.task.classes == ("bad", "good")
    assert prepared.network.output_shape == (2,)
    assert prepared.network.bidirectional
    assert prepared.loss == "cross_entropy"
    usual = {"epochs", "batch_size", "learning_rate", "patience", "label_smoothing", "class_weight", "ema"}
    assert set(prepared.training) - {"pretrain"} == usual
    assert prepared.train.batch(np.arange(3))["target"].dtype == np.int64


def test_typed_network_options_win(reviews) -> None:
    options = Options.from_flat(
        {"cell": "lstm", "hidden_size": 7, "num_layers": 2, "embedding_size": 5, "dropout": 0.0}
        | {"bidirectional": False, "pool": "attention", "init": "torch"}
    )
    spec = prepare(reviews, options).network
    assert (spec.cell, spec.hidden_size, spec.num_layers, spec.dropout) == ("lstm", 7, 2, 0.0)
    assert (spec.bidirectional, spec.pool, spec.init) == (False, "attention", "torch")
    assert spec.inputs[0].embedding_size == 5


def test_changing_rows_outside_training_leaves_the_fit_as_it_was(table_of) -> None:
    rows = [f"{text} number{i},{i % 7}.5,{'ab'[i % 2]}" for i, text in enumerate(texts(120))]
    table = table_of("review,votes,label\n" + "\n".join(rows))
    prepared = prepare(table)
    task = prepared.task
    train = {int(record) for record in prepared.source.train.records}
    changed = [
        row if record in train else f"{'other ' * (record % 50)}words,{record * 1e6},{'ab'[record % 2]}"
        for record, row in enumerate(rows, start=2)
    ]
    other = prepare(table_of("review,votes,label\n" + "\n".join(changed)))
    assert set(other.source.train.records.tolist()) == train
    again = other.task
    assert json.dumps(again.inputs.to_json()) == json.dumps(task.inputs.to_json())


def test_rows_without_a_label_are_dropped_and_counted(table_of) -> None:
    rows = [f"{text},{'' if i in (3, 50) else 'ab'[i % 2]}" for i, text in enumerate(texts(100))]
    prepared = prepare(table_of("review,label\n" + "\n".join(rows)))
    assert sum(map(len, (prepared.train, prepared.validation, prepared.test))) == 98
    assert any("5, 52" in warning for warning in prepared.warnings)


def test_too_few_rows_and_one_class_and_too_many_classes(table_of) -> None:
    few = "\n".join(f"{text},{'ab'[i % 2]}" for i, text in enumerate(texts(19)))
    with pytest.raises(DataError, match="19 rows with a known label are too few") as error:
        prepare(table_of(f"review,label\n{few}"))
    assert "20" in error.value.hint
    options = Options(columns=ColumnOptions(task="classify", target=("label",)))
    one = "\n".join(f"{text},a" for text in texts(50))
    with pytest.raises(DataError, match="column label") as error:
        prepare(table_of(f"review,label\n{one}"), options)
    assert "two" in error.value.hint
    many = "\n".join(f"{text},c{i}" for i, text in enumerate(texts(50)))
    with pytest.raises(DataError, match=r"\d+ classes in \d+ training rows"):
        prepare(table_of(f"review,label\n{many}"), options)


def test_more_than_one_percent_of_bad_numbers_is_refused(table_of) -> None:
    rows = [f"{'oops' if i in (7, 9, 11) else i / 7},{'ab'[i % 2]}" for i in range(100)]
    with pytest.raises(DataError, match=r"row 9, column x: .*oops"):
        prepare(table_of("x,label\n" + "\n".join(rows)))


def test_one_bad_number_in_a_hundred_is_missing_and_named(table_of) -> None:
    rows = [f"{'oops' if i == 7 else i * i % 31 / 7},{'ab'[i % 2]}" for i in range(200)]
    prepared = prepare(table_of("x,label\n" + "\n".join(rows)))
    assert any("oops" in warning and "9" in warning for warning in prepared.warnings)


def test_missing_error_refuses_the_first_gap(table_of) -> None:
    rows = [f"{'' if i == 7 else i / 7},{'ab'[i % 2]}" for i in range(100)]
    options = Options(reading=ReadingOptions(missing="error"))
    with pytest.raises(DataError, match="row 9, column x"):
        prepare(table_of("x,label\n" + "\n".join(rows)), options)


def test_a_column_that_gives_the_label_away_is_left_out_and_named(table_of) -> None:
    rows = [f"{text},{i % 2 + 4},{'ab'[i % 2]}" for i, text in enumerate(texts(300))]
    table = table_of("review,code,label\n" + "\n".join(rows))
    prepared = prepare(table)
    assert prepared.task.plan.left_out == (("code", "it alone predicts label"),)
    assert any("code" in warning and "--features" in warning for warning in prepared.warnings)
    assert prepared.task.columns == ("review",)
    kept = prepare(table, Options(columns=ColumnOptions(features=("review", "code"))))
    assert kept.task.columns == ("review", "code")


def test_the_only_input_is_never_left_out(table_of) -> None:
    rows = [f"{i % 2 + (i % 7) / 10},{'ab'[i % 2]}" for i in range(100)]
    assert prepare(table_of("x,label\n" + "\n".join(rows))).task.columns == ("x",)


def test_equal_texts_stay_in_one_part(table_of) -> None:
    base = texts(60)
    rows = [f"{text},{'ab'[i % 2]}" for i, text in enumerate(base * 2)]
    source = prepare(table_of("review,label\n" + "\n".join(rows))).source
    parts = [set(table.cells("review")) for table in (source.train, source.validation, source.test)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_groups_stay_in_one_part(table_of) -> None:
    rows = [f"{text},{'ab'[i % 2]},w{i % 12}" for i, text in enumerate(texts(120))]
    options = Options(columns=ColumnOptions(group="writer"))
    source = prepare(table_of("review,label,writer\n" + "\n".join(rows)), options).source
    parts = [set(table.cells("writer")) for table in (source.train, source.validation, source.test)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]


def test_given_files_are_the_parts(reviews, table_of) -> None:
    other = table_of("review,label\n" + "\n".join(f"{text},good" for text in texts(10, 5)), "test.csv")
    prepared = prepare(reviews, test=other)
    assert len(prepared.test) == 10
    assert len(prepared.train) + len(prepared.validation) == 200
    both = prepare(reviews, test=other, validation=reviews.take(np.arange(30)))
    assert (len(both.train), len(both.validation), len(both.test)) == (200, 30, 10)
    assert any("30 of 30 rows are training rows too" in warning for warning in both.warnings)


def test_a_class_that_training_never_saw_is_wrong_in_the_test_and_dropped_for_choosing(
    reviews, table_of
) -> None:
    odd = table_of(
        "review,label\n" + "\n".join(f"{t},{['good', 'odd'][i % 2]}" for i, t in enumerate(texts(10, 5)))
    )
    prepared = prepare(reviews, test=odd, validation=odd)
    assert len(prepared.validation) == 5
    assert prepared.test.fields["target"].tolist() == [1, -1] * 5


def sensor_rows(units=30, steps=6, label=lambda unit, step: "ab"[unit % 2]):
    return "\n".join(
        f"{unit},{step},{unit * 0.1 + step},{label(unit, step)}"
        for step in range(steps)
        for unit in range(units)
    )


def test_sequences_are_the_examples(table_of) -> None:
    prepared = prepare(table_of("recording,step,x,label\n" + sensor_rows()))
    assert sum(map(len, (prepared.train, prepared.validation, prepared.test))) == 30
    assert set(prepared.train.lengths.tolist()) == {6}
    batch = prepared.train.batch(np.arange(2))
    assert batch["values"].shape == (2, 6, 1)
    assert (np.diff(batch["values"][:, :, 0], axis=1) > 0).all()  # sorted by step


def test_a_sequence_with_two_labels_is_refused(table_of) -> None:
    table = table_of(
        "recording,step,x,label\n" + sensor_rows(label=lambda unit, step: "ab"[(unit + step // 5) % 2])
    )
    options = Options(columns=ColumnOptions(id=("recording",), time="step"))
    with pytest.raises(DataError, match="in an earlier row of recording 0"):
        prepare(table, options)


def test_a_constant_of_each_sequence_that_tells_the_label_is_left_out(table_of) -> None:
    rows = "\n".join(
        f"{unit},{step},{np.sin(unit * step)},{unit % 2 + 3},{'ab'[unit % 2]}"
        for unit in range(60)
        for step in range(5)
    )
    prepared = prepare(table_of(f"recording,step,x,code,label\n{rows}"))
    assert prepared.task.plan.features == ("x",)


def test_numeric_labels_are_in_order_of_size_and_stay_text(table_of) -> None:
    rows = [f"{text},{[10, 9, 2][i % 3]}" for i, text in enumerate(texts(90))]
    assert prepare(table_of("review,stars\n" + "\n".join(rows))).task.classes == ("2", "9", "10")
    rows = [f"{text},{['007', '08'][i % 2]}" for i, text in enumerate(texts(90))]
    assert prepare(table_of("review,label\n" + "\n".join(rows))).task.classes == ("007", "08")


def test_decode_names_the_class_and_its_probability(reviews) -> None:
    task = prepare(reviews).task
    logits = np.log(np.array([[0.25, 0.75], [0.9, 0.1]], dtype=np.float32))
    first, second = task.decode(logits)
    assert first["prediction"] == "good"
    assert first["probability"] == pytest.approx(0.75)
    assert second["prediction"] == "bad"
    full = task.decode(logits, probabilities=True)[1]
    assert list(full) == ["prediction", "probability", "probability_bad", "probability_good"]
    assert full["probability_good"] == pytest.approx(0.1)
    assert task.decode(np.empty((0,), dtype=np.float32)) == []


def sure_and_wrong(target):
    """Logits (N, 2) that are sure of the class each time, and wrong a quarter of the time."""
    logits = np.where(np.arange(2) == target[:, None], 1, 0).astype(np.float32) * 9
    logits[::4] = logits[::4, ::-1]
    return logits


def test_probabilities_are_as_sure_as_the_validation_part_allows(reviews) -> None:
    prepared = prepare(reviews, Options(split=SplitOptions(validation_share=0.4)))
    logits = sure_and_wrong(prepared.validation.fields["target"])
    task = prepared.task.calibrate(logits, prepared.validation)
    assert task.fusion.network < 1 / 4
    joined = task.joined(logits, prepared.validation)
    assert task.decode(joined)[1]["probability"] == pytest.approx(0.75, abs=0.03)
    assert task.score(logits, prepared.validation)["accuracy"] == pytest.approx(0.75, abs=0.02)
    assert Classify.from_json(json.loads(json.dumps(task.to_json()))) == task


def test_a_model_of_the_first_version_is_a_network_with_a_temperature(reviews) -> None:
    task = prepare(reviews).task
    data = {**task.to_json(), "temperature": 4.0}
    del data["fusion"], data["prior"]
    first = FirstClassify.from_json(data)
    logits = np.array([[0, 8]], dtype=np.float32)
    joined = first.joined(logits, first.encode(reviews.take(np.arange(1))))
    assert first.decode(joined)[0]["probability"] == pytest.approx(1 / (1 + np.exp(-2)))
    for wrong in (0, None, float("nan")):
        with pytest.raises(ModelError):
            FirstClassify.from_json({**data, "temperature": wrong})


def with_words(table_of, count=300):
    """Reviews in which one word tells the class, by and large, beside a column."""
    rng = np.random.default_rng(2)
    rows = []
    for index, text in enumerate(texts(count)):
        label = index % 2
        word = ["poor", "fine"][label if rng.random() < 0.9 else 1 - label]
        rows.append(f"{text} {word} number{index},{rng.normal():.3f},{['bad', 'good'][label]}")
    return table_of("review,votes,label\n" + "\n".join(rows))


def test_the_linear_part_joins_the_network_and_stands_alone_beside_it(table_of) -> None:
    prepared = prepare(with_words(table_of))
    assert prepared.task.prior is None  # nothing is fitted for a plan
    prepared = prepared.members()
    task = prepared.task
    assert any(rule.startswith("linear part: ") for rule in prepared.rules)
    assert "prior" not in prepared.train.fields  # it knows the answers there
    blind = np.zeros((len(prepared.validation), 2), dtype=np.float32)
    task = task.calibrate(blind, prepared.validation)
    outputs = np.zeros((len(prepared.test), 2), dtype=np.float32)
    both, network, linear = task.member_scores(outputs, prepared.test, "gru")
    assert (both.predictor, network.predictor) == ("combined", "gru alone")
    assert linear.predictor == "linear n-grams alone"
    assert both.values["accuracy"] == linear.values["accuracy"] > 0.8
    assert network.values["log_loss"] == pytest.approx(np.log(2))
    assert [score.predictor for score in task.baselines(prepared)] == ["most frequent class"]
    joined = task.joined(outputs, prepared.test)
    np.testing.assert_allclose(joined, prepared.test.fields["prior"] * task.fusion.prior, rtol=1e-5)
    assert task.composition("gru") == (
        f"the logits are {task.fusion.network:.2f} × gru + {task.fusion.prior:.2f} × linear n-grams, "
        "as fits the validation part best"
    )


def test_a_saved_linear_part_answers_as_before(table_of) -> None:
    table = with_words(table_of)
    task = prepare(table).members().task
    restored = Classify.from_json(json.loads(json.dumps(task.to_json()))).with_arrays(task.arrays())
    found, wanted = (one.encode(table).fields["prior"] for one in (restored, task))
    np.testing.assert_array_equal(found, wanted)
    with pytest.raises(ModelError, match="linear part"):
        Classify.from_json(task.to_json()).with_arrays({})
    with pytest.raises(ModelError, match="arrays"):
        prepare(table).task.with_arrays(task.arrays())


def test_after_the_test_the_linear_part_learns_from_all_rows(table_of) -> None:
    prepared = prepare(with_words(table_of)).members()
    everything = prepared.refit()
    assert len(everything) == len(everything.texts) == 300
    again = prepared.task.refitted(everything)
    assert len(again.prior.keys) > len(prepared.task.prior.keys)
    assert (again.prior.power, again.prior.strength) == (
        prepared.task.prior.power,
        prepared.task.prior.strength,
    )
    assert (
        prepared.task.refitted(prepared.train).prior is prepared.task.prior
    )  # without texts nothing changes


def test_rows_outside_training_do_not_change_the_linear_part(table_of) -> None:
    """But for which weighting is chosen, which this test holds still."""
    options = Options.from_flat({"prior": "nb", "validation_share": 0.1})
    table = with_words(table_of)
    prepared = prepare(table, options).members()
    train = {int(record) for record in prepared.source.train.records}
    cells = zip(table.cells("review"), table.cells("votes"), table.cells("label"), strict=True)
    changed = [
        ",".join(row) if record in train else f"other words {record},9,{row[2]}"
        for record, row in enumerate(cells, start=2)
    ]
    other = prepare(table_of("review,votes,label\n" + "\n".join(changed)), options).members()
    for name, array in prepared.task.arrays().items():
        np.testing.assert_array_equal(other.task.arrays()[name], array)


def test_without_a_linear_part_regression_is_the_baseline(table_of) -> None:
    prepared = prepare(with_words(table_of), Options.from_flat({"prior": "none"}))
    assert prepared.members is None
    scores = prepared.task.baselines(prepared)
    assert [score.predictor for score in scores] == ["most frequent class", "TF-IDF + logistic regression"]
    assert scores[1].values["accuracy"] > 0.8
    outputs = np.zeros((len(prepared.test), 2), dtype=np.float32)
    assert [score.predictor for score in prepared.task.member_scores(outputs, prepared.test, "gru")] == [
        "gru"
    ]
    assert prepared.task.composition("gru") == ""


def test_rows_to_predict_on_need_no_label(reviews, table_of) -> None:
    task = prepare(reviews).task
    assert task.columns == ("review",)
    assert task.text_column == "review"
    examples = task.encode(table_of('review\nred green\n""\nnever seen\n'))
    assert len(examples) == 3
    assert (examples.lengths >= 1).all()


def test_bad_rows_are_named_and_encode_never_fails(table_of) -> None:
    rows = [f"{i * i % 31 / 7},{i % 5},{'ab'[i % 2]}" for i in range(100)]
    task = prepare(table_of("x,z,label\n" + "\n".join(rows))).task
    table = table_of("x,z\n1,2\nhigh,2\n3,inf\n")
    assert sorted(task.bad_rows(table)) == [1, 2]
    assert len(task.encode(table)) == 3


def test_a_task_survives_json(reviews) -> None:
    task = prepare(reviews).task
    data = json.loads(json.dumps(task.to_json()))
    restored = Classify.from_json(data)
    assert restored == task
    tokens = [part.encode(reviews).fields["tokens"].values for part in (task, restored)]
    np.testing.assert_array_equal(*tokens)


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["a"]},
        {"classes": ["a", "a"]},
        {"classes": [1, 2]},
        {"classes": 7},
        {"fusion": None},
        {"fusion": {"network": 1, "prior": 0, "network_alone": 1}},
        {"fusion": {"network": 0, "prior": 0, "network_alone": 1, "prior_alone": 1}},
        {"fusion": {"network": float("nan"), "prior": 0, "network_alone": 1, "prior_alone": 1}},
        {"fusion": {"network": 1, "prior": 1, "network_alone": 1, "prior_alone": 1}},
        {"prior": {"name": "ngrams.v2"}},
        {"prior": 5},
        {"plan": {}},
        {"plan": None},
        {"inputs": []},
        {"inputs": {"text": 5}},
    ],
)
def test_a_broken_task_is_a_model_error(reviews, change) -> None:
    with pytest.raises(ModelError):
        Classify.from_json({**prepare(reviews).task.to_json(), **change})


def test_report_and_baselines_stand_beside_the_network(reviews) -> None:
    prepared = prepare(reviews)
    outputs = np.zeros((len(prepared.test), 2), dtype=np.float32)
    scores = prepared.task.baselines(prepared)
    assert [score.predictor for score in scores] == ["most frequent class", "TF-IDF + logistic regression"]
    assert all(set(score.values) == {"accuracy", "macro_f1", "log_loss", "ece"} for score in scores)
    tables = prepared.task.report(scores, outputs, prepared.test)
    titles = [f"label on {len(prepared.test)} test rows", "Confusion matrix", "Classes", "Calibration"]
    assert [table.title for table in tables] == titles
    assert sum(sum(row[1:]) for row in tables[1].rows) == len(prepared.test)


def test_no_test_part_is_no_error(reviews) -> None:
    options = Options(split=SplitOptions(test_share=0.0))
    prepared = prepare(reviews, options)
    assert len(prepared.test) == 0
    scores = prepared.task.baselines(prepared)
    assert np.isnan(scores[0].values["accuracy"])
    assert prepared.task.report(scores, np.empty((0, 2), dtype=np.float32), prepared.test)


def test_rare_classes_weigh_more_in_training_alone(table_of) -> None:
    rows = [f"{text},{'rare' if i % 10 == 0 else 'usual'}" for i, text in enumerate(texts(200))]
    table = table_of("review,label\n" + "\n".join(rows))
    prepared = prepare(table, Options.from_flat({"class_weight": "auto"}))
    target, weight = prepared.train.fields["target"], prepared.train.fields["weight"]
    rare, usual = (float(weight[target == k][0]) for k in (0, 1))
    counts = np.bincount(target)
    assert rare / usual == pytest.approx((counts[1] / counts[0]) ** 0.25)
    assert weight.mean() == pytest.approx(1.0, abs=1e-6)
    assert "weight" not in prepared.validation.fields
    everything = prepared.refit()
    assert len(everything) > len(prepared.train)
    assert everything.fields["weight"][everything.fields["target"] == 0] == pytest.approx(rare)
    assert "weight" not in prepare(table).train.fields  # of two classes the probabilities matter


def test_many_classes_of_which_some_are_far_rarer_are_weighed_by_rule(table_of) -> None:
    names = ["often"] * 12 + ["b", "c", "d", "e"]
    rows = [f"{text},{names[i % 16]}" for i, text in enumerate(texts(400))]
    table = table_of("review,label\n" + "\n".join(rows))
    prepared = prepare(table)
    assert prepared.training["class_weight"] == "auto"
    assert "weight" in prepared.train.fields
    plain = prepare(table, Options.from_flat({"class_weight": "none"}))
    assert "weight" not in plain.train.fields
