"""``--plot`` as typed: beside the rows, refused ahead of the work, from a saved model, after a training."""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path
from xml.dom.minidom import parse

import pytest
from command_lines import rows_of, run

GOLDEN = Path(__file__).parents[1] / "golden"
QUICK = ["--epochs", "1", "--hidden-size", "4", "--threads", "1", "--window", "14", "--horizon", "5"]


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A folder with a saved forecaster of one series and one of a panel, and their files."""
    for name in ("forecast_single", "forecast_panel"):
        shutil.copy(GOLDEN / f"{name}.csv", tmp_path)
        shutil.copytree(GOLDEN / f"{name}.seqcli", tmp_path / f"{name}.seqcli")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def texts(path: Path, style: str) -> list[str]:
    found = parse(str(path)).getElementsByTagName("text")
    return [text.firstChild.data for text in found if text.getAttribute("class") == style]


@pytest.mark.parametrize("ending", ["svg", "html", "png"])
def test_the_rows_are_the_same_with_a_plot_and_without(place, capsys, ending) -> None:
    line = ["forecast", "forecast_single.csv", "-m", "forecast_single.seqcli"]
    _, plain, _ = run(capsys, *line)
    code, out, err = run(capsys, *line, "--plot", f"next.{ending}")
    assert code == 0
    assert out == plain
    assert f"plot: next.{ending}" in err.splitlines()
    assert Path(f"next.{ending}").stat().st_size > 1000


def test_the_figure_says_what_the_rows_say(place, capsys) -> None:
    line = ["forecast", "forecast_single.csv", "-m", "forecast_single.seqcli", "--plot", "next.svg", "-q"]
    code, out, err = run(capsys, *line)
    assert (code, err) == (0, "")
    rows = rows_of(out)
    (title, *_), (subtitle, *legend) = texts(Path("next.svg"), "title"), texts(Path("next.svg"), "faint")
    with open("forecast_single.csv", encoding="utf-8") as file:
        header = next(csv.reader(file))
    assert title.removeprefix("Forecast of ") in header
    first, last = rows[0]["timestamp"], rows[-1]["timestamp"]
    assert subtitle == f"forecast_single.csv: the next {len(rows)} rows, {first} to {last}"
    assert legend == ["history", "forecast", "80 % interval", "95 % interval", "last row of the file"]
    (described,) = parse("next.svg").getElementsByTagName("desc")
    assert last in described.firstChild.data


def test_each_series_has_a_panel(place, capsys) -> None:
    line = ["forecast", "forecast_panel.csv", "-m", "forecast_panel.seqcli", "--plot", "next.svg"]
    code, out, _ = run(capsys, *line, "--interval", "50")
    assert code == 0
    names = list(dict.fromkeys(row["series"] for row in rows_of(out)))
    assert len(names) > 1
    assert [text.split(" · ")[0] for text in texts(Path("next.svg"), "panel")] == names
    assert "50 % interval" in texts(Path("next.svg"), "faint")


def test_more_series_than_panels_one_silent_and_one_flat(place, capsys, write_csv) -> None:
    """Series 2 never changes, series 4 has no value."""
    with open("forecast_panel.csv", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    dates = [(day, volume) for day, shop, volume in rows if shop == "north"]
    value = {2: lambda volume: "7", 4: lambda volume: ""}
    many = [
        (day, f"shop {number}", value.get(number, str)(volume))
        for number in range(15)
        for day, volume in dates
    ]
    write_csv(place / "many.csv", header, many)
    code, out, err = run(capsys, "forecast", "many.csv", "-m", "forecast_panel.seqcli", "--plot", "many.svg")
    assert code == 0, err
    assert len({row["series"] for row in rows_of(out)}) == 14
    shown = [text.split(" · ")[0] for text in texts(place / "many.svg", "panel")]
    assert shown == [f"shop {number}" for number in range(13) if number != 4]
    notes = texts(place / "many.svg", "faint")
    assert "2 more series are in the table" in notes
    assert "1 series (shop 4) without a value: no forecast" in notes
    assert "plot: many.svg, 12 of 14 series" in err.splitlines()


def test_a_training_is_followed_by_its_figure(here, capsys) -> None:
    line = ["forecast", "prices.csv", "--save", "own.seqcli", *QUICK, "--plot", "own.html"]
    code, out, err = run(capsys, *line)
    assert code == 0, err
    text = Path("own.html").read_text(encoding="utf-8")
    assert "prices.csv: the next 5 rows" in text
    assert all(row["timestamp"] in text for row in rows_of(out))


@pytest.mark.parametrize(
    ("plot", "said"),
    [
        ("next.pdf", ".png, .svg or .html"),
        ("next", ".png, .svg or .html"),
        ("no/next.svg", "mkdir -p no"),
        ("prices.svg", "give them two names"),
    ],
)
def test_what_cannot_be_drawn_is_refused_ahead_of_the_training(here, capsys, plot, said) -> None:
    line = ["forecast", "prices.csv", "--save", "own.seqcli", *QUICK, "--plot", plot, "-o", "prices.svg"]
    code, out, err = run(capsys, *line)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 2
    assert said in err
    assert not Path("own.seqcli").exists()
    assert not list(here.glob("*.svg"))


def test_a_missing_matplotlib_is_told_ahead_of_the_training(here, capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    line = ["forecast", "prices.csv", "--save", "own.seqcli", *QUICK, "--plot", "next.png"]
    code, out, err = run(capsys, *line)
    assert (code, out) == (2, "")
    assert "pip install 'seqcli[plot]'" in err
    assert not Path("own.seqcli").exists()
    assert run(capsys, *line[:-1], "next.svg", "--dry-run")[0] == 0


def test_a_full_disk_under_the_figure(place, capsys) -> None:
    Path("next.svg").symlink_to("/dev/full")
    code, _, err = run(
        capsys, "forecast", "forecast_single.csv", "-m", "forecast_single.seqcli", "--plot", "next.svg"
    )
    assert code == 6
    assert "next.svg: no space left" in err
