"""Network and training by rule, where the user has not said: from counts of series, steps and channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqcli.network import NetworkSpec
from seqcli.options import Options
from seqcli.sequences import Examples
from seqcli.tasks.reconstructing.linear import Components
from seqcli.tasks.reconstructing.series import Series

HIDDEN, DROPOUT, LEARNING_RATE = 64, 0.2, 5e-3
STEPS = 3000
"""Batches that a training should have."""
MOST_CELLS = 6_000_000
"""Steps of all series times epochs: a few minutes on one core."""
FEWEST_EPOCHS, MOST_EPOCHS = 4, 400
NOISE = 0.1
LONG_ENOUGH, MOST_STRIDE = 200, 8
"""Steps on average that the encoder reads at most, and the largest jump of its convolutions."""
EMA = 0.99


def code_size(components: Components, options: Options) -> int:
    """Numbers of the code: what was typed, else as many as components that hold nearly all variance."""
    return options.network.bottleneck or components.count


def network_spec(series: Series, train: Examples, bottleneck: int, options: Options) -> NetworkSpec:
    """The network: what was typed, else the defaults."""
    typed, hidden = options.network, options.network.hidden_size or HIDDEN
    stride = 1
    while train.lengths.mean() / stride > LONG_ENOUGH and stride < MOST_STRIDE:
        stride *= 2
    stem = typed.stem == "conv" or (typed.stem is None and stride > 1)
    return NetworkSpec(
        inputs=series.specs(),
        output_shape=(len(series.channels),),
        cell=typed.cell or "gru",
        hidden_size=hidden,
        num_layers=typed.num_layers or 1,
        bidirectional=True if typed.bidirectional is None else typed.bidirectional,
        pool="none",
        dropout=DROPOUT if typed.dropout is None else typed.dropout,
        recurrent_dropout=typed.recurrent_dropout or 0.0,
        init=typed.init,
        time_range=series.usual,
        stem=2 if stem else 0,
        stem_width=hidden,
        stem_stride=stride if stem else 1,
        noise=NOISE,
        bottleneck=bottleneck,
    )


def training_defaults(train: Examples, options: Options) -> dict[str, Any]:
    """Training options that apply where none is typed."""
    rows = len(train)
    batch_size = options.training.batch_size or (16 if rows < 1000 else 32)
    wanted = STEPS / max(rows / batch_size, 1.0)
    affordable = MOST_CELLS / max(int(train.lengths.sum()), 1)
    epochs = int(np.clip(round(min(wanted, affordable)), FEWEST_EPOCHS, MOST_EPOCHS))
    epochs = options.training.epochs or epochs
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": LEARNING_RATE,
        "ema": EMA,
        "patience": max(4, epochs // 4),
    }
