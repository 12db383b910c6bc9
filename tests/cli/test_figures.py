"""``--plot`` of train, evaluate and show: the numbers of the page are those that other commands print."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from command_lines import rows_of, run

GOLDEN = Path(__file__).parents[1] / "golden"
ENDINGS = (".csv", ".mid", ".json", ".conll")
PANELS = {
    "classify_words": ["Confusion matrix", "Reliability: share right by probability"],
    "forecast_single": ["Error by steps ahead", "Coverage, %"],
    "forecast_carried": ["Error by target, mae / naive", "Coverage, %"],
    "language_words": ["Bits a word, in order", "Share of words, %"],
    "multilabel_cells": ["Labels: F1"],
    "music": ["Bits an event, in order", "Share of events, %"],
    "pianoroll": ["Bits a frame, in order", "Share of frames, %"],
    "regress_intervals": ["Coverage, %", "Predicted "],
    "tag_spans": ["Spans by type: F1"],
}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def data_of(name: str) -> str:
    return str(next(GOLDEN / f"{name}{end}" for end in ENDINGS if (GOLDEN / f"{name}{end}").exists()))


def tables_of(page: str) -> dict[str, list[list[str]]]:
    """The rows below each panel's title on a page that ``--plot`` wrote."""
    found = re.findall(r"<caption>(.*?)</caption>(.*?)</table>", Path(page).read_text(encoding="utf-8"), re.S)
    return {
        title: [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(<td.*?)</tr>", body, re.S)]
        for title, body in found
    }


def evaluated(capsys, name: str, *more: str) -> dict[str, list[list[str]]]:
    line = ["evaluate", data_of(name), "-m", str(GOLDEN / f"{name}.seqcli")]
    plain = run(capsys, *line)[1]
    code, out, err = run(capsys, *line, "--plot", "seen.html", *more)
    assert (code, out) == (0, plain), err
    return tables_of("seen.html")


@pytest.mark.parametrize("name", PANELS)
def test_every_task_has_its_panels(name, capsys) -> None:
    tables = evaluated(capsys, name)
    assert len(tables) == len(PANELS[name])
    assert all(title.startswith(start) for title, start in zip(tables, PANELS[name], strict=True))
    assert all(rows for rows in tables.values())


def test_a_confusion_matrix_counts_what_predict_says(capsys) -> None:
    matrix = evaluated(capsys, "classify_words")["Confusion matrix"]
    names = [row[0] for row in matrix]
    answered = rows_of(
        run(capsys, "predict", data_of("classify_words"), "-m", str(GOLDEN / "classify_words.seqcli"))[1]
    )
    pairs = Counter((row["label"], row["prediction"]) for row in answered)
    counted = [[true, *(str(pairs[true, said]) for said in names)] for true in names]
    assert matrix == counted


def test_the_cloud_is_what_predict_says_of_each_row(capsys) -> None:
    tables = evaluated(capsys, "regress")
    (title,) = (title for title in tables if title.startswith("Predicted "))
    answered = rows_of(run(capsys, "predict", data_of("regress"), "-m", str(GOLDEN / "regress.seqcli"))[1])
    target = title.removeprefix("Predicted ")
    wanted = [(float(row[target]), float(row["prediction"])) for row in answered if row[target]]
    found = [tuple(map(float, row)) for row in tables[title]]
    assert len(found) == len(wanted) > 10
    assert np.allclose(found, wanted, rtol=1e-4)


def test_bits_in_order_are_means_of_single_tokens(capsys) -> None:
    tables = evaluated(capsys, "language_words")
    line = ["evaluate", data_of("language_words"), "-m", str(GOLDEN / "language_words.seqcli"), "--per-token"]
    bits = np.array([float(row["bits"]) for row in rows_of(run(capsys, *line)[1]) if row["bits"]])
    rows = tables["Bits a word, in order"]
    size = math.ceil(len(bits) / 100)
    assert [float(row[1]) for row in rows] == pytest.approx(
        [bits[at : at + size].mean() for at in range(0, len(bits), size)], rel=1e-4
    )
    ends = [float(row[2]) for row in (rows[0], rows[-1])]
    assert ends == pytest.approx([bits.mean()] * 2, rel=1e-4)
    steps = re.search(r"every word of (\d+) bits", Path("seen.html").read_text())
    assert steps is not None
    assert int(steps[1]) == max(1, math.ceil(np.quantile(bits, 0.99)))


def test_errors_by_steps_are_those_of_the_table(capsys) -> None:
    line = ["evaluate", data_of("forecast_single"), "-m", str(GOLDEN / "forecast_single.seqcli")]
    _, _, err = run(capsys, *line, "--plot", "seen.html")
    printed = err.split("By steps ahead")[1].split("\n\n")[0].splitlines()[3:]
    shown = [[float(cell.replace(",", "")) for cell in row.split()] for row in printed]
    drawn = [list(map(float, row)) for row in tables_of("seen.html")["Error by steps ahead"]]
    assert len(drawn) > 2
    assert np.allclose(drawn, shown, rtol=1e-3)


def test_learning_curves_are_the_history(capsys, write_csv) -> None:
    words = ("fine", "dull")
    rows = [
        (f"the {noun} was {words[at % 2]} {at}", words[at % 2])
        for at, noun in enumerate(["cast", "plot"] * 40)
    ]
    write_csv(Path("reviews.csv"), ("review", "label"), rows)
    small = ["--epochs", "3", "--hidden-size", "4", "--threads", "1"]
    code, _, err = run(capsys, "train", "reviews.csv", *small, "--plot", "curves.html")
    assert code == 0
    assert "plot: curves.html" in err.splitlines()
    lines = Path("reviews.seqcli/history.jsonl").read_text().splitlines()
    epochs = [entry for entry in map(json.loads, lines) if entry["phase"] == "fit"]
    tables = tables_of("curves.html")
    wanted = [[entry["epoch"], entry["train_loss"], entry["validation_loss"]] for entry in epochs]
    assert np.allclose([list(map(float, row)) for row in tables["Loss"]], wanted, rtol=1e-5)
    assert np.allclose(
        [float(row[1]) for row in tables["Learning rate"]],
        [entry["learning_rate"] for entry in epochs],
        rtol=1e-5,
    )
    code, out, _ = run(capsys, "show", "reviews.seqcli", "--plot", "again.html")
    assert code == 0
    assert out == run(capsys, "show", "reviews.seqcli")[1]
    assert Path("again.html").read_text() == Path("curves.html").read_text()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["show", "--equations"], "--plot draws learning curves, and --equations shows something else"),
        (["show", "--trace", "a b"], "--plot draws learning curves, and --trace shows something else"),
        (["show", "-o", "page.html"], "a report has the learning curves already"),
        (["evaluate", data_of("classify_words"), "-o", "seen.svg"], "seen.svg: is named by -o and by --plot"),
    ],
)
def test_what_makes_no_sense_is_refused(argv, said, capsys) -> None:
    code, out, err = run(capsys, *argv, "-m", str(GOLDEN / "classify_words.seqcli"), "--plot", "seen.svg")
    assert (code, out) == (2, "")
    assert err.splitlines()[0].endswith(said)
    assert not list(Path().iterdir())


@pytest.mark.parametrize("command", ["train", "evaluate", "show"])
def test_a_form_that_is_no_picture_is_refused_first(command, capsys) -> None:
    model = [] if command == "train" else ["-m", str(GOLDEN / "classify_words.seqcli")]
    file = [] if command == "show" else [data_of("classify_words")]
    code, out, err = run(capsys, command, *file, *model, "--plot", "curves.pdf")
    assert (code, out) == (2, "")
    assert ".png, .svg or .html" in err
    assert not list(Path().iterdir())


def test_a_model_without_history_says_that_nothing_is_drawn(capsys) -> None:
    """Digests made anew, as a program that prunes models would."""
    import hashlib

    shutil.copytree(GOLDEN / "classify_words.seqcli", "bare.seqcli")
    Path("bare.seqcli/history.jsonl").write_bytes(b"")
    record = json.loads(Path("bare.seqcli/model.json").read_text())
    record["files"]["history.jsonl"].update(size=0, sha256=hashlib.sha256(b"").hexdigest())
    Path("bare.seqcli/model.json").write_text(json.dumps(record))
    code, out, err = run(capsys, "show", "bare.seqcli", "--plot", "curves.svg")
    assert code == 0
    assert out
    assert "no epoch was written down, so curves.svg is not written" in err
    assert not Path("curves.svg").exists()


def test_a_png_is_drawn(capsys) -> None:
    pytest.importorskip("matplotlib")
    line = ["evaluate", data_of("classify_words"), "-m", str(GOLDEN / "classify_words.seqcli")]
    assert run(capsys, *line, "--plot", "seen.png")[0] == 0
    assert Path("seen.png").read_bytes().startswith(b"\x89PNG")
