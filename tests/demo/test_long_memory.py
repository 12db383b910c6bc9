"""The problems of long memory: each file holds what its paper says, and chance is what it is said to be."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from seqcli.cli.main import main
from seqcli.demo.long_memory import Size, write_adding, write_copying, write_digits
from seqcli.errors import UsageError


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_copying_writes_the_ten_symbols_again_behind_the_sign(tmp_path) -> None:
    problem = write_copying(tmp_path, Size(steps=12, sequences=30, seed=4))
    lines = problem.path.read_text().splitlines()
    assert len(lines) == problem.sequences == 30
    for line in lines:
        assert len(line) + 1 == problem.steps == 33
        assert set(line[:10]) <= set("abcdefgh")
        assert line[10:22] == "." * 11 + ":"
        assert line[22:] == line[:10]
    assert len(set(lines)) == 30
    nats = 10 * np.log(8) / 33
    assert problem.chance == f"{2 * nats:.4f} nats a character, of which a memory saves {nats:.4f}"


def test_adding_tells_the_sum_of_the_two_marked_numbers(tmp_path) -> None:
    problem = write_adding(tmp_path, Size(steps=9, sequences=400, seed=1))
    sequences: dict[str, list[dict[str, str]]] = {}
    for row in rows_of(problem.path):
        sequences.setdefault(row["sequence"], []).append(row)
    targets = []
    for steps in sequences.values():
        assert [row["step"] for row in steps] == [str(step) for step in range(9)]
        marked = [int(row["step"]) for row in steps if row["marker"] == "1"]
        assert len(marked) == 2
        assert marked[0] < 4 <= marked[1]
        (target,) = {row["target"] for row in steps}
        assert float(target) == pytest.approx(sum(float(steps[at]["value"]) for at in marked), abs=1e-9)
        targets.append(float(target))
    assert np.var(targets) == pytest.approx(1 / 6, rel=0.15)
    assert "0.1667" in problem.chance


@pytest.mark.parametrize("steps", [8, 64])
def test_digits_are_those_of_scikit_learn(tmp_path, steps) -> None:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    problem = write_digits(tmp_path, Size(steps=steps, sequences=60))
    rows = rows_of(problem.path)
    assert len(rows) == 60 * steps
    for first in range(0, len(rows), steps):
        image = int(rows[first]["sequence"])
        dots = [
            float(row[name]) for row in rows[first : first + steps] for name in row if name.startswith("dot")
        ]
        assert dots == images[image].tolist()
        assert {row["label"] for row in rows[first : first + steps]} == {str(labels[image])}
    counts = Counter(rows[at]["label"] for at in range(0, len(rows), steps))
    assert problem.chance == f"accuracy {max(counts.values()) / 60:.4f}"


@pytest.mark.parametrize("name", ["copying", "adding", "digits"])
def test_the_command_that_is_printed_reads_the_file_by_rule(name, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    size = [] if name == "digits" else ["--steps", "6"]
    assert main(["demo", name, *size, "--sequences", "120"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("file,sequences,steps,without_memory")
    command = next(line for line in err.splitlines() if line.startswith("next: ")).removeprefix(
        "next: seqcli "
    )
    assert main([*command.split(), "--dry-run"]) == 0
    plan = capsys.readouterr().out
    task = {"copying": "language", "adding": "regress", "digits": "classify"}[name]
    assert f"task {task}" in plan
    assert "both ways" not in plan
    before = sorted(Path().iterdir())
    assert main(["demo", name, *size, "--sequences", "120"]) == 2
    assert "stands here already" in capsys.readouterr().err
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("write", "size", "message"),
    [
        (write_copying, Size(steps=1), "leaves nothing to remember"),
        (write_adding, Size(steps=100_000, sequences=10_000), "more than 20,000,000 lines"),
        (write_digits, Size(steps=9), "in 8 rows or in 64 dots"),
        (write_digits, Size(sequences=1798), "there are 1797 images"),
    ],
)  # fmt: skip
def test_what_makes_no_problem_is_refused(tmp_path, write, size, message) -> None:
    with pytest.raises(UsageError, match=message):
        write(tmp_path, size)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        (["copyng"], "the demo has no 'copyng'", "did you mean copying?"),
        (["1", "--steps", "3"], "--steps is for copying, adding, digits", "demo copying"),
        (["adding", "digits"], "the demo has no 'adding digits'", ""),
    ],
)
def test_slips_are_named(tmp_path, monkeypatch, capsys, argv, message, hint) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", *argv]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert message in lines[0]
    assert hint in lines[1]


@pytest.mark.parametrize(("bptt", "spread"), [(221, 221), (30, 100)])
def test_chrono_spreads_a_language_models_memory_over_what_gradients_go_back(tmp_path, bptt, spread) -> None:
    from seqcli.options import Options, SavingOptions
    from seqcli.training.run import decide

    problem = write_copying(tmp_path, Size(steps=20, sequences=60))
    options = Options.from_flat({"bptt": bptt, "init": "chrono", "hidden_size": 4, "threads": 1})
    network = decide([str(problem.path)], options, SavingOptions()).network
    assert network.spec.time_range == spread
