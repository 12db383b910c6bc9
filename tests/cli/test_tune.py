"""``seqcli tune`` as a person types it."""

from __future__ import annotations

import json
import math
import random
import signal
import sys
import tomllib
from pathlib import Path

import pytest
from command_lines import rows_of, run

import seqcli.training.tuning.space as space_module
import seqcli.training.tuning.trials as trials_module
import seqcli.training.tuning.tune as tune_module
from seqcli.errors import Interrupted
from seqcli.options import Options
from seqcli.options_use import TuneOptions
from seqcli.training.events import StepDone
from seqcli.training.tuning.events import TrialDone, Tuned
from seqcli.training.tuning.space import Choice

SMALL = ("--epochs", "3", "--hidden-size", "4", "--threads", "1")
TYPED = {"epochs": 3, "hidden_size": 4, "threads": 1}


def labelled(seed: int, count: int):
    """Rows whose label is told by two numbers, but for some noise."""
    draw = random.Random(seed)
    for _ in range(count):
        x, y = draw.gauss(0, 1), draw.gauss(0, 1)
        yield round(x, 4), round(y, 4), "in" if x * x + y * y + draw.gauss(0, 0.3) < 1.4 else "out"


@pytest.fixture
def rows(tmp_path, monkeypatch, write_csv) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_csv(Path("rows.csv"), ("x", "y", "label"), labelled(0, 160))


def kept(path: str = "rows.tuned.jsonl") -> list[dict]:
    """The trials in a file, without how long they took."""
    records = [json.loads(line) for line in Path(path).read_text().splitlines()[1:]]
    return [{name: value for name, value in record.items() if name != "seconds"} for record in records]


def test_the_defaults_are_first_and_the_best_is_no_worse(capsys, rows) -> None:
    code, out, err = run(capsys, "tune", "rows.csv", "--trials", "6", *SMALL)
    assert code == 0, err
    table, trials = rows_of(out), kept()
    assert [trial["trial"] for trial in trials] == [1, 2, 3, 4, 5, 6]
    assert trials[0]["changes"] == {}
    assert all(trial["changes"] for trial in trials[1:])
    assert not {"epochs", "hidden_size"} & {name for trial in trials for name in trial["changes"]}
    scores = [float(row["accuracy"]) for row in table]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == max(trial["score"] for trial in trials) >= trials[0]["score"]
    assert {row["changes"] for row in table if row["trial"] == "1"} == {"the defaults"}
    assert "use it: seqcli train rows.csv --config rows.tuned.toml" in err
    assert "trial 3 of 6: accuracy" in err


def test_train_takes_the_configuration_and_scores_the_same_on_validation(capsys, rows) -> None:
    code, out, _ = run(capsys, "tune", "rows.csv", "--trials", "5", *SMALL, "--save", "best.toml")
    assert code == 0
    best = rows_of(out)[0]
    trial = next(each for each in kept("best.jsonl") if str(each["trial"]) == best["trial"])
    assert tomllib.loads(Path("best.toml").read_text()) == {**TYPED, **trial["changes"]}
    code, _, _ = run(capsys, "train", "rows.csv", "--config", "best.toml")
    assert code == 0
    history = [json.loads(line) for line in Path("rows.seqcli/history.jsonl").read_text().splitlines()]
    reached = [row["validation_accuracy"] for row in history if row["best"] and row["phase"] == "fit"]
    assert reached[-1] == pytest.approx(trial["score"])
    assert Options.from_flat(json.loads(Path("rows.seqcli/model.json").read_text())["options"]).network


def test_a_tuning_in_pieces_is_that_in_one(capsys, rows, monkeypatch) -> None:
    monkeypatch.setattr(trials_module, "WARM_UP", 0.0)
    monkeypatch.setattr(trials_module, "ENOUGH", 2)  # so that some are cut short
    rates = Choice("learning_rate", (1e-6, 0.003, 0.01, 0.03))
    monkeypatch.setattr(space_module, "SPACE", (rates, *space_module.SPACE[2:4]))
    assert run(capsys, "tune", "rows.csv", "--trials", "12", *SMALL, "--save", "one.toml")[0] == 0
    assert run(capsys, "tune", "rows.csv", "--trials", "3", *SMALL)[0] == 0
    assert run(capsys, "tune", "rows.csv", "--resume", "--trials", "9")[0] == 0
    with Path("rows.tuned.jsonl").open("a") as file:
        file.write('{"trial": 10, "pl')  # a crash while it is written
    code, out, err = run(capsys, "tune", "rows.csv", "--resume", "--trials", "12")
    assert code == 0
    assert "9 of them done" in err
    assert kept() == kept("one.jsonl")
    assert {"finished", "pruned"} <= {trial["state"] for trial in kept()}
    assert len(rows_of(out)) == 12
    ours, theirs = (tomllib.loads(Path(f"{name}.toml").read_text()) for name in ("rows.tuned", "one"))
    assert ours == theirs


def events(**flags):
    return tune_module.tune(["rows.csv"], Options.from_flat(TYPED), TuneOptions(**flags), frozenset(TYPED))


def test_an_interruption_keeps_what_is_finished_and_says_how_to_go_on(capsys, rows) -> None:
    assert run(capsys, "tune", "rows.csv", "--trials", "4", *SMALL, "--save", "one.toml")[0] == 0

    def interrupted() -> None:
        finished = 0
        for event in events(trials=4):
            finished += isinstance(event, TrialDone)
            if finished == 2 and isinstance(event, StepDone):
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted) as caught:
        interrupted()
    assert caught.value.exit_code == 130
    assert "2 trials of it are kept" in caught.value.message
    assert caught.value.hint == "go on with: seqcli tune rows.csv --resume"
    assert kept() == kept("one.jsonl")[:2]
    assert Path("rows.tuned.toml").exists()
    code, _, err = run(capsys, "tune", "rows.csv", "--resume")  # as many as were asked for then
    assert code == 0, err
    assert kept() == kept("one.jsonl")


@pytest.mark.parametrize("task", ["classify", "forecast"])
def test_the_test_part_changes_nothing(capsys, tmp_path, monkeypatch, write_csv, price_rows, task) -> None:
    monkeypatch.chdir(tmp_path)
    if task == "classify":
        header, train = ("x", "y", "label"), list(labelled(0, 120))
        tests = [list(labelled(1, 40)), [(y, -9 * x, "in") for x, y, _ in labelled(2, 25)]]
    else:
        every = list(price_rows(240))
        header, train = ("date", "close"), every[:160]
        tests = [every[190:], [(day, round(900 - 3 * value, 3)) for day, value in every[190:220]]]
        write_csv(Path("held.csv"), header, every[160:190])
    write_csv(Path("rows.csv"), header, train)
    more = ("--validation", "held.csv", "--window", "14", "--horizon", "2") if task == "forecast" else ()
    found = []
    for test in tests:
        write_csv(Path("test.csv"), header, test)
        code, _, err = run(capsys, "tune", "rows.csv", "--test", "test.csv", "--trials", "3", *more, *SMALL)
        assert code == 0, err
        found.append(kept())
    assert found[0] == found[1]


def test_what_diverges_or_is_refused_is_a_trial_that_failed(capsys, rows, monkeypatch) -> None:
    broken = (Choice("learning_rate", (1e30,)), Choice("pool", ("nowhere",)))
    monkeypatch.setattr(space_module, "SPACE", broken)
    code, out, err = run(capsys, "tune", "rows.csv", "--trials", "9", *SMALL)
    assert code == 0, err
    states = {row["changes"].partition(":")[0]: row["state"] for row in rows_of(out)}
    assert states["the defaults"] == "finished"
    assert states["learning_rate 1e+30"] == "failed"
    assert "diverged" in out
    assert set(states.values()) == {"finished", "failed"}
    assert "nothing new is left to try" in err
    assert tomllib.loads(Path("rows.tuned.toml").read_text()) == TYPED


def test_a_time_budget_ends_it_but_not_the_defaults(capsys, rows, monkeypatch) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr(tune_module.time, "monotonic", lambda: float(next(clock)))  # a second a look
    code, out, err = run(capsys, "tune", "rows.csv", "--time-budget", "3s", *SMALL)
    assert code == 0, err
    assert [row["changes"] for row in rows_of(out)] == ["the defaults"]
    assert "less than the quickest trial took" in err
    code, _, err = run(capsys, "tune", "rows.csv", "--resume")  # the budget is spent
    assert code == 0
    assert [trial["trial"] for trial in kept()] == [1]


def test_a_trial_that_the_clock_breaks_off_is_not_kept(rows, monkeypatch) -> None:
    now = 0.0
    monkeypatch.setattr(tune_module.time, "monotonic", lambda: now)
    last = None
    for event in events(tuning_time=10.0):
        last = event
        if isinstance(event, TrialDone):
            now += 1.0
        elif isinstance(event, StepDone) and now:
            now = 11.0
    assert isinstance(last, Tuned)
    assert len(last.result.rows) == 1
    assert len(kept()) == 1


@pytest.mark.parametrize(
    ("argv", "code", "message", "hint"),
    [
        (("--validation-share", "0"), 3, "nothing is", "--validation FILE"),
        (("--resume",), 2, "no tuning to go on with", "leave out --resume"),
        (("--bptt", "3"), 2, "--bptt means nothing", "leave out --bptt"),
        (("--time-budgt", "3"), 2, "no option --time-budgt", "did you mean --time-budget?"),
        (("--trials", "0"), 2, "--trials: 0 is too small", "1"),
        (("--time-budget", "soon"), 2, "'soon' is not a time", "such as 90s"),
    ],
)
def test_what_cannot_be_tuned_is_two_lines_and_leaves_nothing(
    capsys, rows, argv, code, message, hint
) -> None:
    got, out, err = run(capsys, "tune", "rows.csv", "-q", *argv)
    assert (got, out) == (code, "")
    assert message in err.splitlines()[0]
    assert hint in err.splitlines()[1]
    assert [path.name for path in Path().iterdir()] == ["rows.csv"]


def test_resume_wants_the_same_data_and_options(capsys, rows, write_csv) -> None:
    assert run(capsys, "tune", "rows.csv", "--trials", "1", *SMALL)[0] == 0
    code, _, err = run(capsys, "tune", "rows.csv", "--resume", "--epochs", "4", "-q")
    assert code == 2
    assert "had --epochs 3, not 4" in err
    write_csv(rows, ("x", "y", "label"), labelled(5, 160))
    code, _, err = run(capsys, "tune", "rows.csv", "--resume", "-q")
    assert code == 3
    assert "the data has changed" in err


def test_a_file_of_ones_own_is_not_replaced(capsys, rows) -> None:
    Path("rows.tuned.toml").write_text("epochs = 9\n")
    code, _, err = run(capsys, "tune", "rows.csv", "--trials", "1", *SMALL, "-q")
    assert code == 2
    assert "was not written by tune" in err
    assert Path("rows.tuned.toml").read_text() == "epochs = 9\n"


def test_trials_of_an_earlier_tuning_are_kept_aside(capsys, rows) -> None:
    assert run(capsys, "tune", "rows.csv", "--trials", "2", *SMALL)[0] == 0
    before = Path("rows.tuned.jsonl").read_bytes()
    code, _, err = run(capsys, "tune", "rows.csv", "--trials", "1", *SMALL)
    assert code == 0
    assert "kept as rows.tuned.jsonl.old: 2 trials of an earlier tuning" in err
    assert Path("rows.tuned.jsonl.old").read_bytes() == before
    assert len(kept()) == 1


def test_without_optuna_the_command_that_installs_it_is_named(capsys, rows, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    code, out, err = run(capsys, "tune", "rows.csv", "-q")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "tune chooses what to try by optuna, which is not installed",
        "hint: pip install 'seqcli[tune]'",
    ]


def test_a_dry_run_says_what_would_be_tried_and_trains_nothing(capsys, rows) -> None:
    code, out, _ = run(capsys, "tune", "rows.csv", "--dry-run", "--dropout", "0.2")
    assert code == 0
    said = [row["text"] for row in rows_of(out)]
    assert any(line.startswith("tuning: at most 20 trials, ranked by accuracy on 16 ") for line in said)
    tried = next(line for line in said if line.startswith("tried: "))
    assert "learning_rate" in tried
    assert "dropout" not in tried
    assert [path.name for path in Path().iterdir()] == ["rows.csv"]


def test_texts_learn_their_linear_part_once_for_all_trials_that_read_alike(here, capsys, monkeypatch) -> None:
    import seqcli.tasks.classify as classify

    fitted = []
    fit = classify.fit_members
    monkeypatch.setattr(classify, "fit_members", lambda *given: fitted.append(given) or fit(*given))
    monkeypatch.setattr(space_module, "SPACE", (Choice("dropout", (0.0, 0.2, 0.5)),))
    code, _, err = run(capsys, "tune", "reviews.csv", "--trials", "3", *SMALL, "--embedding-size", "4")
    assert code == 0, err
    assert len(fitted) == 1
    scores = {trial["changes"].get("dropout"): trial["metrics"] for trial in kept("reviews.tuned.jsonl")}
    assert len(scores) == 3
    assert all(math.isfinite(metrics["log_loss"]) for metrics in scores.values())
    monkeypatch.setattr(space_module, "SPACE", (Choice("ema", (0.0, 0.9)),))
    alone = ("--dropout", "0.2", "--trials", "1", "--save", "alone.toml")
    assert run(capsys, "tune", "reviews.csv", *alone, *SMALL, "--embedding-size", "4")[0] == 0
    assert kept("alone.jsonl")[0]["metrics"] == scores[0.2]
