"""From the outputs of all steps to one vector: last, mean, max or attention over the valid steps.

Several stand side by side in one vector: "max+mean".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqcli.backends.cells.cell import last_step
from seqcli.backends.encoder import padding_mask
from seqcli.errors import UsageError, near_miss

POOLS = ("last", "mean", "max", "attention")


class Pool(nn.Module):
    """outputs (B, T, D), zero at padding, with lengths (B,) → (B, D) for each kind, side by side.

    "last" is the state after the last step read: for the forward half the last valid step, for the
    backward half the first. "attention" weighs steps by softmax(v · tanh(W o_t + b)), with W
    (hidden_size, D) (Yang et al. 2016, Hierarchical Attention Networks, eq. 5-7).
    """

    def __init__(self, kind: str, hidden_size: int, bidirectional: bool) -> None:
        super().__init__()
        self.kinds = tuple(kind.split("+"))
        for one in self.kinds:
            if one not in POOLS:
                close = near_miss(one, POOLS)
                raise UsageError(f"no pooling is called {one!r}", f"did you mean {close}?" if close else "")
        if len(set(self.kinds)) < len(self.kinds):
            raise UsageError(f"--pool {kind} names a pooling twice", "each of them once, such as max+mean")
        self.hidden_size = hidden_size
        self.bidirectional = bidirectional
        if "attention" in self.kinds:
            self.project = nn.Linear(hidden_size * (2 if bidirectional else 1), hidden_size)
            self.score = nn.Linear(hidden_size, 1, bias=False)

    @property
    def width(self) -> int:
        """D times the number of kinds."""
        return len(self.kinds) * self.hidden_size * (2 if self.bidirectional else 1)

    def forward(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """outputs (B, T, D), lengths (B,) → (B, D × kinds)."""
        pooled = [self._pool(kind, outputs, lengths) for kind in self.kinds]
        return pooled[0] if len(pooled) == 1 else torch.cat(pooled, dim=-1)

    def _pool(self, kind: str, outputs: Tensor, lengths: Tensor) -> Tensor:
        """One kind: outputs (B, T, D), lengths (B,) → (B, D)."""
        if kind == "last":
            ahead = last_step(outputs[..., : self.hidden_size], lengths)
            return (
                torch.cat([ahead, outputs[:, 0, self.hidden_size :]], dim=-1) if self.bidirectional else ahead
            )
        if kind == "mean":
            return outputs.sum(dim=1) / lengths[:, None]
        padding = padding_mask(lengths, outputs.shape[1])  # (B, T, 1) or None
        if kind == "max":
            return (outputs if padding is None else outputs.masked_fill(padding, -torch.inf)).amax(dim=1)
        scores = self.score(torch.tanh(self.project(outputs)))  # (B, T, 1)
        if padding is not None:
            scores = scores.masked_fill(padding, -torch.inf)
        return (torch.softmax(scores, dim=1) * outputs).sum(dim=1)
