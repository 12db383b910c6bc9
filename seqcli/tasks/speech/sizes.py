"""Network and training of tasks that hear, by rule, where the user has not said: from counts alone.

The figures were looked at on validation parts of the training clips of spoken digits, strung together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import Options
from seqcli.sequences import Batchable
from seqcli.tasks.speech.sound import FRAMES, Sound

HIDDEN, LAYERS = 96, 2
DROPOUT = 0.2
LEARNING_RATE = 4e-3
EMA = 0.99
STEPS = 2500
"""Batches that a training should have."""
MOST_STEPS = 3_000_000
"""Steps of all epochs: about four minutes on one core."""
FEWEST_EPOCHS = 5


def network_spec(sound: Sound, letters: int, options: Options) -> NetworkSpec:
    """The network: what was typed, else the sizes above; it answers at each step."""
    typed = options.network
    return NetworkSpec(
        inputs=(InputSpec(FRAMES, "values", sound.width),),
        output_shape=(letters + 1,),
        cell=typed.cell or "gru",
        hidden_size=typed.hidden_size or HIDDEN,
        num_layers=typed.num_layers or LAYERS,
        bidirectional=True if typed.bidirectional is None else typed.bidirectional,
        pool="none",
        dropout=DROPOUT if typed.dropout is None else typed.dropout,
        init=typed.init,
    )


def training_defaults(train: Batchable, options: Options) -> dict[str, Any]:
    """Training options that apply where none is typed."""
    rows = len(train)
    batch_size = options.training.batch_size or (8 if rows < 500 else 16 if rows < 2000 else 32)
    wanted = STEPS / max(rows / batch_size, 1.0)
    affordable = MOST_STEPS / max(int(train.lengths.sum()), 1)
    epochs = options.training.epochs or int(np.clip(round(min(wanted, affordable)), FEWEST_EPOCHS, 200))
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": LEARNING_RATE,
        "ema": EMA,
        "patience": max(4, epochs // 2),
    }
