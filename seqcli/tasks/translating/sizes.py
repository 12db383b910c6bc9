"""Tokens, network and training of a translator by rule, where the user has not said otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqcli.errors import UsageError
from seqcli.network import SOURCE, WRITTEN, InputSpec, NetworkSpec
from seqcli.options import Options
from seqcli.preprocessing.spelling import CHARACTERS, SPELT, Spelling
from seqcli.preprocessing.vocabulary import BPE
from seqcli.tasks.translating.parts import Pairs

SHORT_WORDS, SHORT_CHARACTERS = 5.0, 60.0
"""Words and characters of a text, on average, below which it is read character by character."""
CHARACTERS_A_PIECE, FEWEST_PIECES, MOST_PIECES = 400, 200, 4000
"""Characters of training text for each piece that is learnt, and how many there are at least and at most."""
HIDDEN = {CHARACTERS: 128, BPE: 256}
EMBEDDING = {CHARACTERS: 64, BPE: 256}
DROPOUT = {CHARACTERS: 0.1, BPE: 0.3}
INPUT_DROPOUT = {CHARACTERS: 0.0, BPE: 0.2}
LEARNING_RATE = {CHARACTERS: 3e-3, BPE: 3e-3}
BATCH = {CHARACTERS: 64, BPE: 96}
SMOOTHING, EMA = 0.1, 0.999
ATTENTION = "dot"
MOST_TOKENS = {CHARACTERS: 8_000_000, BPE: 2_500_000}
"""Tokens to write in all epochs: about six minutes on a core."""
FEWEST_EPOCHS, MOST_EPOCHS = 2, 60


def level_for(train: Pairs, typed: str | None) -> str:
    """As typed; else characters where texts are names, dates or words, and pieces where they are longer.

    Raises UsageError for a level that cannot be put together again.
    """
    if typed is not None:
        if typed not in SPELT:
            raise UsageError(
                f"--level {typed} is not how a text is written here", f"--level takes {' or '.join(SPELT)}"
            )
        return typed
    sample = [*train.sources, *train.targets]
    words = np.mean([len(text.split()) for text in sample])
    length = np.mean([len(text) for text in sample])
    return CHARACTERS if words < SHORT_WORDS and length < SHORT_CHARACTERS else BPE


def fit_spellings(train: Pairs, level: str) -> tuple[Spelling, Spelling]:
    """The tokens of what is read, and of what is written."""
    return _fit(train.sources, level), _fit(train.targets, level)


def _fit(texts: Sequence[str], level: str) -> Spelling:
    length = sum(map(len, texts))
    return Spelling.fit(texts, level, int(np.clip(length // CHARACTERS_A_PIECE, FEWEST_PIECES, MOST_PIECES)))


def network_spec(source: Spelling, target: Spelling, options: Options) -> NetworkSpec:
    """The network: what was typed, else the sizes above."""
    typed, level = options.network, source.level
    size = typed.embedding_size or EMBEDDING[level]
    dropped = INPUT_DROPOUT[level] if typed.embedding_dropout is None else typed.embedding_dropout
    return NetworkSpec(
        inputs=(
            InputSpec(SOURCE, "tokens", source.size, size),
            InputSpec(WRITTEN, "tokens", target.size, size),
        ),
        output_shape=(target.size,),
        cell=typed.cell or "gru",
        hidden_size=typed.hidden_size or HIDDEN[level],
        num_layers=typed.num_layers or 1,
        bidirectional=True if typed.bidirectional is None else typed.bidirectional,
        pool="none",
        dropout=DROPOUT[level] if typed.dropout is None else typed.dropout,
        embedding_dropout=dropped,
        variational=True if typed.variational is None else typed.variational,
        word_dropout=typed.word_dropout or 0.0,
        init=typed.init,
        recurrent_dropout=typed.recurrent_dropout or 0.0,
        attention=typed.attention or ATTENTION,
    )


def training_defaults(tokens: int, level: str, options: Options) -> dict[str, Any]:
    """Training options that apply where none is typed; ``tokens`` are those to write in one epoch."""
    epochs = options.training.epochs or int(
        np.clip(MOST_TOKENS[level] / max(tokens, 1), FEWEST_EPOCHS, MOST_EPOCHS)
    )
    return {
        "epochs": epochs,
        "batch_size": BATCH[level],
        "learning_rate": LEARNING_RATE[level],
        "label_smoothing": SMOOTHING,
        "ema": EMA,
        "patience": max(5, epochs // 2),
        "level": level,
        "attention": options.network.attention or ATTENTION,
    }
