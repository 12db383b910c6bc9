"""Tags that depend on their neighbours: a linear-chain conditional random field (Lafferty et al. 2001).

The network's outputs e_t(y) score each tag at each step, and ``scores`` a(y, y') each tag after another.
Of all ways through a sentence the right one is made probable:

    loss = log Σ_y exp s(y) - s(y*)
    s(y) = a(start, y_1) + Σ_t e_t(y_t) + Σ_t a(y_t, y_{t+1}) + a(y_T, end)

The sum over all C^T ways is the forward recursion, one product of (B, C) by (C, C) a step:

    α_{t+1}(y') = e_{t+1}(y') + log Σ_y exp(α_t(y) + a(y, y'))

:mod:`seqcli.tasks.tagging.chain` finds the best way, for prediction, without torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seqcli.sequences import LENGTHS, TARGET


class Chain(nn.Module):
    """Scores of C tags after each other, (C + 1, C + 1): the last row is the start, the last column the end.

    ``barred`` names for each row the tags that must not follow; no way leads over them, in training as in
    prediction.
    """

    def __init__(self, barred: Sequence[Sequence[int]]) -> None:
        super().__init__()
        size = len(barred)
        self.scores = nn.Parameter(torch.zeros(size, size))
        closed = [(row, column) for row, columns in enumerate(barred) for column in columns]
        self._closed = [list(places) for places in zip(*closed, strict=True)]

    def forward(self, outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """Negative log-likelihood, the mean over steps: outputs (B, T, C) and their batch → scalar.

        Of several members the outputs are one below the other, (members * B, T, C).
        """
        lengths, target = batch[LENGTHS], batch[TARGET].clamp(min=0)
        members = len(outputs) // len(lengths)  # that each say something of the same batch
        lengths, target = lengths.repeat(members), target.repeat(members, 1)
        all_ways = self.log_partition(outputs, lengths)
        return (all_ways - self.path_score(outputs, target, lengths)).sum() / lengths.sum()

    def log_partition(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """log Σ_y exp s(y) of each row: outputs (B, T, C), lengths (B,) → (B,)."""
        tags = outputs.shape[2]
        open_scores = self.open_scores()
        after = open_scores[:tags, :tags].exp()  # (C, C); 0 where no way leads
        alpha = outputs[:, 0] + open_scores[tags, :tags]  # (B, C)
        for step, emitted in enumerate(outputs.unbind(1)[1:], start=1):
            largest = alpha.detach().amax(dim=1, keepdim=True)
            ways = (alpha - largest).exp() @ after
            reached = ways > 0
            # log of 1 where nothing leads: what is chosen away must not have a gradient that is not finite.
            sums = torch.where(reached, ways, 1.0).log().masked_fill(~reached, -torch.inf)
            alpha = torch.where((step < lengths)[:, None], sums + largest + emitted, alpha)
        return torch.logsumexp(alpha + open_scores[:tags, tags], dim=1)

    def open_scores(self) -> Tensor:
        """The scores (C + 1, C + 1), -inf where no way leads."""
        if not self._closed:
            return self.scores
        rows, columns = (torch.tensor(places, device=self.scores.device) for places in self._closed)
        return self.scores.index_put((rows, columns), self.scores.new_tensor(-torch.inf))

    def path_score(self, outputs: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        """s(y*): outputs (B, T, C), target (B, T) int64, lengths (B,) → (B,)."""
        tags, steps = outputs.shape[2], outputs.shape[1]
        real = torch.arange(steps, device=lengths.device) < lengths[:, None]  # (B, T)
        emitted = outputs.gather(2, target[..., None])[..., 0] * real
        between = self.scores[target[:, :-1], target[:, 1:]] * real[:, 1:]
        last = target.gather(1, lengths[:, None] - 1)[:, 0]
        ends = self.scores[tags, target[:, 0]] + self.scores[last, tags]
        return emitted.sum(dim=1) + between.sum(dim=1) + ends
