from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqcli.backends.encoder import Encoder

TORCH_LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Packed:
    """torch's own recurrent layers on packed sequences, with the weights of one of our encoders."""

    def __init__(self, cell: str, encoder: Encoder) -> None:
        layers = list(encoder.layers)
        first = layers[0].forward_cell
        self.encoder = encoder
        self.module = TORCH_LAYERS[cell](
            first.input_size,
            first.hidden_size,
            len(layers),
            batch_first=True,
            bidirectional=encoder.bidirectional,
        ).to(first.weight_ih.dtype)
        with torch.no_grad():
            for ours, theirs in self.pairs():
                theirs.copy_(ours)

    def pairs(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Every parameter of the encoder beside torch's."""
        found = []
        for depth, layer in enumerate(self.encoder.layers):
            for cell, suffix in zip(layer.cells, ("", "_reverse"), strict=False):
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    found.append((getattr(cell, name), getattr(self.module, f"{name}_l{depth}{suffix}")))
        return found

    def __call__(
        self, x: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Outputs (B, T, D), zero at padding, and the last states, each (layers*directions, B, H)."""
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        outputs, last = self.module(packed)
        padded, _ = pad_packed_sequence(outputs, batch_first=True, total_length=x.shape[1])
        return padded, last if isinstance(last, tuple) else (last,)


@pytest.fixture
def packed() -> type[Packed]:
    return Packed


@pytest.fixture
def run_graph() -> Callable[[bytes, dict[str, torch.Tensor]], list[NDArray[np.float32]]]:
    """Run a serialised ONNX model in ONNX Runtime, which knows nothing of our code."""

    def run(graph: bytes, batch: dict[str, torch.Tensor]) -> list[NDArray[np.float32]]:
        session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        outputs: list[NDArray[np.float32]] = session.run(None, {k: v.numpy() for k, v in batch.items()})
        return outputs

    return run
