"""What benchmarks/generate.py has seqcli do: commands as one types them, and what their files say.

Nothing here imports torch, so that a rate of the sampler can be taken in a process that holds none.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Figures = dict[str, float]
DIFFERENCE = "blk64 − whole"
COPIED, SYMBOLS = 10, 8
"""Of the copying problem: what has to be remembered."""
SUM_OF_TWO = 1 / 6
"""The variance of the sum of two numbers between 0 and 1: the squared error of its mean."""


@dataclass(frozen=True)
class Run:
    """What one way reached with one seed."""

    figures: Figures
    seconds: float
    weights: int | None = None
    read: float | None = None
    """Characters read in training."""
    beside: dict[str, Figures] = field(default_factory=dict)
    """What else the same command prints, by name."""


def text_figures(whole: float, cold: float) -> Figures:
    """The figures of a text."""
    return {"whole": whole, "blk64": cold, DIFFERENCE: cold - whole}


def command(words: Sequence[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``seqcli`` with these words, in ``folder``."""
    line = [sys.executable, "-m", "seqcli", *words]
    return subprocess.run(line, capture_output=True, check=True, text=True, cwd=folder)


def train(
    words: Sequence[str], budget: float, seed: int, extra: Sequence[str] = ()
) -> tuple[list[dict[str, Any]], Run]:
    """The rows that ``seqcli train`` prints, and a run without figures: seconds of the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.seqcli"
        started = time.perf_counter()
        done = command([
            "train", *words, "--time-budget", f"{budget:g}s", "--seed", str(seed), "--save", str(model),
            "--format", "json", "--quiet", *extra,
        ])  # fmt: skip
        seconds = time.perf_counter() - started
        record = json.loads((model / "model.json").read_text(encoding="utf-8"))
        history = [json.loads(line) for line in (model / "history.jsonl").read_text().splitlines()]
    tensors = record["files"]["weights.safetensors"]["tensors"]
    weights = sum(math.prod(shape) for _, shape in tensors.values())
    steps = {line["phase"]: line["step"] for line in history}  # the last of each phase
    options = record["options"]
    read = None
    if record["task"]["plan"]["task"] == "language":
        read = float(sum(steps.values()) * options["batch_size"] * options["bptt"])
    return json.loads(done.stdout), Run({}, seconds, weights, read)


def seqcli_text(file: Path, budget: float, seed: int, extra: Sequence[str] = ()) -> Run:
    """A text that is cut in its order, and the n-grams of the same command."""
    rows, run = train([str(file)], budget, seed, extra)
    beside = {f"{rows[1]['predictor']} counts, of seqcli": {"whole": float(rows[1]["nats"])}}
    figures = text_figures(rows[0]["nats"], rows[0]["blk64"])
    return Run(figures, run.seconds, run.weights, run.read, beside)


def seqcli_names(files: Sequence[Path], budget: float, seed: int) -> Run:
    """Three files of a name a line."""
    first, second, third = map(str, files)
    rows, run = train([first, "--validation", second, "--test", third], budget, seed)
    beside = {f"{rows[1]['predictor']} counts, of seqcli": {"nats": float(rows[1]["nats"])}}
    return Run({"nats": rows[0]["nats"]}, run.seconds, run.weights, run.read, beside)


def seqcli_rolls(file: Path, budget: float, seed: int) -> Run:
    """Piano rolls, split as their file has it."""
    rows, run = train([str(file)], budget, seed)
    beside = {f"{row['predictor']}, of seqcli": {"frame NLL": float(row["frame_nll"])} for row in rows[1:]}
    return Run({"frame NLL": rows[0]["frame_nll"]}, run.seconds, run.weights, beside=beside)


def cut_names(file: Path, folder: Path) -> tuple[Path, Path, Path]:
    """The names of ``file``, shuffled with seed 42 and cut 80/10/10, as three files."""
    names = file.read_text(encoding="utf-8").split()
    random.Random(42).shuffle(names)
    ends = (0, int(0.8 * len(names)), int(0.9 * len(names)), len(names))
    paths = (folder / "train.txt", folder / "val.txt", folder / "test.txt")
    for path, start, end in zip(paths, ends[:-1], ends[1:], strict=True):
        path.write_text("\n".join(names[start:end]) + "\n", encoding="utf-8", newline="\n")
    return paths


def problem(name: str, steps: int, folder: Path) -> tuple[Path, list[str]]:
    """The file that ``seqcli demo`` writes in ``folder``, and the options of the command it prints."""
    place = folder / f"{name}-{steps}"
    place.mkdir(exist_ok=True)
    said = place / "next"
    if not said.exists():
        said.write_text(command(["demo", name, "--steps", str(steps)], place).stderr, encoding="utf-8")
    found = re.search(r"^next: seqcli compare (.*)$", said.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, "seqcli demo prints the command to go on with"
    file, *options = shlex.split(found[1])
    return place / file, options


def copying(steps: int, cell: str, folder: Path, budget: float, seed: int) -> Run:
    """Nats a step above those that the symbols to remember cost anyone."""
    file, options = problem("copying", steps, folder)
    rows, run = train([str(file), *options, "--cell", cell], budget, seed)
    needed = COPIED * math.log(SYMBOLS) / (steps + 2 * COPIED + 1)
    figures = {"above need": rows[0]["nats"] - needed}
    beside = {f"without a memory, T={steps}": {"above need": needed}}
    return Run(figures, run.seconds, run.weights, run.read, beside)


def adding(steps: int, cell: str, folder: Path, budget: float, seed: int) -> Run:
    """The squared error of the sum of two marked numbers."""
    file, options = problem("adding", steps, folder)
    rows, run = train([str(file), *options, "--cell", cell], budget, seed)
    figures = {"test MSE": rows[0]["rmse"] ** 2}
    return Run(figures, run.seconds, run.weights, beside={"without a memory": {"test MSE": SUM_OF_TWO}})


def sampling(hidden: int, tokens: int) -> Run:
    """Tokens a second of two LSTM layers, one stream, as benchmarks/sampling.py takes them.

    In a process of its own: this one may hold torch, and has settled how many threads there are.
    """
    line = [
        sys.executable, str(Path(__file__).with_name("sampling.py")), "--rates-only", "--hidden-size",
        str(hidden), "--tokens", str(tokens),
    ]  # fmt: skip
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    started = time.perf_counter()
    printed = subprocess.run(
        line, capture_output=True, check=True, text=True, env={**os.environ, **one}
    ).stdout
    found = json.loads(printed)
    return Run({"tokens/s": found["temperature .8"]}, time.perf_counter() - started, found["weights"])
