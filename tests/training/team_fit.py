"""Small fits, the same alone and by several processes: ``torchrun --nproc-per-node 2 team_fit.py DIR``."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny_fit import OftenSaved, TinyNetwork, advance, drain, tiny_examples, tiny_setup
from tiny_stream import a_text, network_of, setup_of

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


def fits(directory: Path) -> dict[str, list[dict]]:
    """Run them all, write ``NAME.safetensors`` of each; the rows of their histories."""
    histories = {}
    for run in (rows, table, stream, both):
        network, outcome = run(directory)
        if team().leads:
            weights = {name: value.clone() for name, value in network.state_dict().items()}
            save_file(weights, directory / f"{run.__name__}.safetensors")
        histories[run.__name__] = outcome.history
    return histories


if __name__ == "__main__":
    torch.set_num_threads(1)
    fits(Path(sys.argv[1]))
    leave(failed=False)
