"""The loop against a plain one written from the definitions, and its promises one by one."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from tiny_fit import OftenSaved, TinyNetwork, accuracy, drain, tiny_examples, tiny_setup
from torch import nn

from seqcli.errors import DivergedError, ResourceError, UsageError
from seqcli.preprocessing.batching import bucketed_batches
from seqcli.sequences import Batchable, Windows
from seqcli.training.events import EpochDone, StepDone
from seqcli.training.loop import FitSetup, fit, predict_outputs

TRAIN, VALIDATION = tiny_examples(61, 1), tiny_examples(30, 2)


def plain_training(network, setup):
    """The same training by torch's own unfused pieces, one number at a time: (clipped steps, losses)."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": setup.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        fused=False,
        foreach=False,
    )
    per_pass = math.ceil(len(TRAIN) / setup.batch_size)
    total = per_pass * setup.epochs
    warm_up = max(1, int(total * 0.05))
    clipped, losses, step = 0, [], 0
    network.train()
    for epoch in range(setup.epochs):
        for rows in bucketed_batches(TRAIN.lengths, setup.batch_size, setup.seed, epoch):
            batch = {name: torch.tensor(values) for name, values in TRAIN.batch(rows).items()}
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(batch), batch["target"])
            loss.backward()
            gradients = [p.grad for p in network.parameters()]
            if setup.clip_value is None:
                norm = math.sqrt(sum(float((g**2).sum()) for g in gradients))
                clipped += norm > setup.clip_norm
                for gradient in gradients:
                    gradient *= min(1.0, setup.clip_norm / (norm + 1e-6))
            else:
                clipped += any(float(g.abs().max()) > setup.clip_value for g in gradients)
                for gradient in gradients:
                    gradient.clamp_(-setup.clip_value, setup.clip_value)
            if step < warm_up:
                rate = setup.learning_rate * (step + 1) / warm_up
            else:
                rate = (
                    setup.learning_rate * (1 + math.cos(math.pi * (step - warm_up) / (total - warm_up))) / 2
                )
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            losses.append((epoch, len(rows), loss.item()))
            step += 1
    return clipped, losses


@pytest.mark.parametrize("clipping", [{"clip_norm": 0.45}, {"clip_value": 0.08}])
def test_it_is_adamw_with_warm_up_cosine_and_clipping(clipping):
    setup = tiny_setup(patience=None, **clipping)
    expected = TinyNetwork(dropout=0.0)
    clipped, losses = plain_training(expected, setup)

    network = TinyNetwork(dropout=0.0)
    _, outcome = drain(fit(network, TRAIN, None, setup))

    for name, parameter in network.named_parameters():
        torch.testing.assert_close(parameter, expected.get_parameter(name), rtol=1e-4, atol=1e-6)
    assert 0 < clipped < len(losses), "the limits should clip some steps and not all"
    assert outcome.clipped == pytest.approx(clipped / len(losses))
    for epoch, row in enumerate(outcome.history):
        mine = [(rows, loss) for where, rows, loss in losses if where == epoch]
        mean = sum(rows * loss for rows, loss in mine) / sum(rows for rows, _ in mine)
        assert row["train_loss"] == pytest.approx(mean, rel=1e-5)


def test_it_learns_and_keeps_the_best_epoch():
    network = TinyNetwork()
    events, outcome = drain(fit(network, TRAIN, VALIDATION, tiny_setup(epochs=12, patience=None)))

    scores = [row["validation_accuracy"] for row in outcome.history]
    assert scores[0] < max(scores)
    assert max(scores) > 0.6
    assert outcome.best["accuracy"] == scores[outcome.best_epoch - 1] == max(scores)
    assert outcome.best_step == 8 * outcome.best_epoch
    kept = predict_outputs(network, VALIDATION, 7)
    assert accuracy(kept, VALIDATION)["accuracy"] == max(scores)
    loss = nn.functional.cross_entropy(torch.from_numpy(kept), torch.from_numpy(VALIDATION.fields["target"]))
    assert outcome.best["loss"] == pytest.approx(loss.item(), rel=1e-5)
    best = [event.epoch for event in events if isinstance(event, EpochDone) and event.best]
    assert best[-1] == outcome.best_epoch


def test_events_come_step_by_step():
    events, outcome = drain(fit(TinyNetwork(), TRAIN, VALIDATION, tiny_setup(epochs=2)))
    kinds = [type(event).__name__ for event in events]
    assert kinds == (["StepDone"] * 8 + ["EpochDone"]) * 2
    steps = [event for event in events if isinstance(event, StepDone)]
    assert [(event.step, event.total_steps) for event in steps] == [(n, 16) for n in range(1, 17)]
    last = events[-1]
    assert (last.phase, last.epoch, last.epochs) == ("fit", 2, 2)
    assert set(last.validation) == {"accuracy", "loss"}
    assert [event.seconds for event in events] == sorted(event.seconds for event in events)
    assert outcome.reason == "all 2 epochs run"
    assert outcome.replay == {}


def test_history_is_plain_json_without_clock_times():
    first = drain(fit(TinyNetwork(), TRAIN, VALIDATION, tiny_setup()))[1].history
    second = drain(fit(TinyNetwork(), TRAIN, VALIDATION, tiny_setup()))[1].history
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
    assert set(first[0]) == {
        "phase", "epoch", "step", "train_loss", "learning_rate", "clipped", "best",
        "validation_accuracy", "validation_loss",
    }  # fmt: skip


def test_the_seed_decides_everything():
    def weights(seed):
        torch.manual_seed(np.random.randint(1000))  # whatever happened before must not matter
        network = TinyNetwork()
        drain(fit(network, TRAIN, VALIDATION, tiny_setup(seed=seed)))
        return network.head.weight.detach()

    assert torch.equal(weights(5), weights(5))
    assert not torch.equal(weights(5), weights(6))


def test_patience_counts_epochs_without_a_better_metric():
    accuracies = iter([0.1, 0.5, 0.4, 0.5, 0.3, 0.9])
    losses_fall = tiny_setup(epochs=6, patience=3, score=lambda *_: {"accuracy": next(accuracies)})
    _, outcome = drain(fit(TinyNetwork(), TRAIN, VALIDATION, losses_fall))
    assert outcome.epochs == 5, "epoch 2 was best, epochs 3 to 5 were not better"
    assert "3 epochs without a better validation accuracy" in outcome.reason
    # Epoch 4 has the same accuracy at a lower loss: its weights are kept.
    assert outcome.history[3]["validation_loss"] < outcome.history[1]["validation_loss"]
    assert outcome.best_epoch == 4


def test_a_lower_metric_can_be_the_better_one():
    errors = iter([3.0, 2.0, 2.5, 4.0])
    setup = tiny_setup(score=lambda *_: {"mae": next(errors)}, metric="mae", higher_is_better=False)
    _, outcome = drain(fit(TinyNetwork(), TRAIN, VALIDATION, setup))
    assert outcome.best_epoch == 2


def test_a_metric_that_is_nan_is_null_in_the_history_and_never_best():
    values = iter([math.nan, 0.2, math.nan, 0.1])
    setup = tiny_setup(score=lambda *_: {"accuracy": next(values)})
    _, outcome = drain(fit(TinyNetwork(), TRAIN, VALIDATION, setup))
    assert [row["validation_accuracy"] for row in outcome.history] == [None, 0.2, None, 0.1]
    assert outcome.best_epoch == 2


def test_without_validation_the_last_weights_are_the_result():
    network = TinyNetwork()
    empty = VALIDATION[0:0]
    events, outcome = drain(fit(network, TRAIN, empty, tiny_setup(phase="refit", patience=1)))
    done = [event for event in events if isinstance(event, EpochDone)]
    assert [event.validation for event in done] == [{}] * 4
    assert not any(event.best for event in done)
    assert (outcome.best_epoch, outcome.best_step, outcome.best) == (4, 32, {})
    assert {row["phase"] for row in outcome.history} == {"refit"}


def test_a_learning_rate_of_zero_changes_nothing():
    network, untouched = TinyNetwork(), TinyNetwork()
    drain(fit(network, TRAIN, None, tiny_setup(learning_rate=0.0)))
    assert torch.equal(network.head.weight, untouched.head.weight)


def test_predictions_come_in_row_order():
    network = TinyNetwork()
    together = predict_outputs(network, VALIDATION, 4)
    network.eval()
    for row in range(len(VALIDATION)):
        batch = {name: torch.tensor(values) for name, values in VALIDATION.batch(np.array([row])).items()}
        np.testing.assert_allclose(together[row], network(batch)[0].detach(), atol=1e-6)


class LastValue(nn.Module):
    """A linear forecast (B, window, 1) → (B, horizon, 1)."""

    def __init__(self, window, horizon):
        super().__init__()
        torch.manual_seed(0)
        self.map = nn.Linear(window, horizon)

    def forward(self, batch):
        return self.map(batch["values"].squeeze(-1)).unsqueeze(-1)


def test_windows_train_too_and_unknown_targets_are_not_scored():
    steps = np.arange(400, dtype=np.float32)
    series = np.sin(steps / 5)[:, None].astype(np.float32)
    target = series.copy()
    target[100:120] = np.nan
    train = Windows({"values": series}, {"target": target}, np.arange(0, 250), 12, 3)
    later = Windows({"values": series}, {"target": target}, np.arange(270, 380), 12, 3)
    network = LastValue(12, 3)
    setup = FitSetup(loss="huber", batch_size=8, learning_rate=0.01, epochs=30)  # the loss alone decides
    _, outcome = drain(fit(network, train, later, setup))
    assert outcome.best["loss"] < 0.01 < outcome.history[0]["validation_loss"]
    assert predict_outputs(network, later, 16).shape == (110, 3, 1)


class Exploding(TinyNetwork):
    def forward(self, batch):
        return super().forward(batch) * 1e38 * 1e38


@pytest.mark.parametrize("epochs", [1, 4])
def test_divergence_ends_the_run_and_names_the_remedies(tmp_path, epochs):
    store = OftenSaved(tmp_path)
    with pytest.raises(DivergedError) as caught:
        drain(fit(Exploding(), TRAIN, VALIDATION, tiny_setup(epochs=epochs), store))
    assert caught.value.exit_code == 5
    assert "--learning-rate" in caught.value.hint
    assert "--clip-norm" in caught.value.hint
    assert store.load("fit") is None, "what has diverged is never kept"


def test_an_infinite_gradient_with_a_finite_loss_is_divergence():
    network = TinyNetwork()
    network.head.weight.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(DivergedError):
        drain(fit(network, TRAIN, VALIDATION, tiny_setup()))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_running_out_of_memory_proposes_smaller_batches(error):
    class Greedy(TinyNetwork):
        def forward(self, batch):
            raise error

    with pytest.raises(ResourceError) as caught:
        drain(fit(Greedy(), TRAIN, None, tiny_setup(batch_size=32)))
    assert "--batch-size 16" in caught.value.hint


def test_other_runtime_errors_are_not_hidden():
    class Broken(TinyNetwork):
        def forward(self, batch):
            raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        drain(fit(Broken(), TRAIN, None, tiny_setup()))


@pytest.mark.parametrize("clipping", [{"clip_norm": 0.0}, {"clip_value": 0.0}])
def test_clipping_everything_away_is_refused(clipping):
    with pytest.raises(UsageError, match=f"--{next(iter(clipping)).replace('_', '-')} 0"):
        tiny_setup(**clipping)


def test_a_fit_without_a_length_is_a_mistake():
    with pytest.raises(ValueError, match="epochs, steps or a time budget"):
        tiny_setup(epochs=None)


def test_frozen_parameters_stay():
    network = TinyNetwork()
    network.embedding.weight.requires_grad_(False)
    before = network.embedding.weight.clone()
    drain(fit(network, TRAIN, None, tiny_setup()))
    assert torch.equal(network.embedding.weight, before)
    assert isinstance(TRAIN, Batchable)
