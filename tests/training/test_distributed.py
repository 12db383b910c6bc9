"""Several processes lead to what one leads to, and say it once."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from team_fit import fits, table

from seqcli.backends.chain import Chain
from seqcli.backends.losses import LOSSES, mean_over
from seqcli.cli.main import main
from seqcli.errors import ResourceError
from seqcli.saved.places import resume_command
from seqcli.sequences import LENGTHS, TARGET, WEIGHT
from seqcli.threads import team_place, thread_count
from seqcli.training import distributed
from seqcli.training.board import Board
from seqcli.training.distributed import Team

PROCESSES = 2
SMALL = (
    *("--epochs", "2", "--batch-size", "11", "--hidden-size", "4", "--embedding-size", "4"),
    *("--dropout", "0", "--word-dropout", "0", "--embedding-dropout", "0", "--pretrain", "none"),
)


def torchrun(logs: Path, *command, processes: int = PROCESSES) -> subprocess.CompletedProcess:
    """Some processes, what each prints in a file of its own."""
    line = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    line += ["--standalone", "--log-dir", str(logs), "--redirects", "3", *command]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(line, check=False, capture_output=True, text=True, cwd=logs.parent, env=environment)


def printed(logs: Path, rank: int) -> tuple[str, str]:
    """stdout and stderr of one process."""
    (place,) = logs.glob(f"*/attempt_0/{rank}")
    return (place / "stdout.log").read_text(), (place / "stderr.log").read_text()


def same_weights(one: Path, other: Path) -> None:
    mine, theirs = load_file(one), load_file(other)
    assert mine.keys() == theirs.keys()
    for name, weight in mine.items():
        np.testing.assert_allclose(theirs[name], weight, rtol=0, atol=1e-6, err_msg=name)


def a_file(path: Path) -> Path:
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("review", "label"))
        for number in range(80):
            good = number % 3 > 0
            word = ("fine", "warm")[number % 2] if good else ("dull", "cold")[number % 2]
            lines.writerow((f"we found it {word}" + " indeed" * (number % 4), "good" if good else "bad"))
    return path


def test_two_processes_train_what_one_trains(tmp_path) -> None:
    source = a_file(tmp_path / "reviews.csv")
    assert main(["train", str(source), *SMALL, "--save", str(tmp_path / "one.seqcli"), "-q"]) == 0
    done = torchrun(tmp_path / "logs", "-m", "seqcli", "train", source.name, *SMALL, "--save", "two.seqcli")
    assert done.returncode == 0, done.stderr
    same_weights(*(tmp_path / f"{name}.seqcli" / "weights.safetensors" for name in ("one", "two")))
    assert printed(tmp_path / "logs", 0)[0].startswith("predictor,accuracy")
    assert printed(tmp_path / "logs", 1) == ("", "")
    card = (tmp_path / "two.seqcli" / "README.md").read_text()
    assert "the rows of each batch shared by 2 processes" in card
    assert not list(tmp_path.glob(".*partial"))


def test_an_error_is_said_once_and_ends_all(tmp_path) -> None:
    a_file(tmp_path / "reviews.csv")
    line = ("-m", "seqcli", "train", "reviews.csv", *SMALL, "--learning-rate", "1e30", "-q")
    assert torchrun(tmp_path / "logs", *line).returncode != 0
    said = [line for rank in (0, 1) for line in printed(tmp_path / "logs", rank)[1].splitlines()]
    assert len(said) == 2
    assert said[0].startswith("training diverged")
    assert said[1].startswith("hint: ")


def test_rows_texts_and_pairs_are_shared_to_the_same_end(tmp_path) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    alone.mkdir()
    together.mkdir()
    fits(alone)
    script = Path(__file__).with_name("team_fit.py")
    done = torchrun(tmp_path / "logs", str(script), str(together))
    assert done.returncode == 0, printed(tmp_path / "logs", 0)[1]
    names = sorted(path.name for path in alone.glob("*.safetensors"))
    assert len(names) == 5
    for name in names:
        same_weights(alone / name, together / name)
    scored, shared = (json.loads((place / "histories.json").read_text()) for place in (alone, together))
    for run, rows in scored.items():
        for one, other in zip(rows, shared[run], strict=True):
            assert other.get("validation_loss") == pytest.approx(one.get("validation_loss"), abs=1e-5), run


def test_three_processes_that_share_no_memory_come_to_the_same_end(tmp_path) -> None:
    (tmp_path / "alone").mkdir()
    (tmp_path / "together").mkdir()
    fits(tmp_path / "alone", [table])
    script = Path(__file__).with_name("team_fit.py")
    line = (str(script), str(tmp_path / "together"), "--messages")
    done = torchrun(tmp_path / "logs", *line, processes=3)
    assert done.returncode == 0, printed(tmp_path / "logs", 0)[1]
    same_weights(*(tmp_path / place / "table.safetensors" for place in ("alone", "together")))


def test_a_board_adds_up_and_tells_that_one_has_failed(tmp_path) -> None:
    program = [sys.executable, str(Path(__file__).with_name("board_sums.py")), str(tmp_path / "store")]
    known = {**os.environ, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "-", "MASTER_PORT": "1"}
    both = [
        subprocess.Popen(program, env={**known, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    first, second = (process.communicate(timeout=120)[0].splitlines() for process in both)
    expected = []
    for step in range(200):
        expected.append(" ".join(f"{2 * n + 12 * step:g}" for n in range(1 + step % 6)))
        given = [[float(n + rank) for n in range((step + 3 * rank) % 7)] for rank in range(2)]
        expected.append(str(given))
    assert second == expected
    assert first == [*expected, "another process has failed"]


def test_what_was_counted_ahead_of_a_failure_holds(monkeypatch) -> None:
    place = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "-", "MASTER_PORT": "1"}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    board = Board(np.zeros(192, np.uint8), room=4)

    class Counts:
        """The other process counts the turn and fails just after this one has looked at the counts."""

        looks = 0

        def __setitem__(self, rank, count) -> None:
            pass

        def min(self) -> int:
            self.looks += 1
            board._failed[1] = 1
            return self.looks - 1

    board._counts = Counts()
    board.add(torch.ones(2))
    board._counts = np.zeros(2)
    with pytest.raises(RuntimeError, match="has failed"):
        board.add(torch.ones(2))


def a_batch(name: str, rng) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Outputs of 7 rows of 4 steps, and their batch."""
    target = torch.tensor(rng.normal(size=(7, 4)), dtype=torch.float32)
    target[1, 2] = target[4, 0] = torch.nan
    outputs = torch.tensor(rng.normal(size=(7, 4)), dtype=torch.float32)
    if name in ("cross_entropy", "written"):
        target = torch.tensor(rng.integers(3, size=(7, 4)))
        outputs = torch.tensor(rng.normal(size=(7, 4, 3)), dtype=torch.float32)
    elif name == "steps":
        target = torch.tensor(rng.integers(-1, 4, size=(7, 4)))
        outputs = torch.tensor(rng.normal(size=(7, 4, 3)), dtype=torch.float32)
    elif name == "ctc":
        target = torch.tensor(rng.integers(1, 3, size=(7, 2)))
        target[2, 1], target[5, 0] = 0, -1  # a shorter text, and one with an unknown letter
        outputs = torch.tensor(rng.normal(size=(7, 4, 3)), dtype=torch.float32)
    elif name == "binary":
        target = torch.tensor(rng.integers(2, size=(7, 4)), dtype=torch.float32)
    elif name == "keys":
        target = torch.tensor(rng.integers(2, size=(7, 4, 5)), dtype=torch.float32)
        target[2, 3:] = torch.nan
        outputs = torch.tensor(rng.normal(size=(7, 4, 5)), dtype=torch.float32)
    elif name == "series":
        target = torch.tensor(rng.normal(size=(7, 4, 2)), dtype=torch.float32)
        target[1, 2, 0] = target[4, 0, 1] = torch.nan
        outputs = torch.tensor(rng.normal(size=(7, 4, 2)), dtype=torch.float32)
    elif name == "huber_and_band":
        outputs = torch.tensor(rng.normal(size=(7, 4, 3)), dtype=torch.float32)
    weight = torch.tensor(rng.random(7) + 0.1, dtype=torch.float32)
    return outputs, {TARGET: target, LENGTHS: torch.full((7,), 4), WEIGHT: weight}


def check_parts(loss, name, outputs, batch, weighed) -> None:
    """The loss of a batch is that of its parts, weighted."""
    if not weighed:
        del batch[WEIGHT]
    parts = [slice(0, None, 2), slice(1, None, 2)]
    cut = [{key: field[part] for key, field in batch.items()} for part in parts]
    weights = [float(mean_over(name, piece)) for piece in cut]
    losses = [float(loss(outputs[part], piece).detach()) for part, piece in zip(parts, cut, strict=True)]
    assert np.average(losses, weights=weights) == pytest.approx(
        float(loss(outputs, batch).detach()), rel=1e-6
    )


def check_written(outputs, batch) -> None:
    loss, target = LOSSES["written"], batch[TARGET]
    parts = [{TARGET: target[part::2]} for part in (0, 1)]
    weights = [float(mean_over("written", part)) for part in parts]
    assert weights == [int((part[TARGET] > 0).sum()) for part in parts]
    losses = [float(loss(outputs[n::2][part[TARGET] > 0], part)) for n, part in enumerate(parts)]
    whole = float(loss(outputs[target > 0], batch))
    assert np.average(losses, weights=weights) == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"given"}))
def test_the_loss_of_a_batch_is_the_weighted_mean_of_its_parts(name, weighed) -> None:
    outputs, batch = a_batch(name, np.random.default_rng(3))
    if name == "written":  # its outputs are those of the tokens that are there, one below the other
        check_written(outputs, batch)
        return
    check_parts(LOSSES[name], name, outputs, batch, weighed)


def test_so_is_that_of_a_chain() -> None:
    rng = np.random.default_rng(4)
    outputs, batch = a_batch("cross_entropy", rng)
    batch[LENGTHS] = torch.tensor([4, 1, 2, 4, 3, 1, 4])
    check_parts(Chain([[], [], [], []]), "chain", outputs, batch, weighed=False)
    assert float(mean_over("given", batch)) == 7


def started_by_torchrun(monkeypatch, rank=0) -> None:
    """The environment of one of two processes, of which this one is the first to fail."""
    numbers = {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": 1}
    for name, value in {**numbers, "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(distributed, "speaks_for_all", lambda: True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["compare", "FILE"], "only train shares its work"),
        (["tune", "FILE"], "only train shares its work"),
        (["train", "-"], "standard input can be read once"),
        (["train", "FILE", "--backend", "numpy", "--dry-run"], "--backend numpy trains in one process"),
    ],
)
def test_what_cannot_be_shared_is_refused(monkeypatch, capsys, tmp_path, line, said) -> None:
    text = tmp_path / "text.txt"
    text.write_text("a line of words that goes on and on\n" * 100)
    started_by_torchrun(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert main([str(text) if word == "FILE" else word for word in line]) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert "hint: " in errors


def test_each_process_takes_as_many_rows_as_one_alone(monkeypatch, capsys, tmp_path) -> None:
    source = str(a_file(tmp_path / "reviews.csv"))

    def batches(*typed: str) -> int:
        assert main(["train", source, "--dry-run", *typed]) == 0
        return int(re.search(r"batches of (\d+)", "".join(capsys.readouterr()))[1])

    alone = batches()
    assert batches("--batch-size", "20") == 20
    started_by_torchrun(monkeypatch)
    assert batches() == 2 * alone
    assert batches("--batch-size", "20") == 20


def test_a_process_knows_its_place(monkeypatch) -> None:
    assert team_place() == (0, 1)
    monkeypatch.setattr("seqcli.threads.physical_cores", lambda: 6)
    assert thread_count() == 4
    started_by_torchrun(monkeypatch, rank=1)
    assert team_place() == (1, 2)
    assert thread_count() == 3
    resume = resume_command("train", ["a.csv"], None)
    assert resume == "torchrun --nproc-per-node 2 -m seqcli train a.csv --resume"
    monkeypatch.setenv("WORLD_SIZE", "")
    assert team_place() == (0, 1)


def test_rows_are_dealt_out_once_each() -> None:
    rows = np.arange(7)
    dealt = [Team(rank, 3).share(rows) for rank in range(3)]
    assert sorted(np.concatenate(dealt).tolist()) == rows.tolist()
    assert Team().share(rows) is rows


def test_a_process_that_is_gone_is_an_error_that_says_so(monkeypatch) -> None:
    def gone(*arguments) -> None:
        raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr("torch.distributed.broadcast", gone)
    with pytest.raises(ResourceError, match="another of the 2 processes"):
        Team(0, 2).tell([1.0])
