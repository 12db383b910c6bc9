"""Which trial is better, which is cut short, and what the file of trials gives back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqcli.errors import DataError, UsageError
from seqcli.options import Options
from seqcli.training.started import StartedRun
from seqcli.training.tuning.log import Places, Started, read_trials, train_command, written_trials
from seqcli.training.tuning.trials import Ranking, Trial, reached_by

UP, DOWN = Ranking("accuracy", True), Ranking("mae", False)


def trial(number: int, score: float | None, state: str = "finished", **more) -> Trial:
    return Trial(number, (number,), {"cell": "lstm"}, state, 1.5, score, **more)


def test_the_best_is_first_and_what_failed_is_last() -> None:
    trials = [
        trial(1, 0.5),
        trial(2, None, "failed", reason="diverged"),
        trial(3, 0.9, "pruned"),
        trial(4, 0.7),
        trial(5, 0.6, "pruned"),
    ]
    assert [each.number for each in UP.ranked(trials)] == [4, 1, 3, 5, 2]
    assert [each.number for each in DOWN.ranked(trials)] == [1, 4, 5, 3, 2]
    assert UP.best(trials) is trials[3]
    assert DOWN.best(trials) is trials[0]
    assert UP.best(trials[1:3]) is None


def test_among_equals_less_log_loss_is_better_and_then_the_earlier() -> None:
    trials = [
        trial(1, 0.5, metrics={"log_loss": 0.4}),
        trial(2, 0.5, metrics={"log_loss": 0.3}),
        trial(3, 0.5, metrics={"log_loss": 0.3}),
    ]
    assert [each.number for each in UP.ranked(trials)] == [2, 3, 1]


def test_a_trial_worse_than_the_median_by_the_same_share_is_cut_short() -> None:
    curves = [((0.25, 0.5), (0.5, value), (1.0, 0.99)) for value in (0.6, 0.7, 0.8, 0.9)]
    others = [trial(number, 0.99, curve=curve) for number, curve in enumerate(curves, 1)]
    assert UP.falls_behind(0.5, 0.74, others)  # the median of .6 .7 .8 .9 is .75
    assert not UP.falls_behind(0.5, 0.76, others)
    assert not DOWN.falls_behind(0.5, 0.74, others)
    assert DOWN.falls_behind(0.5, 0.76, others)
    assert not UP.falls_behind(0.25, 0.1, others)  # too early
    assert not UP.falls_behind(0.5, 0.1, others[:3])  # too few to say
    assert not UP.falls_behind(0.5, 0.1, [*others[:3], trial(9, 0.9, "pruned", curve=curves[3])])


def test_what_was_reached_by_a_share() -> None:
    scored = trial(1, 0.9, curve=((0.2, 0.5), (0.6, 0.9)))
    assert reached_by(scored, 0.1) is None
    assert [reached_by(scored, share) for share in (0.2, 0.5, 0.6, 1.0)] == [0.5, 0.5, 0.9, 0.9]


STARTED = Started(
    StartedRun(Options.from_flat({"epochs": 3}), frozenset({"epochs"}), "digest"),
    5,
    None,
    [["cell", ["gru"]]],
)
TRIALS = (
    trial(1, 0.5, metrics={"accuracy": 0.5, "log_loss": 0.25}, curve=((0.5, 0.4), (1.0, 0.5))),
    trial(2, None, "failed", reason="training diverged"),
    trial(3, 0.25, "pruned", curve=((0.5, 0.25),)),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.tuned.jsonl"
    with written_trials(path, STARTED, resume=False) as lines:
        for each in TRIALS:
            lines.add(each.to_json())
    return path


def test_a_file_of_trials_is_read_as_it_was_written(file: Path) -> None:
    found = read_trials(file)
    assert found.trials == TRIALS
    assert (found.run, found.trials_wanted, found.time_budget, found.space) == (
        STARTED.run,
        5,
        None,
        [["cell", ["gru"]]],
    )


def test_a_line_that_a_crash_cut_short_is_dropped_and_written_over(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b'{"trial": 4, "pla')
    assert read_trials(file).trials == TRIALS
    with written_trials(file, STARTED, resume=True) as lines:
        lines.add(trial(4, 0.75).to_json())
    assert [each.number for each in read_trials(file).trials] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "mend",
    [
        lambda line: b"not json",
        lambda line: line.replace(b'"finished"', b'"grand"'),
        lambda line: line.replace(b'"trial": 1', b'"trial": 7'),
        lambda line: line.replace(b'"places": [1]', b'"places": [1, 2]'),
        lambda line: line.replace(b'"score": 0.5', b'"score": null'),
        lambda line: b"[" * 100_000,
    ],
)
def test_a_damaged_line_is_named(file: Path, mend) -> None:
    lines = file.read_bytes().splitlines()
    lines[1] = mend(lines[1])
    file.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(DataError, match="line 2: is damaged"):
        read_trials(file)


def test_what_is_no_file_of_trials_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"text": "mine"}\n')
    with pytest.raises(DataError, match="line 1: is damaged"):
        read_trials(tmp_path / "x.jsonl")
    with pytest.raises(UsageError, match="no tuning to go on with"):
        read_trials(tmp_path / "none.jsonl")


def test_of_two_tunings_at_one_place_the_second_ends(file: Path) -> None:
    with (
        written_trials(file, STARTED, resume=True),
        pytest.raises(UsageError, match="another tuning"),
        written_trials(file, STARTED, resume=False),
    ):
        pass
    assert read_trials(file).trials == TRIALS


def test_places_are_named_after_the_input_or_as_typed() -> None:
    assert Places.of(["data/my reviews.csv.gz"], None) == Places(
        Path("my reviews.tuned.toml"), Path("my reviews.tuned.jsonl")
    )
    assert Places.of(["-"], "runs/a.toml") == Places(Path("runs/a.toml"), Path("runs/a.jsonl"))
    with pytest.raises(UsageError, match=r"ends in \.toml"):
        Places.of(["x.csv"], "best.json")
    assert (
        train_command(["my reviews.csv"], Path("a.toml")) == "seqcli train 'my reviews.csv' --config a.toml"
    )


def test_no_file_but_our_own_is_replaced(tmp_path: Path, file: Path) -> None:
    places = Places(tmp_path / "x.tuned.toml", file)
    places.refuse_foreign()
    places.config.write_text("hidden_size = 3\n")
    with pytest.raises(UsageError, match="not written by tune"):
        places.refuse_foreign()
    places.config.write_text("# written by seqcli tune: trial 1\n")
    places.refuse_foreign()
    file.write_text(json.dumps({"text": "mine"}) + "\n")
    with pytest.raises(UsageError, match="not written by tune"):
        places.refuse_foreign()
    with pytest.raises(UsageError, match="there is no directory"):
        Places(tmp_path / "no" / "x.toml", file).refuse_foreign()
