"""Labels of steps and of bases from the shell: what is typed, and what comes out."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
from pathlib import Path

import pytest

from seqcli.cli.main import main
from seqcli.preprocessing.dna import reverse_complement

GOLDEN = Path(__file__).parents[1] / "golden"
ROWS, BASES = str(GOLDEN / "steps_rows.seqcli"), str(GOLDEN / "steps_bases.seqcli")
TINY = ("--hidden-size", "8", "--threads", "1", "--seed", "1")
USAGE, DATA, MODEL = 2, 3, 4


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys, monkeypatch):
    """The rows that a command prints, and what it says beside them; ``text`` is on stdin."""

    def call(*argv, text=None, code=0):
        if text is not None:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        capsys.readouterr()
        found = main([str(word) for word in argv])
        out, err = capsys.readouterr()
        assert found == code, err
        return list(csv.DictReader(io.StringIO(out))), err

    return call


def lines() -> list[str]:
    return (GOLDEN / "steps_rows.csv").read_text().splitlines()


def answers(rows) -> list[tuple[str, float]]:
    return [(row["prediction"], pytest.approx(float(row["probability"]), abs=2e-6)) for row in rows]


def test_a_label_that_goes_by_what_came_before_is_learnt_for_each_step(run) -> None:
    rng = random.Random(4)
    made = ["time,x,activity"]
    state = "up"
    for step in range(900):
        if step % 30 == 0:
            state = "up" if state == "down" else "down"
        value = {0: 1, 1: -1}.get(step % 30, 0) * (1 if state == "up" else -1)
        made.append(f"{step},{value + rng.gauss(0, 0.05):.3f},{state}")
    Path("one.csv").write_text("\n".join(made))
    rows, err = run("train", "one.csv", *TINY, "--steps", "120", "--no-bidirectional", "--no-refit")
    assert list(rows[0]) == ["predictor", "accuracy", "macro_f1", "log_loss", "ece"]
    accuracy = {row["predictor"]: float(row["accuracy"]) for row in rows}
    assert accuracy["gru"] > 0.9 > 0.8 > accuracy["logistic regression on a step and 10 before"]
    assert accuracy["most frequent class"] < 0.6
    assert "activity comes in stretches, over time (--task classify reads it otherwise)" in err
    assert (
        "- split along time: 630 training steps, 90 validation steps from 630, 180 test steps from 720" in err
    )
    assert "- read forward alone" in err
    scored, _ = run("evaluate", "one.csv", "-m", "one.seqcli", "--fail-under", "accuracy=.9")
    answered, _ = run("predict", "one.csv", "-m", "one.seqcli")
    right = sum(row["prediction"] == row["activity"] for row in answered) / 900
    assert float(scored[0]["accuracy"]) == pytest.approx(right)


def test_rows_keep_their_order_and_their_series(run) -> None:
    header, *rows = lines()
    shuffled = random.Random(1).sample(rows, len(rows))
    Path("s.csv").write_text("\n".join([header, *shuffled]))
    found, _ = run("predict", "s.csv", "-m", ROWS)
    assert [",".join(list(row.values())[:6]) for row in found] == shuffled
    wanted, _ = run("predict", GOLDEN / "steps_rows.csv", "-m", ROWS)
    by_row = {
        (row["recording"], row["step"]): each for row, each in zip(wanted, answers(wanted), strict=True)
    }
    assert [(row["prediction"], float(row["probability"])) for row in found] == [
        by_row[row["recording"], row["step"]] for row in found
    ]


def test_a_pipe_gets_what_the_file_gets_however_its_rows_come(run, monkeypatch) -> None:
    header, *rows = lines()
    mixed = sorted(rows, key=lambda row: int(row.split(",")[1]))  # all recordings at once
    gap = mixed[200].split(",")
    mixed[200] = ",".join([*gap[:2], "", *gap[3:]])
    text = "\n".join([header, *mixed])
    Path("m.csv").write_text(text)
    wanted, _ = run("predict", "m.csv", "-m", ROWS)
    for size in (1024, 7, 1):
        monkeypatch.setattr("seqcli.inference.predict.ROWS_AT_ONCE", size)
        found, _ = run("predict", "-", "-m", ROWS, "--input-format", "csv", text=text)
        assert [(row["prediction"], float(row["probability"])) for row in found] == answers(wanted)


def test_a_row_that_cannot_be_read_has_no_label_and_its_neighbours_have(run) -> None:
    found = lines()
    cells = found[7].split(",")
    found[7] = ",".join([*cells[:2], "oops", *cells[3:]])
    Path("b.csv").write_text("\n".join(found))
    rows, err = run("predict", "b.csv", "-m", ROWS, code=DATA)
    assert [place for place, row in enumerate(rows) if not row["prediction"]] == [6]
    assert "b.csv, row 8, column x: 'oops' is not a number" in err
    rows, err = run("predict", "b.csv", "-m", ROWS, "--on-error", "stop", code=DATA)
    assert len(rows) == 6


def test_columns_threshold_and_several_labels(run) -> None:
    file = GOLDEN / "steps_rows.csv"
    rows, _ = run("predict", file, "-m", ROWS, "--keep", "step", "--as", "said", "--probabilities")
    assert list(rows[0])[:3] == ["step", "said", "said_probability"]
    assert len(rows[0]) == 3 + 5
    rows, _ = run("predict", file, "-m", ROWS, "--top-k", "2", "--keep", "step")
    assert list(rows[0])[1:] == ["prediction_1", "probability_1", "prediction_2", "probability_2"]
    rows, err = run("predict", file, "-m", ROWS, "--threshold", ".9")
    unsure = sum(not row["prediction"] for row in rows)
    assert unsure
    assert f"{unsure} of 400 rows are below the --threshold" in err


def test_each_base_has_a_row(run) -> None:
    text = "ACGTACGTACGGTACCATGGTCAT"
    Path("d.csv").write_text(f"name,sequence\none,{text.lower()}\ntwo,{text[:9]}\nbad,ACXT\nnone,\n")
    rows, err = run("predict", "d.csv", "-m", BASES, code=DATA)
    assert list(rows[0]) == ["name", "row", "position", "base", "prediction", "probability"]
    assert "".join(row["base"] for row in rows if row["name"] == "one") == text
    assert [row["position"] for row in rows if row["row"] == "3"] == [str(n) for n in range(1, 10)]
    assert [(row["name"], row["base"], row["prediction"]) for row in rows[-2:]] == [
        ("bad", "", ""),
        ("none", "", ""),
    ]
    assert "d.csv, row 4, column sequence: 'X' is no base" in err
    piped, _ = run("predict", "-", "-m", BASES, text=text + "\n")
    assert answers(piped) == [(row["prediction"], float(row["probability"])) for row in rows[:24]]


def test_the_other_strand_has_the_same_labels_backwards(run) -> None:
    text = "ACGTACGTACGGTACCATGGTCAT"
    one, _ = run("predict", "-", "-m", BASES, text=text + "\n")
    other, _ = run("predict", "-", "-m", BASES, text=reverse_complement(text) + "\n")
    assert answers(one) == [(row["prediction"], float(row["probability"])) for row in reversed(other)]


def test_jsonl_has_an_object_for_each_base(run, capsys) -> None:
    Path("d.csv").write_text("sequence\nACGT\n")
    assert main(["predict", "d.csv", "-m", BASES, "--format", "jsonl"]) == 0
    first, *_ = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["row"], first["position"], first["base"]) == (2, 1, "A")


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("predict", "steps_rows.csv", "-m", BASES), DATA, "no column is called 'sequence'"),
        (
            ("predict", "steps_bases.csv", "-m", BASES, "--windows", "5"),
            USAGE,
            "it labels each base of a sequence",
        ),
        (("predict", "steps_bases.csv", "-m", BASES, "--interval", "80"), USAGE, "--interval is of numbers"),
        (("predict", "steps_rows.csv", "-m", ROWS, "--windows", "5"), USAGE, "--windows is for DNA"),
        (("predict", "steps_rows.csv", "-m", ROWS, "--format", "conll"), USAGE, "has a tag for each word"),
        (("train", "steps_rows.csv", "--pool", "max"), USAGE, "--pool means nothing to the task steps"),
        (("train", "steps_rows.csv", "--prior", "none"), USAGE, "--prior means nothing to the task steps"),
        (("train", "steps_rows.csv", "--level", "words"), USAGE, "--level shapes how text is read"),
        (("train", "steps_rows.csv", "--reverse-complement"), USAGE, "--reverse-complement is for DNA"),
        (("train", "steps_bases.csv", "--kmers", "3"), USAGE, "--kmers reads runs for a label of the whole"),
        (("train", "steps_rows.csv", "--no-augment"), USAGE, "--no-augment is for sound"),
        (("train", "steps_rows.csv", "--per-clip"), USAGE, "--per-clip is for sound"),
        (("compare", "steps_rows.csv", "--rows", "30"), USAGE, "the task steps has none"),
    ],
)
def test_what_makes_no_sense_is_refused(run, argv, code, said) -> None:
    for name in ("steps_rows.csv", "steps_bases.csv"):
        shutil.copy(GOLDEN / name, name)
    _, err = run(*argv, code=code)
    assert said in err
    assert "hint: " in err


def test_a_model_that_was_tampered_with_is_an_error(run) -> None:
    from seqcli.errors import ModelError
    from seqcli.inference.trust import saved_task
    from seqcli.model_dir import read_model

    model = read_model(Path(ROWS))
    for path, value in ((("classes",), ["a", "a"]), (("reads", "piece"), -1), (("scale",), "much")):
        record = json.loads(json.dumps(model.record))
        place = record["task"]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
        model.record.clear()
        model.record.update(record)
        with pytest.raises(ModelError):
            saved_task(model)
        model = read_model(Path(ROWS))
