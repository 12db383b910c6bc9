"""Several labels and intervals of numbers as typed: train, predict, evaluate, explain, refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_lines import rows_of, run
from sklearn import metrics

GOLDEN = Path(__file__).parents[1] / "golden"
FILLERS = ("red", "green", "blue", "pale", "dark", "loud", "calm")
PLANTED = {"food": "bread", "law": "court", "sport": "match"}
SIZES = ("--hidden-size", "8", "--embedding-size", "8", "--learning-rate", "0.05", "--threads", "1")


def posts(count=240):
    """Texts with a planted word for each of their labels."""
    rng = np.random.default_rng(3)
    for number in range(count):
        has = [label for label in PLANTED if rng.random() < 0.4]
        words = rng.permutation([*rng.choice(FILLERS, size=5), *(PLANTED[label] for label in has)])
        yield " ".join(words) + f" {number}", ";".join(has)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, write_csv):
    """A file of posts, and a model of it."""
    import contextlib

    from seqcli.cli.main import main

    place = tmp_path_factory.mktemp("posts")
    write_csv(place / "posts.csv", ("post", "tags"), posts())
    with contextlib.chdir(place):
        assert main(["train", "posts.csv", *SIZES, "--epochs", "12", "-q", "-o", "trained.csv"]) == 0
    return place


@pytest.fixture
def post_model(trained, tmp_path, monkeypatch):
    for name in ("posts.seqcli",):
        shutil.copytree(trained / name, tmp_path / name)
    for name in ("posts.csv", "trained.csv"):
        shutil.copy(trained / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_both_parts_learn_what_is_planted_and_the_usual_set_does_not(post_model) -> None:
    scores = {row["predictor"]: row for row in rows_of((post_model / "trained.csv").read_text())}
    assert list(scores) == ["combined", "gru alone", "linear n-grams alone", "most frequent labels"]
    for name in ("combined", "gru alone", "linear n-grams alone"):
        assert float(scores[name]["micro_f1"]) > 0.9
        assert float(scores[name]["subset_accuracy"]) > 0.8
    assert float(scores["most frequent labels"]["subset_accuracy"]) < 0.4


def test_evaluate_says_what_scikit_learn_says_of_the_predictions(post_model, capsys) -> None:
    code, out, err = run(capsys, "evaluate", "posts.csv", "-m", "posts.seqcli")
    assert code == 0
    own = rows_of(out)[0]
    _, predicted, _ = run(capsys, "predict", "posts.csv", "-m", "posts.seqcli", "--format", "jsonl")
    rows = [json.loads(line) for line in predicted.splitlines()]
    said = [[name in row["prediction"] for name in PLANTED] for row in rows]
    true = [[name in row["tags"].split(";") for name in PLANTED] for row in rows]
    assert float(own["micro_f1"]) == pytest.approx(metrics.f1_score(true, said, average="micro"))
    assert float(own["macro_f1"]) == pytest.approx(metrics.f1_score(true, said, average="macro"))
    assert float(own["subset_accuracy"]) == pytest.approx(metrics.accuracy_score(true, said))
    assert "Labels\n" in err


def test_labels_are_joined_in_csv_and_a_list_in_json(post_model, capsys) -> None:
    _, table, _ = run(capsys, "predict", "posts.csv", "-m", "posts.seqcli", "--probabilities")
    _, lines, _ = run(capsys, "predict", "posts.csv", "-m", "posts.seqcli", "--format", "jsonl")
    lists = [json.loads(line)["prediction"] for line in lines.splitlines()]
    rows = rows_of(table)
    assert [row["prediction"] for row in rows] == [";".join(names) for names in lists]
    assert [] in lists
    assert max(map(len, lists)) > 1
    assert list(rows[0])[-4:] == ["prediction", "probability_food", "probability_law", "probability_sport"]


def test_thresholds_and_the_likeliest(post_model, capsys) -> None:
    predict = ("predict", "posts.csv", "-m", "posts.seqcli")
    rows = rows_of(run(capsys, *predict, "--probabilities", "--threshold", ".3")[1])
    for row in rows:
        assert row["prediction"] == ";".join(
            name for name in PLANTED if float(row[f"probability_{name}"]) >= 0.3
        )
    one = rows_of(run(capsys, *predict, "--threshold", "law=.9999999")[1])
    usual = rows_of(run(capsys, *predict)[1])
    assert not any("law" in row["prediction"] for row in one)
    assert [row["prediction"] for row in one] == [
        ";".join(name for name in row["prediction"].split(";") if name != "law") for row in usual
    ]
    top = rows_of(run(capsys, *predict, "--top-k", "2")[1])
    for row, own in zip(top, rows, strict=True):
        chances = {name: float(own[f"probability_{name}"]) for name in PLANTED}
        ranked = sorted(chances, key=lambda name: -chances[name])
        assert [row["prediction_1"], row["prediction_2"]] == ranked[:2]


@pytest.mark.parametrize("method", ["occlusion", "gradients"])
def test_the_planted_word_speaks_for_its_label(post_model, capsys, method) -> None:
    Path("one.csv").write_text("post\nred match blue bread calm\n")
    code, out, _ = run(
        capsys, "explain", "one.csv", "-m", "posts.seqcli", "--method", method, "--format", "jsonl"
    )
    assert code == 0
    found = {row["prediction"]: row for row in map(json.loads, out.splitlines())}
    assert set(found) == {"food", "sport"}
    for label, row in found.items():
        assert max(row["tokens"], key=lambda token: token["score"])["token"] == PLANTED[label]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--top-k", "9"], "the model has 3 labels"),
        (["--top-k", "2", "--threshold", ".4"], "leave out one of them"),
        (["--top-k", "2", "--probabilities"], "leave out one of them"),
        (["--threshold", "foot=.4"], "did you mean food?"),
        (["--interval", "80"], "--interval is of numbers"),
    ],
)
def test_refusals_of_predict(post_model, capsys, argv, said) -> None:
    code, out, err = run(capsys, "predict", "posts.csv", "-m", "posts.seqcli", *argv)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--class-weight", "auto"], "--class-weight means nothing to the task multilabel"),
        (["--label-smoothing", ".1"], "--label-smoothing means nothing to the task multilabel"),
        (
            ["--task", "classify", "--target", "tags", "--label-separator", ";"],
            "means nothing to the task classify",
        ),
        (["--task", "multi-label"], "did you mean multilabel?"),
    ],
)
def test_refusals_of_train(post_model, capsys, argv, said) -> None:
    code, _, err = run(capsys, "train", "posts.csv", "--save", "x.seqcli", "-q", *argv)
    assert code == 2
    assert said in err
    assert not list(post_model.glob("*x.seqcli*"))


# ---- numbers


@pytest.fixture
def number_models(tmp_path, monkeypatch):
    for name in ("regress", "regress_intervals"):
        shutil.copytree(GOLDEN / f"{name}.seqcli", tmp_path / f"{name}.seqcli")
    shutil.copy(GOLDEN / "regress.csv", tmp_path / "prices.csv")
    monkeypatch.chdir(tmp_path)


def test_intervals_are_as_wide_as_asked_and_evaluate_counts_them(number_models, capsys) -> None:
    predict = ("predict", "prices.csv", "-m", "regress_intervals.seqcli")
    usual = rows_of(run(capsys, *predict)[1])
    assert list(usual[0])[-5:] == ["prediction", "lo80", "hi80", "lo95", "hi95"]
    asked = rows_of(run(capsys, *predict, "--interval", "50,80")[1])
    assert list(asked[0])[-4:] == ["lo50", "hi50", "lo80", "hi80"]
    for row, own in zip(asked, usual, strict=True):
        ends = [float(row[name]) for name in ("lo80", "lo50", "prediction", "hi50", "hi80")]
        assert ends == sorted(ends)
        assert (row["lo80"], row["hi80"]) == (own["lo80"], own["hi80"])
    _, _, err = run(capsys, "evaluate", "prices.csv", "-m", "regress_intervals.seqcli")
    inside = [float(row["lo80"]) <= float(row["close"]) <= float(row["hi80"]) for row in usual]
    width = np.mean([float(row["hi80"]) - float(row["lo80"]) for row in usual])
    line = next(line.split() for line in err.splitlines() if line.strip().startswith("80 "))
    assert line[1] == f"{np.mean(inside):.1%}"
    assert float(line[2]) == pytest.approx(width, rel=1e-3)


def test_a_model_without_intervals_says_so(number_models, capsys) -> None:
    code, out, err = run(capsys, "predict", "prices.csv", "-m", "regress.seqcli", "--interval", "80")
    assert (code, out) == (2, "")
    assert "this model was saved without intervals" in err
