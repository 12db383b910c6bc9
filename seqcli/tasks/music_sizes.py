"""Network and training of a model of music by rule, where the user has not said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqcli.options import Options

BPTT = 128
MOST_STREAMS = 16
HIDDEN, EMBEDDING = 256, 64
WORK = 1.6e12
"""Multiplications of all that is read, forwards, when nothing limits it: about two minutes on one core."""
WORK_A_SECOND = 1e10
MOST_PASSES = 30
DROPOUT = 0.3
SMALL = 1_000_000
"""Events above which nothing is dropped and no piece is learnt in other keys."""
SHIFTS = (-2, 2)


@dataclass(frozen=True)
class MusicSizes:
    """What is chosen when nothing is typed; ``training`` are training options."""

    embedding_size: int
    hidden_size: int
    dropout: float
    shifts: tuple[int, ...]
    """Semitones by which training pieces are moved, beside being learnt as they are."""
    training: dict[str, Any]


def choose_music_sizes(length: int, size: int, options: Options) -> MusicSizes:
    """The defaults for a training part of ``length`` events, ``size`` of them different."""
    training, network = options.training, options.network
    hidden_size, embedding_size = network.hidden_size or HIDDEN, network.embedding_size or EMBEDDING
    shifts = SHIFTS if length < SMALL else ()
    read = max(length, 1) * (1 + len(shifts))
    one = 3 * hidden_size * (embedding_size + hidden_size + 2 * hidden_size * ((network.num_layers or 1) - 1))
    a_pass = read * (one + hidden_size * size)
    passes = min(WORK / a_pass, MOST_PASSES)
    if training.time_budget is not None:
        passes = training.time_budget * WORK_A_SECOND / a_pass
    bptt = training.bptt or BPTT
    usual: dict[str, Any] = {
        "bptt": bptt,
        "batch_size": training.batch_size or int(np.clip(read // (8 * bptt), 1, MOST_STREAMS)),
        "learning_rate": 5e-3,
        "optimizer": "adamw",
        "epochs": math.ceil(passes),
        "patience": max(4, math.ceil(passes / 3)),
    }
    if passes < 1:  # a large corpus is not read to its end
        usual["steps"] = math.ceil(passes * read / (bptt * usual["batch_size"]))
    dropout = network.dropout if network.dropout is not None else (DROPOUT if length < SMALL else 0.0)
    return MusicSizes(embedding_size, hidden_size, dropout, shifts, usual)
