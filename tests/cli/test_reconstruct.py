"""Odd series from the file to the answer, by the commands that a person types."""

from __future__ import annotations

import csv
import math
import random
import re
from pathlib import Path

import pytest
from command_lines import rows_of, run

TINY = ("--hidden-size", "8", "--epochs", "3", "--threads", "1", "--seed", "1", "--learning-rate", "0.02")


def series(number: int) -> tuple[str, list[float]]:
    """A wave of 12 steps or so; every seventh has a jump in it."""
    rng = random.Random(number)
    values = [math.sin(step / 2) + rng.gauss(0, 0.05) for step in range(11 + number % 3)]
    if number % 7 == 6:
        values[5] += 6
    return ("jump" if number % 7 == 6 else "wave"), values


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same series in long form, in rows and as .ts, and a model of the first two."""
    place = tmp_path_factory.mktemp("odd")
    made = [series(number) for number in range(70)]
    with (place / "long.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("run", "step", "level", "kind"))
        for number, (kind, values) in enumerate(made):
            writer.writerows((f"r{number}", step, f"{x:.4f}", kind) for step, x in enumerate(values))
    with (place / "wide.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("kind", *(f"v{step}" for step in range(13))))
        for kind, values in made:
            writer.writerow((kind, *(f"{x:.4f}" for x in values), *[""] * (13 - len(values))))
    lines = [f"{','.join(f'{x:.4f}' for x in values)}:{kind}" for kind, values in made]
    (place / "waves.ts").write_text("\n".join(["@classLabel true jump wave", "@data", *lines]) + "\n")
    return place


@pytest.fixture
def here(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(trained)
    return trained


@pytest.mark.parametrize(
    ("file", "typed"),
    [
        ("long.csv", ("--target", "kind", "--anomalous", "jump")),
        ("wide.csv", ("--target", "kind", "--anomalous", "jump")),
        ("waves.ts", ("--anomalous", "jump")),
    ],
)
def test_the_same_series_are_learnt_from_each_form(
    here: Path, capsys: pytest.CaptureFixture[str], file: str, typed: tuple[str, ...]
) -> None:
    model = f"{file}.model"
    code, out, err = run(
        capsys, "train", file, "--task", "reconstruct", *typed, "--save", model, "--force", *TINY
    )
    assert code == 0, err
    rows = rows_of(out)
    assert [row["predictor"] for row in rows][0::2] == ["gru", "mean of each step"]
    assert rows[1]["predictor"].startswith("PCA, ")
    assert set(rows[0]) == {"predictor", "auroc", "auprc", "hits", "false_alarms", "mse"}
    assert float(rows[2]["auroc"]) == 1.0  # a jump of 6 lies far from the mean of its step
    assert "10 odd series are not learnt from and are in the test part" in err
    code, out, _ = run(capsys, "predict", file, "-m", model)
    answers = rows_of(out)
    assert code == 0
    assert len(answers) == 70
    assert {row["prediction"] for row in answers} <= {"anomaly", "normal"}
    jumps = [row for number, row in enumerate(answers) if number % 7 == 6]
    assert {row["worst_step"] for row in jumps} == {"6"}
    assert all(
        (float(row["score"]) > float(row["threshold"])) == (row["prediction"] == "anomaly") for row in answers
    )
    code, out, _ = run(capsys, "evaluate", file, "-m", model)
    flagged = sum(row["prediction"] == "anomaly" for row in jumps)
    assert float(rows_of(out)[0]["hits"]) == pytest.approx(flagged / 10)


def model_of(capsys: pytest.CaptureFixture[str], file: str, *typed: str) -> str:
    """A model without labels, made once a file."""
    name = f"{file}.plain"
    if not Path(name).exists():
        code, _, err = run(
            capsys, "train", file, "--task", "reconstruct", *typed, "--save", name, "-q", *TINY
        )
        assert code == 0, err
    return name


def test_a_step_has_a_score_of_its_own(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = model_of(capsys, "long.csv", "--features", "level")
    _, out, _ = run(capsys, "predict", "long.csv", "-m", model, "--per-step")
    steps = rows_of(out)
    source = rows_of(Path("long.csv").read_text())
    assert [(row["run"], row["step"]) for row in steps] == [(row["run"], row["step"]) for row in source]
    assert [float(row["level"]) for row in steps] == pytest.approx(
        [float(row["level"]) for row in source], abs=1e-4
    )
    _, out, _ = run(capsys, "predict", "long.csv", "-m", model)
    whole = {row["run"]: row for row in rows_of(out)}
    for name in ("r0", "r6"):
        own = [float(row["score"]) for row in steps if row["run"] == name]
        mean_square = sum(score**2 for score in own) / len(own)
        assert float(whole[name]["score"]) == pytest.approx(math.sqrt(mean_square), rel=1e-4)
        assert 1 + own.index(max(own)) == int(whole[name]["worst_step"])
    odd = [row for row in steps if row["prediction"] == "anomaly"]
    assert ("r6", "5") in {(row["run"], row["step"]) for row in odd}


def test_steps_of_rows_have_numbers(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = model_of(capsys, "wide.csv", "--target", "kind", "--anomalous", "jump")
    _, out, _ = run(capsys, "predict", "wide.csv", "-m", model, "--per-step", "--keep", "kind", "--as", "odd")
    steps = rows_of(out)
    assert list(steps[0]) == [
        *("kind", "row", "step", "value", "value expected", "odd", "score", "threshold", "worst_channel"),
    ]
    assert [row["row"] for row in steps[:11]] == ["2"] * 11
    assert [row["step"] for row in steps[:12]] == [*(str(step) for step in range(1, 12)), "1"]


def test_labels_come_later_and_may_be_found_or_typed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = model_of(capsys, "long.csv", "--features", "level")
    _, out, _ = run(capsys, "evaluate", "long.csv", "-m", model)
    assert set(rows_of(out)[0]) == {"predictor", "flagged", "mse"}
    typed = ("--target", "kind", "--anomalous", "jump", "--fail-under", "auroc=.5")
    code, out, err = run(capsys, "evaluate", "long.csv", "-m", model, *typed)
    assert code == 0, err
    assert set(rows_of(out)[0]) >= {"auroc", "auprc", "hits", "false_alarms"}
    text = Path("long.csv").read_text().replace("kind", "label").replace("jump", "anomaly")
    Path("labelled.csv").write_text(text.replace("wave", "normal"))
    _, out, _ = run(capsys, "evaluate", "labelled.csv", "-m", model)
    assert "auroc" in rows_of(out)[0]


def test_scores_are_drawn_about_the_threshold(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = model_of(capsys, "long.csv", "--features", "level")
    typed = ("--target", "kind", "--anomalous", "jump", "--plot", "scores.svg")
    code, _, err = run(capsys, "evaluate", "long.csv", "-m", model, *typed)
    assert code == 0, err
    drawn = Path("scores.svg").read_text()
    threshold = re.search(r"threshold ([\d.]+):", err)
    assert threshold
    assert all(word in drawn for word in ("usual", "odd", f"the threshold, {threshold[1]}"))


def test_a_bad_cell_is_named_and_its_series_unanswered(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = model_of(capsys, "wide.csv", "--target", "kind", "--anomalous", "jump")
    lines = Path("wide.csv").read_text().splitlines()[:4]
    lines[2] = lines[2].replace(lines[2].split(",")[3], "n/q")
    Path("bad.csv").write_text("\n".join(lines) + "\n")
    code, out, err = run(capsys, "predict", "bad.csv", "-m", model)
    assert code == 3
    assert [bool(row["prediction"]) for row in rows_of(out)] == [True, False, True]
    assert "bad.csv, row 3, column v2: 'n/q' is not a number" in err
    code, _, err = run(capsys, "predict", "bad.csv", "-m", model, "--per-step")
    assert code == 3
    assert "bad.csv, row 3, column v2: 'n/q' is not a number" in err


REFUSED = {
    "a class of numbers": (("predict", "long.csv", "-m", "MODEL", "--top-k", "2"), "scores series"),
    "probabilities": (("predict", "long.csv", "-m", "MODEL", "--probabilities"), "scores series"),
    "intervals": (("predict", "long.csv", "-m", "MODEL", "--interval", "80"), "predicts what is odd"),
    "no such value": (
        ("evaluate", "long.csv", "-m", "MODEL", "--target", "kind", "--anomalous", "jmp"),
        "column kind has no value 'jmp'",
    ),
    "of another task": (
        ("train", "long.csv", "--task", "classify", "--target", "kind", "--anomalous", "jump"),
        "--anomalous means nothing to the task classify",
    ),
    "a rate that is none": (
        ("train", "long.csv", "--task", "reconstruct", "--false-alarms", "1"),
        "false-alarms",
    ),
    "refit": (
        ("train", "long.csv", "--task", "reconstruct", "--no-refit"),
        "--no-refit means nothing to the task reconstruct",
    ),
    "pooling": (("train", "long.csv", "--task", "reconstruct", "--pool", "max"), "--pool means nothing"),
    "sentences": (
        ("train", "long.csv", "--task", "reconstruct", "--embedding-size", "8"),
        "--embedding-size",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused(here: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    line, sentence = REFUSED[name]
    model = model_of(capsys, "long.csv", "--features", "level")
    code, out, err = run(capsys, *(model if word == "MODEL" else word for word in line))
    assert (code, out) == (2, "")
    assert sentence in err


def test_steps_are_of_series_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    golden = str(Path(__file__).parents[1] / "golden" / "regress.seqcli")
    source = str(Path(__file__).parents[1] / "golden" / "regress.csv")
    code, _, err = run(capsys, "predict", source, "-m", golden, "--per-step")
    assert code == 2
    assert "--per-step is of series that are written again" in err
    code, _, err = run(capsys, "evaluate", source, "-m", golden, "--anomalous", "1")
    assert code == 2
    assert "this model looks for none" in err


def test_a_code_and_a_rate_may_be_typed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ("--bottleneck", "3", "--false-alarms", ".5", "--features", "level", "--save", "typed.model")
    code, _, err = run(capsys, "train", "long.csv", "--task", "reconstruct", *typed, *TINY)
    assert code == 0, err
    assert "code of 3 numbers: as typed" in err
    _, _, err = run(capsys, "evaluate", "long.csv", "-m", "typed.model")
    assert "exceeded by 50 % of usual series at most" in err
    _, out, _ = run(capsys, "show", "typed.model", "--equations")
    assert "W_z (3, 16)" in out
    card = Path("typed.model/README.md").read_text()
    assert "the odder a series is" in card
    assert "Target:" not in card
