"""Loops of plain torch that benchmarks/generate.py sets beside seqcli, as a tutorial has them.

Two LSTM layers of 256 units (of a text, over vectors of 64), Adam 2e-3, gradients clipped to a norm of 1.
Where a text is small enough to be learnt by heart (names, chorales), the weights that were best on
validation after a pass are kept.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from generate_runs import Run, text_figures
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from seqcli.threads import thread_count

SHARES = (0.85, 0.9)
"""Where the training text ends and where the reported text begins."""
WINDOW = 64
ROWS = 32
UNITS, EMBEDDING = 256, 64
RATE = 2e-3
PIECES = 16
PATIENCE = 20
"""Passes without a better validation score before a loop over chorales ends."""
State = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class TextParts:
    """Ids (N,) of the characters of three parts, and how many different ones there are."""

    train: Tensor
    validation: Tensor
    test: Tensor
    size: int

    @classmethod
    def of(cls, texts: Sequence[str]) -> TextParts:
        alphabet = {character: place for place, character in enumerate(sorted(set("".join(texts))))}
        first, second, third = (torch.tensor([alphabet[one] for one in text]) for text in texts)
        return cls(first, second, third, len(alphabet))

    @classmethod
    def cut(cls, file: Path) -> TextParts:
        """A text in its order."""
        text = file.read_text(encoding="utf-8")
        first, second = (int(share * len(text)) for share in SHARES)
        return cls.of([text[:first], text[first:second], text[second:]])

    @classmethod
    def of_files(cls, files: Sequence[Path]) -> TextParts:
        return cls.of([file.read_text(encoding="utf-8") for file in files])


class PlainText(nn.Module):
    """The model of a tutorial: embedding, two LSTM layers, a head."""

    def __init__(self, size: int, units: int = UNITS) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, units, 2, batch_first=True)
        self.head = nn.Linear(units, size)

    def forward(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """x (B, T) → logits (B, T, V), and the state to go on with."""
        outputs, state = self.lstm(self.embedding(x), state)
        return self.head(outputs), state


class PlainRolls(nn.Module):
    """The same for frames of 88 keys, each with a probability of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(88, UNITS, 2, batch_first=True)
        self.head = nn.Linear(UNITS, 88)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, 88) → logits (B, T, 88)."""
        logits: Tensor = self.head(self.lstm(x)[0])
        return logits


def begin(seed: int) -> None:
    """Seed torch; as many threads as seqcli would take for a large network."""
    torch.manual_seed(seed)
    torch.set_num_threads(thread_count())


def weights_of(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def update(model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


class Best:
    """Keeps the weights that were best on validation."""

    def __init__(self, model: nn.Module, score: Callable[[], float]) -> None:
        self.model, self.score = model, score
        self.least, self.since = float("inf"), 0
        self.weights: dict[str, Any] | None = None

    def look(self) -> None:
        found = self.score()
        self.since += 1
        if found < self.least:
            self.least, self.since = found, 0
            self.weights = copy.deepcopy(self.model.state_dict())

    def restore(self) -> None:
        self.look()
        if self.weights is not None:
            self.model.load_state_dict(self.weights)


def lstm_text(parts: TextParts, budget: float, seed: int) -> Run:
    """``whole`` and ``blk64`` of a loop that stops when the budget is spent."""
    model, seconds, read = fit_text(parts, budget, seed, choose=False)
    figures = text_figures(whole(model, parts.test), cold(lambda x: model(x, None)[0], parts.test))
    return Run(figures, seconds, weights_of(model), read)


def lstm_names(parts: TextParts, budget: float, seed: int) -> Run:
    """Nats a character, line breaks counted; the best of all passes on validation."""
    model, seconds, read = fit_text(parts, budget, seed, choose=True)
    return Run({"nats": whole(model, parts.test)}, seconds, weights_of(model), read)


def fit_text(parts: TextParts, budget: float, seed: int, choose: bool) -> tuple[PlainText, float, float]:
    """The model, the seconds of its training, and how many characters it read."""
    begin(seed)
    started = time.perf_counter()
    train, model = parts.train, PlainText(parts.size)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    each = (len(train) - 1) // ROWS
    inputs, targets = train[: ROWS * each].view(ROWS, each), train[1 : ROWS * each + 1].view(ROWS, each)
    best = Best(model, lambda: whole(model, parts.validation))
    state, place, read = None, 0, 0
    while time.perf_counter() - started < budget:
        if place + WINDOW > each:
            state, place = None, 0
            if choose:
                best.look()
        logits, state = model(inputs[:, place : place + WINDOW], state)
        state = (state[0].detach(), state[1].detach())
        update(
            model,
            optimizer,
            F.cross_entropy(logits.flatten(0, 1), targets[:, place : place + WINDOW].flatten()),
        )
        place += WINDOW
        read += ROWS * WINDOW
    if choose:
        best.restore()
    return model, time.perf_counter() - started, float(read)


@torch.inference_mode()
def whole(model: PlainText, test: Tensor) -> float:
    """Nats a character in one pass, the state carried on; on one thread: a step is too little for two."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    total, state = 0.0, None
    for start in range(0, len(test) - 1, 4096):
        targets = test[start + 1 : start + 4097]
        logits, state = model(test[None, start : start + len(targets)], state)
        total += float(F.cross_entropy(logits[0], targets, reduction="sum"))
    torch.set_num_threads(threads)
    return total / (len(test) - 1)


@torch.inference_mode()
def cold(logits_of: Callable[[Tensor], Tensor], test: Tensor) -> float:
    """Nats a character in windows of 64 that begin anew; ``logits_of`` maps (B, 64) to (B, 64, V)."""
    count = (len(test) - 1) // WINDOW
    inputs, targets = (test[shift : count * WINDOW + shift].view(count, WINDOW) for shift in (0, 1))
    total = 0.0
    for rows in np.array_split(np.arange(count), max(1, count // 256)):
        logits = logits_of(inputs[rows]).flatten(0, 1)
        total += float(F.cross_entropy(logits, targets[rows].flatten(), reduction="sum"))
    return total / (count * WINDOW)


def lstm_rolls(file: Path, budget: float, seed: int) -> Run:
    """Frame NLL of a loop over pieces: batches of 16, the best of all passes on validation."""
    from scipy.io import loadmat

    begin(seed)
    held = loadmat(str(file))
    train, validation, test = (
        [torch.from_numpy(piece.astype(np.float32)) for piece in held[name][0]]
        for name in ("traindata", "validdata", "testdata")
    )
    started = time.perf_counter()
    model, rng = PlainRolls(), np.random.default_rng(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    best = Best(model, lambda: frame_nll(model, validation))
    order: list[int] = []
    while time.perf_counter() - started < budget and best.since < PATIENCE:
        if not order:
            order = rng.permutation(len(train)).tolist()
        total, frames = roll_loss(model, [train[place] for place in order[:PIECES]])
        order = order[PIECES:]
        update(model, optimizer, total / frames)
        if not order:
            best.look()
    best.restore()
    seconds = time.perf_counter() - started
    return Run({"frame NLL": frame_nll(model, test)}, seconds, weights_of(model))


def roll_loss(model: PlainRolls, pieces: Sequence[Tensor]) -> tuple[Tensor, int]:
    """Nats of all frames but the first of each piece, summed over keys and frames, and how many those are."""
    padded = pad_sequence(list(pieces), batch_first=True)  # (B, T, 88)
    lengths = torch.tensor([len(piece) for piece in pieces])
    there = torch.arange(1, padded.shape[1])[None] < lengths[:, None]  # (B, T − 1)
    nats = F.binary_cross_entropy_with_logits(model(padded[:, :-1]), padded[:, 1:], reduction="none")
    return nats.sum(-1)[there].sum(), int(there.sum())


@torch.inference_mode()
def frame_nll(model: PlainRolls, pieces: Sequence[Tensor]) -> float:
    """Nats a frame."""
    found = [roll_loss(model, pieces[start : start + PIECES]) for start in range(0, len(pieces), PIECES)]
    return sum(float(total) for total, _ in found) / sum(frames for _, frames in found)


@torch.inference_mode()
def lstm_sampling(units: int, tokens: int, seed: int) -> Run:
    """Tokens a second of nn.LSTM a step at a time, one stream, one thread, drawn at a temperature of .8."""
    begin(seed)
    torch.set_num_threads(1)
    model, state = PlainText(65, units).eval(), None
    token = torch.zeros(1, 1, dtype=torch.int64)
    started = time.perf_counter()
    for _ in range(tokens):
        logits, state = model(token, state)
        token = torch.multinomial(torch.softmax(logits[0] / 0.8, -1), 1)
    seconds = time.perf_counter() - started
    return Run({"tokens/s": tokens / seconds}, seconds, weights_of(model))
