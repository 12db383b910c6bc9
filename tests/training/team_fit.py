"""Small fits, the same alone and by several processes: ``torchrun --nproc-per-node 2 team_fit.py DIR``.

With ``--messages`` that of a large table alone, by processes that act as if they shared no memory.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tiny_fit import OftenSaved, TinyNetwork, advance, drain, tiny_examples, tiny_setup
from tiny_stream import a_text, network_of, setup_of

from seqcli.backends.network import build_network
from seqcli.network import InputSpec, NetworkSpec
from seqcli.sequences import Batchable, Sequences
from seqcli.training import distributed
from seqcli.training.distributed import leave, team
from seqcli.training.going_on import BothFeed
from seqcli.training.loop import fit


def rows(directory: Path):
    """Of 61 rows in batches of 12 the last one is for one process alone."""
    network = TinyNetwork(dropout=0.0)
    setup = tiny_setup(batch_size=12, ema=0.9, label_smoothing=0.1)
    return network, drain(fit(network, tiny_examples(61, 1), tiny_examples(30, 2), setup))[1]


def table(directory: Path):
    """Most words of a large table are in no batch, and some in the rows of one process alone."""
    network = TinyNetwork(dropout=0.0, words=2000)
    return network, drain(fit(network, tiny_examples(40, 3), None, tiny_setup(batch_size=4)))[1]


def stream(directory: Path):
    """A text, left after 5 steps and gone on with, so that states of all rows went into a file and back."""
    setup, store = setup_of(batch_size=5), OftenSaved(directory / "stream")
    advance(fit(network_of(), a_text(300), a_text(90, 1), setup, store), 5)
    network = network_of(seed=2)
    return network, drain(fit(network, a_text(300), a_text(90, 1), setup, store))[1]


def both(directory: Path):
    """Rows of a validation text ahead of rows of the training text."""
    network, setup = network_of(), setup_of(batch_size=8, steps=6)
    feed = BothFeed(a_text(300), a_text(60, 1), setup, 6)
    store = OftenSaved(directory / "both")
    return network, drain(fit(network, a_text(300), None, setup, store, feed))[1]


def some_pairs(count: int, seed: int) -> Batchable:
    """Source tokens and, for each of them, a token and the end; lengths of 1 to 9."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 10, size=count)
    sources = [np.append(rng.integers(3, 11, size=length), 2) for length in lengths]
    targets = [np.append(source[:-1] % 4 + 3, 2) for source in sources]
    before = [np.append(2, target[:-1]) for target in targets]
    named = {"source": sources, "written": before, "target": targets}
    fields = {name: Sequences.from_lists(rows, np.int64) for name, rows in named.items()}
    return Batchable(fields, np.arange(count))


def pairs(directory: Path):
    """Of 13 pairs in batches of two some long one is alone, so that a process has none."""
    inputs = (InputSpec("source", "tokens", 11, 6), InputSpec("written", "tokens", 7, 6))
    # Of "dot" the bias of the keys changes nothing: its gradient is how sums are rounded, and no two agree.
    spec = NetworkSpec(inputs, (7,), "gru", 5, bidirectional=True, pool="none", attention="bahdanau")
    choices = {"loss": "written", "metric": "nats", "higher_is_better": False}
    setup = tiny_setup(batch_size=2, label_smoothing=0.1, **choices)
    network = build_network(spec, 3)
    return network, drain(fit(network, some_pairs(13, 1), some_pairs(140, 2), setup))[1]


RUNS = (rows, table, stream, both, pairs)


def fits(directory: Path, runs=RUNS) -> dict[str, list[dict]]:
    """Run them, write ``NAME.safetensors`` of each; the rows of their histories."""
    histories = {}
    for run in runs:
        network, outcome = run(directory)
        if team().leads:
            weights = {name: value.clone() for name, value in network.state_dict().items()}
            save_file(weights, directory / f"{run.__name__}.safetensors")
        histories[run.__name__] = outcome.history
    if team().leads:
        (directory / "histories.json").write_text(json.dumps(histories))
    return histories


if __name__ == "__main__":
    torch.set_num_threads(1)
    if "--messages" in sys.argv:
        distributed.one_machine = lambda: False
        fits(Path(sys.argv[1]), [table])
    else:
        fits(Path(sys.argv[1]))
    leave(failed=False)
