"""A small fit for the tests, and a process of its own for those that kill it.

As a program: ``python tiny_fit.py DIR N`` trains, going on from whatever checkpoint DIR/checkpoint
holds, and kills itself after N events; without N it ends with DIR/weights.safetensors and
DIR/history.jsonl.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from seqcli.sequences import Batchable, Sequences
from seqcli.training.checkpoint import CheckpointStore
from seqcli.training.events import EpochDone, StepDone
from seqcli.training.fit_setup import FitOutcome, FitSetup
from seqcli.training.loop import fit

CLASSES = 3


class TinyNetwork(nn.Module):
    """Embedding, dropout, GRU, dropout, mean over valid steps, head: (B, T) int64 → (B, 3)."""

    def __init__(self, seed: int = 0, dropout: float = 0.3, words: int = 20) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.embedding = nn.Embedding(words, 8, padding_idx=0)
        self.recurrent = nn.GRU(8, 12, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(12, CLASSES)

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        tokens = batch["tokens"]
        states, _ = self.recurrent(self.dropout(self.embedding(tokens)))
        valid = (torch.arange(tokens.shape[1]) < batch["lengths"][:, None]).unsqueeze(-1)
        pooled = (states * valid).sum(1) / batch["lengths"][:, None]
        return self.head(self.dropout(pooled))


def tiny_examples(count: int, seed: int) -> Batchable:
    """Ragged token rows (1–12 steps): two tokens of three come from the class's own six."""
    rng = np.random.default_rng(seed)
    target = rng.integers(CLASSES, size=count)
    rows = []
    for label in target:
        own = rng.integers(1, 7, size=rng.integers(1, 13)) + 6 * label
        rows.append(np.where(rng.random(len(own)) < 2 / 3, own, rng.integers(1, 20, size=len(own))))
    return Batchable({"tokens": Sequences.from_lists(rows, np.int64), "target": target}, np.arange(count))


def accuracy(outputs, examples):
    return {"accuracy": float((outputs.argmax(1) == examples.fields["target"]).mean())}


def tiny_setup(**changes) -> FitSetup:
    choices = {
        "loss": "cross_entropy",
        "batch_size": 8,
        "learning_rate": 0.01,
        "epochs": 4,
        "seed": 3,
        "score": accuracy,
        "metric": "accuracy",
        "higher_is_better": True,
        "patience": 3,
        "clip_norm": 0.3,
    }
    return FitSetup(**{**choices, **changes})


def drain(stream):
    """Run a fit to its end: (events, outcome)."""
    events = []
    while True:
        try:
            events.append(next(stream))
        except StopIteration as end:
            outcome: FitOutcome = end.value
            return events, outcome


def write_result(directory: Path, network: nn.Module, outcome: FitOutcome) -> None:
    save_file(
        {name: value.clone() for name, value in network.state_dict().items()},
        directory / "weights.safetensors",
    )
    lines = [json.dumps(row) + "\n" for row in outcome.history]
    (directory / "history.jsonl").write_text("".join(lines))


class OftenSaved(CheckpointStore):
    """Saves at epoch ends, and with ``each_step`` also after every step, whatever the clock says."""

    def __init__(self, directory: Path, resume_command: str = "", each_step: bool = True) -> None:
        super().__init__(directory, resume_command)
        self.each_step = each_step

    def due(self, epoch_end: bool) -> bool:
        return epoch_end or self.each_step


def store_in(directory, **more):
    return OftenSaved(directory / "checkpoint", **more)


def new_fit(checkpoint, network=None, **changes):
    train, validation = tiny_examples(60, 1), tiny_examples(30, 2)
    return fit(network or TinyNetwork(), train, validation, tiny_setup(**changes), checkpoint)


def advance(stream, count):
    for _ in range(count):
        next(stream)
    stream.close()


def result_of(network, outcome, directory) -> tuple[bytes, bytes]:
    directory.mkdir(exist_ok=True)
    write_result(directory, network, outcome)
    return result_in(directory)


def result_in(directory: Path) -> tuple[bytes, bytes]:
    return (directory / "weights.safetensors").read_bytes(), (directory / "history.jsonl").read_bytes()


def main() -> None:
    directory = Path(sys.argv[1])
    die_after = int(sys.argv[2]) if len(sys.argv) > 2 else -1
    torch.set_num_threads(1)
    network = TinyNetwork()
    store = OftenSaved(directory / "checkpoint")
    stream = new_fit(store, network)
    seen = 0
    try:
        while True:
            seen += isinstance(next(stream), StepDone | EpochDone)
            if seen == die_after:
                os.kill(os.getpid(), signal.SIGKILL)
    except StopIteration as end:
        write_result(directory, network, end.value)


if __name__ == "__main__":
    main()
