"""The moving average of the weights: what it is, that it is what is kept, and that it resumes to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_fit
import torch
from tiny_fit import TinyNetwork, advance, drain, new_fit, result_of, store_in, tiny_examples, tiny_setup

from seqcli.training.averaging import MovingAverage
from seqcli.training.loop import fit


def weights_after_each_step(**changes) -> list[dict[str, torch.Tensor]]:
    """The weights of a run without an average, after each of its steps."""
    network, found = TinyNetwork(), []
    stream = fit(network, tiny_examples(60, 1), None, tiny_setup(patience=None, **changes))
    for event in stream:
        if type(event).__name__ == "StepDone":
            found.append({name: w.detach().clone() for name, w in network.named_parameters()})
    return found


def test_what_is_kept_is_the_average_of_all_steps_by_the_formula() -> None:
    steps = weights_after_each_step(epochs=2)
    expected = {name: value.double() for name, value in dict(TinyNetwork().named_parameters()).items()}
    for number, weights in enumerate(steps, start=1):
        keep = min(0.6, (1 + number) / (10 + number))
        expected = {name: keep * old + (1 - keep) * weights[name] for name, old in expected.items()}
    network = TinyNetwork()
    drain(fit(network, tiny_examples(60, 1), None, tiny_setup(patience=None, epochs=2, ema=0.6)))
    for name, weight in network.named_parameters():
        np.testing.assert_allclose(weight.detach(), expected[name].detach(), atol=1e-6)


def test_the_average_is_scored_and_training_goes_on_from_the_weights() -> None:
    plain, averaged = TinyNetwork(), TinyNetwork()
    _, without = drain(new_fit(None, plain, patience=None))
    _, outcome = drain(new_fit(None, averaged, patience=None, ema=0.9))
    for one, other in zip(without.history, outcome.history, strict=True):
        assert one["train_loss"] == other["train_loss"]  # the same steps
        assert one["validation_loss"] != other["validation_loss"]
    best = outcome.history[outcome.best_epoch - 1]
    assert best["validation_loss"] == pytest.approx(outcome.best["loss"])


@pytest.mark.parametrize("moment", [1, 5, 9, 13, 30, 36])
def test_cut_off_and_resumed_is_unbroken(tmp_path, moment) -> None:
    torch.set_num_threads(1)
    network = TinyNetwork()
    _, outcome = drain(new_fit(None, network, ema=0.9))
    unbroken = result_of(network, outcome, tmp_path / "unbroken")
    advance(new_fit(store_in(tmp_path), TinyNetwork(), ema=0.9), moment)
    again = TinyNetwork(seed=5)
    _, outcome = drain(new_fit(store_in(tmp_path), again, ema=0.9))
    assert result_of(again, outcome, tmp_path / "resumed") == unbroken
    _, outcome = drain(new_fit(store_in(tmp_path), over := tiny_fit.TinyNetwork(seed=6), ema=0.9))
    assert result_of(over, outcome, tmp_path / "over") == unbroken  # a finished fit puts its weights back


def test_without_a_decay_nothing_is_kept() -> None:
    network = TinyNetwork()
    average = MovingAverage(network, None)
    before = {name: w.detach().clone() for name, w in network.named_parameters()}
    average.update(1)
    average.take_back(average.put())
    assert average.tensors() == {}
    assert all(torch.equal(before[name], w) for name, w in network.named_parameters())
