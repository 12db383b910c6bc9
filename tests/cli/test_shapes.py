"""Shapes of forecast input by the real commands: wide files, known futures, indicators, odd series."""

from __future__ import annotations

import csv
import json
import math
import random
from pathlib import Path

import pytest
from command_lines import rows_of, run
from odd_files import days

QUICK = ("--epochs", "1", "--hidden-size", "4", "--threads", "1")


def written(name: str, rows: list[list[object]]) -> str:
    with open(name, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    return name


def wave(count: int, seed: int) -> list[str]:
    noise = random.Random(seed)
    return [f"{50 + 10 * math.sin(at * math.tau / 7) + noise.gauss(0, 1):.2f}" for at in range(count)]


def m4(lengths: tuple[int, ...] = (90, 60, 75), first: int = 0) -> list[list[object]]:
    """Series in M4's layout, the shorter ones with empty cells at the end."""
    most = max(lengths)
    rows = [[f"H{first + at + 1}", *wave(n, at), *[""] * (most - n)] for at, n in enumerate(lengths)]
    return [[f"V{at + 1}" for at in range(most + 1)], *rows]


@pytest.fixture
def place(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_wide_file_is_trained_on_forecast_and_evaluated(place, capsys) -> None:
    written("m4.csv", m4())
    code, out, err = run(capsys, "forecast", "m4.csv", "--wide", "--horizon", "7", "--window", "14", *QUICK)
    assert code == 0, err
    rows = rows_of(out)
    assert [row["series"] for row in rows[::7]] == ["H1", "H2", "H3"]
    assert [row["timestamp"] for row in rows[::7]] == ["91", "61", "76"]
    assert "3 rows of up to 90 values, V2 to V91, in order" in err
    record = json.loads(Path("m4.seqcli/model.json").read_text())
    assert record["task"]["plan"]["wide"]["ids"] == ["V1"]
    written("new.csv", m4((40, 35), first=7))
    code, out, err = run(capsys, "forecast", "new.csv", "-m", "m4.seqcli")
    assert code == 0, err
    assert [row["timestamp"] for row in rows_of(out)[::7]] == ["41", "36"]
    code, out, err = run(capsys, "evaluate", "new.csv", "-m", "m4.seqcli")
    assert code == 0, err
    names = [row["forecast"] for row in rows_of(out)]
    assert names[0] == "combined"
    assert {"gru alone", "ridge alone"} <= set(names)


def test_a_wide_file_is_found_by_its_header_and_tested_on_the_values_that_follow(place, capsys) -> None:
    whole = m4((80, 80, 80))
    written("train.csv", [[*row[:70]] for row in whole])
    written("test.csv", [whole[0][:12], *([row[0], *row[70:81]] for row in whole[1:])])
    code, _, err = run(capsys, "train", "train.csv", "--test", "test.csv", "--horizon", "7", *QUICK)
    assert code == 0, err
    assert "found by its header; --no-wide reads its columns as columns" in err
    assert "split by file: 186 training, 21 validation, 33 test steps" in err
    code, _, err = run(capsys, "train", "train.csv", "--no-wide", "--task", "forecast", "--dry-run")
    assert code == 3
    assert "too short to learn from" in err


def test_columns_called_by_dates_are_stamps_and_starts_give_moments(place, capsys) -> None:
    dates = days(60)
    rows: list[list[object]] = [["shop", "city", *dates]]
    rows += [[name, city, *wave(60, at)] for at, (name, city) in enumerate((("a", "X"), ("b", "Y")))]
    written("dates.csv", rows)
    code, out, err = run(capsys, "forecast", "dates.csv", "--horizon", "2", *QUICK)
    assert code == 0, err
    assert [row["timestamp"] for row in rows_of(out)] == ["2023-03-03", "2023-03-04"] * 2
    starts = [["id", "from", *(f"t{at}" for at in range(60))]]
    starts += [[f"s{at}", f"2024-01-0{at + 1} 06:00", *wave(60, at)] for at in range(3)]
    written("starts.csv", starts)
    typed = ("--wide", "--time", "from", "--every", "6h", "--horizon", "1")
    code, out, err = run(capsys, "forecast", "starts.csv", *typed, *QUICK)
    assert code == 0, err
    assert [row["timestamp"] for row in rows_of(out)] == [f"2024-01-{16 + at} 06:00" for at in range(3)]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("m4.csv", "--every", "1h"), "--every says how far apart"),
        (("m4.csv", "--wide", "--every", "soon"), "no span of time"),
        (("m4.csv", "--wide", "--time", "V1"), "not how far apart its values are"),
        (("m4.csv", "--wide", "--time", "V1", "--every", "1h"), "column V1: no row has a date"),
        (("m4.csv", "--wide", "--target", "V3"), "all columns of values are one series"),
        (("m4.csv", "--wide", "--id", "v1"), "did you mean 'V1'?"),
        (("twice.csv", "--wide"), "row 5, column V1: 'H1' names two rows"),
        (("cell.csv", "--wide"), 'row 2, column V4: "oops" is not a number'),
        (("gap.csv", "--wide", "--missing", "error"), "row 2, column value: a value is missing at 4"),
        (("long.csv", "--wide"), "1 column of values beside date"),
        (("indicators.csv",), "are called by dates: is each row a series?"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(place, capsys, typed, message) -> None:
    plain = m4()
    written("m4.csv", plain)
    written("twice.csv", [*plain, plain[1]])
    changed = [list(row) for row in plain]
    for at in range(3, 9):
        changed[1][at] = "oops"
    written("cell.csv", changed)
    changed[1][3:9] = ["5", "", "6", "7", "8", "9"]
    written("gap.csv", changed)
    written(
        "long.csv", [["date", "y"], *([day, value] for day, value in zip(days(60), wave(60, 0), strict=True))]
    )
    years = [str(year) for year in range(1990, 2020)]
    written("indicators.csv", [["country", *years], *(["Chad", *wave(30, at)] for at in range(3))])
    code, out, err = run(capsys, "forecast", *typed, *QUICK, "-q")
    assert code in (2, 3)
    assert out == ""
    assert message in err
    assert len(err.splitlines()) <= 2


def test_the_columns_that_tell_rows_apart_are_proposed(place, capsys) -> None:
    years = [str(year) for year in range(1990, 2020)]
    rows = [
        [country, what, *wave(30, at)] for at, country in enumerate(("Chad", "Peru")) for what in ("x", "y")
    ]
    written("both.csv", [["country", "what", *years], *rows])
    code, _, err = run(capsys, "forecast", "both.csv", "--dry-run")
    assert code == 3
    assert '--wide --id "country,what"' in err
    code, out, err = run(
        capsys, "forecast", "both.csv", "--wide", "--id", "country,what", "--horizon", "1", *QUICK
    )
    assert code == 0, err
    assert [row["series"] for row in rows_of(out)] == ["Chad / x", "Chad / y", "Peru / x", "Peru / y"]
    assert {row["timestamp"] for row in rows_of(out)} == {"2020"}
    written("dups.csv", [["date", "y"], *([day, value] for day in days(30) for value in wave(2, 0))])
    code, _, err = run(capsys, "train", "dups.csv", "--dry-run")
    assert code == 3
    assert "row 3, column date: 2023-01-02 comes more than once" in err


def test_a_model_of_a_wide_file_refuses_a_long_one_and_the_other_way_round(place, capsys) -> None:
    written("m4.csv", m4())
    written(
        "long.csv", [["date", "y"], *([day, value] for day, value in zip(days(60), wave(60, 0), strict=True))]
    )
    assert run(capsys, "forecast", "m4.csv", "--horizon", "7", *QUICK)[0] == 0
    assert run(capsys, "forecast", "long.csv", "--horizon", "7", *QUICK)[0] == 0
    code, _, err = run(capsys, "forecast", "long.csv", "-m", "m4.seqcli")
    assert code == 3
    assert "one series a row is expected" in err
    code, _, err = run(capsys, "forecast", "m4.csv", "-m", "long.seqcli")
    assert code == 3
    assert "no column is called 'date'" in err


def test_rows_behind_the_last_target_move_no_forecast(place, capsys) -> None:
    past = [[day, value, at % 5] for at, (day, value) in enumerate(zip(days(100), wave(100, 0), strict=True))]
    future = [[day, "", at % 5] for at, day in enumerate(days(104)[100:], 100)]
    written("known.csv", [["date", "sales", "promo"], *past, *future])
    code, out, err = run(capsys, "forecast", "known.csv", "--window", "14", *QUICK)
    assert code == 0, err
    assert [row["timestamp"] for row in rows_of(out)] == days(104)[100:]
    assert "known ahead: promo" in err
    written("bare.csv", [["date", "sales", "promo"], *past])
    code, bare, err = run(capsys, "forecast", "bare.csv", "-m", "known.seqcli")
    assert code == 0
    assert [row["timestamp"] for row in rows_of(bare)] == days(104)[100:]
    assert err.count("promo: not known in 4 of 4 steps to be forecast") == 1


def test_indicators_are_named_in_the_plan_and_remembered(place, capsys) -> None:
    rows = [[day, value] for day, value in zip(days(150), wave(150, 0), strict=True)]
    written("prices.csv", [["date", "close"], *rows])
    typed = ("--indicators", "--window", "14", "--horizon", "3", *QUICK)
    code, out, err = run(capsys, "forecast", "prices.csv", *typed)
    assert code == 0, err
    for name in (
        "close returns",
        "close average 5",
        "close average 20",
        "close rsi 14",
        "close volatility 20",
    ):
        assert name in " ".join(err.split())
    # The last 60 rows say as much as all of them: 14 for the window, and 20 more for the indicators.
    written("recent.csv", [["date", "close"], *rows[90:]])
    code, recent, _ = run(capsys, "forecast", "recent.csv", "-m", "prices.seqcli")
    assert code == 0
    assert recent == out


def test_a_new_series_is_scored_on_the_scale_it_is_forecast_on(place, capsys) -> None:
    rows = [
        [name, day, f"{float(value) + at * 0.5:.2f}"]
        for seed, name in enumerate("abc")
        for at, (day, value) in enumerate(zip(days(120), wave(120, seed), strict=True))
    ]
    written("panel.csv", [["shop", "date", "sales"], *rows[:240]])
    written("new.csv", [["shop", "date", "sales"], *rows[240:]])
    assert run(capsys, "train", "panel.csv", "--horizon", "7", "--window", "14", *QUICK)[0] == 0
    code, out, _ = run(capsys, "evaluate", "new.csv", "-m", "panel.seqcli")
    assert code == 0
    scores = {row["forecast"]: float(row["mase"]) for row in rows_of(out)}
    own = scores.pop("combined")
    assert own < 1.5 * min(scores.values())
