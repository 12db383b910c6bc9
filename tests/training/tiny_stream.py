"""A small language model, its text and its setup, for the tests of streams."""

from __future__ import annotations

import numpy as np

from seqcli.backends.network import Network, build_network
from seqcli.backends.registry import CELLS
from seqcli.network import InputSpec, NetworkSpec
from seqcli.sequences import TARGET, Windows
from seqcli.tasks.language_scores import COLD_STEPS
from seqcli.training.fit_setup import FitSetup

SIZE, BATCH, BPTT = 11, 4, 7
RECURRENT = [cell for cell in CELLS if cell != "none"]


def setup_of(**changes) -> FitSetup:
    choices = {
        "loss": "cross_entropy",
        "batch_size": BATCH,
        "learning_rate": 0.02,
        "steps": 12,
        "seed": 3,
        "metric": "nats",
        "clip_norm": 0.3,
        "bptt": BPTT,
    }
    return FitSetup(**{**choices, **changes})


def network_of(cell="gru", layers=1, dropout=0.0, seed=1, conditions=0) -> Network:
    inputs = [InputSpec("tokens", "tokens", SIZE, 5)]
    if conditions:
        inputs.append(InputSpec("condition", "tokens", conditions + 2, 3))
    spec = NetworkSpec(
        tuple(inputs), (SIZE,), cell, 6, layers, pool="none", dropout=dropout, streams=True, init="torch"
    )
    return build_network(spec, seed)


def a_text(length, seed=0, conditions=0) -> Windows:
    """Tokens of which each mostly follows the one before it."""
    rng = np.random.default_rng(seed)
    ids = [3]
    while len(ids) <= length:
        ids.append(3 + (2 * ids[-1] + 1) % (SIZE - 3) if rng.random() < 0.7 else int(rng.integers(3, SIZE)))
    fields = {"tokens": np.array(ids[:-1]), TARGET: np.array(ids[1:])}
    if conditions:
        fields["condition"] = rng.integers(2, 2 + conditions, length)
    window = min(COLD_STEPS, length)
    return Windows(fields, {}, np.arange(0, length - window + 1, window), window, 0)
