"""Reading ahead of labels: a classifier's first layer learns to foresee the words of texts.

The way forward foresees the next token, the way back the one before:

    L = −1/M Σ log softmax_w(u_w · h_t + c_w)[token_{t±1}]       w: the tokens foreseen in the batch, and
                                                                  NEGATIVES drawn at random

The table u is thrown away; embeddings and cells are where training begins (Dai and Le 2015,
Semi-supervised Sequence Learning, arXiv:1511.01432, with a softmax over a sample as in Jean et al. 2015,
arXiv:1412.2007). Deeper layers read both ways at once and would see what they should foresee.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcli.backends.network import Network
from seqcli.errors import DataError, UsageError, near_miss
from seqcli.options import Options
from seqcli.preprocessing.vocabulary import RESERVED
from seqcli.readers.read import read_table
from seqcli.sequences import LENGTHS, Batchable, Sequences
from seqcli.tasks.base import Prepared
from seqcli.tasks.inputs import TOKENS, Inputs, joined_texts
from seqcli.tasks.parts import Source
from seqcli.training.checkpoint import CheckpointStore
from seqcli.training.events import EpochDone, Notice, StepDone
from seqcli.training.fit_setup import FitSetup
from seqcli.training.loop import fit

TRAINING = "training"
"""Instead of a file: the texts of the training rows. A file of that name is called ./training."""
NOTHING = "none"
NEGATIVES = 512
MOST_POSITIONS = 2048
"""Steps of a batch and direction that are asked; the others are read all the same."""
MOST_CELLS = 4_000_000
"""Steps of all texts times passes: about as much as the training after it may take."""
MOST_PASSES = 6
MOST_UNKNOWN = 0.2
"""Share of unknown tokens in a file's texts that goes without saying."""


class Foreseeing(nn.Module):
    """A batch of tokens (B, T) → the mean loss (), for the first layer of ``network`` and its embeddings."""

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        self.network = network
        size = next(item.size for item in network.spec.inputs if item.field == TOKENS)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.table = nn.Embedding(size, network.spec.hidden_size)
            nn.init.normal_(self.table.weight, std=network.spec.hidden_size**-0.5)
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Fields (B, T[, K]) and ``lengths`` (B,) → ()."""
        ids = batch[TOKENS]
        halves = self.network.encoder.first_layer(self.network.steps(batch), batch[LENGTHS])
        inside = torch.arange(ids.shape[1], device=ids.device) < batch[LENGTHS][:, None]  # (B, T)
        both = inside[:, :-1] & inside[:, 1:]
        early, late = slice(None, -1), slice(1, None)
        states, targets = [], []
        for half, read, foreseen in zip(halves, (early, late), (late, early), strict=False):
            tokens = ids[:, foreseen].reshape(-1)
            places = ((tokens >= RESERVED) & both.reshape(-1)).nonzero()[:, 0]
            if len(places) > MOST_POSITIONS:
                places = places[torch.randperm(len(places), device=places.device)[:MOST_POSITIONS]]
            states.append(half[:, read].reshape(-1, half.shape[-1])[places])
            targets.append(tokens[places])
        return self._loss(self.network.dropout(torch.cat(states)), torch.cat(targets))

    def _loss(self, states: Tensor, targets: Tensor) -> Tensor:
        """states (M, H), tokens (M,) → the mean loss ()."""
        if not len(targets):
            return states.sum()
        drawn = torch.randint(RESERVED, len(self.bias), (NEGATIVES,), device=targets.device)
        words, place = torch.unique(torch.cat([targets, drawn]), return_inverse=True)
        logits = F.linear(states, self.table(words), self.bias[words])  # (M, W)
        return F.cross_entropy(logits, place[: len(targets)])


def texts_to_read(prepared: Prepared, options: Options, notes: list[str]) -> Batchable | None:
    """The texts that ``--pretrain`` names, as the network reads them; None where it names none.

    What is odd in them goes to ``notes``. Raises UsageError where the network reads no text that it could
    learn from, DataError for a file without the columns, with no text, or with no word that is known.
    """
    wanted = options.training.pretrain
    if wanted is None or wanted == NOTHING:
        return None
    inputs = getattr(prepared.task, "inputs", None)
    if not isinstance(inputs, Inputs) or inputs.vocabulary is None:
        task = prepared.task.plan.task
        raise UsageError(f"--pretrain means nothing to the task {task}", "leave out --pretrain")
    if prepared.network.cell == "none":
        raise UsageError(
            "--pretrain learns to foresee the next word, and --cell none knows nothing of those ahead of it",
            "leave out one of them",
        )
    if wanted == TRAINING:
        table = cast(Source, prepared.source).train
    else:
        close = near_miss(wanted, (TRAINING, NOTHING))
        if close and not Path(wanted).exists():
            raise UsageError(f"{wanted}: no such file", f"did you mean --pretrain {close}?")
        table = read_table([wanted], options.reading)
    texts = joined_texts(table, _columns(table.names, inputs.text, wanted))
    fields = inputs.text_fields([text for text in texts if text.strip()])
    examples = Batchable(fields, np.arange(len(next(iter(fields.values())))))
    if not len(examples) or int(examples.lengths.max()) < 2:
        raise DataError(
            f"{wanted}: there is no text to learn from", "give a file of texts, one a row or line"
        )
    if wanted != TRAINING:
        notes += _unknown(examples, wanted, inputs.vocabulary.unit)
    return examples


def _unknown(examples: Batchable, source: str, unit: str) -> list[str]:
    """A sentence where many tokens of the texts are unknown to the labelled rows, which teach nothing.

    Raises DataError where all are.
    """
    tokens = examples.fields[TOKENS]
    assert isinstance(tokens, Sequences)
    share = float((tokens.values < RESERVED).mean())
    if share == 1:
        raise DataError(
            f"{source}: none of its {unit}s is among those of the training rows",
            "is it of the same language?",
        )
    if share <= MOST_UNKNOWN:
        return []
    return [
        f"{source}: {100 * share:.0f} % of its {unit}s are none of the training rows', and are not learnt"
    ]


def _columns(names: tuple[str, ...], text: tuple[str, ...], source: str) -> tuple[str, ...]:
    """The columns of a file to read: those that the task reads, or the only one."""
    if set(text) <= set(names):
        return text
    if len(names) == 1:
        return names
    missing = next(name for name in text if name not in names)
    raise DataError(
        f"{source}: has no column {missing!r}, which the training file's texts are in",
        f"its columns are {', '.join(names)}; one column, or a .txt file, may have any name",
    )


def read_ahead(
    network: Network, texts: Batchable, setup: FitSetup, checkpoints: CheckpointStore | None
) -> Generator[StepDone | EpochDone | Notice, None, None]:
    """Have ``network`` learn to foresee the tokens of ``texts``, for as many passes as there is time for."""
    passes = int(np.clip(round(MOST_CELLS / max(int(texts.lengths.sum()), 1)), 1, MOST_PASSES))
    reading = replace(
        setup, loss="given", phase="pretrain", epochs=passes, steps=None, time_budget=None, stop_at=None,
        patience=None, ema=None, label_smoothing=0.0, metric="loss", higher_is_better=False,
        write=None,
    )  # fmt: skip
    yield from fit(Foreseeing(network, setup.seed), texts, None, reading, checkpoints)
