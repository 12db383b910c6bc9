"""``export``: graphs as plain files, and a model with weights of 8 bits that is used like any other."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from command_lines import rows_of, run

from seqcli.inference import int8, rounding
from seqcli.inference.stream import StreamSession
from seqcli.model_dir import read_model

GOLDEN = Path(__file__).parent.parent / "golden"
ANSWERS = {
    "classify_characters": ("predict",),
    "classify_parts": ("predict",),
    "tag_words": ("predict",),
    "regress_intervals": ("predict",),
    "forecast_members": ("forecast",),
    "forecast_carried": ("forecast",),
    "pianoroll": ("evaluate", "--per-token"),
    "language_characters": ("evaluate", "--per-token"),
    "language_mingru": ("evaluate", "--per-token"),
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rounding, "SECONDS", 0)  # that a time is printed is all that is tested
    return tmp_path


@pytest.fixture
def all_weights(monkeypatch) -> None:
    """Golden models are small: round what would be left as it is."""
    monkeypatch.setattr(int8.round_graph, "__defaults__", (16,))


def copied(name: str) -> str:
    """The golden model and its file, here."""
    shutil.copytree(GOLDEN / f"{name}.seqcli", f"{name}.seqcli")
    for file in GOLDEN.glob(f"{name}.*"):
        if file.is_file():
            shutil.copy(file, file.name)
    return f"{name}.seqcli"


def data_of(name: str) -> str:
    return next(file.name for file in Path().glob(f"{name}.*") if file.is_file() and ".out." not in file.name)


def isolated(script: Path) -> str:
    """What a script prints in a process that has neither seqcli nor torch."""
    hidden = "import sys; sys.modules.update(dict.fromkeys(('seqcli', 'torch', 'onnx', 'pandas')))"
    code = f"{hidden}; import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- plain graphs


def test_graphs_are_written_as_they_are_with_what_they_take(capsys) -> None:
    model = copied("classify_words")
    code, out, err = run(capsys, "export", model)
    assert code == 0
    assert "try it: python classify_words.onnx/example.py" in err
    rows = rows_of(out)
    assert [row["file"] for row in rows] == ["batch.onnx", "model.json", "example.py", "README.md"]
    for row in rows:
        assert int(row["bytes"]) == (Path("classify_words.onnx") / row["file"]).stat().st_size
    assert rows[0]["inputs"] == "tokens int64 (batch, time); lengths int64 (batch)"
    assert rows[0]["outputs"] == "output float32 (batch, 2)"
    written = Path("classify_words.onnx/batch.onnx").read_bytes()
    assert written == (GOLDEN / "classify_words.seqcli/graphs/batch.onnx").read_bytes()
    assert "| `batch.onnx` | input | `tokens` |" in Path("classify_words.onnx/README.md").read_text()


def test_the_stateful_example_says_what_the_model_says_step_by_step(capsys) -> None:
    model = read_model(copied("language_characters"))
    assert run(capsys, "export", str(model.path), "-o", "elsewhere")[0] == 0
    assert len(Path("elsewhere/example.py").read_text().splitlines()) <= 25
    told = json.loads(Path("elsewhere/model.json").read_text())
    streams = StreamSession.open(model)
    batch = {name: np.array(values) for name, values in told["example"].items()}
    expected, states = [], None
    for _ in range(10):
        logits, states = streams.read(batch, states)
        batch["tokens"] = logits[:, -1].argmax(axis=-1)[:, None]
        expected.append(told["names"][int(batch["tokens"][0, 0])])
    assert isolated(Path("elsewhere/example.py")) == "".join(f"{word}\n" for word in expected)
    tokens = model.record["task"]["corpus"]["tokens"]
    assert told["names"] == ["", "", "", *tokens]


def test_the_example_of_whole_rows_names_the_class(capsys) -> None:
    copied("classify_characters")
    run(capsys, "export", "classify_characters.seqcli")
    folder = Path("classify_characters.onnx")
    told = json.loads((folder / "model.json").read_text())
    session = ort.InferenceSession(folder / "batch.onnx", providers=["CPUExecutionProvider"])
    batch = {name: np.array(values, dtype=np.int64) for name, values in told["example"].items()}
    logits = session.run(None, batch)[0][0]
    said = isolated(folder / "example.py").splitlines()
    assert said[0] == f"output (1, {len(logits)})"
    assert said[-1] == f"the largest: {told['names'][int(logits.argmax())]}"


@pytest.mark.parametrize("name", ["forecast_single", "forecast_carried", "pianoroll", "music", "tag_spans"])
def test_every_kind_has_an_example_that_runs(name, capsys, monkeypatch) -> None:
    copied(name)
    assert run(capsys, "export", f"{name}.seqcli")[0] == 0
    import runpy

    runpy.run_path(f"{name}.onnx/example.py", run_name="__main__")
    assert capsys.readouterr().out


def test_an_export_is_replaced_only_when_told(capsys) -> None:
    model = copied("classify_words")
    assert run(capsys, "export", model)[0] == 0
    code, _, err = run(capsys, "export", model)
    assert (code, "already holds an export" in err) == (2, True)
    assert run(capsys, "export", model, "--force")[0] == 0
    Path("classify_words.onnx/mine.txt").write_text("kept")
    code, _, err = run(capsys, "export", model, "--force")
    assert (code, "holds 'mine.txt', which no export does" in err) == (2, True)
    Path("a.txt").write_text("")
    code, _, err = run(capsys, "export", model, "-o", "a.txt", "--force")
    assert (code, "is not a directory" in err) == (2, True)
    assert not list(Path().glob(".*"))


# ---- weights of 8 bits


@pytest.mark.parametrize("name", ANSWERS)
def test_a_rounded_model_answers_as_its_model_nearly(name, capsys, all_weights) -> None:
    model, line = copied(name), ANSWERS[name]
    code, out, _ = run(capsys, "export", model, "--int8")
    assert code == 0
    assert int(rows_of(out)[1]["graph_bytes"]) != int(rows_of(out)[0]["graph_bytes"])
    answers = []
    for used in (model, f"{name}.int8.seqcli"):
        code, out, _ = run(capsys, *line, data_of(name), "-m", used, "--format", "csv")
        assert code == 0
        answers.append(list(csv.reader(out.splitlines())))
    moved = 0
    for whole, small in zip(*answers, strict=True):
        for before, after in zip(whole, small, strict=True):
            try:
                first, second = float(before), float(after)
            except ValueError:
                continue
            moved += first != second
            assert second == pytest.approx(first, rel=0.03, abs=0.03 if "." in before else 2)  # or a rank
    assert moved


def test_a_rounded_model_writes_text(capsys, all_weights) -> None:
    run(capsys, "export", copied("language_characters"), "--int8", "-o", "small.seqcli")
    line = (
        "generate",
        "-m",
        "small.seqcli",
        "--length",
        "12",
        "--sample-seed",
        "3",
        "--given",
        "category=Arvic",
    )
    code, out, _ = run(capsys, *line)
    assert code == 0
    assert out.strip()
    assert run(capsys, *line)[1] == out


def test_both_models_are_measured_on_a_file(capsys, all_weights) -> None:
    model = copied("classify_characters")
    code, out, err = run(capsys, "export", model, "--int8", "--data", data_of("classify_characters"))
    assert code == 0
    whole, small = rows_of(out)
    assert (whole["model"], small["model"]) == (model, "classify_characters.int8.seqcli")
    for row, used in ((whole, model), (small, small["model"])):
        size = sum(file.stat().st_size for file in Path(used).rglob("*") if file.is_file())
        assert int(row["bytes"]) == size
        assert float(row["us_per_step"]) > 0
        alone = rows_of(run(capsys, "evaluate", data_of("classify_characters"), "-m", used)[1])[0]
        assert {name: row[name] for name in alone if name != "predictor"} == {
            name: value for name, value in alone.items() if name != "predictor"
        }
    assert "1 LSTM layer in integers" in " ".join(err.split())
    assert "--data FILE" not in err


def test_without_a_file_the_kept_figures_stand_beside_nothing(capsys, all_weights) -> None:
    model = copied("classify_characters")
    _, out, err = run(capsys, "export", model, "--int8")
    whole, small = rows_of(out)
    kept = next(iter(read_model(model).record["metrics"].values()))
    assert float(whole["accuracy"]) == pytest.approx(kept["accuracy"])
    assert small["accuracy"] == ""
    assert "--data FILE measures both models" in err


def test_a_file_that_cannot_be_scored_leaves_nothing_behind(capsys) -> None:
    model = copied("classify_words")
    Path("odd.csv").write_text("a,b\n1,2\n")
    code, out, err = run(capsys, "export", model, "--int8", "--data", "odd.csv")
    assert (code, out) == (3, "")
    assert "odd.csv" in err
    assert not list(Path().glob("*.int8.seqcli"))
    Path("taken.seqcli").write_text("")
    code, _, err = run(capsys, "export", model, "--int8", "-o", "taken.seqcli")
    assert (code, "hint: choose another place with -o DIR" in err) == (2, True)


def test_what_needs_weights_says_that_there_are_none(capsys, all_weights) -> None:
    name = "classify_characters"
    run(capsys, "export", copied(name), "--int8")
    small, data = f"{name}.int8.seqcli", data_of(name)
    lines = (
        ("inspect-gradients", data, "-m", small),
        (
            "train",
            data,
            "--init-from",
            small,
            "--epochs",
            "1",
            "--save",
            "new.seqcli",
            "--level",
            "characters",
        ),
        ("show", small, "--trace", "abc"),
        ("explain", data, "-m", small, "--method", "gradients"),
    )
    for line in lines:
        code, out, err = run(capsys, *line)
        assert (code, out) == (2, ""), line
        assert "was exported with --int8 and holds no weights for" in err
        assert f"name the model that it was made from, {name}.seqcli" in err
    code, out, _ = run(capsys, "show", small)
    shown = {row["item"]: row["value"] for row in rows_of(out)}
    whole = {row["item"]: row["value"] for row in rows_of(run(capsys, "show", f"{name}.seqcli")[1])}
    assert shown["parameters"] == whole["parameters"]
    assert shown["exported"] == f"with weights of 8 bits, from {name}.seqcli"
    assert "## Export" in (Path(small) / "README.md").read_text()
    code, _, err = run(capsys, "export", small, "--int8", "-o", "again.seqcli")
    assert (code, "its weights have 8 bits already" in err) == (2, True)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("a.seqcli", "b.seqcli"), "export takes one model"),
        (("classify_words.seqcli", "--data", "x.csv"), "--data measures what --int8 costs"),
        (("classify_words.seqcli", "--encoding", "utf-8"), "--encoding says how --data is read"),
        (("classify_words.seqcli", "--int8", "-o", "classify_words.seqcli"), "is the model itself"),
        (("classify_words.seqcli", "-o", ""), "the name of the directory is empty"),
    ],
)
def test_what_makes_no_sense_is_refused(typed, said, capsys) -> None:
    copied("classify_words")
    code, out, err = run(capsys, "export", *typed)
    assert (code, out) == (2, "")
    assert said in err


def test_without_onnx_the_command_that_installs_it_is_named(capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    code, _, err = run(capsys, "export", copied("classify_words"), "--int8")
    assert code == 2
    assert "--int8 needs onnx, which is not installed\nhint: pip install onnx" in err
    assert run(capsys, "export", "classify_words.seqcli")[0] == 0
