"""``evaluate --folds`` and ``--protocol`` as a person types them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from command_lines import rows_of, run

SMALL = ("--steps", "6", "--hidden-size", "8", "--threads", "1", "--window", "14")
METRICS = ("mae", "rmse", "smape", "mase")


@pytest.fixture
def prices(tmp_path, monkeypatch, write_csv, price_rows) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_csv(Path("prices.csv"), ("date", "close"), price_rows(240))


def values(text: str) -> dict[str, dict[str, float]]:
    """The figures of each forecast by name."""
    return {
        row["forecast"]: {name: float(cell) for name, cell in row.items() if name != "forecast" and cell}
        for row in rows_of(text)
    }


def test_one_fold_is_what_training_reports(capsys, prices) -> None:
    code, out, _ = run(capsys, "evaluate", "prices.csv", "--folds", "1", "--horizon", "7", *SMALL)
    assert code == 0
    assert [path.name for path in prices.parent.iterdir()] == [prices.name]  # nothing was saved
    code, trained, _ = run(capsys, "train", "prices.csv", "--task", "forecast", "--horizon", "7", *SMALL)
    assert code == 0
    ours, theirs = values(out), values(trained)
    for name, figures in theirs.items():
        same = ours[name]
        assert [same[each] for each in METRICS] == pytest.approx([figures[each] for each in METRICS]), name


def test_folds_by_hand(capsys, prices, price_rows) -> None:
    code, out, err = run(capsys, "evaluate", "prices.csv", "--folds", "3", "--horizon", "2", *SMALL)
    assert code == 0
    first = next(iter(rows_of(out)))
    assert first["forecast"] == "combined"
    behind = [float(row["mase"]) for row in rows_of(out)[1:]]
    assert behind == sorted(behind)
    y = np.array([value for _, value in price_rows(240)])
    assert "fold 1 of 3: 192 rows" in err
    assert "tested on 16 from 2023-07-13 to 2023-07-28" in err
    naive = [abs(y[row] - y[row - step]) for row in range(192, 240) for step in (1, 2)]
    found = values(out)
    assert found["naive"]["mae"] == pytest.approx(np.mean(naive))
    simple = ("naive", "seasonal naive (7)", "drift", "mean of")
    best = min(figures["mae"] for name, figures in found.items() if name.startswith(simple))
    for figures in found.values():
        assert figures["skill"] == pytest.approx(1 - figures["mae"] / best, abs=1e-9)
    assert "around seasonal naive" in err
    assert "rolling" in err


def test_later_rows_change_no_earlier_fold(capsys, prices, write_csv, price_rows) -> None:
    typed = ("evaluate", "prices.csv", "--folds", "2", "--horizon", "2", *SMALL)
    walk = 50 + np.random.default_rng(5).normal(size=240).cumsum()

    def folds(figures: np.ndarray) -> list[list[str]]:
        days = [day for day, _ in price_rows(240)]
        write_csv(prices, ("date", "close"), zip(days, figures.round(4), strict=True))
        lines = run(capsys, *typed)[2].splitlines()
        start = lines.index("By fold") + 3
        return [line.split()[:5] for line in lines[start : start + 2]]  # up to the error of the mix

    before = folds(walk)
    walk[216:] += np.linspace(0, 900, 24)
    after = folds(walk)
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_without_refit_one_training_is_tested_on_all_blocks(capsys, prices) -> None:
    typed = ("evaluate", "prices.csv", "--horizon", "7", *SMALL)
    code, out, err = run(capsys, *typed, "--folds", "3", "--no-refit")
    assert code == 0
    assert "fold 1 of 3" in err
    assert "fold 2 of 3" not in err
    lines = err.splitlines()
    rows = [line.split() for line in lines[lines.index("By fold") + 3 :][:3]]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert sum(int(row[3]) for row in rows) == 48
    one = values(run(capsys, *typed, "--folds", "1")[1])
    for name, figures in values(out).items():
        assert figures["mae"] == pytest.approx(one[name]["mae"]), name
        assert figures["rmse"] == pytest.approx(one[name]["rmse"]), name


def test_ltsf_is_measured_on_z_scores_of_whole_windows(capsys, prices, price_rows) -> None:
    typed = ("--protocol", "ltsf", "--horizon", "5", "--validation-share", ".2", "--test-share", ".2")
    code, out, err = run(capsys, "evaluate", "prices.csv", *typed, *SMALL)
    assert code == 0
    y = np.array([value for _, value in price_rows(240)])
    spread = y[:144].std()
    errors = [(y[origin + step] - y[origin - 1]) / spread for origin in range(192, 236) for step in range(5)]
    assert f"{236 - 192} windows whose whole horizon" in err
    naive = values(out)["naive"]
    assert naive["mse"] == pytest.approx(np.mean(np.square(errors)))
    assert naive["mae"] == pytest.approx(np.mean(np.abs(errors)))
    assert list(rows_of(out)[0]) == ["forecast", "mse", "mae", "skill"]


def test_ltsf_says_which_errors_are_in_z_scores_and_which_in_units_of_the_file(
    capsys, prices, price_rows, write_csv
) -> None:
    rows = [
        (day, value, round(1000 * value + 500 * (place % 3)))
        for place, (day, value) in enumerate(price_rows(240))
    ]
    write_csv(prices, ("date", "north", "south"), rows)
    typed = ("--protocol", "ltsf", "--horizon", "5", "--format", "table", *SMALL)
    code, out, err = run(capsys, "evaluate", "prices.csv", *typed)
    assert code == 0
    z_scores = "mse and mae in z-scores (mean and deviation of the training rows), not in units of the file"
    assert z_scores in " ".join(out.split())
    table = err.split("By target\n")[1].split("\n\n")[0]
    assert "mae and rmse in units of the file, not in z-scores" in " ".join(table.split())
    north, south = (
        float(next(line for line in table.splitlines() if line.startswith(name)).split()[1].replace(",", ""))
        for name in ("north", "south")
    )
    assert south > 300 * north


@pytest.fixture
def stores(tmp_path, monkeypatch, write_csv) -> dict[str, np.ndarray]:
    """Three series of unequal length, wide: all but their last 4 values, and these."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    series = {name: 50 + rng.normal(size=size).cumsum() for name, size in (("a", 64), ("b", 60), ("c", 50))}
    for name, part in (("train", slice(0, -4)), ("test", slice(-4, None))):
        cells = {key: [f"{value:.6f}" for value in values[part]] for key, values in series.items()}
        most = max(map(len, cells.values()))
        rows = [(key, *own, *[""] * (most - len(own))) for key, own in cells.items()]
        write_csv(Path(f"{name}.csv"), ("V1", *(f"V{place}" for place in range(2, most + 2))), rows)
    return series


def test_m4_scores_one_forecast_a_series(capsys, stores) -> None:
    typed = ("evaluate", "train.csv", "--wide", "--protocol", "m4", "--test", "test.csv", *SMALL[:-2])
    code, out, err = run(capsys, *typed, "--window", "10")
    assert code == 0
    found = values(out)
    smape, mase = [], []
    for y in stores.values():
        past, future = y[:-4], y[-4:]
        error = np.abs(future - past[-1])
        smape.append(np.mean(200 * error / (np.abs(future) + np.abs(past[-1]))))
        mase.append(np.mean(error) / np.mean(np.abs(np.diff(past))))
    assert "3 series, one forecast each; season 1 " in err
    assert found["naive"]["smape"] == pytest.approx(np.mean(smape), rel=1e-5)
    assert found["naive"]["mase"] == pytest.approx(np.mean(mase), rel=1e-5)
    assert found["naive2"]["owa"] == found["naive"]["owa"] == pytest.approx(1.0)  # no season to take out
    assert "Worst series" in err
    shares = [found["combined"][name] / found["naive2"][name] for name in ("smape", "mase")]
    assert found["combined"]["owa"] == pytest.approx(np.mean(shares))


def test_m4_needs_a_horizon_or_the_values_that_follow(capsys, stores) -> None:
    code, _, err = run(capsys, "evaluate", "train.csv", "--wide", "--protocol", "m4")
    assert code == 2
    assert "18 months, 13 weeks, 14 days, 48 hours) or --test FILE" in err
    code, out, _ = run(
        capsys, "evaluate", "train.csv", "--wide", "--protocol", "m4", "--horizon", "4", *SMALL[:-2],
        "--format", "jsonl", "-q", "--window", "10",
    )  # fmt: skip
    assert code == 0
    assert set(json.loads(out.splitlines()[0])) == {"forecast", "smape", "mase", "owa", "skill"}


def test_fail_under_holds_the_combination_to_a_limit(capsys, prices) -> None:
    typed = ("evaluate", "prices.csv", "--folds", "1", "--horizon", "2", *SMALL, "-q")
    assert run(capsys, *typed, "--fail-under", "skill=-9,mase=90")[0] == 0
    code, out, err = run(capsys, *typed, "--fail-under", "skill=.9999")
    assert code == 1
    assert "under 0.9999" in err
    assert rows_of(out)
    code, _, err = run(capsys, *typed, "--fail-under", "owa=1")
    assert code == 2
    assert "mae, rmse, smape, mase, skill" in err


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("--folds", "3", "-m", "x.seqcli"), "--folds trains what it tests, and -m"),
        (("--folds", "3", "--per-token"), "leave out --per-token"),
        (("--folds", "3", "--protocol", "ltsf"), "leave out one of them"),
        (("--folds", "3", "--test", "prices.csv"), "leave out --test"),
        (("--folds", "99"), "the rows to test on are 48"),
        (("--protocol", "ltsf", "--no-refit"), "leave out --no-refit"),
        (("--protocol", "m4", "--horizon", "7", "--test-share", ".2"), "leave out --test-share"),
        (("--protocol", "m4", "--horizon", "115"), "two horizons of 115"),
        (("--horizon", "7"), "or add --folds 5"),
        (("--folds", "2", "--bptt", "5"), "--bptt means nothing to the task forecast"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_is_refused(capsys, prices, typed, words) -> None:
    code, out, err = run(capsys, "evaluate", "prices.csv", *typed)
    assert code == 2
    assert words in err
    assert out == ""


def test_a_horizon_longer_than_the_test_part_has_no_whole_window(capsys, prices) -> None:
    code, _, err = run(capsys, "evaluate", "prices.csv", "--protocol", "ltsf", "--horizon", "60", *SMALL)
    assert code == 3
    assert "no window has its 60 steps" in err
    assert "epoch" not in err  # said ahead of training


def test_several_targets_and_series_with_a_hole(capsys, tmp_path, monkeypatch, write_csv) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    rows = []
    for name, count in (("a", 120), ("b", 80)):
        walks = (50 + rng.normal(size=(count, 2)).cumsum(axis=0)).round(3)
        for place, (x, y) in enumerate(walks):
            day = date(2024, 1, 1) + timedelta(days=place + 120 - count)
            rows.append((day, name, x, "" if place % 17 == 0 else y))
    write_csv(Path("many.csv"), ("date", "shop", "x", "y"), rows)
    typed = ("--target", "x,y", "--id", "shop", "--time", "date", "--folds", "2", "--horizon", "3")
    code, out, err = run(capsys, "evaluate", "many.csv", *typed, *SMALL)
    assert code == 0
    assert {"By fold", "By target", "By steps ahead", "Worst series"} <= set(err.splitlines())
    assert all(np.isfinite(figure) for figures in values(out).values() for figure in figures.values())
