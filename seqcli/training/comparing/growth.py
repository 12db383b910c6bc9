"""How time and memory of a training step grow with the length of what is read: cells beside attention."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from seqcli.backends.attention import AttentionEncoder
from seqcli.backends.device import give_back_freed_memory, keep_freed_memory
from seqcli.backends.encoder import Encoder
from seqcli.training.comparing.entries import TRANSFORMER

LENGTHS = (32, 64, 128, 256, 512, 1024, 1448, 2048)
"""Steps; those from half of the longest on tell how time and memory grow."""
ROWS = 4
"""Sequences that are read side by side."""
ROUNDS, LEAST_ROUNDS, ENOUGH = 20, 3, 2.0
"""All lengths are timed in so many rounds; in fewer, down to the least, once so many seconds are spent."""


@dataclass(frozen=True)
class Growth:
    """One layer that reads forwards and learns, at each length."""

    name: str
    lengths: tuple[int, ...]
    seconds: tuple[float, ...]
    """Of processor time, forward and backward, the least of a few."""
    kept: tuple[int, ...]
    """Bytes that the way forward keeps for the way back."""

    @property
    def time_slope(self) -> float:
        """The power of the length with which time grows, from half of the longest on."""
        return upper_slope(self.lengths, self.seconds)

    @property
    def memory_slope(self) -> float:
        """The power of the length with which memory grows, from half of the longest on."""
        return upper_slope(self.lengths, self.kept)


def upper_slope(lengths: Sequence[float], values: Sequence[float]) -> float:
    """The slope of log(value) over log(length), by least squares, from half of the longest length on."""
    upper = [at for at, length in enumerate(lengths) if 2 * length >= max(lengths)]
    x = [math.log(lengths[at]) for at in upper]
    y = [math.log(max(values[at], 1e-12)) for at in upper]
    middle, level = sum(x) / len(x), sum(y) / len(y)
    over = sum((a - middle) * (b - level) for a, b in zip(x, y, strict=True))
    return over / sum((a - middle) ** 2 for a in x)


def layer_of(name: str, units: int) -> nn.Module:
    """One layer of a cell from ``units`` to as many; attention has as many weights as a GRU's."""
    if name != TRANSFORMER:
        return Encoder(name, units, units)
    weights = sum(weight.numel() for weight in Encoder("gru", units, units).parameters())
    return AttentionEncoder(units, units, weights)


def growth_of(name: str, units: int, lengths: Sequence[int] = LENGTHS) -> Growth:
    """Measure one layer on one thread, as it trains; torch's own seed and threads stay as they are."""
    keep_freed_memory()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            layer = layer_of(name, units)
            for weight in layer.parameters():
                nn.init.uniform_(weight, -(units**-0.5), units**-0.5)
            read = [torch.randn(ROWS, length, units) for length in lengths]
            kept = [bytes_kept(layer, x) for x in read]  # the first step at each length sets things up
            seconds = least_in_rounds([partial(_learn, layer, x) for x in read])
    finally:
        torch.set_num_threads(threads)
    return Growth(name, tuple(lengths), tuple(seconds), tuple(kept))


def bytes_kept(layer: nn.Module, x: Tensor) -> int:
    """Bytes that a step on x (B, T, F) keeps from its way forward for its way back, weights left out."""
    own = {weight.untyped_storage().data_ptr() for weight in layer.parameters()}
    seen: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        _learn(layer, x)
    return sum(seen.values())


def _learn(layer: nn.Module, x: Tensor) -> None:
    """Forward and backward over x (B, T, F)."""
    layer.zero_grad()
    lengths = torch.full((len(x),), x.shape[1])
    layer(x, lengths).square().mean().backward()


def least_in_rounds(
    steps: Sequence[Callable[[], None]], clock: Callable[[], float] = time.process_time
) -> list[float]:
    """Processor time of each of ``steps``, the least of some rounds over all of them.

    Others who work on the machine slow a step too, by the caches that they share. They come and go: in
    rounds they meet a few of its repeats, where all repeats in a row could fall into one of their hours.
    Each step begins with the memory of a new process: one that found what a shorter one has left would be
    quicker for it.
    """
    least = [math.inf] * len(steps)
    begin = clock()
    for done in range(ROUNDS):
        if done >= LEAST_ROUNDS and clock() - begin > ENOUGH:
            break
        for at, step in enumerate(steps):
            give_back_freed_memory()
            before = clock()
            step()
            least[at] = min(least[at], clock() - before)
    return least
