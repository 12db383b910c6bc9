"""Network and training of a language model by rule, where the user has not said.

Lengths and the time budget decide, never a probe, so that two machines print the same parameter table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqcli.errors import UsageError
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


@dataclass(frozen=True)
class TextSizes:
    """What is chosen when nothing is typed; ``training`` are training options."""

    embedding_size: int
    hidden_size: int
    dropout: float
    training: dict[str, Any]


def choose_text_sizes(length: int, corpus: AnyCorpus, options: Options, by_heart: bool) -> TextSizes:
    """The defaults for a training text of ``length`` tokens."""
    training, network = options.training, options.network
    from_scratch = training.backend == "numpy"
    hidden_size = network.hidden_size or (64 if by_heart else 256)
    embedding_size = network.embedding_size or (128 if corpus.level in ("words", "bpe") else 64)
    a_pass = max(length, 1) * _multiplications(embedding_size, hidden_size, corpus.size, network.num_layers)
    passes = min(WORK / a_pass, MOST_PASSES)
    if training.time_budget is not None:
        passes = training.time_budget * WORK_A_SECOND / a_pass
    optimizer = training.optimizer or ("adagrad" if from_scratch else "adamw")
    bptt = training.bptt or (min(25, length) if by_heart else BPTT)
    usual: dict[str, Any] = {
        "bptt": bptt,
        "batch_size": training.batch_size or int(np.clip(length // (8 * bptt), 1, MOST_STREAMS)),
        "learning_rate": 0.1 if optimizer == "adagrad" else 5e-3,
        "optimizer": optimizer,
    }
    if by_heart and training.time_budget is None and training.epochs is None:
        usual["steps"] = BY_HEART_STEPS
    elif not by_heart:
        usual["epochs"] = math.ceil(passes)
        usual["patience"] = max(4, math.ceil(passes / 3))
        if passes < 1:  # a long text is not read to its end
            usual["steps"] = math.ceil(passes * length / (bptt * usual["batch_size"]))
    dropout = network.dropout
    if dropout is None:
        read_often = length < SMALL_TEXT and passes > SEEN_OFTEN
        dropout = DROPOUT if read_often and not by_heart and not from_scratch else 0.0
    elif from_scratch and dropout:
        raise UsageError("the NumPy network has no dropout", "leave out --dropout, or --backend numpy")
    return TextSizes(embedding_size, hidden_size, dropout, usual)


def _multiplications(embedding: int, hidden: int, size: int, layers: int) -> int:
    """Of one token, read by ``layers`` of a cell with three gates and a head of ``size`` logits."""
    return 3 * hidden * (embedding + hidden + 2 * hidden * (layers - 1)) + hidden * size
