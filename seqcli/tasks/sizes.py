"""Network and training by rule, where the user has not said: from counts of rows and steps alone.

The figures were chosen on the validation parts of several public sets at once (sentences,
questions, names, DNA, sensor series), and nothing is looked up but what is counted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from seqcli.errors import UsageError
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import Options
from seqcli.readers.vectors import vector_size
from seqcli.sequences import Examples, IntArray
from seqcli.tasks.inputs import Inputs

RARE = 50
"""Steps of training text a token of the vocabulary, below which single words are learnt by heart."""
SHORT = 20
"""Characters on average up to which the last state holds the whole text: names, codes."""
MOST_CELLS = 4_000_000
"""Steps of all examples times epochs: about two minutes on one core."""
FEWEST_EPOCHS = 4
LONG_ENOUGH, MOST_STRIDE = 200, 8
"""Steps on average that the recurrence reads at most, and the largest jump of a stem that sees to it."""
STEM = 2
"""Convolutions of a stem."""
RNN_MEMORY = 20
"""Steps after which a plain recurrent network has forgotten (Bengio, Simard and Frasconi 1994)."""


@dataclass(frozen=True)
class Sizes:
    """What is chosen when nothing is typed. ``steps`` is how many batches a training should have."""

    embedding_size: int
    hidden_size: int
    dropout: float
    pool: str
    bidirectional: bool
    learning_rate: float
    steps: int
    variational: bool = False
    word_dropout: float = 0.0
    label_smoothing: float = 0.0
    ema: float = 0.0
    stem: int = 0
    """Convolutions ahead of the recurrence."""
    stem_stride: int = 1
    members: int = 1
    noise: float = 0.0
    pretrain: bool = False
    """Whether the network first learns to foresee the words of the training rows."""


def choose_sizes(inputs: Inputs, train: Examples) -> Sizes:
    """The defaults for inputs of this kind and a training part of this many steps."""
    lengths = train.lengths
    if inputs.vocabulary is None:
        if int(lengths.max(initial=1)) == 1:
            return Sizes(0, 64, 0.1, "last", False, 3e-3, 3000)
        return _of_steps(inputs, lengths)
    if inputs.vocabulary.level == "characters":
        if lengths.mean() <= SHORT:
            return Sizes(64, 96, 0.5, "max+mean", True, 4e-3, 1400, variational=True)
        return Sizes(32, 128, 0.2, "max", True, 3e-3, 1600)
    if lengths.sum() < RARE * inputs.vocabulary.size:
        return Sizes(
            128, 64, 0.5, "max+attention", True, 2e-3, 800, variational=True, ema=0.99, pretrain=True
        )
    return Sizes(128, 64, 0.3, "max+attention", True, 2e-3, 2500, variational=True, ema=0.99)


def _of_steps(inputs: Inputs, lengths: IntArray) -> Sizes:
    """The defaults for sound, DNA, or series of these lengths (N,)."""
    if inputs.sound is not None:
        return Sizes(0, 96, 0.3, "max+mean", True, 3e-3, 3000, label_smoothing=0.1, stem=STEM, ema=0.99)
    stride = 1
    while lengths.mean() / stride > LONG_ENOUGH and stride < MOST_STRIDE:
        stride *= 2
    if inputs.dna is not None:
        return Sizes(
            0, 64, 0.3, "max+mean", True, 3e-3, 1200, label_smoothing=0.05, stem=1, stem_stride=stride
        )
    return Sizes(
        0, 64, 0.2, "max", True, 3e-3, 1000, label_smoothing=0.1, stem=STEM, stem_stride=stride, noise=0.1
    )


def network_spec(
    inputs: Inputs, sizes: Sizes, output_shape: tuple[int, ...], options: Options
) -> NetworkSpec:
    """The network: what was typed, else ``sizes``."""
    typed = options.network
    size = typed.embedding_size or sizes.embedding_size
    if typed.vectors and inputs.vocabulary is not None:
        size = vector_size(typed.vectors)
        if typed.embedding_size not in (None, size):
            raise UsageError(
                f"{typed.vectors}: its vectors have {size} numbers, not {typed.embedding_size}",
                "leave out --embedding-size",
            )
    specs: tuple[InputSpec, ...] = inputs.specs(size)
    stem = {None: sizes.stem, "conv": sizes.stem or STEM, "none": 0}[typed.stem]
    return NetworkSpec(
        inputs=specs,
        output_shape=output_shape,
        cell=typed.cell or "gru",
        hidden_size=typed.hidden_size or sizes.hidden_size,
        num_layers=typed.num_layers or 1,
        bidirectional=sizes.bidirectional if typed.bidirectional is None else typed.bidirectional,
        pool=typed.pool or sizes.pool,
        dropout=sizes.dropout if typed.dropout is None else typed.dropout,
        embedding_dropout=typed.embedding_dropout,
        variational=sizes.variational if typed.variational is None else typed.variational,
        word_dropout=sizes.word_dropout if typed.word_dropout is None else typed.word_dropout,
        recurrent_dropout=typed.recurrent_dropout or 0.0,
        init=typed.init,
        stem=stem,
        stem_width=typed.hidden_size or sizes.hidden_size,
        stem_stride=sizes.stem_stride if stem else 1,
        both_strands=inputs.dna is not None and inputs.dna.both_strands,
        noise=sizes.noise,
        members=typed.members or sizes.members,
    )


def training_defaults(sizes: Sizes, train: Examples, options: Options) -> dict[str, Any]:
    """Training options that apply where none is typed.

    The batch grows with the rows; the epochs make the steps that such inputs need, in time that a
    person waits for; half of them without a better score ends the training.
    """
    rows = len(train)
    batch_size = options.training.batch_size or (16 if rows < 500 else 32 if rows < 8_000 else 64)
    wanted = sizes.steps / max(rows / batch_size, 1.0)
    affordable = MOST_CELLS / max(int(train.lengths.sum()), 1)
    epochs = options.training.epochs or int(np.clip(round(min(wanted, affordable)), FEWEST_EPOCHS, 200))
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": sizes.learning_rate,
        "ema": sizes.ema,
        "patience": max(4, epochs // 2),
        **_pretraining(sizes, options),
    }


def _pretraining(sizes: Sizes, options: Options) -> dict[str, Any]:
    """Whether texts are read ahead: where that helps, and nothing typed says how long a training may be."""
    typed = options.training
    if not sizes.pretrain:
        return {}
    short = any(length is not None for length in (typed.epochs, typed.steps, typed.time_budget))
    idle = typed.init_from or options.network.cell == "none"
    return {"pretrain": "none" if short or idle else "training"}


def cell_warnings(options: Options, train: Examples) -> list[str]:
    """A sentence where a plain recurrent network was typed for sequences that it cannot remember."""
    longest = int(train.lengths.max(initial=0))
    if options.network.cell != "rnn" or longest <= RNN_MEMORY:
        return []
    return [
        f"a plain RNN remembers about {RNN_MEMORY} steps, and sequences here have up to {longest}: "
        "it is a baseline, --cell gru or lstm learns more"
    ]
