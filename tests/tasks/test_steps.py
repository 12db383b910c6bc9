"""A label for each step: which files have them, how series are split and cut, and what is scored."""

from __future__ import annotations

import json
import random
from itertools import pairwise

import numpy as np
import pytest

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.options import ColumnOptions, Options, ReadingOptions
from seqcli.sequences import TARGET, WEIGHT, LookUp, Sequences
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.registry import load_task, prepare
from seqcli.tasks.stepping.baseline import around, reach
from seqcli.tasks.stepping.reading import STEP
from seqcli.tasks.steps import Steps, scored

HEADER = "id,time,x,y,activity\n"


def motions(series: int = 24, steps: int = 30, labels=("rest", "walk", "run")) -> list[str]:
    """Rows of long form whose label changes every ten steps."""
    rng = random.Random(1)
    return [
        f"{name},{step},{kind + rng.gauss(0, 0.5):.3f},{rng.random():.3f},{labels[kind]}"
        for name in range(series)
        for step in range(steps)
        for kind in [(name + step // 10) % len(labels)]
    ]


def recording(steps: int = 600) -> str:
    """One series without an id; time is not at the front, and the newest row is."""
    rows = [row.split(",") for row in motions(steps // 30)]
    made = [f"{x},{y},{n / 10:.1f},{label}" for n, (_, _, x, y, label) in enumerate(rows)]
    return "x,y,time,activity\n" + "\n".join(reversed(made))


def bases(rows: int = 40, length: int = 30) -> list[str]:
    """DNA with the two letters behind each G called s."""
    rng = random.Random(2)
    made = []
    for row in range(rows):
        text = "".join(rng.choice("ACGT") for _ in range(length + row % 3))
        labels = "".join("s" if "G" in text[max(at - 2, 0) : at] else "." for at in range(len(text)))
        made.append(f"{text},{labels}")
    return made


def plan_of(table, **typed):
    return make_plan(table, ColumnOptions(**typed), ReadingOptions())


def prepared(table, tables=None, **flat):
    options = Options.from_flat({"hidden_size": 4, **flat})
    return prepare(tables or Tables(table), make_plan(table, options.columns, options.reading), options)


# ---- which files ---------------------------------------------------------------------------------


def test_a_label_that_changes_within_series_is_one_of_steps(table_of) -> None:
    plan = plan_of(table_of(HEADER + "\n".join(motions())))
    assert (plan.task, plan.target, plan.features) == ("steps", ("activity",), ("x", "y"))
    assert (plan.id, plan.time) == (("id",), "time")
    assert "changes within each id" in plan.reasons[0]
    assert "--task classify" in plan.reasons[0]


def test_a_label_that_stays_within_series_is_one_of_series(table_of) -> None:
    rows = [f"{i // 8},{i % 8},{i * 7 % 11 / 3},{'ab'[i // 8 % 2]}" for i in range(240)]
    plan = plan_of(table_of("id,time,x,label\n" + "\n".join(rows)))
    assert (plan.task, plan.id) == ("classify", ("id",))


def test_numbers_called_a_label_are_classes_of_steps_too(table_of) -> None:
    rows = motions(labels=("0", "1", "2"))
    table = table_of(HEADER.replace("activity", "label") + "\n".join(rows))
    assert plan_of(table).task == plan_of(table, target=("label",)).task == "steps"
    assert plan_of(table, task="classify").id == ()
    renamed = table_of(HEADER.replace("activity", "units") + "\n".join(rows))
    assert plan_of(renamed, target=("units",)).task == "forecast"


def test_a_single_recording_is_found_by_its_stretches(table_of) -> None:
    plan = plan_of(table_of(recording()))
    assert (plan.task, plan.id, plan.time) == ("steps", (), "time")
    alternating = [f"{i},{i * 7 % 11 / 3},{'ab'[i % 2]}" for i in range(60)]
    found = plan_of(table_of("time,x,activity\n" + "\n".join(alternating)), target=("activity",))
    assert found.task == "classify"
    assert any("--task steps labels rows in order of time" in reason for reason in found.reasons)
    by_class = [f"{i},{i * 7 % 11 / 3},{'abc'[i // 20]}" for i in range(60)]
    sorted_table = table_of("index,x,label\n" + "\n".join(by_class))
    assert plan_of(sorted_table).task == "classify"
    assert plan_of(sorted_table, task="steps").task == "steps"


def test_the_only_column_of_classes_labels_steps_where_that_is_asked(table_of) -> None:
    rows = [
        f"2024-01-{1 + i % 28:02d},{i // 28},{i * 7 % 11 / 3},{['sun', 'rain'][i % 2]}" for i in range(112)
    ]
    table = table_of("date,place,rainfall,weather\n" + "\n".join(rows))
    assert plan_of(table).task == "forecast"
    plan = plan_of(table, task="steps")
    assert (plan.target, plan.id, plan.features) == (("weather",), ("place",), ("rainfall",))
    two = table_of(
        "time,x,a,b\n" + "\n".join(f"{i},{i * 7 % 11},{'pq'[i % 2]},{'rs'[i % 2]}" for i in range(40))
    )
    with pytest.raises(DataError, match="more than one column could label the steps: a, b"):
        plan_of(two, task="steps")
    with pytest.raises(DataError, match="no column of few repeated values"):
        plan_of(table_of("time,x\n" + "\n".join(f"{i},{i * 7 % 11}" for i in range(40))), task="steps")
    rows = [f"{i},{i * 7 % 97},{i}" for i in range(400)]
    with pytest.raises(DataError, match="97 different values label no steps"):
        plan_of(table_of("time,x,y\n" + "\n".join(rows)), task="steps", target=("x",))


def test_letters_below_bases_are_found_by_their_count(table_of) -> None:
    plan = plan_of(
        table_of("name,sequence,structure\n" + "\n".join(f"n{i},{row}" for i, row in enumerate(bases())))
    )
    assert (plan.task, plan.target, plan.text, plan.features) == ("steps", ("structure",), ("sequence",), ())
    short = bases()
    short[3] = short[3][:-1]
    assert plan_of(table_of("sequence,structure\n" + "\n".join(short)), task=None).task != "steps"
    typed = plan_of(
        table_of("sequence,structure\n" + "\n".join(short)),
        task="steps",
        target=("structure",),
        text=("sequence",),
    )
    assert typed.task == "steps"


def test_letters_that_are_bases_themselves_need_to_be_told_apart(table_of) -> None:
    rows = [row.split(",")[0] for row in bases()]
    table = table_of("read,true\n" + "\n".join(f"{row},{row.replace('A', 'C')}" for row in rows))
    assert plan_of(table).task != "steps"
    plan = plan_of(table, text=("read",), target=("true",))
    assert (plan.task, plan.text, plan.target) == ("steps", ("read",), ("true",))


# ---- the parts -----------------------------------------------------------------------------------


def test_whole_series_are_on_one_side_of_the_split(table_of) -> None:
    made = prepared(table_of(HEADER + "\n".join(motions())))
    assert "split 17 training, 2 validation, 5 test series, seed 0" in made.rules
    assert made.sizes == (510, 60, 150)
    assert made.unit == "steps"
    assert made.loss == "steps"
    assert (made.network.pool, made.network.bidirectional, made.network.stem_stride) == ("none", True, 1)
    assert len(made.refit()) == 24


def test_a_single_recording_is_cut_along_time(table_of) -> None:
    made = prepared(table_of(recording(1000)))
    assert made.sizes == (693, 99, 198)
    assert any(
        "split along time: 693 training steps, 99 validation steps from 69.3" in said for said in made.rules
    )
    with pytest.raises(UsageError, match="there is one series"):
        prepared(table_of("g," + recording().replace("\n", "\n1,")), group="g")


def test_scaling_sees_training_steps_alone(table_of) -> None:
    lines = recording(1000).splitlines()
    changed = [
        line if line == lines[0] or float(line.split(",")[2]) < 69.3 else f"1e6,{line.split(',', 1)[1]}"
        for line in lines
    ]
    one, other = (prepared(table_of("\n".join(text))).task.reads for text in (lines, changed))
    assert json.dumps(one.to_json()) == json.dumps(other.to_json())


def test_steps_without_a_label_are_read_and_not_scored(table_of) -> None:
    rows = motions()
    rows[5] = rows[5].rpartition(",")[0] + ","
    made = prepared(table_of(HEADER + "\n".join(rows)))
    assert sum(made.sizes) == 719
    assert sum(int(part.lengths.sum()) for part in (made.train, made.validation, made.test)) == 720
    assert any("1 of 720 steps have no activity: read, and not scored" in said for said in made.warnings)


def test_what_cannot_be_learnt_is_refused(table_of) -> None:
    with pytest.raises(DataError, match="60 steps with a known activity cannot be learnt from"):
        prepared(table_of(HEADER + "\n".join(motions(2))))
    rows = [row.rpartition(",")[0] + ",rest" for row in motions()]
    with pytest.raises(DataError, match="it holds only 'rest'"):
        prepared(table_of(HEADER + "\n".join(rows)), task="steps", target=("activity",))
    rows = [row[:-1] for row in bases()]
    with pytest.raises(DataError, match="row 2, column labels: 29 labels for 30 bases"):
        prepared(
            table_of("sequence,labels\n" + "\n".join(rows)),
            task="steps",
            target=("labels",),
            text=("sequence",),
        )
    with pytest.raises(DataError, match="4 sequences cannot be split"):
        prepared(table_of("sequence,labels\n" + "\n".join(bases(4))))


def test_a_few_rows_with_too_many_labels_are_named_and_read_without(table_of) -> None:
    rows = bases(120)
    rows[7] += "s"
    made = prepared(table_of("sequence,labels\n" + "\n".join(rows)))
    assert any(
        "row 9, column labels: 32 labels for 31 bases; read without labels" in w for w in made.warnings
    )
    assert sum(made.sizes) == sum(len(row.split(",")[0]) for row in rows) - 31
    rows[8] += "s"  # of many rows the columns are not found
    assert plan_of(table_of("sequence,labels\n" + "\n".join(rows))).task == "translate"


def test_a_column_that_gives_the_label_away_is_left_out(table_of) -> None:
    rows = [f"{row},{ {'rest': 4, 'walk': 9, 'run': 2}[row.rpartition(',')[2]] }" for row in motions()]
    made = prepared(table_of("id,time,x,y,activity,code\n" + "\n".join(rows)))
    assert made.task.plan.features == ("x", "y")
    assert any("code is left out: it alone predicts activity" in warning for warning in made.warnings)
    kept = prepared(table_of("id,time,x,y,activity,code\n" + "\n".join(rows)), features=("x", "code"))
    assert kept.task.plan.features == ("x", "code")


# ---- pieces --------------------------------------------------------------------------------------


@pytest.mark.parametrize("both_ways", [True, False])
def test_every_step_is_answered_once_with_what_stands_around_it(table_of, both_ways: bool) -> None:
    table = table_of(recording(1000))
    task = prepared(table, bidirectional=both_ways).task
    examples = task.encode_labelled(table)
    steps, values, target = (examples.fields[name] for name in (STEP, "values", TARGET))
    assert isinstance(steps, Sequences)
    core = steps.values[steps.values >= 0]
    assert sorted(core.tolist()) == list(range(990))
    order = np.argsort(table.numbers("time").values)
    labels = np.array(table.cells("activity"))[order]
    numbers = task.inputs.features.matrix(table)[order]
    ahead, behind = task.reads.margin
    assert (behind > 0) == both_ways
    for start, stop in pairwise(steps.offsets.tolist()):
        own = steps.values[start:stop]
        first, last = own[own >= 0][[0, -1]]
        read = np.arange(max(first - ahead, 0), min(last + 1 + behind, 990))
        assert values.values[start:stop] == pytest.approx(numbers[read])
        classes = [task.classes.index(label) + 1 for label in labels[read]]
        assert target.values[start:stop].tolist() == np.where(own >= 0, classes, 0).tolist()


def test_pieces_of_a_stream_do_not_depend_on_what_is_still_to_come(table_of) -> None:
    text = recording(1000).splitlines()
    text[1:] = sorted(text[1:], key=lambda line: float(line.split(",")[2]))
    task = prepared(table_of("\n".join(text)), bidirectional=False).task
    whole, part = (task.encode(table_of("\n".join(text[:rows]))) for rows in (991, 501))
    for start, stop in pairwise(part.fields[STEP].offsets.tolist()):
        assert (part.fields[STEP].values[start:stop] == whole.fields[STEP].values[start:stop]).all()
        assert (part.fields["values"].values[start:stop] == whole.fields["values"].values[start:stop]).all()


def test_bases_have_shares_places_and_targets(table_of) -> None:
    rows = [row for row in bases(60) if len(row) == 61]
    table = table_of("sequence,labels\n" + "\n".join(rows * 3))
    task = prepared(table).task
    batch = task.encode_labelled(table).batch(np.array([0]))
    text, labels = rows[0].split(",")
    assert batch["bases"][0].argmax(axis=1).tolist() == ["ACGT".index(letter) for letter in text]
    assert batch["place"].shape[:2] == (1, 30)
    assert [(".s".index(letter) + 1) for letter in labels] == batch[TARGET][0].tolist()
    assert isinstance(task.encode(table).fields["bases"], LookUp)


# ---- what is scored ------------------------------------------------------------------------------


def test_scores_are_those_of_scikit_learn_on_the_scored_steps(table_of) -> None:
    from sklearn.metrics import accuracy_score, f1_score, log_loss, matthews_corrcoef

    made = prepared(table_of("sequence,labels\n" + "\n".join(bases())))
    rng = np.random.default_rng(3)
    outputs = rng.normal(size=(int(made.test.lengths.sum()), 2)).astype(np.float32)
    truth = made.test.fields[TARGET].values - 1
    chances = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    found, said = made.task.score(outputs, made.test), outputs.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, said))
    assert found["macro_f1"] == pytest.approx(f1_score(truth, said, average="macro"))
    assert found["log_loss"] == pytest.approx(log_loss(truth, chances), rel=1e-5)
    assert found["mcc"] == pytest.approx(matthews_corrcoef(truth, said))


def test_margins_count_nothing_and_unseen_labels_are_wrong(table_of) -> None:
    lines = recording(1000).splitlines()
    last = [
        line if line == lines[0] or float(line.split(",")[2]) < 98.0 else line.rpartition(",")[0] + ",new"
        for line in lines
    ]
    made = prepared(table_of("\n".join(last)))
    assert any(
        "10 of 198 test steps have a label that no training step has" in said for said in made.warnings
    )
    target = made.test.fields[TARGET].values
    assert (target == 0).any()
    right = np.eye(3, dtype=np.float32)[np.maximum(target - 1, 0)] * 9
    right[target == 0] = 99 * np.roll(np.eye(3, dtype=np.float32)[0], 1)
    assert made.task.score(right, made.test)["accuracy"] == pytest.approx(188 / 198)
    table = made.task.report([], right, made.test)
    assert sum(sum(row[1:]) for row in table[1].rows) == 198
    doubled = made.task.calibrate(right / 40, made.test)
    assert doubled.scale > 1
    assert doubled.joined(right, made.test) == pytest.approx(right * doubled.scale)
    # 188 of 188 known steps are right, which is taken for 189 of 191: a margin of log 189 says that.
    scale = made.task.calibrate(right / 4, made.test).scale
    assert scale == pytest.approx(np.log(189) / (9 / 4), rel=0.04)


def test_rare_labels_weigh_more_where_that_is_asked(table_of) -> None:
    made = prepared(table_of(HEADER + "\n".join(motions())), class_weight="auto")
    weight, target = made.train.fields[WEIGHT], made.train.fields[TARGET]
    assert weight.values[target.values > 0].mean() == pytest.approx(1, rel=1e-6)
    plain = prepared(table_of(HEADER + "\n".join(motions())))
    assert WEIGHT not in plain.train.fields


def test_the_baseline_sees_a_window_of_its_own_series(table_of) -> None:
    made = prepared(table_of(HEADER + "\n".join(motions())))
    assert reach(made.test) == 10
    steps = np.arange(60)
    found = around(made.test, steps, 2, 1)
    values = made.test.fields["values"].values
    assert found.shape == (60, 8)
    padded = np.concatenate([np.zeros((2, 2)), values[:30], np.zeros((1, 2))])
    for step in range(30):
        assert found[step] == pytest.approx(padded[step : step + 4].ravel())
    usual, regression = made.task.baselines(made)
    truth = scored(np.zeros((int(made.test.lengths.sum()), 1)), made.test)[1]
    most = np.bincount(scored(np.zeros((int(made.train.lengths.sum()), 1)), made.train)[1]).argmax()
    assert usual.values["accuracy"] == pytest.approx((truth == most).mean())
    assert regression.predictor == "logistic regression on a step and 10 to either side"
    assert regression.values["accuracy"] > 0.8


# ---- saving --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["motions", "bases"])
def test_it_comes_back_from_json(table_of, text: str) -> None:
    rows = {"motions": HEADER + "\n".join(motions()), "bases": "sequence,labels\n" + "\n".join(bases())}[text]
    made = prepared(table_of(rows))
    data = json.loads(json.dumps(made.task.to_json()))
    assert load_task(data).to_json() == data
    one, other = (task.encode(table_of(rows)).batch(np.arange(3)) for task in (made.task, load_task(data)))
    assert all((one[name] == other[name]).all() for name in one)
    for change in (
        {"classes": ["a"]},
        {"classes": [1, 2]},
        {"scale": 1e9},
        {"plan": {**data["plan"], "id": ["other"]}},
        {"reads": {**data["reads"], "piece": 0}},
        {"reads": {**data["reads"], "margin": [-1, 0]}},
        {"reads": {**data["reads"], "margin": [10**9, 0]}},
    ):
        with pytest.raises(ModelError):
            Steps.from_json({**data, **change})


def test_labels_that_mean_something_else_backwards_are_refused(table_of) -> None:
    rows = [row.replace("s", "(") for row in bases()]
    with pytest.raises(UsageError, match=r"where \( and \) of column labels mean something else"):
        prepared(table_of("sequence,labels\n" + "\n".join(rows)), reverse_complement=True)
    made = prepared(table_of("sequence,labels\n" + "\n".join(bases())), reverse_complement=True)
    assert made.network.both_strands
