"""A causal transformer with the settings that nanoGPT publishes for a CPU, for benchmarks/generate.py.

Four layers of four heads, 128 wide, 64 characters at a time, batches of 12 windows drawn at random, 2,000
iterations, no dropout, no biases; AdamW with betas .9 and .99, weight decay .1 on matrices, learning rate
1e-3 after 100 iterations of warm-up and 1e-4 at the end of a cosine, gradients clipped to a norm of 1.
"""

from __future__ import annotations

import math
import time

import torch
from generate_baselines import TextParts, begin, cold, update, weights_of
from generate_runs import Run, text_figures
from torch import Tensor, nn
from torch.nn import functional as F

LAYERS, HEADS, WIDTH, BLOCK = 4, 4, 128, 64
BATCH, ITERATIONS, WARM_UP = 12, 2000, 0.05
"""Warm-up as a share of the iterations: 100 of them."""
HIGHEST, LOWEST = 1e-3, 1e-4
BETAS, DECAY = (0.9, 0.99), 0.1
STRIDE = 32


class Block(nn.Module):
    """Attention to what came before, then a layer four times as wide, each added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(WIDTH, bias=False)
        self.asked = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.mixed = nn.Linear(WIDTH, WIDTH, bias=False)
        self.before_wide = nn.LayerNorm(WIDTH, bias=False)
        self.up = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.down = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, D) → (B, T, D)."""
        heads = self.asked(self.before_attention(x)).unflatten(-1, (3, HEADS, -1))  # (B, T, 3, K, D / K)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)  # (B, K, T, D / K)
        x = x + self.mixed(seen.transpose(1, 2).flatten(2))
        added: Tensor = self.down(F.gelu(self.up(self.before_wide(x))))
        return x + added


class Transformer(nn.Module):
    """Characters and places as vectors, the blocks, and the characters' vectors again as the head."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(size, WIDTH)
        self.places = nn.Embedding(BLOCK, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.last = nn.LayerNorm(WIDTH, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                added = name.endswith(("mixed.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * LAYERS) if added else 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T) → logits (B, T, V)."""
        hidden = self.tokens(x) + self.places.weight[: x.shape[1]]
        for block in self.blocks:
            hidden = block(hidden)
        return F.linear(self.last(hidden), self.tokens.weight)


def transformer_text(parts: TextParts, budget: float, seed: int, scale: float = 1.0) -> Run:
    """``whole`` and ``blk64`` after all iterations, or after as many as the budget allows.

    ``scale`` shortens the iterations and their schedule as it does the budget.
    """
    begin(seed)
    started = time.perf_counter()
    model = Transformer(parts.size)
    matrices = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    others = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}], betas=BETAS
    )
    iterations, done = max(1, round(scale * ITERATIONS)), 0
    steps = torch.arange(BLOCK + 1)
    while done < iterations and time.perf_counter() - started < budget:
        for group in optimizer.param_groups:
            group["lr"] = rate(done, iterations)
        starts = torch.randint(len(parts.train) - BLOCK, (BATCH, 1))
        windows = parts.train[starts + steps]  # (B, T + 1)
        logits = model(windows[:, :-1])
        update(model, optimizer, F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten()))
        done += 1
    seconds = time.perf_counter() - started
    model.eval()
    figures = text_figures(sliding(model, parts.test), cold(model, parts.test))
    return Run(figures, seconds, weights_of(model), float(done * BATCH * BLOCK))


def rate(iteration: int, iterations: int) -> float:
    """The learning rate: up in a line, down in a cosine."""
    warm = round(WARM_UP * iterations)
    if iteration < warm:
        return HIGHEST * (iteration + 1) / (warm + 1)
    gone = (iteration - warm) / (iterations - warm)
    return LOWEST + 0.5 * (1 + math.cos(math.pi * gone)) * (HIGHEST - LOWEST)


@torch.inference_mode()
def sliding(model: Transformer, test: Tensor) -> float:
    """Nats a character in windows of 64 that begin 32 apart: each is foreseen from 33 to 64 characters.

    Of a window the last 32 count, of the first all, of the last those that no other has counted.
    """
    count = len(test) - 1
    starts = list(range(0, count - BLOCK + 1, STRIDE))
    if starts[-1] + BLOCK < count:
        starts.append(count - BLOCK)
    total, known = 0.0, 0
    for first in range(0, len(starts), 256):
        some = starts[first : first + 256]
        windows = test[torch.tensor(some)[:, None] + torch.arange(BLOCK + 1)]  # (B, T + 1)
        logits = model(windows[:, :-1])
        nats = F.cross_entropy(logits.transpose(1, 2), windows[:, 1:], reduction="none")  # (B, T)
        for start, row in zip(some, nats, strict=True):
            total += float(row[known - start :].sum())
            known = start + BLOCK
    assert known == count
    return total / count
