"""A character model in a stated time, beside what one would write by hand, and counting.

    python benchmarks/generate.py --data DIR --seconds 60 --seeds 0 1 2

DIR/generate holds ``tinyshakespeare.txt``; --file names another text. All learn from the first 85 % and
are reported on the last 10 %, in nats a character: ``whole`` in one pass with the state carried on,
``blk64`` in cold windows of 64. What lies between is seqcli's to choose on.

seqcli    ``seqcli train FILE --time-budget S``, and the same with ``--cell lstm``
cells     the same with each cell (``--only cells``): equal time, sizes by seqcli's own rule, --threads 1
torch     nn.LSTM 2 × 256 in a loop of 30 lines: batch 32, 64 steps, Adam 2e-3, clipped at 1, as a
          tutorial has it, for the same seconds and threads
numpy     ``seqcli train FILE --backend numpy --cell rnn --time-budget S``: the equations, in NumPy
n-gram    counts of the training text
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcli.threads import thread_count

SHARES = (0.85, 0.9)
"""Where the training text ends and where the reported text begins."""
CELLS = tuple(f"one {cell}" for cell in ("mingru", "minlstm", "mamba", "lstm", "gru", "rnn"))
EXTRA = {
    "seqcli": (),
    "lstm": ("--cell", "lstm"),
    "numpy": ("--backend", "numpy", "--cell", "rnn"),
    **{way: ("--cell", way.removeprefix("one "), "--threads", "1") for way in CELLS},
}
"""What is typed for each way."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of public data sets, as described above")
    parser.add_argument("--file", type=Path, help="another text")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--numpy-seconds", type=float, default=30.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=["seqcli", "lstm", "torch", "numpy"])
    arguments = parser.parse_args()
    file = arguments.file or arguments.data / "generate" / "tinyshakespeare.txt"
    print(f"{file.name}, {thread_count()} threads, torch {torch.__version__}")
    print(f"{'way':24} {'budget s':>8} {'took s':>7} {'whole median':>13} {'range':>15} {'blk64':>7}")
    ngram: list[float] = []
    for way in [each for typed in arguments.only for each in (CELLS if typed == "cells" else (typed,))]:
        budget = arguments.numpy_seconds if way == "numpy" else arguments.seconds
        results = []
        for seed in arguments.seeds:
            if way == "torch":
                results.append(plain_loop(file, budget, seed))
                continue
            whole, cold, seconds, counted = seqcli(file, budget, seed, EXTRA[way])
            results.append((whole, cold, seconds))
            ngram.append(counted)
        named = {"seqcli": "seqcli", "numpy": "seqcli, NumPy rnn", "torch": "torch LSTM 2x256 loop"}
        name = named.get(way, f"seqcli --cell {way.removeprefix('one ')}")
        whole, cold, seconds = (list(column) for column in zip(*results, strict=True))
        spread = f"{min(whole):.4f}–{max(whole):.4f}"
        print(
            f"{name:24} {budget:8.0f} {statistics.median(seconds):7.1f} {statistics.median(whole):13.4f} "
            f"{spread:>15} {statistics.median(cold):7.4f}",
            flush=True,
        )
    if ngram:
        print(f"{'n-gram counts':24} {'':>8} {'':>7} {statistics.median(ngram):13.4f}")


def seqcli(file: Path, budget: float, seed: int, extra: tuple[str, ...]) -> tuple[float, float, float, float]:
    """(whole, blk64, seconds of the whole command, nats of the best n-gram)."""
    with tempfile.TemporaryDirectory() as folder:
        line = [
            sys.executable, "-m", "seqcli", "train", str(file), "--time-budget", f"{budget:g}s",
            "--seed", str(seed), "--save", str(Path(folder) / "model.seqcli"), "--format", "json", "--quiet",
            *extra,
        ]  # fmt: skip
        started = time.perf_counter()
        printed = subprocess.run(line, capture_output=True, check=True, text=True, env={**os.environ}).stdout
        seconds = time.perf_counter() - started
    rows = json.loads(printed)
    return rows[0]["nats"], rows[0]["blk64"], seconds, rows[1]["nats"]


class Plain(nn.Module):
    """The model of a tutorial: embedding, two LSTM layers, a head."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, 256)
        self.lstm = nn.LSTM(256, 256, 2, batch_first=True)
        self.head = nn.Linear(256, size)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        outputs, state = self.lstm(self.embedding(x), state)
        return self.head(outputs), state


def plain_loop(file: Path, budget: float, seed: int) -> tuple[float, float, float]:
    """(whole, blk64, seconds) of a plain loop that stops when the budget is spent."""
    torch.manual_seed(seed)
    torch.set_num_threads(thread_count())
    text = file.read_text(encoding="utf-8")
    alphabet = {character: place for place, character in enumerate(sorted(set(text)))}
    ids = torch.tensor([alphabet[character] for character in text])
    train, test = ids[: int(SHARES[0] * len(ids))], ids[int(SHARES[1] * len(ids)) :]
    started = time.perf_counter()
    model = Plain(len(alphabet))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    rows, steps = 32, 64
    each = (len(train) - 1) // rows
    inputs, targets = train[: rows * each].view(rows, each), train[1 : rows * each + 1].view(rows, each)
    state, place = None, 0
    while time.perf_counter() - started < budget:
        if place + steps > each:
            state, place = None, 0
        logits, state = model(inputs[:, place : place + steps], state)
        state = (state[0].detach(), state[1].detach())
        loss = F.cross_entropy(logits.flatten(0, 1), targets[:, place : place + steps].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        place += steps
    seconds = time.perf_counter() - started
    return whole(model, test), cold(model, test), seconds


@torch.inference_mode()
def whole(model: Plain, test: Tensor) -> float:
    """Nats a character in one pass, the state carried on."""
    total, state = 0.0, None
    for start in range(0, len(test) - 1, 4096):
        targets = test[start + 1 : start + 4097]
        logits, state = model(test[None, start : start + len(targets)], state)
        total += float(F.cross_entropy(logits[0], targets, reduction="sum"))
    return total / (len(test) - 1)


@torch.inference_mode()
def cold(model: Plain, test: Tensor) -> float:
    """Nats a character in windows of 64 that begin anew."""
    count = (len(test) - 1) // 64
    inputs, targets = test[: count * 64].view(count, 64), test[1 : count * 64 + 1].view(count, 64)
    losses = [
        float(F.cross_entropy(model(inputs[rows], None)[0].flatten(0, 1), targets[rows].flatten()))
        * len(rows)
        for rows in np.array_split(np.arange(count), max(1, count // 256))
    ]
    return sum(losses) / count


if __name__ == "__main__":
    main()
