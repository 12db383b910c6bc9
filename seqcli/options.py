"""What a user can choose: one frozen dataclass a subject, one field = one flag = one key.

A field ``hidden_size`` is the flag ``--hidden-size``, the TOML key ``hidden_size`` and the JSON key
``hidden_size`` of a saved model. ``None`` means that the task chooses, by a rule that the plan line
prints. Command signatures, help panels, ``--config`` files and saved options are all made from
these classes; nothing about an option is written anywhere else. Those that shape no training and belong to
one command are in :mod:`seqcli.options_use`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from seqcli.errors import UsageError, near_miss
from seqcli.option import option as option  # noqa: PLC0414 (others have it from here)

CELLS = ("gru", "lstm", "mingru", "minlstm", "mamba", "rnn", "none")
"""Cells offered by ``--cell``; a test holds this equal to the registry in backends."""
FORMATS = ("csv", "tsv", "jsonl", "txt", "conll", "conllu", "fasta", "ts")
MOST_NUMBERS = 10_000_000
"""Of units, steps and rows at a time: what is larger was typed by mistake."""


@dataclass(frozen=True)
class ReadingOptions:
    """Reading the file"""

    input_format: str | None = option(
        None, "Format of the input; found from its name and content.", choices=FORMATS
    )
    encoding: str | None = option(None, "Text encoding; found from the bytes.")
    delimiter: str | None = option(None, "Column separator; found from the first lines.", metavar="CHAR")
    names: tuple[str, ...] = option(
        (), "Column names, of a csv or tsv that begins with its first row.", parse="list"
    )
    missing: str = option(
        "mask",
        "Missing numbers: carry the last value with a mask channel, interpolate, or refuse.",
        choices=("mask", "interpolate", "error"),
    )
    aggregate: str | None = option(
        None, "Merge rows that share one time stamp.", choices=("sum", "mean", "last")
    )


@dataclass(frozen=True)
class ColumnOptions:
    """Task and columns"""

    task: str | None = option(
        None,
        "What to learn; found from the columns.",
        choices=(
            *("classify", "multilabel", "regress", "forecast", "language", "tag", "music", "pianoroll"),
            *("translate", "transcribe", "steps", "reconstruct"),
        ),
    )
    target: tuple[str, ...] = option(
        (), "Column(s) to predict or forecast; with --source a file.", parse="list"
    )
    anomalous: tuple[str, ...] = option(
        (), "With --task reconstruct: values of the label that are odd; not learnt from.", parse="list"
    )
    false_alarms: float | None = option(
        None, "With --task reconstruct: share of usual series to flag; .05.", at_least=1e-6, below=1.0
    )
    source: str | None = option(
        None, "File of texts, a line each, whose lines --target says in other words.", metavar="FILE"
    )
    tag_column: str | None = option(
        None, "Column of tags to learn, by name or number; upos, or the last.", metavar="COLUMN"
    )
    label_separator: str | None = option(
        None,
        "Between several labels in one cell, such as | in sports|politics; found where it is sure.",
        metavar="CHAR",
    )
    features: tuple[str, ...] = option((), "Input columns; all usable ones.", parse="list")
    text: tuple[str, ...] = option((), "Input column(s) of text or DNA, and no others.", parse="list")
    time: str | None = option(None, "Column of time stamps or step numbers.", metavar="COLUMN")
    id: tuple[str, ...] = option((), "Column(s) that tell series or sequences apart.", parse="list")
    wide: bool | None = option(None, "One series a row, values from left to right; found where it is sure.")
    every: str | None = option(
        None, "With --wide and --time: from one value to the next, such as 15min, 1h, 1mo.", parse="span"
    )
    group: str | None = option(
        None, "Rows that share this column stay on one side of the split.", metavar="COLUMN"
    )
    level: str | None = option(
        None,
        "Read text as words, characters, pieces (bpe) or dna; to go on with, as bytes too.",
        choices=("words", "characters", "bpe", "bytes", "dna"),
    )
    per_clip: bool = option(
        False, "Of sound: scale each clip by its own mean and spread too, for unlike microphones."
    )
    condition: str | None = option(
        None, "Write text that depends on this column, such as a category.", metavar="COLUMN"
    )


@dataclass(frozen=True)
class SplitOptions:
    """Split"""

    validation: str | None = option(
        None, "File to choose on, instead of a share of the rows; with --source two.", metavar="FILE"
    )
    test: str | None = option(None, "File to report on, instead of a share of the rows.", metavar="FILE")
    validation_share: float | None = option(
        None, "Share of the rows to choose on: .1, of a text .05.", at_least=0.0, below=0.5
    )
    test_share: float | None = option(
        None, "Share of the rows to report on: .2, of a text .1.", at_least=0.0, below=0.5
    )


@dataclass(frozen=True)
class NetworkOptions:
    """Network"""

    cell: str | None = option(None, "Recurrent cell; GRU unless the plan says why not.", choices=CELLS)
    hidden_size: int | None = option(
        None, "Units of each layer and direction.", at_least=1, below=MOST_NUMBERS
    )
    num_layers: int | None = option(
        None, "Recurrent layers; 1, of minGRU in a text to go on with 2.", at_least=1, below=65
    )
    embedding_size: int | None = option(
        None, "Size of word or character vectors.", at_least=1, below=MOST_NUMBERS
    )
    dropout: float | None = option(None, "Share of activations dropped in training.", at_least=0.0, below=1.0)
    bidirectional: bool | None = option(None, "Read both ways; on where the whole input is there.")
    pool: str | None = option(
        None,
        "How steps become one vector; several side by side: max+mean.",
        choices=("last", "mean", "max", "attention"),
        parse="joined",
    )
    vectors: str | None = option(
        None, "Begin with the word vectors of this file: GloVe's or word2vec's.", metavar="FILE"
    )
    subwords: bool | None = option(
        None, "Read words by their parts too, and characters in runs of up to four; hashed."
    )
    word_dropout: float | None = option(
        None, "Share of words that training reads as unknown.", at_least=0.0, below=1.0
    )
    embedding_dropout: float | None = option(
        None, "Share of each word's vector dropped in training; as --dropout.", at_least=0.0, below=1.0
    )
    recurrent_dropout: float | None = option(
        None, "Share of the recurrent weights left out in a step.", at_least=0.0, below=1.0
    )
    tied: bool | None = option(None, "Read and write a token by one vector; of words so already.")
    preset: str | None = option(
        None, "Size of a text's network, instead of the rule's.", choices=("small", "medium", "large")
    )
    variational: bool | None = option(None, "Drop the same of a vector at all steps of a text.")
    members: int | None = option(
        None, "Networks that learn side by side and are averaged.", at_least=1, below=65
    )
    stem: str | None = option(
        None, "Convolutions ahead of the recurrence, in series and DNA.", choices=("conv", "none")
    )
    kmers: int | None = option(
        None, "Read DNA by runs of so many bases too, a vector each.", at_least=2, below=9, metavar="K"
    )
    bottleneck: int | None = option(
        None, "Numbers that a series becomes, to be written again.", at_least=1, below=MOST_NUMBERS
    )
    reverse_complement: bool = option(
        False, "Read DNA from both strands: learn from either, answer with the mean."
    )
    attention: str | None = option(
        None,
        "How a translator looks at what it reads: by products, or by a layer.",
        choices=("dot", "bahdanau"),
    )
    init: str = option(
        "gated", "Initialisation of the recurrent weights.", choices=("gated", "torch", "chrono")
    )
    prior: str = option(
        "auto", "Linear part beside a text's network.", choices=("auto", "tfidf", "nb", "none")
    )


@dataclass(frozen=True)
class TrainingOptions:
    """Training"""

    epochs: int | None = option(None, "Passes over the training rows, at most.", at_least=1)
    steps: int | None = option(None, "Optimiser steps, at most; a time budget is saved as these.", at_least=1)
    time_budget: float | None = option(
        None, "Time to train for, such as 90s or 6m.", parse="duration", metavar="TIME"
    )
    stop_at: int | None = option(
        None, "Step of the planned ones to stop at; a time budget is saved so.", at_least=1, metavar="STEP"
    )
    batch_size: int | None = option(None, "Examples a step.", at_least=1, below=MOST_NUMBERS)
    learning_rate: float | None = option(
        None, "Peak learning rate.", at_least=0.0, flag="--learning-rate --lr"
    )
    weight_decay: float | None = option(
        None, "Decoupled weight decay; 0.01, of minGRU in a text 0.3.", at_least=0.0
    )
    clip_norm: float = option(1.0, "Clip the gradient to this global norm.", at_least=0.0)
    clip_value: float | None = option(None, "Clip each element of the gradient instead.", at_least=0.0)
    optimizer: str | None = option(
        None, "AdamW; Adagrad with the NumPy backend.", choices=("adamw", "adam", "adagrad")
    )
    bptt: int | None = option(
        None,
        "Steps that gradients go back before they are cut, in a text or with --stateful.",
        at_least=1,
        below=MOST_NUMBERS,
        metavar="STEPS",
    )
    precision: str | None = option(
        None, "Numbers in large products; bfloat16 where a text gains by it.", choices=("float32", "bfloat16")
    )
    patience: int | None = option(
        None, "Epochs without a better validation score before the end.", at_least=1
    )
    pretrain: str | None = option(
        None,
        "First learn to foresee words: of this file, of the training rows (training), or none.",
        metavar="FILE",
    )
    label_smoothing: float | None = option(
        None, "Share of certainty spread over all classes.", at_least=0.0, below=1.0
    )
    class_weight: str | None = option(
        None, "Weigh rare classes up in training, so that each counts.", choices=("none", "auto")
    )
    ema: float | None = option(
        None,
        "Keep a moving average of the weights: its decay a step, such as .99; 0 keeps none.",
        at_least=0.0,
        below=1.0,
    )
    augment: bool = option(
        True, "Of sound: in training change speed, voice and loudness at random, and hide parts."
    )
    seed: int = option(0, "Seed of the split, the weights and the batch order.", at_least=0)
    threads: int | None = option(None, "Threads; physical cores, at most 4.", at_least=1, below=1025)
    refit: bool = option(True, "Go on training over held-out rows once they have been used.")
    device: str = option("auto", "Where to train.", choices=("auto", "cpu", "cuda"))
    backend: str = option(
        "torch", "What trains a text: torch, or NumPy from the cells' equations.", choices=("torch", "numpy")
    )
    init_from: str | None = option(None, "Start from the weights of this model.", metavar="MODEL")


@dataclass(frozen=True)
class ForecastOptions:
    """Forecast"""

    window: int | None = option(None, "Past steps the network reads.", at_least=1)
    horizon: int | None = option(None, "Future steps to forecast; one season, else 10.", at_least=1)
    decoder: str | None = option(
        None,
        "All steps side by side, one after the other, or in one go from a last state.",
        choices=("parallel", "recursive", "direct"),
    )
    segment: int | None = option(
        None, "Steps that the network reads at a time; a part of the season.", at_least=1
    )
    stateful: bool = option(
        False, "Carry the state of a network that reads step by step over all rows: one step a row."
    )
    stride: int = option(1, "Steps between the starts of two training windows.", at_least=1)
    interval: tuple[int, ...] = option((80, 95), "Coverage of the intervals, in percent.", parse="percents")
    scaler: str = option(
        "standard", "Scaling of inputs, fitted on training rows.", choices=("standard", "minmax")
    )
    normalization: str | None = option(
        None,
        "See windows from their last value, or in their own mean and spread; found on validation.",
        choices=("last", "instance"),
    )
    indicators: bool = option(
        False, "Add returns, moving averages, RSI and volatility of each target as inputs."
    )


@dataclass(frozen=True)
class Options:
    """All that shapes a training run; saved in the model directory and able to be run again."""

    reading: ReadingOptions = ReadingOptions()
    columns: ColumnOptions = ColumnOptions()
    split: SplitOptions = SplitOptions()
    network: NetworkOptions = NetworkOptions()
    training: TrainingOptions = TrainingOptions()
    forecast: ForecastOptions = ForecastOptions()

    def to_flat(self) -> dict[str, Any]:
        """All options as one flat dictionary of JSON values, in declaration order."""
        flat: dict[str, Any] = {}
        for group in fields(self):
            for item in fields(getattr(self, group.name)):
                value = getattr(getattr(self, group.name), item.name)
                flat[item.name] = list(value) if isinstance(value, tuple) else value
        return flat

    @classmethod
    def from_flat(cls, flat: Mapping[str, Any], base: Options | None = None) -> Options:
        """Overlay ``flat`` on ``base`` (the defaults when not given).

        Raises :class:`UsageError` for a key that is no option, naming the closest one.
        """
        base = base or cls()
        owner = {item.name: group.name for group in fields(cls) for item in fields(getattr(base, group.name))}
        changes: dict[str, dict[str, Any]] = {}
        for key, value in flat.items():
            if key not in owner:
                close = near_miss(key, owner)
                raise UsageError(f"no option is called {key!r}", f"did you mean {close!r}?" if close else "")
            value = tuple(value) if isinstance(value, list) else value
            changes.setdefault(owner[key], {})[key] = value
        return replace(
            base, **{group: replace(getattr(base, group), **some) for group, some in changes.items()}
        )


@dataclass(frozen=True)
class SavingOptions:
    """The model directory"""

    save: str | None = option(None, "Directory to write; the input's name with .seqcli.", metavar="DIR")
    force: bool = option(False, "Replace whatever model the directory holds.")
    resume: bool = option(False, "Go on with the training that was interrupted.")


@dataclass(frozen=True)
class OutputOptions:
    """Output"""

    format: str | None = option(
        None,
        "Form of the result; a table on a terminal, CSV in a pipe.",
        choices=("table", "csv", "jsonl", "json"),
    )
    output: str | None = option(None, "Write the result here instead of stdout.", flag="-o", metavar="FILE")
    quiet: bool = option(False, "Print the result and errors only.", flag="-q")
    verbose: bool = option(False, "Print more: every epoch, rows done, where a bug is.", flag="-v")


@dataclass(frozen=True)
class PlotOptions:
    """Figure"""

    plot: str | None = option(
        None, "Draw the result into this file too: .png, .svg or .html.", metavar="FILE"
    )


@dataclass(frozen=True)
class ModelOptions:
    """The model"""

    model: str | None = option(None, "Model directory; the only *.seqcli here.", flag="-m", metavar="DIR")


@dataclass(frozen=True)
class RunOptions:
    """The run"""

    config: str | None = option(
        None, "Options from a TOML file or a saved model; flags win over it.", metavar="FILE"
    )
    dry_run: bool = option(False, "Print the plan and stop ahead of training.")
