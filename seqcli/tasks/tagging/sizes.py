"""Network and training of a tagger by rule, where the user has not said: from counts of words alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import Options
from seqcli.tasks.tagging.features import PARTS, WORD_IDS, WordFeatures, WordParts
from seqcli.tasks.tagging.labels import Labels
from seqcli.tasks.tagging.sentences import Sentences

HIDDEN, WORD_SIZE = 128, 128
DROPOUT, WORD_DROPOUT = 0.4, 0.2
MEMBERS = 1
"""Three, averaged, take two and a half times as long and were no better on held-out sentences."""
EMA = 0.998
USUAL_PARTS = 20
BATCH = 32
LEARNING_RATE = 3e-3
STEPS = 1300
"""Batches that a training should have."""
MOST_WORDS = 1_200_000
"""Words of all epochs: about four minutes on one core."""
FEWEST_EPOCHS = 3


def parts_for(words: Sequence[str], options: Options) -> WordParts | None:
    """Parts of words: more buckets where more different words are there to fill them."""
    if options.network.subwords is False:
        return None
    buckets = 2 ** np.clip(np.ceil(np.log2(len(set(words)) + 1)), 10, 16)
    return WordParts(int(buckets), shortest=3, longest=4, affixes=5, most=32)


def network_spec(labels: Labels, features: WordFeatures, train: Sentences, options: Options) -> NetworkSpec:
    """The network: what was typed, else the sizes above."""
    typed = options.network
    size = typed.embedding_size or WORD_SIZE
    inputs = [InputSpec(WORD_IDS, "tokens", features.size, size)]
    if features.subwords is not None:
        inputs.append(InputSpec(PARTS, "bags", features.subwords.size, max(size // 2, 1), USUAL_PARTS))
    return NetworkSpec(
        inputs=tuple(inputs),
        output_shape=(len(labels.tags),),
        cell=typed.cell or "gru",
        hidden_size=typed.hidden_size or HIDDEN,
        num_layers=typed.num_layers or 1,
        bidirectional=True if typed.bidirectional is None else typed.bidirectional,
        pool="none",
        dropout=DROPOUT if typed.dropout is None else typed.dropout,
        embedding_dropout=typed.embedding_dropout,
        variational=bool(typed.variational),
        word_dropout=WORD_DROPOUT if typed.word_dropout is None else typed.word_dropout,
        recurrent_dropout=typed.recurrent_dropout or 0.0,
        init=typed.init,
        chain=labels.barred,
        members=typed.members or MEMBERS,
    )


def training_defaults(train: Sentences, options: Options) -> dict[str, Any]:
    """Training options that apply where none is typed.

    The epochs make the steps that taggers need, in time that a person waits for; half of them without a
    better score ends the training.
    """
    rows = len(train)
    batch_size = options.training.batch_size or (8 if rows < 500 else 16 if rows < 2000 else BATCH)
    wanted = STEPS / max(rows / batch_size, 1.0)
    affordable = MOST_WORDS / max(len(train.words), 1)
    epochs = options.training.epochs or int(np.clip(round(min(wanted, affordable)), FEWEST_EPOCHS, 60))
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": LEARNING_RATE,
        "ema": EMA,
        "patience": max(4, epochs // 2),
    }
