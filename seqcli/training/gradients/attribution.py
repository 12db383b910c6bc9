"""Integrated gradients: how much each token of a text adds to the log-odds of its class.

    score_t = sum_i x_ti  int_0^1 dF/dx_ti (s x) ds        F(x) - F(0) = sum_t score_t + prior's + rest

x is what the steps of a text read, (T, F), and the path goes there from zeros, which is what padding reads;
the n-grams of the linear part come in along the same path (Sundararajan, Taly and Yan 2017, Axiomatic
Attribution for Deep Networks, arXiv:1703.01365, eq. 1 and the axiom of completeness).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from seqcli.backends.device import set_threads
from seqcli.backends.network import Network
from seqcli.sequences import LENGTHS
from seqcli.tasks.classify_explain import Odds, TextEffect, TextRow, answered, odds_of
from seqcli.tasks.multilabel import Multilabel
from seqcli.threads import training_threads
from seqcli.training.gradients.inspection import saved_network

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.tasks.classify import Classify

FIRST_POINTS, MOST_POINTS = 32, 1024
"""Points of the path: twice as many are taken until the sum is complete, or so many."""
AT_ONCE = 2**15
"""Steps, points times T, of which gradients are made together."""
TOLERANCE, LEAST_TOLERANCE = 0.01, 0.005
"""How far the scores may be from F(x) - F(0): such a share of it, and so many units of log-odds."""


class IntegratedGradients:
    """Scores texts by the torch network of a saved classifier."""

    def __init__(self, model: SavedModel, task: Classify | Multilabel) -> None:
        set_threads(training_threads(None, model.network.hidden_size))
        self._network = saved_network(model).eval()
        for weight in self._network.parameters():
            weight.requires_grad_(False)
        self._task = task

    def __call__(self, row: TextRow, place: int | None = None) -> TextEffect:
        """The class of one text (of several labels that at ``place``), and what each of its tokens adds."""
        batch = {
            name: torch.from_numpy(np.ascontiguousarray(values))
            for name, values in row.example.batch(np.zeros(1, dtype=np.int64)).items()
        }
        with torch.no_grad():
            x = self._network.steps(batch)  # (1, T, F)
            ends = outputs_along(self._network, x, batch, torch.tensor([0.0, 1.0])).numpy()  # (2, C)
        prior = np.concatenate([row.prior.baseline(), row.prior.logits()]) if row.prior else None
        logits = self._task.fusion.joined(ends, prior)
        effect = answered(self._task, row, logits[1:], place)
        place = self._task.classes.index(effect.prediction)
        begin, end = odds_of(self._task, logits, place).tolist()
        points = FIRST_POINTS
        while True:
            scores, beside = self._scores(row, x, batch, place, points)
            rest = end - begin - float(scores.sum())
            missing = rest - beside
            if points >= MOST_POINTS or abs(missing) <= max(TOLERANCE * abs(end - begin), LEAST_TOLERANCE):
                return replace(effect, scores=scores, log_odds=end, baseline=begin, rest=rest)
            points *= 2

    def _scores(
        self, row: TextRow, x: Tensor, batch: dict[str, Tensor], place: int, points: int
    ) -> tuple[Odds, float]:
        """Scores (T,) by so many points along the path to x (1, T, F), and what n-grams of no token add."""
        fusion, count = self._task.fusion, len(row.spans)
        alphas, weights = _quadrature(points)
        slope, pull = torch.zeros_like(x[0], dtype=torch.float64), torch.zeros(len(self._task.classes))
        pull = pull.to(torch.float64)
        ahead = max(1, AT_ONCE // max(1, x.shape[1]))
        for start in range(0, points, ahead):
            some, own = alphas[start : start + ahead], weights[start : start + ahead]
            path = (some[:, None, None] * x).requires_grad_()  # (P, T, F)
            outputs = outputs_along(self._network, path, batch, None)
            joined = outputs.to(torch.float64) * fusion.network
            if row.prior is not None:
                begin, end = (torch.from_numpy(each) for each in (row.prior.baseline(), row.prior.logits()))
                joined = joined + fusion.prior * (begin + some[:, None] * (end - begin))
            odds = joined[:, place]
            if not isinstance(self._task, Multilabel):
                others = [index for index in range(joined.shape[1]) if index != place]
                odds = odds - torch.logsumexp(joined[:, others], dim=1)
            by_step, by_class = torch.autograd.grad((odds * own).sum(), [path, joined])
            slope += by_step.sum(dim=0)
            pull += by_class.sum(dim=0)
        steps = (slope * x[0]).sum(dim=1).numpy()  # (steps that are read,)
        scores, beside = np.zeros(count), 0.0
        scores[: len(row.words)] = steps[: len(row.words)]
        if row.prior is not None:
            shares = fusion.prior * row.prior.shares(count) @ pull.numpy()  # (T + 1,)
            scores, beside = scores + shares[:-1], float(shares[-1])
        return scores, beside + float(steps[len(row.words) :].sum())


def outputs_along(network: Network, x: Tensor, batch: dict[str, Tensor], alphas: Tensor | None) -> Tensor:
    """The outputs (P, C) where steps read ``alphas`` (P,) times x (1, T, F), or x (P, T, F) itself.

    ``batch`` is of one row; what it holds beside the steps stays as it is.
    """
    if alphas is not None:
        x = alphas[:, None, None] * x
    beside = {item.field for item in network.spec.inputs if item.kind == "dense"} | {LENGTHS}
    rest = {
        name: values.expand(len(x), *values.shape[1:]) for name, values in batch.items() if name in beside
    }
    return network.answer(network.encoder(x, rest[LENGTHS]), rest)


def _quadrature(points: int) -> tuple[Tensor, Tensor]:
    """Points (P,) between 0 and 1 and their weights (P,), by the rule of Gauss and Legendre."""
    places, weights = np.polynomial.legendre.leggauss(points)
    return torch.from_numpy(((places + 1) / 2).astype(np.float32)), torch.from_numpy(weights / 2)
