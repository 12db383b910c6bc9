"""Which rows each step takes, from the seed and the step alone, and how they become tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqcli.backends.network import Network
from seqcli.preprocessing.batching import bucketed_batches, sequential_batches, step_places
from seqcli.sequences import Batch, Examples, IntArray, as_ids


class BatchOrder:
    """The rows of every step of a fit: each pass takes every row once, in an order of its own."""

    def __init__(self, lengths: IntArray, batch_size: int, seed: int) -> None:
        self._lengths = lengths
        self._batch_size = batch_size
        self._seed = seed
        self._pass = 0
        self._batches = bucketed_batches(lengths, batch_size, seed, 0)
        self.steps_per_pass = len(self._batches)

    def rows(self, step: int) -> IntArray:
        """The rows (B,) of step ``step``, counted from 0 over all passes."""
        wanted, index = divmod(step, self.steps_per_pass)
        if wanted != self._pass:
            self._pass = wanted
            self._batches = bucketed_batches(self._lengths, self._batch_size, self._seed, wanted)
        return self._batches[index]


def to_tensors(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """Copy a batch of arrays to ``device``.

    The copy is on purpose also on the CPU: torch aligns its memory to 64 bytes where NumPy's
    alignment changes from run to run, and matrix products may round differently with it.
    """
    return {
        name: torch.from_numpy(as_ids(values)).to(device, non_blocking=True, copy=True)
        for name, values in batch.items()
    }


def forward_batches(
    network: nn.Module, examples: Examples, batches: Iterable[IntArray], device: torch.device
) -> Iterator[tuple[IntArray, Tensor, dict[str, Tensor]]]:
    """Run ``network`` without dropout or gradients over the examples that ``batches`` name, each (B,).

    Yields (rows (B,), outputs (B, *output_shape), the batch as tensors).
    """
    network.eval()
    for rows in batches:
        batch = to_tensors(examples.batch(rows), device)
        with torch.inference_mode():
            outputs = network(batch)
        yield rows, outputs, batch


def predict_outputs(network: nn.Module, examples: Examples, batch_size: int) -> NDArray[np.float32]:
    """Outputs (N, *output_shape) of ``network`` for all examples, in row order.

    Of a network that answers at each step, the steps of all rows end to end: (M, *output_shape).
    """
    device = next(network.parameters()).device
    gathered = gather_for(network, examples)
    batches = sequential_batches(examples.lengths, batch_size)
    for rows, outputs, _ in forward_batches(network, examples, batches, device):
        gathered.put(rows, outputs)
    return gathered.outputs


def gather_for(network: nn.Module, examples: Examples) -> RowOrder | StepOrder:
    """What collects the outputs of ``network`` for ``examples``."""
    spec = network.spec if isinstance(network, Network) else None
    each_step = spec is not None and spec.pool == "none" and spec.decoder == "direct"
    return StepOrder(examples.lengths) if each_step else RowOrder(len(examples))


class StepOrder:
    """Collects outputs of each step, in batches of any order, into the steps of all rows end to end."""

    def __init__(self, lengths: IntArray) -> None:
        self._offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self.outputs: NDArray[np.float32] = np.empty((0,), dtype=np.float32)

    def put(self, rows: IntArray, outputs: Tensor) -> None:
        """Store outputs (B, T, *output_shape) of ``rows`` (B,), whose padding is left out."""
        steps = int(self._offsets[-1])
        if len(self.outputs) != steps:
            self.outputs = np.zeros((steps, *outputs.shape[2:]), dtype=np.float32)
        places, valid = step_places(self._offsets, rows, outputs.shape[1])
        self.outputs[places] = outputs.float().cpu().numpy()[valid]


class RowOrder:
    """Collects outputs that come in batches of any order into one array in row order."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.outputs: NDArray[np.float32] = np.empty((0,), dtype=np.float32)

    def put(self, rows: IntArray, outputs: Tensor) -> None:
        """Store outputs (B, *output_shape) of ``rows`` (B,)."""
        if len(self.outputs) != self._count:
            self.outputs = np.zeros((self._count, *outputs.shape[1:]), dtype=np.float32)
        self.outputs[rows] = outputs.float().cpu().numpy()
