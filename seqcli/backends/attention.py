"""A transformer encoder of a given number of weights, beside recurrent ones: compare alone trains it.

Each layer, with normalisation ahead of its two parts (Vaswani et al. 2017, Attention Is All You Need; Xiong
et al. 2020, On Layer Normalization in the Transformer Architecture):

    a = softmax(Q Kᵀ / √d) V          for each head, padding left out
    x = x + W_o a,   x = x + W_2 gelu(W_1 x)

Where a step stands is told by sines and cosines that are added once. A step looks at every other one: the
weights of attention are (T, T), so time and memory grow with the square of T, and nothing is carried on.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seqcli.backends.encoder import padding_mask

HEADS = 4
WIDER = 4
"""The inner layer is about so many times as wide as the outer one."""


class Block(nn.Module):
    """One layer: attention, then two products with a gelu between them."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.inner = nn.Linear(width, inner)
        self.outer = nn.Linear(inner, width)

    def forward(self, x: Tensor, padding: Tensor | None, dropout: nn.Dropout) -> Tensor:
        """x (B, T, W), padding (B, 1, 1, T) or None → (B, T, W)."""
        rows, steps, width = x.shape
        parts = self.project(self.before(x)).view(rows, steps, 3, HEADS, width // HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # (B, heads, T, W / heads) each
        scores = query @ key.transpose(-1, -2) / math.sqrt(width // HEADS)  # (B, heads, T, T)
        if padding is not None:
            scores = scores.masked_fill(padding, -torch.inf)
        seen = torch.softmax(scores, dim=-1) @ value
        x = x + dropout(self.out(seen.transpose(1, 2).reshape(rows, steps, width)))
        inner = nn.functional.gelu(self.inner(self.between(x)))
        return torch.add(x, dropout(self.outer(inner)))


class AttentionEncoder(nn.Module):
    """In the place of an :class:`~seqcli.backends.encoder.Encoder` with as many ``weights``, or nearly so."""

    def __init__(
        self, input_size: int, output_size: int, weights: int, num_layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.output_size = output_size
        width, inner = sizes_for(input_size, output_size, weights, num_layers)
        self.read = nn.Linear(input_size, width)
        self.blocks = nn.ModuleList(Block(width, inner) for _ in range(num_layers))
        self.after = nn.LayerNorm(width)
        self.write = nn.Linear(width, output_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """x (B, T, F), lengths (B,) → outputs (B, T, D), zero at padding."""
        padding = padding_mask(lengths, x.shape[1])  # (B, T, 1)
        x = self.read(x)
        x = x + places(x.shape[1], x.shape[2]).to(x)
        hidden = None if padding is None else padding[:, None, :, 0][:, None]  # (B, 1, 1, T)
        for block in self.blocks:
            x = block(x, hidden, self.dropout)
        out: Tensor = self.write(self.after(x))
        return out if padding is None else out.masked_fill(padding, 0.0)


def sizes_for(input_size: int, output_size: int, weights: int, num_layers: int = 1) -> tuple[int, int]:
    """Width (a multiple of the heads) and inner width that come nearest to so many ``weights`` in all.

    The inner width is as near :data:`WIDER` times the width as that allows.
    """
    usual = list(range(HEADS, 4097, HEADS))
    width = min(
        usual, key=lambda w: abs(_weights((input_size, output_size), w, WIDER * w, num_layers) - weights)
    )
    without = _weights((input_size, output_size), width, 0, num_layers)
    return width, max(1, round((weights - without) / (num_layers * (2 * width + 1))))


def _weights(ends: tuple[int, int], width: int, inner: int, num_layers: int) -> int:
    """All weights of an encoder; ``ends`` are its input and output size."""
    outside = (ends[0] + 1) * width + (width + 1) * ends[1] + 2 * width
    layer = 4 * width + 4 * width * (width + 1) + inner * (width + 1) + width * (inner + 1)
    return outside + num_layers * layer


def places(steps: int, width: int) -> Tensor:
    """Where each step stands, (T, W): sines and cosines of slower and slower turns."""
    at = torch.arange(steps, dtype=torch.float32)[:, None]
    turns = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10_000.0) / width))
    return torch.stack([torch.sin(at * turns), torch.cos(at * turns)], dim=-1).flatten(1)[:, :width]
