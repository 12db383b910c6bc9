"""``explain`` as typed: a table of every input in a pipe, the strongest for a person, a figure, refusals."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.dom.minidom import parse

import pytest
from command_lines import rows_of, run

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = ("forecast_single", "forecast_panel", "forecast_members", "language_rows")


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A folder with saved forecasters of three kinds, a model of texts, and their files."""
    for name in NAMES:
        shutil.copy(GOLDEN / f"{name}.csv", tmp_path)
        shutil.copytree(GOLDEN / f"{name}.seqcli", tmp_path / f"{name}.seqcli")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def line(name, *more):
    return ["explain", f"{name}.csv", "-m", f"{name}.seqcli", *more]


@pytest.mark.parametrize(
    ("name", "series", "targets", "window"),
    [
        ("forecast_single", [None], ["close"], 10),
        ("forecast_panel", ["north", "south", ""], ["volume"], 10),
        ("forecast_members", [None], ["close", "volume"], 21),
    ],
)
def test_the_parts_are_the_forecast_and_every_lag_is_there(
    place, capsys, name, series, targets, window
) -> None:
    code, out, err = run(capsys, *line(name))
    assert code == 0, err
    rows = rows_of(out)
    assert list(dict.fromkeys(row.get("series") for row in rows)) == series
    assert list(dict.fromkeys(row["target"] for row in rows)) == targets
    said = rows_of(run(capsys, "forecast", f"{name}.csv", "-m", f"{name}.seqcli")[1])
    for one in (one for one in series if one != ""):
        for target in targets:
            own = [row for row in rows if row.get("series") == one and row["target"] == target]
            lags = [
                int(row["lag_from"])
                for row in own
                if (row["method"], row["member"], row["column"]) == ("gradient", "all", target)
            ]
            assert lags == list(range(1, window + 1))
            *parts, whole = [row for row in own if row["method"] == "parts"]
            assert sum(float(row["effect"]) for row in parts) == pytest.approx(float(whole["effect"]))
            steps = [
                float(row["forecast"])
                for row in said
                if row.get("series") == one and row.get("target", target) == target
            ]
            assert float(whole["effect"]) == pytest.approx(sum(steps) / len(steps), rel=1e-6)


def test_the_last_line_reads_the_result(place, capsys) -> None:
    code, out, err = run(capsys, *line("forecast_single"))
    assert code == 0
    rows = [row for row in rows_of(out) if (row["method"], row["member"]) == ("gradient", "all")]
    total = sum(float(row["importance"]) for row in rows)
    last = sum(float(row["importance"]) for row in rows if row["lag_from"] == row["lag_to"] == "1")
    close = sum(float(row["importance"]) for row in rows if row["column"] == "close")
    lines = err.splitlines()
    sentence = " ".join(line.strip() for line in lines[-2:])
    assert max(map(len, lines)) <= 100  # as wide as tables in a log
    assert f"the last row carries {100 * last / total:.0f} % of what moves the forecast" in sentence
    assert f"by column close {100 * close / total:.0f} %" in sentence
    assert "shuffling close raises the error by" in sentence
    assert run(capsys, *line("forecast_single", "-q")) == (0, out, "")


def test_a_person_sees_the_strongest_rows(place, capsys) -> None:
    code, out, _ = run(capsys, *line("forecast_members", "--format", "table"))
    assert code == 0
    assert "What drove the forecast of the next 7 steps" in out
    assert out.count("gradient  ") <= 9
    assert len(re.findall(r"parts +forecast", out)) == 2
    one = run(capsys, *line("forecast_members", "--format", "table", "--steps-ahead", "2"))[1]
    assert "step 2 of 7" in one


def test_json_has_null_where_there_is_nothing(place, capsys) -> None:
    records = json.loads(run(capsys, *line("forecast_panel", "--format", "json"))[1])
    assert {record["series"] for record in records if record["method"] == "permutation"} == {None}
    assert all(record["column"] is None for record in records if record["method"] == "parts")


def test_one_series_and_a_seed(place, capsys) -> None:
    _, out, _ = run(capsys, *line("forecast_panel", "--series", "south"))
    assert {row["series"] for row in rows_of(out)} == {"south"}
    again = [run(capsys, *line("forecast_panel", "--seed", seed))[1] for seed in ("0", "0", "7")]
    assert again[0] == again[1] != again[2]
    kept = [[row for row in rows_of(text) if row["method"] != "permutation"] for text in again]
    assert kept[0] == kept[2]


def texts(path: Path, style: str) -> list[str]:
    found = parse(str(path)).getElementsByTagName("text")
    return [text.firstChild.data for text in found if text.getAttribute("class") == style]


@pytest.mark.parametrize("ending", ["svg", "html", "png"])
def test_a_figure_beside_the_same_rows(place, capsys, ending) -> None:
    _, plain, _ = run(capsys, *line("forecast_single"))
    code, out, err = run(capsys, *line("forecast_single", "--plot", f"lags.{ending}"))
    assert (code, out) == (0, plain)
    assert f"plot: lags.{ending}" in err.splitlines()
    assert Path(f"lags.{ending}").stat().st_size > 1000


def test_panels_of_the_figure(place, capsys) -> None:
    run(capsys, *line("forecast_single", "--plot", "lags.svg"))
    heads = texts(place / "lags.svg", "panel")
    assert heads[:2] == ["close: share of the gradient, %", "close: rise of the error when shuffled, %"]
    assert len(heads) == 10
    assert any(note.startswith("calendar: ") for note in texts(place / "lags.svg", "faint"))
    _, _, err = run(capsys, *line("forecast_members", "--plot", "many.svg"))
    assert "plot: many.svg, 12 of 1" in err
    run(capsys, *line("forecast_panel", "--plot", "panel.svg"))
    assert texts(place / "panel.svg", "panel") == [
        "north · volume: share of the gradient, %",
        "all series · volume: rise of the error when shuffled, %",
        "south · volume: share of the gradient, %",
    ]


def test_the_page_holds_its_numbers(place, capsys) -> None:
    run(capsys, *line("forecast_single", "--plot", "lags.html"))
    page = Path("lags.html").read_text(encoding="utf-8")
    assert page.count("<caption>") == 10
    assert '<th scope="row">lag 10</th>' in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["--steps-ahead", "6"], 2, "--steps-ahead 6: the model forecasts 5 steps"),
        (["--steps-ahead", "0"], 2, "--steps-ahead: 0 is too small"),
        (["--series", "close"], 2, "one series only"),
        (["--plot", "lags.pdf"], 2, ".png, .svg or .html"),
        (["--window", "3"], 2, "explain has no option --window"),
        (["-m", "language_rows.seqcli"], 2, "not one that goes on with it"),
        (["--method", "gradients"], 2, "--method means nothing to a forecast"),
        (["--row", "3"], 2, "--row means nothing to a forecast"),
        (["-o", "none/rows.csv"], 2, "there is no directory none"),
    ],
)
def test_refusals(place, capsys, argv, code, said) -> None:
    found, out, err = run(capsys, *line("forecast_single"), *argv)
    assert (found, out) == (code, "")
    assert said in err.splitlines()[-2]


def test_files_that_do_not_fit(place, capsys) -> None:
    rows = Path("forecast_single.csv").read_text().splitlines()
    Path("short.csv").write_text("\n".join(rows[:9]) + "\n")
    code, out, err = run(capsys, "explain", "short.csv", "-m", "forecast_single.seqcli")
    assert (code, out) == (3, "")
    assert "reads a window of 10" in err
    Path("other.csv").write_text("\n".join([rows[0].replace("close", "Close"), *rows[1:]]) + "\n")
    code, out, err = run(capsys, "explain", "other.csv", "-m", "forecast_single.seqcli")
    assert (code, out) == (3, "")
    assert "close" in err
    Path("whole.csv").write_text("\n".join([rows[0], *rows[-10:]]) + "\n")
    code, out, err = run(capsys, "explain", "whole.csv", "-m", "forecast_single.seqcli")
    assert code == 0
    assert {row["method"] for row in rows_of(out)} == {"gradient", "parts"}
    assert "gradient alone" in err
