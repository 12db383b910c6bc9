"""Network and training by rule, from the rows and their lengths alone, where the user has not said.

The figures were chosen on validation parts of several public sets at once (sentences, questions,
names, sensor series) and are never looked up by anything but counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import Options
from seqcli.sequences import Examples
from seqcli.tasks.inputs import Inputs


@dataclass(frozen=True)
class Sizes:
    """What is chosen when nothing is typed."""

    embedding_size: int
    hidden_size: int
    dropout: float
    pool: str
    bidirectional: bool
    epochs: int
    batch_size: int
    learning_rate: float
    patience: int | None


def choose_sizes(inputs: Inputs, train: Examples) -> Sizes:
    """The defaults for inputs of this kind and a training part of this many examples."""
    rows, single = len(train), bool((train.lengths == 1).all())
    steps_a_pass = 1 if rows < 500 else rows / (32 if rows < 20_000 else 128)
    words = inputs.vocabulary is not None and inputs.vocabulary.level == "words"
    epochs = int(np.clip(round(3000 / max(steps_a_pass, 1)), 6, 60))
    batch = 16 if rows < 500 else 32 if rows < 20_000 else 128
    if words:
        return Sizes(128, 64, 0.5, "mean", True, min(epochs, 8), batch, 2e-3, 3)
    if inputs.vocabulary is not None:
        return Sizes(32, 128, 0.3, "max", True, min(epochs, 15), batch, 3e-3, 4)
    if single:
        return Sizes(0, 64, 0.1, "last", False, epochs, batch, 3e-3, 10)
    return Sizes(0, 64, 0.2, "mean", True, epochs, batch, 3e-3, 10)


def network_spec(
    inputs: Inputs, sizes: Sizes, output_shape: tuple[int, ...], options: Options
) -> NetworkSpec:
    """The network: what was typed, else ``sizes``."""
    typed = options.network
    specs: tuple[InputSpec, ...] = inputs.specs(typed.embedding_size or sizes.embedding_size)
    return NetworkSpec(
        inputs=specs,
        output_shape=output_shape,
        cell=typed.cell or "gru",
        hidden_size=typed.hidden_size or sizes.hidden_size,
        num_layers=typed.num_layers,
        bidirectional=sizes.bidirectional if typed.bidirectional is None else typed.bidirectional,
        pool=typed.pool or sizes.pool,
        dropout=sizes.dropout if typed.dropout is None else typed.dropout,
        init=typed.init,
    )


def training_defaults(sizes: Sizes) -> dict[str, Any]:
    """Training options that apply where none is typed."""
    return {
        "epochs": sizes.epochs,
        "batch_size": sizes.batch_size,
        "learning_rate": sizes.learning_rate,
        "patience": sizes.patience,
    }
