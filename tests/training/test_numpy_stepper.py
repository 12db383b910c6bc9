"""Training in NumPy, beside the same training by plain torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seqcli.backends.network import Network, build_network
from seqcli.backends.numpy_cells import NUMPY_CELLS, Weights
from seqcli.errors import ResourceError
from seqcli.network import InputSpec, NetworkSpec
from seqcli.training.fit_setup import FitSetup
from seqcli.training.numpy_optimisers import OPTIMISERS
from seqcli.training.numpy_stepper import NumpyStepper, clip_arrays
from seqcli.training.stepping import clip_gradients

VOCABULARY, EMBEDDING, HIDDEN, BATCH, STEPS = 9, 5, 6, 4, 7
RATES = {"adagrad": 0.1, "adam": 0.01, "adamw": 0.01}


def make_network(cell: str, layers: int = 1) -> Network:
    inputs = (InputSpec("tokens", "tokens", VOCABULARY, EMBEDDING),)
    spec = NetworkSpec(inputs, (VOCABULARY,), cell, HIDDEN, layers, pool="none", streams=True)
    return build_network(spec, seed=1).double()


def make_setup(optimizer: str = "adagrad", clip_value: float | None = 0.01) -> FitSetup:
    return FitSetup(
        loss="cross_entropy",
        batch_size=BATCH,
        learning_rate=RATES[optimizer],
        steps=50,
        weight_decay=0.1,
        clip_norm=0.05,
        clip_value=clip_value,
        optimizer=optimizer,
    )


def make_stream(count: int) -> list[dict[str, np.ndarray]]:
    """Stretches of a few streams; now and then a row begins anew."""
    rng = np.random.default_rng(6)
    return [
        {
            "tokens": rng.integers(0, VOCABULARY, (BATCH, STEPS)),
            "target": rng.integers(1, VOCABULARY, (BATCH, STEPS)),
            "fresh": rng.random(BATCH) < (0.2 if k else 1.0),
            "lengths": np.full(BATCH, STEPS),
        }
        for k in range(count)
    ]


class Plain(nn.Module):
    """What a person would write in torch: its own modules, trained by its own optimiser."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        spec = network.spec
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDING, padding_idx=0)
        kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[spec.cell]
        self.layers = kind(EMBEDDING, HIDDEN, spec.num_layers, batch_first=True)
        self.head = nn.Linear(HIDDEN, VOCABULARY)
        count = len(NUMPY_CELLS[spec.cell].states)
        self.start = nn.ParameterList(torch.zeros(spec.num_layers, 1, HIDDEN) for _ in range(count))
        self.double()
        self.states: tuple[torch.Tensor, ...] = ()
        with torch.no_grad():
            for theirs, ours in self.pairs(network):
                theirs.copy_(ours)

    def pairs(self, network: Network) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Every weight beside that of the network."""
        ours = dict(network.named_parameters())
        found = [
            (self.embedding.weight, ours["embeddings.0.weight"]),
            (self.head.weight, ours["head.weight"]),
            (self.head.bias, ours["head.bias"]),
        ]
        for depth in range(network.spec.num_layers):
            for part in Weights._fields:
                theirs = getattr(self.layers, f"{part}_l{depth}")
                found.append((theirs, ours[f"encoder.layers.{depth}.forward_cell.{part}"]))
            for start, state in zip(self.start, "hc", strict=False):
                found.append((start[depth, 0], ours[f"start.{state}_{depth}"]))
        return found

    def step_loss(self, batch: dict[str, np.ndarray]) -> torch.Tensor:
        begin = [start.expand(-1, BATCH, -1) for start in self.start]
        if self.states:
            fresh = torch.from_numpy(batch["fresh"])[None, :, None]
            begin = [torch.where(fresh, *pair) for pair in zip(begin, self.states, strict=True)]
        begin = [part.contiguous() for part in begin]
        h, last = self.layers(
            self.embedding(torch.from_numpy(batch["tokens"])), tuple(begin) if len(begin) > 1 else begin[0]
        )
        self.states = tuple(part.detach() for part in (last if isinstance(last, tuple) else (last,)))
        return F.cross_entropy(self.head(h).flatten(0, 1), torch.from_numpy(batch["target"]).flatten())


def torch_optimizer(name: str, module: Plain, setup: FitSetup) -> torch.optim.Optimizer:
    if name == "adagrad":
        return torch.optim.Adagrad(module.parameters(), lr=setup.learning_rate)
    if name == "adam":
        return torch.optim.Adam(module.parameters(), lr=setup.learning_rate)
    vectors = [*module.start, *(p for p in module.parameters() if p.ndim == 1)]
    matrices = [p for p in module.parameters() if p.ndim == 2]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": setup.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ],
        lr=setup.learning_rate,
    )


@pytest.mark.parametrize("cell", NUMPY_CELLS)
@pytest.mark.parametrize("optimizer", OPTIMISERS)
@pytest.mark.parametrize(("layers", "clip_value"), [(1, 0.01), (2, None)])
def test_fifty_steps_give_the_weights_of_plain_torch(cell, optimizer, layers, clip_value):
    network, setup = make_network(cell, layers), make_setup(optimizer, clip_value)
    plain, stepper = Plain(network), NumpyStepper(network, setup)
    theirs = torch_optimizer(optimizer, plain, setup)
    losses, clipped = [], 0
    for k, batch in enumerate(make_stream(50)):
        rate = setup.learning_rate * (1 - k / 100)
        stepper.step(batch, rate)
        for group in theirs.param_groups:
            group["lr"] = rate
        theirs.zero_grad()
        loss = plain.step_loss(batch)
        loss.backward()
        losses.append(loss.item())
        if clip_value is None:
            clipped += float(nn.utils.clip_grad_norm_(plain.parameters(), setup.clip_norm)) > setup.clip_norm
        else:
            clipped += max(float(p.grad.abs().max()) for p in plain.parameters()) > clip_value
            nn.utils.clip_grad_value_(plain.parameters(), clip_value)
        theirs.step()
    for weight, ours in plain.pairs(network):
        assert float((weight - ours).detach().abs().max()) <= 1e-9
    mean, share = stepper.epoch_means(50)
    assert mean == pytest.approx(np.mean(losses), abs=1e-12)
    assert share == clipped / 50 > 0.5
    assert stepper.is_finite()


def test_the_network_itself_is_trained():
    network = make_network("rnn").float()
    stepper, before = NumpyStepper(network, make_setup()), network.head.weight.detach().clone()
    stepper.step(make_stream(1)[0], 0.1)
    assert network.head.weight.dtype == torch.float32
    assert float((network.head.weight.detach() - before).abs().max()) > 0.05


@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_a_restored_stepper_goes_on_to_the_same_bits(optimizer):
    stream, setup = make_stream(12), make_setup(optimizer)
    unbroken = NumpyStepper(make_network("lstm", 2).float(), setup)
    for batch in stream[:7]:
        unbroken.step(batch, 0.05)
    saved = {name: tensor.detach().clone() for name, tensor in unbroken.tensors().items()}
    resumed = NumpyStepper(make_network("lstm", 2).float(), setup)
    resumed.step(stream[0], 0.05)  # what it did before the restore leaves no trace
    resumed.restore(saved)
    for stepper in (unbroken, resumed):
        for batch in stream[7:]:
            stepper.step(batch, 0.03)
    ours, theirs = resumed.tensors(), unbroken.tensors()
    assert set(ours) == set(theirs)
    assert {"carried/0/0", "carried/1/1", "sums"} < set(ours)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert resumed.epoch_means(12) == unbroken.epoch_means(12)


def test_a_new_stepper_is_restored_without_states_and_a_finished_one_without_its_optimiser():
    fresh = NumpyStepper(make_network("gru"), make_setup())
    saved = {name: tensor.detach().clone() for name, tensor in fresh.tensors().items()}
    assert not any(name.startswith("carried/") for name in saved)
    trained = NumpyStepper(make_network("gru"), make_setup())
    trained.step(make_stream(1)[0], 0.1)
    trained.restore({name: tensor for name, tensor in saved.items() if not name.startswith("optimizer/")})
    weights = trained.network.state_dict()
    assert all(torch.equal(weights[name], values) for name, values in fresh.network.state_dict().items())


def test_a_state_that_does_not_fit_is_an_error():
    stepper = NumpyStepper(make_network("gru"), make_setup())
    saved = stepper.tensors()
    with pytest.raises(RuntimeError):
        stepper.restore(saved | {"weights/head.bias": torch.zeros(3)})
    with pytest.raises(RuntimeError):
        stepper.restore(saved | {"optimizer/sum/head.bias": torch.zeros(3)})
    with pytest.raises(KeyError):
        stepper.restore({name: tensor for name, tensor in saved.items() if name != "sums"})


def test_an_epoch_has_sums_of_its_own():
    stepper, stream = NumpyStepper(make_network("gru"), make_setup()), make_stream(2)
    stepper.step(stream[0], 0.1)
    first = stepper.epoch_means(1)
    stepper.start_epoch()
    assert stepper.epoch_means(0) == (0, 0)
    stepper.step(stream[1], 0.1)
    assert stepper.epoch_means(1)[0] != first[0] > 1


@pytest.mark.parametrize("clip_value", [None, 1.0])
def test_numbers_that_run_over_are_told_to_the_loop_alone(clip_value):
    network = make_network("rnn").float()
    stepper = NumpyStepper(network, make_setup(clip_value=clip_value))
    with torch.no_grad():
        network.head.bias.fill_(torch.inf)
    stepper.step(make_stream(1)[0], 0.1)  # warnings are errors in tests
    assert not stepper.is_finite()
    assert stepper.epoch_means(1)[1] in (0, 1)


def test_a_lack_of_memory_is_an_error_with_a_hint(monkeypatch):
    def full(*arguments):
        raise MemoryError

    stepper = NumpyStepper(make_network("gru"), make_setup())
    monkeypatch.setattr("seqcli.training.numpy_stepper.NumpyNetwork.loss", full)
    with pytest.raises(ResourceError, match="with 4 examples a step") as caught:
        stepper.step(make_stream(1)[0], 0.1)
    assert "--batch-size 2" in caught.value.hint


@pytest.mark.parametrize(("clip_norm", "clip_value"), [(1.0, None), (1e6, None), (1.0, 0.5), (1.0, 1e6)])
def test_clipping_is_that_of_torch(clip_norm, clip_value):
    rng = np.random.default_rng(8)
    arrays = {"a": rng.normal(size=(7, 5)), "b": rng.normal(size=3)}
    parameters = []
    for values in arrays.values():
        parameters.append(nn.Parameter(torch.zeros(values.shape, dtype=torch.float64)))
        parameters[-1].grad = torch.from_numpy(values.copy())
    expected = clip_gradients(parameters, clip_norm, clip_value)
    assert clip_arrays(arrays, clip_norm, clip_value) == pytest.approx(
        [float(x) for x in expected], abs=1e-12
    )
    for ours, theirs in zip(arrays.values(), parameters, strict=True):
        assert np.abs(ours - theirs.grad.numpy()).max() < 1e-14
