"""What training makes small, by name. A loss takes outputs and their batch and returns a mean.

Targets that are not known (NaN) are not scored. A batch may carry ``weight`` (B,) to count some
examples more than others.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcli.backends.band import band_losses
from seqcli.sequences import LENGTHS, TARGET, WEIGHT

Loss: TypeAlias = Callable[[Tensor, dict[str, Tensor]], Tensor]
BAND_SHARE = 0.1
"""Of a band in the loss: it shares no weights with the answers, but the norm that all are clipped to."""


def cross_entropy(outputs: Tensor, batch: dict[str, Tensor], smoothing: float = 0.0) -> Tensor:
    """Mean negative log-probability: logits (B, C) or (B, T, C), target (B,) or (B, T) int64 → scalar.

    ``smoothing`` takes this share of the target's certainty and spreads it over all classes (Szegedy et al.
    2016, Rethinking the Inception Architecture, section 7).
    """
    target = batch[TARGET]
    flat = outputs.flatten(0, -2)
    losses = F.cross_entropy(flat, target.flatten(), reduction="none", label_smoothing=smoothing)
    losses = losses.view(target.shape)
    return _weighted_mean(losses, torch.ones_like(losses), batch)


def binary(outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Mean binary cross-entropy of several labels a row: logits and target (B, L), 0 or 1 each → scalar."""
    target = batch[TARGET]
    losses = F.binary_cross_entropy_with_logits(outputs, target, reduction="none")
    return _weighted_mean(losses, torch.ones_like(losses), batch)


def huber(outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Mean Huber loss, quadratic up to an error of 1: outputs and target (B, ...) → scalar."""
    target, known = _known(outputs, batch)
    return _weighted_mean(F.huber_loss(outputs, target, reduction="none"), known, batch)


def huber_and_band(outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """:func:`huber` of the answers and the quantile losses of their bands: outputs (B, ..., 3) → scalar."""
    answers = outputs[..., 0]
    target, known = _known(answers, batch)
    losses = F.huber_loss(answers, target, reduction="none") + BAND_SHARE * band_losses(outputs, target)
    return _weighted_mean(losses, known, batch)


def mse(outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Mean squared error: outputs and target (B, ...) → scalar."""
    target, known = _known(outputs, batch)
    return _weighted_mean((outputs - target).square(), known, batch)


def mae(outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Mean absolute error: outputs and target (B, ...) → scalar."""
    target, known = _known(outputs, batch)
    return _weighted_mean((outputs - target).abs(), known, batch)


def series(outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Mean squared error over the values of each row's own steps: outputs and target (B, T, C) → scalar."""
    own = _own_steps(batch)
    target = torch.where(torch.isnan(batch[TARGET]), outputs.detach(), batch[TARGET])
    return _weighted_mean((outputs - target).square(), own, batch)


def _own_steps(batch: dict[str, Tensor]) -> Tensor:
    """1.0 where a value of the target (B, T, C) is known and no padding."""
    target = batch[TARGET]
    steps = torch.arange(target.shape[1], device=target.device) < batch[LENGTHS][:, None]  # (B, T)
    return (steps[..., None] & ~torch.isnan(target)).float()


def keys(outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Negative log-likelihood of a frame, summed over its keys: logits and target (B, T, K) → scalar mean."""
    target, known = _known(outputs, batch)
    losses = F.binary_cross_entropy_with_logits(outputs, target, reduction="none") * known
    return _weighted_mean(losses.sum(dim=-1), known.amax(dim=-1), batch)


def written(outputs: Tensor, batch: dict[str, Tensor], smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy of the tokens that are written: logits (M, V) of those of target (B, T) above 0."""
    target = batch[TARGET]
    return F.cross_entropy(outputs, target[target > 0], label_smoothing=smoothing)


def steps(outputs: Tensor, batch: dict[str, Tensor], smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy of the steps that have a label: logits (B, T, C), target (B, T) → scalar.

    Class c is target c + 1, and each step counts what ``weight`` (B, T) says where there is one. 0 and less is
    not learnt: padding, margins, no label.
    """
    known, target = batch[TARGET] > 0, batch[TARGET]
    losses = F.cross_entropy(outputs[known], target[known] - 1, reduction="none", label_smoothing=smoothing)
    weight = _of_labelled(batch).to(losses.dtype)
    return (losses * weight).sum() / weight.sum().clamp(min=torch.finfo(losses.dtype).tiny)


def _of_labelled(batch: dict[str, Tensor]) -> Tensor:
    """What each step with a label counts, (N,)."""
    known = batch[TARGET] > 0
    if WEIGHT not in batch:
        return torch.ones_like(batch[TARGET][known], dtype=torch.float32)
    weight = batch[WEIGHT]
    return weight.view(len(weight), -1).expand(known.shape)[known]


def given(outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """What a network answers that computes its own loss: () → ()."""
    return outputs


def ctc(outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Mean negative log-probability a letter: logits (B, T, V), target (B, L) padded with 0 → scalar.

    That of a text is the sum over all paths that spell it (Graves et al. 2006, Connectionist temporal
    classification). A text that no path is long enough for, or with an unknown letter (below 0), counts
    nothing.
    """
    target, lengths = batch[TARGET], batch[LENGTHS]
    letters = (target != 0).sum(dim=1)
    losses = F.ctc_loss(
        F.log_softmax(outputs, dim=-1).transpose(0, 1),
        target.clamp(min=0),
        lengths,
        letters,
        reduction="none",
        zero_infinity=True,
    )
    known = (target >= 0).all(dim=1).to(losses.dtype)
    return _weighted_mean(losses / letters.clamp(min=1), known, batch)


LOSSES: dict[str, Loss] = {
    "binary": binary,
    "cross_entropy": cross_entropy,
    "ctc": ctc,
    "given": given,
    "huber": huber,
    "huber_and_band": huber_and_band,
    "keys": keys,
    "mae": mae,
    "mse": mse,
    "steps": steps,
    "series": series,
    "written": written,
}
SMOOTHED: dict[str, Callable[..., Tensor]] = {"cross_entropy": cross_entropy, "steps": steps, "written": written}
"""Losses whose labels may be smoothed."""


def training_loss(name: str, label_smoothing: float, network: nn.Module | None = None) -> Loss:
    """The loss () called ``name`` as training has it, with smoothed labels where it is a cross-entropy.

    That of a chain has weights, and is part of ``network``.
    """
    if name == "chain" and network is not None:
        chain: Loss = network.chain  # type: ignore[assignment]
        return chain
    loss = LOSSES[name]
    if label_smoothing and name in SMOOTHED:
        loss = partial(SMOOTHED[name], smoothing=label_smoothing)
    spec = getattr(network, "spec", None)
    several = spec is not None and (spec.members > 1 or spec.both_strands)
    return partial(_of_each, loss=loss) if several else loss


def _of_each(outputs: Tensor, batch: dict[str, Tensor], loss: Loss) -> Tensor:
    """The loss of several answers to each row, one below the other: (answers * B, ...) → scalar."""
    answers = len(outputs) // len(batch[TARGET])
    if answers == 1:
        return loss(outputs, batch)
    repeated = {
        name: batch[name].repeat(answers, *[1] * (batch[name].dim() - 1))
        for name in (TARGET, WEIGHT)
        if name in batch
    }
    return loss(outputs, {**batch, **repeated})


def mean_over(name: str, batch: dict[str, Tensor]) -> Tensor:
    """What the mean of the loss called ``name`` divides by, (): over parts of a batch it adds up."""
    if name == "given":
        return torch.tensor(float(len(batch[LENGTHS])))
    if name == "chain":
        return batch[LENGTHS].sum().float()
    target = batch[TARGET]
    if name == "written":
        return (target > 0).sum().float()
    if name == "steps":
        return _of_labelled(batch).sum()
    if name == "ctc":
        return _weighed((target >= 0).all(dim=1).float(), batch).sum()
    if name == "series":
        return _weighed(_own_steps(batch), batch).sum()
    known = torch.ones_like(target, dtype=torch.float32)
    if target.is_floating_point() and name != "binary":
        known = (~torch.isnan(target)).float()
    if name == "keys":
        known = known.amax(dim=-1)
    return _weighed(known, batch).sum()


def _known(outputs: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The target with unknown values replaced by the outputs, and 1.0 where it is known."""
    target = batch[TARGET]
    known = ~torch.isnan(target)
    return torch.where(known, target, outputs.detach()), known.to(outputs.dtype)


def _weighted_mean(losses: Tensor, known: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Mean of ``losses`` (B, ...) over what is known, each row weighing ``batch["weight"]``."""
    known = _weighed(known, batch)
    return (losses * known).sum() / known.sum().clamp(min=torch.finfo(losses.dtype).tiny)


def _weighed(known: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """``known`` (B, ...), times what each row weighs."""
    if WEIGHT not in batch:
        return known
    return known * batch[WEIGHT].to(known.dtype).view(-1, *[1] * (known.dim() - 1))
