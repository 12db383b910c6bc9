from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from seqcli.backends.losses import LOSSES, training_loss


def test_cross_entropy_equals_numpy_with_and_without_weights():
    logits = torch.tensor([[2.0, 0.5, -1.0], [0.0, 0.0, 3.0]])
    target = torch.tensor([0, 1])
    shares = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(axis=1, keepdims=True)
    losses = -np.log([shares[0, 0], shares[1, 1]])
    plain = LOSSES["cross_entropy"](logits, {"target": target})
    assert float(plain) == pytest.approx(losses.mean(), rel=1e-6)
    weighted = LOSSES["cross_entropy"](logits, {"target": target, "weight": torch.tensor([3.0, 1.0])})
    assert float(weighted) == pytest.approx((3 * losses[0] + losses[1]) / 4, rel=1e-6)


def test_several_labels_are_so_many_binary_cross_entropies():
    logits = np.array([[0.5, -2.0], [3.0, 0.0]])
    target = np.array([[1.0, 0.0], [0.0, 1.0]])
    chances = 1 / (1 + np.exp(-logits))
    losses = -np.log(np.where(target > 0, chances, 1 - chances))
    batch = {"target": torch.tensor(target)}
    assert LOSSES["binary"](torch.tensor(logits), batch).item() == pytest.approx(losses.mean())
    weighted = LOSSES["binary"](torch.tensor(logits), {**batch, "weight": torch.tensor([3.0, 1.0])})
    assert weighted.item() == pytest.approx((losses * [[3], [1]]).sum() / 8)
    assert training_loss("binary", 0.0) is LOSSES["binary"]


def test_smoothed_labels_are_a_mixture_with_all_classes_alike():
    logits = torch.tensor([[2.0, 0.5, -1.0], [0.0, 0.0, 3.0]])
    batch = {"target": torch.tensor([0, 1]), "weight": torch.tensor([3.0, 1.0])}
    logs = np.log(np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(axis=1, keepdims=True))
    wanted = 0.8 * np.eye(3)[[0, 1]] + 0.2 / 3
    losses = -(wanted * logs).sum(axis=1)
    found = training_loss("cross_entropy", 0.2)(logits, batch)
    assert float(found) == pytest.approx((3 * losses[0] + losses[1]) / 4, rel=1e-6)
    assert training_loss("cross_entropy", 0.0) is LOSSES["cross_entropy"]
    assert training_loss("huber", 0.2) is LOSSES["huber"]


@pytest.mark.parametrize(("name", "values"), [("huber", [0.125, 1.5, 0.0]), ("mse", [0.25, 4.0, 0.0])])
def test_errors_of_half_two_and_zero(name, values):
    outputs = torch.tensor([[[0.5], [2.0]], [[1.0], [7.0]]], requires_grad=True)  # (B, H, K)
    target = torch.tensor([[[0.0], [0.0]], [[1.0], [math.nan]]])
    loss = LOSSES[name](outputs, {"target": target})
    assert float(loss.detach()) == pytest.approx(sum(values) / 3)
    loss.backward()
    assert torch.isfinite(outputs.grad).all()
    assert float(outputs.grad[1, 1, 0]) == 0


@pytest.mark.parametrize("name", ["huber", "mse"])
def test_a_batch_without_any_known_target_gives_zero(name):
    outputs = torch.ones(2, 3, 1, requires_grad=True)
    loss = LOSSES[name](outputs, {"target": torch.full((2, 3, 1), math.nan)})
    loss.backward()
    assert float(loss.detach()) == 0
    assert not outputs.grad.any()


def test_weights_of_rows_count_in_forecasts_too():
    outputs, target = torch.tensor([[[1.0]], [[3.0]]]), torch.zeros(2, 1, 1)
    weighted = LOSSES["mse"](outputs, {"target": target, "weight": torch.tensor([1.0, 3.0])})
    assert float(weighted) == pytest.approx((1 * 1 + 3 * 9) / 4)


def test_steps_are_scored_where_they_have_a_label():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(2, 3, 4))
    target = np.array([[1, 4, 0], [-1, 2, 0]])  # class + 1; 0 and -1 are not learnt
    logs = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    losses = [-logs[0, 0, 0], -logs[0, 1, 3], -logs[1, 1, 1]]
    outputs = torch.tensor(logits, requires_grad=True)
    batch = {"target": torch.tensor(target)}
    loss = LOSSES["steps"](outputs, batch)
    assert float(loss.detach()) == pytest.approx(np.mean(losses))
    loss.backward()
    assert not outputs.grad[torch.tensor(target) <= 0].any()
    weight = torch.tensor([[2.0, 1.0, 9.0], [9.0, 3.0, 9.0]])
    weighed = LOSSES["steps"](outputs.detach(), {**batch, "weight": weight})
    assert float(weighed) == pytest.approx(np.average(losses, weights=[2, 1, 3]))
    smooth = training_loss("steps", 0.2)(outputs.detach(), batch)
    spread = -logs[[0, 0, 1], [0, 1, 1]].mean(axis=1)
    assert float(smooth) == pytest.approx(np.mean(0.8 * np.array(losses) + 0.2 * spread))
    assert float(LOSSES["steps"](outputs.detach(), {"target": torch.zeros(2, 3, dtype=torch.int64)})) == 0
