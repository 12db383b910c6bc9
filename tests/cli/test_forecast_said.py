"""What is said of a forecast: its members by one name, how steps are made, and which rows were scored."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from command_lines import rows_of, run

SMALL = ("--steps", "4", "--hidden-size", "8", "--threads", "1", "--seed", "1")


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ((), "7 steps at a time, all steps to come side by side, gated"),
        (("--decoder", "recursive"), "1 step at a time, the steps to come one by one, gated"),
        (("--decoder", "direct"), "read forward, last pooling, all steps to come at once from that, gated"),
        (("--decoder", "direct", "--pool", "mean"), "mean pooling, all steps to come at once from that"),
        (("--bidirectional",), "in both directions, last pooling, all steps to come at once from that"),
    ],
)
def test_the_plan_says_how_steps_are_made(here, capsys, typed, said) -> None:
    code, out, _ = run(capsys, "forecast", "prices.csv", *typed, "--threads", "1", "--dry-run")
    assert code == 0
    assert said in out


@pytest.mark.parametrize("cell", ["lstm", "none"])
def test_a_network_has_one_name_in_table_note_and_card(here, capsys, cell) -> None:
    alone = ("--validation-share", "0")  # where nothing is held out the network is all there is
    err = run(capsys, "forecast", "prices.csv", *SMALL, *alone, "--cell", cell, "--save", "a.seqcli")[2]
    name = "network" if cell == "none" else cell
    board = run(capsys, "evaluate", "prices.csv", "-m", "a.seqcli")
    assert f"{name} alone" in [row["forecast"] for row in rows_of(board[1])]
    shown = {row["item"]: row["value"] for row in rows_of(run(capsys, "show", "a.seqcli")[1])}
    assert shown["forecast"].endswith(f"the {name} alone is used")
    assert one_line(shown["forecast"]) in one_line(err)
    assert one_line(shown["forecast"]) in one_line(board[2])


def test_rows_are_said_to_be_no_newer_than_those_that_were_learnt_from(here, capsys) -> None:
    """Of this model the network has no weight, and the ridge has all."""
    card = rows_of(run(capsys, "show", "prices.seqcli")[1])
    assert "mixed by validation: 100 % ridge" in next(
        row["value"] for row in card if row["item"] == "forecast"
    )
    for command in ("evaluate", "explain"):
        code, _, err = run(capsys, command, "prices.csv", "-m", "prices.seqcli")
        assert code == 0
        assert "note: these rows are no newer than those that the ridge learnt from\n" in err
        assert "flatter" not in err


def test_a_naive_forecast_has_learnt_from_no_row(here, capsys, write_csv) -> None:
    """Of a random walk nothing is better than the last value."""
    rng = random.Random(5)
    walk, rows = 100.0, []
    for step in range(400):
        walk += rng.gauss(0, 1)
        rows.append((step, f"{walk:.3f}"))
    write_csv(Path("walk.csv"), ("step", "close"), rows)
    said = run(capsys, "forecast", "walk.csv", "--horizon", "3", "--no-refit", *SMALL)[2]
    assert "nothing was better than the last value" in one_line(said)
    err = run(capsys, "evaluate", "walk.csv", "-m", "walk.seqcli")[2]
    assert "no newer" not in err  # the test part is what is scored
    assert "flatter" not in err
    write_csv(Path("past.csv"), ("step", "close"), rows[:250])
    for command in (("evaluate",), ("explain",), ("forecast", "--flag-anomalies")):
        err = run(capsys, command[0], "past.csv", "-m", "walk.seqcli", *command[1:])[2]
        assert "rows are no newer than those that the forecast was chosen by" in err


def test_rows_that_go_on_without_a_target_are_its_future_without_a_flag(here, capsys, write_csv) -> None:
    rows = [(step, 40 + step * 7 % 13 + 9 * (step % 5 == 0), int(step % 5 == 0)) for step in range(120)]
    rows += [(step, "", int(step % 5 == 0)) for step in range(120, 124)]
    write_csv(Path("visits.csv"), ("day", "visitors", "promo"), rows)
    code, out, err = run(capsys, "forecast", "visits.csv", *SMALL)
    assert code == 0
    assert [*rows_of(out)[0]][:2] == ["timestamp", "forecast"]  # of one target
    assert len(rows_of(out)) == 4
    assert "4 rows behind the last known visitors" in err
    assert "known ahead: promo" in err


@pytest.mark.parametrize(
    ("typed", "code", "message", "hint"),
    [
        (("show", "prices.seqcli/model.json"), 4, "this is a file", "a directory such as prices.seqcli"),
        (("forecast", "prices.csv", "--interval", "99.9"), 2, "'99.9' is not a whole percentage", "80,95"),
        (("forecast", "prices.csv", "--time-budget", "0"), 2, "'0' is not a time above zero", "90s"),
        (
            ("forecast", "prices.csv", "--horizon", "200"),
            3,
            "a horizon of 200 needs more rows",
            "--horizon 40 would do",
        ),
        (
            ("forecast", "prices.csv", "--target", "date"),
            3,
            "column date: not numbers",
            "a column of numbers",
        ),
        (("forecast", "prices.csv", "--id", "date"), 2, "column date says when", "leave it out"),
        (("forecast", "prices.csv", "--time", "close"), 3, "among date (date), close (the time)", "--target"),
        (("forecast", "reviews.csv"), 3, "among review (text), label (text)", "--target names one"),
        (("evaluate", "reviews.csv", "--folds", "2"), 3, "among review (text), label", "--target names one"),
        (("forecast", "prices.csv", "--decoder", "beam"), 2, "'beam' is not one of", "--decoder parallel"),
        (("forecast", "prices.csv", "--config", "no.toml"), 2, "cannot be read", "--config takes"),
    ],
)
def test_a_mistake_is_one_line_and_one_hint(here, capsys, typed, code, message, hint) -> None:
    ended, out, err = run(capsys, *typed)
    assert (ended, out) == (code, "")
    first, second = err.splitlines()
    assert message in first
    assert second.startswith("hint: ")
    assert hint in second


def test_a_folder_whose_files_are_meant_names_one(here, capsys) -> None:
    (here / "empty").mkdir()
    ended, _, err = run(capsys, "forecast", ".")
    assert ended == 3
    assert err.splitlines()[1] == "hint: give a file, such as prices.csv"


@pytest.mark.parametrize("command", ["forecast", "evaluate", "explain"])
def test_a_model_among_the_files_lacks_its_flag(here, capsys, command) -> None:
    ended, _, err = run(capsys, command, "prices.csv", "prices.seqcli")
    assert ended == 3
    assert err.splitlines() == [
        "prices.seqcli: is a model, not data",
        "hint: name it by -m prices.seqcli, beside a file of data",
    ]
