"""What a network in training is not shown of a step: whole words, or numbers of their vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcli.network import NetworkSpec

UNKNOWN = 1
"""The id of a token that is in no vocabulary, as :mod:`seqcli.preprocessing.vocabulary` has it."""


class InputDropout(nn.Module):
    """Vectors (B, T, E) with numbers dropped and the others scaled up, in training alone.

    With ``variational`` the same numbers of a row are dropped at all of its steps (Gal and Ghahramani
    2016, A Theoretically Grounded Application of Dropout in Recurrent Neural Networks, section 4.2).
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.share = spec.dropout if spec.embedding_dropout is None else spec.embedding_dropout
        self.variational = spec.variational
        self.word_share = spec.word_dropout

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, E) → the same shape."""
        if not self.variational:
            return F.dropout(x, self.share, self.training)
        return x * F.dropout(x.new_ones(x.shape[0], 1, x.shape[2]), self.share, self.training)

    def words(self, ids: Tensor) -> Tensor:
        """Token ids (B, T), a share of them replaced by that of an unknown token; padding stays."""
        if not self.training or not self.word_share:
            return ids
        dropped = torch.rand(ids.shape, device=ids.device) < self.word_share
        return torch.where(dropped & (ids > 0), UNKNOWN, ids)


def shaken(x: Tensor, lengths: Tensor, share: float, training: bool) -> Tensor:
    """Values x (B, T, F) moved at random in training, as much as ``share`` says; padding stays zero.

    Each step by normal noise, and each channel of a row as a whole by a factor near one (Um et al. 2017, Data
    augmentation of wearable sensor data for Parkinson's disease monitoring, jitter and scaling).
    """
    if not training or not share:
        return x
    factor = 1 + share * torch.randn(x.shape[0], 1, x.shape[2], device=x.device)
    moved = x * factor + share * torch.randn_like(x)
    valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
    return moved * valid[..., None]
