"""Network and training of a language model by rule, where the user has not said.

Lengths and the time budget decide, never a probe, so that two machines print the same parameter table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqcli.errors import UsageError
from seqcli.model_dir import read_model
from seqcli.network import RESIDUAL
from seqcli.options import Options
from seqcli.preprocessing.byte_corpus import AnyCorpus

BPTT = 64
MOST_STREAMS = 16
"""Places of the text that are read at a time: twice the steps of 32 in little more time."""
WORK = 1.6e12
"""Multiplications of all that is read, forwards, when nothing limits it: about two minutes on one core."""
WORK_A_SECOND = 1e10
"""What a second of a time budget is taken to be worth."""
MOST_PASSES = 16
BY_HEART_STEPS = 4_000
SMALL_TEXT, SEEN_OFTEN, DROPOUT = 300_000, 4, 0.3
"""A text of fewer tokens that is read more often than this is learnt by heart, unless much is dropped.

Validation nats, one seed each: the first 100,000 characters of plays 1.58 with .3 and 1.63 with 0, 230,000 of
names 1.52 and 1.59; 400,000 of plays 1.52 with .2 and 1.52 with 0, 1,100,000 1.58 with .3 and 1.50 with 0.
"""


BETTER = "mingru"
"""The cell that foresees a text best in a given time (``benchmarks/generate.py --only cells``)."""
LAYERS = 2
PARALLEL_WORK = 1.7
"""How many times more multiplications a second such a cell comes to: its products are large ones."""
CHARACTERS_A_WEIGHT = 6
"""Tokens that are read for each weight of a block, passes over the text included."""
ENOUGH_PASSES, WEIGHTS_A_TOKEN = 3, 1.2
"""Passes that wider layers are better than more of, as long as they have no more weights a token than this.

948,000 characters of plays, validation nats: 192 units 2.8 times 1.483, 5.2 times 1.495; 256 units 3 times
1.481.
"""
READ_TWICE, LITTLE_DROPOUT = 2, 0.1
"""Passes from which a block has so much dropped: 948,000 characters of plays read 2.8 times, validation nats
1.483 with it and 1.497 without."""
PRESETS = {"small": (1, 128), "medium": (2, 256), "large": (3, 512)}
"""Layers and units of --preset."""
MANY_TOKENS = 1_000
"""Tokens from which on the table of their vectors is most of a network, and is used twice: 200,000 words of
plays, validation nats 4.310 with one table and 4.346 with two, in 1.9 and in 3.3 million weights."""
WEIGHT_DECAY = 0.3
"""Of a block. Validation nats of plays: 1.366 with .01, 1.358 with .1, 1.347 with .3 (2 × 224 units, 4,000
steps, one seed)."""
NARROWEST, WIDEST, UNIT = 64, 1024, 32


@dataclass(frozen=True)
class TextSizes:
    """What is chosen when nothing is typed; ``training`` are training options."""

    cell: str
    embedding_size: int
    hidden_size: int
    num_layers: int
    dropout: float
    embedding_dropout: float | None
    training: dict[str, Any]
    tied: bool = False
    reasons: tuple[str, ...] = ()
    """A sentence on a cell that nobody asked for."""


def as_it_began(options: Options) -> Options:
    """``options`` with cell and sizes of the model that ``--init-from`` names, where none are typed."""
    if options.training.init_from is None:
        return options
    spec, network = read_model(Path(options.training.init_from)).network, options.network
    return replace(
        options,
        network=replace(
            network,
            cell=network.cell or spec.cell,
            hidden_size=network.hidden_size or spec.hidden_size,
            num_layers=network.num_layers or spec.num_layers,
            embedding_size=network.embedding_size or spec.inputs[0].embedding_size or None,
        ),
    )


def choose_text_sizes(length: int, corpus: AnyCorpus, options: Options, by_heart: bool) -> TextSizes:
    """The defaults for a training text of ``length`` tokens."""
    training, network = options.training, options.network
    from_scratch = training.backend == "numpy"
    chosen = BETTER if network.cell is None and not by_heart and not from_scratch else ""
    cell = network.cell or chosen or "gru"
    layers, width = PRESETS[network.preset] if network.preset else (0, 0)
    layers = network.num_layers or layers or (LAYERS if cell in RESIDUAL and not by_heart else 1)
    work = WORK if training.time_budget is None else training.time_budget * WORK_A_SECOND
    work *= PARALLEL_WORK if cell in RESIDUAL else 1
    hidden_size = network.hidden_size or width
    hidden_size = hidden_size or (64 if by_heart else _width(cell, work, layers, length))
    tied = _tied(corpus, options)
    embedding_size = network.embedding_size or (128 if corpus.level in ("words", "bpe") else 64)
    if (cell in RESIDUAL or tied) and network.embedding_size is None:
        embedding_size = hidden_size  # so that a block reads it as it is
    each = _weights(cell, embedding_size, hidden_size, layers) + hidden_size * corpus.size
    passes = work / (max(length, 1) * each)
    if training.time_budget is None:
        passes = min(passes, MOST_PASSES)
    usual = _training(length, passes, cell, hidden_size, options, by_heart)
    dropout = network.dropout
    if dropout is None:
        read_often = length < SMALL_TEXT and passes > SEEN_OFTEN
        dropout = DROPOUT if read_often and not by_heart and not from_scratch else 0.0
        if cell in RESIDUAL and not by_heart and passes >= READ_TWICE:
            dropout = max(dropout, LITTLE_DROPOUT)
    elif from_scratch and dropout:
        raise UsageError("the NumPy network has no dropout", "leave out --dropout, or --backend numpy")
    reasons = (
        (f"cell {chosen}: ahead of lstm in half a minute, of gru in two, as measured (--cell chooses)",)
        if chosen
        else ()
    )
    # What a block reads is what the sum in it begins with: nothing is dropped of that.
    of_vectors = network.embedding_dropout
    of_vectors = 0.0 if of_vectors is None and cell in RESIDUAL else of_vectors
    if tied and embedding_size != hidden_size:
        raise UsageError(
            f"--tied needs vectors as long as a layer is wide, not {embedding_size} and {hidden_size}",
            "leave out --embedding-size, or --no-tied",
        )
    return TextSizes(cell, embedding_size, hidden_size, layers, dropout, of_vectors, usual, tied, reasons)


def _tied(corpus: AnyCorpus, options: Options) -> bool:
    """Whether one table of vectors is read and answered by: as typed, else where there are many tokens."""
    typed, sized = options.network.tied, options.network.embedding_size
    if options.training.backend == "numpy":
        if typed:
            raise UsageError(
                "the NumPy network has a head of its own", "leave out --tied, or --backend numpy"
            )
        return False
    if typed is not None:
        return typed
    return corpus.size >= MANY_TOKENS and sized in (None, options.network.hidden_size)


def _training(
    length: int, passes: float, cell: str, hidden_size: int, options: Options, by_heart: bool
) -> dict[str, Any]:
    """Training options of a network that reads the text so many times."""
    training = options.training
    optimizer = training.optimizer or ("adagrad" if training.backend == "numpy" else "adamw")
    rate = min(4e-3, 0.7 / hidden_size) if cell in RESIDUAL else 5e-3
    bptt = training.bptt or (min(25, length) if by_heart else BPTT)
    usual: dict[str, Any] = {
        "bptt": bptt,
        "batch_size": training.batch_size or int(np.clip(length // (8 * bptt), 1, MOST_STREAMS)),
        "learning_rate": 0.1 if optimizer == "adagrad" else rate,
        "optimizer": optimizer,
    }
    if cell in RESIDUAL and optimizer == "adamw" and not by_heart:
        usual["weight_decay"] = WEIGHT_DECAY
    if by_heart and training.time_budget is None and training.epochs is None:
        usual["steps"] = BY_HEART_STEPS
    elif not by_heart:
        usual["epochs"] = math.ceil(passes)
        usual["patience"] = max(4, math.ceil(passes / 3))
        if passes < 1:  # a long text is not read to its end
            usual["steps"] = math.ceil(passes * length / (bptt * usual["batch_size"]))
    return usual


def _width(cell: str, work: float, layers: int, length: int) -> int:
    """Units of a layer: 256, or of a block as many as so many multiplications and tokens can teach.

    With W weights and D tokens read, work = W · D; the best of W grows with D (Hoffmann et al. 2022, Training
    Compute-Optimal Large Language Models, arXiv:2203.15556). Where that would read the text more than
    :data:`ENOUGH_PASSES` times, wider layers make more of the time than reading it once more.
    """
    if cell not in RESIDUAL:
        return 256
    weights = math.sqrt(work / CHARACTERS_A_WEIGHT)  # and six times as many tokens
    weights = max(weights, min(work / (ENOUGH_PASSES * max(length, 1)), WEIGHTS_A_TOKEN * length))
    width = math.sqrt(weights / _weights(cell, 1, 1, layers))
    return int(np.clip(width // UNIT * UNIT, NARROWEST, WIDEST))


def _weights(cell: str, embedding: int, hidden: int, layers: int) -> int:
    """Multiplications of one token in ``layers`` of a cell."""
    if cell in RESIDUAL:
        own = {"mingru": 2, "minlstm": 3, "mamba": 3}[cell]  # matrices of the recurrence, H × H each
        entering = embedding * hidden if embedding != hidden else 0
        return layers * (own + 6) * hidden * hidden + entering
    return 3 * hidden * (embedding + hidden + 2 * hidden * (layers - 1))
