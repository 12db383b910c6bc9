"""One training epoch of the encoder over ragged rows, beside what torch offers for them.

    python benchmarks/encoder.py                      every cell, direction and fill
    python benchmarks/encoder.py --rows 256 --cells gru --repeat 1

packed    torch.nn's layer on pack_padded_sequence, shuffled batches: what tutorials teach
padded    torch.nn's layer on dense padding, shuffled batches, padding not masked: fast, and its
          backward direction reads the padding first
seqcli    seqcli's masked encoder on batches bucketed by length: equal in result to packed

Each epoch gathers its batches, runs forward and backward (the loss is the mean over all outputs), and
updates nothing. The three take turns; the best of ``--repeat`` turns counts. Lengths are uniform
between a shortest and the longest such that the stated share of the padded array is filled.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqcli.backends.device import set_threads
from seqcli.backends.encoder import Encoder
from seqcli.backends.initialisation import initialise
from seqcli.preprocessing.batching import bucketed_batches
from seqcli.sequences import IntArray, Sequences

LAYERS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
Run = Callable[[Tensor, Tensor], Tensor]
"""A padded batch (B, T, F) and its lengths (B,) → outputs (B, T, D)."""


def ragged_rows(rows: int, longest: int, fill: float, inputs: int) -> Sequences:
    """``rows`` sequences of (T, inputs) noise whose mean length is ``fill`` × ``longest``."""
    rng = np.random.default_rng(0)
    shortest = max(1, round((2 * fill - 1) * longest))
    lengths = rng.integers(shortest, longest, size=rows, endpoint=True)
    values = rng.standard_normal((int(lengths.sum()), inputs), dtype=np.float32)
    return Sequences(values, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


def shuffled_batches(rows: int, batch_size: int) -> list[IntArray]:
    """Batches of shuffled rows, whatever their lengths."""
    order = np.random.default_rng(0).permutation(rows)
    return [order[start : start + batch_size] for start in range(0, rows, batch_size)]


def runners(cell: str, inputs: int, hidden: int, layers: int, bidirectional: bool) -> dict[str, Run]:
    """The three ways through a batch, by name."""
    module = LAYERS[cell](inputs, hidden, layers, batch_first=True, bidirectional=bidirectional)
    encoder = Encoder(cell, inputs, hidden, layers, bidirectional)
    initialise(encoder, "torch", 100)

    def packed(x: Tensor, lengths: Tensor) -> Tensor:
        outputs, _ = module(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
        return pad_packed_sequence(outputs, batch_first=True)[0]

    def padded(x: Tensor, lengths: Tensor) -> Tensor:
        return module(x)[0]

    return {"packed": packed, "padded": padded, "seqcli": encoder}


def epoch_seconds(run: Run, data: Sequences, batches: list[IntArray]) -> float:
    """Wall time of one forward and backward pass over all ``batches``."""
    started = time.perf_counter()
    for rows in batches:
        values, lengths = data.pad(rows)
        x = torch.from_numpy(values).requires_grad_()  # as an embedding below would ask
        run(x, torch.from_numpy(lengths)).mean().backward()
    return time.perf_counter() - started


def measure(arguments: argparse.Namespace, cell: str, bidirectional: bool, fill: float) -> dict[str, float]:
    """Best epoch time of each way, in seconds; the ways take turns."""
    data = ragged_rows(arguments.rows, arguments.longest, fill, arguments.inputs)
    shuffled = shuffled_batches(arguments.rows, arguments.batch)
    bucketed = bucketed_batches(data.lengths, arguments.batch, seed=0, epoch=0)
    ways = runners(cell, arguments.inputs, arguments.hidden, arguments.layers, bidirectional)
    best = dict.fromkeys(ways, float("inf"))
    for run in ways.values():  # warm up
        epoch_seconds(run, data, bucketed[:1])
    for _ in range(arguments.repeat):
        for name, run in ways.items():
            batches = bucketed if name == "seqcli" else shuffled
            best[name] = min(best[name], epoch_seconds(run, data, batches))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--longest", type=int, default=120)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--inputs", type=int, default=128)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--cells", nargs="+", default=["lstm", "gru", "rnn"], choices=list(LAYERS))
    parser.add_argument("--fills", nargs="+", type=float, default=[0.6, 0.9])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    threads = set_threads(arguments.threads)
    print(
        f"{arguments.rows} rows of up to {arguments.longest} steps, batch {arguments.batch}, "
        f"{arguments.inputs} -> {arguments.hidden} x {arguments.layers}, {threads} threads, "
        f"torch {torch.__version__}"
    )
    print(f"{'cell':5} {'ways':4} {'fill':>5} {'packed s':>9} {'padded s':>9} {'seqcli s':>9}", end=" ")
    print(f"{'x packed':>9} {'x padded':>9}")
    for cell in arguments.cells:
        for bidirectional in (False, True):
            for fill in arguments.fills:
                best = measure(arguments, cell, bidirectional, fill)
                packed, padded, ours = best["packed"], best["padded"], best["seqcli"]
                print(f"{cell:5} {1 + bidirectional:4} {fill:5.0%} {packed:9.2f} {padded:9.2f}", end=" ")
                print(f"{ours:9.2f} {packed / ours:9.2f} {padded / ours:9.2f}", flush=True)


if __name__ == "__main__":
    main()
