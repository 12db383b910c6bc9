"""``predict --top-k`` and ``--threshold`` as typed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command_lines import rows_of, run

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def names(tmp_path, monkeypatch) -> list[dict[str, str]]:
    """A model of names here, and its probabilities."""
    for name in ("classify_characters", "regress"):
        shutil.copytree(GOLDEN / f"{name}.seqcli", tmp_path / f"{name}.seqcli")
        shutil.copy(GOLDEN / f"{name}.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    return rows_of(Path(GOLDEN / "classify_characters.out.csv").read_text())


def predicted(capsys, *argv: str, name: str = "classify_characters") -> tuple[int, list[dict[str, str]], str]:
    code, out, err = run(capsys, "predict", f"{name}.csv", "-m", f"{name}.seqcli", *argv)
    return code, rows_of(out), err


def test_the_likeliest_classes_are_those_of_the_probabilities(names, capsys) -> None:
    _, whole, _ = predicted(capsys, "--probabilities")
    code, rows, _ = predicted(capsys, "--top-k", "2")
    assert code == 0
    assert list(rows[0])[-4:] == ["prediction_1", "probability_1", "prediction_2", "probability_2"]
    for row, own in zip(rows, whole, strict=True):
        chances = {
            name.removeprefix("probability_"): float(own[name]) for name in own if "probability_" in name
        }
        ranked = sorted(chances, key=lambda name: -chances[name])
        assert [row["prediction_1"], row["prediction_2"]] == ranked[:2]
        assert float(row["probability_2"]) == chances[ranked[1]]
    _, renamed, _ = predicted(capsys, "--top-k", "1", "--as", "nation")
    assert list(renamed[0])[-2:] == ["nation_1", "nation_probability_1"]


def test_a_row_below_the_threshold_is_empty_and_counted(names, capsys) -> None:
    _, whole, _ = predicted(capsys)
    chances = sorted(float(row["probability"]) for row in whole)
    middle = (chances[len(chances) // 2 - 1] + chances[len(chances) // 2]) / 2
    code, rows, err = predicted(capsys, "--threshold", str(middle))
    assert code == 0
    empty = [row for row in rows if not row["prediction"]]
    assert 0 < len(empty) < len(rows)
    assert all(float(row["probability"]) < middle for row in empty)
    assert f"{len(empty)} of {len(rows)} rows are below the --threshold" in err


def test_one_class_with_a_threshold_of_its_own(names, capsys) -> None:
    _, whole, _ = predicted(capsys, "--probabilities")
    name = next(key for key in whole[0] if key.startswith("probability_")).removeprefix("probability_")
    least = sorted(float(row[f"probability_{name}"]) for row in whole)[len(whole) // 2]
    _, rows, _ = predicted(capsys, "--threshold", f"{name}={least}")
    chosen = [row["prediction"] == name for row in rows]
    assert chosen == [float(row[f"probability_{name}"]) >= least for row in whole]
    assert 0 < sum(chosen) < len(rows)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--top-k", "99"], "classes"),
        (["--top-k", "0"], "too small"),
        (["--top-k", "2", "--probabilities"], "leave out one of them"),
        (["--threshold", "1.5"], "is not a probability between 0 and 1"),
        (["--threshold", "=.5"], "is not a probability between 0 and 1"),
        (["--threshold", "high"], "is not a probability"),
        (["--threshold", "0.01"], "is never below that"),
        (["--threshold", "nobody=.3"], "the model has no class 'nobody'"),
    ],
)
def test_refusals(names, capsys, argv, said) -> None:
    code, rows, err = predicted(capsys, *argv)
    assert (code, rows) == (2, [])
    assert said in err


@pytest.mark.parametrize("argv", [["--top-k", "1"], ["--threshold", ".8"]])
def test_numbers_have_no_classes(names, capsys, argv) -> None:
    code, rows, err = predicted(capsys, *argv, name="regress")
    assert (code, rows) == (2, [])
    assert f"{argv[0]} is of classes" in err
