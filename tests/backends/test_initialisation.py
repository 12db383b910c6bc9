from __future__ import annotations

import math

import pytest
import torch

from seqcli.backends.cells.cell import Cell
from seqcli.backends.encoder import Encoder
from seqcli.backends.initialisation import initialise
from seqcli.backends.registry import CELLS
from seqcli.errors import UsageError
from seqcli.network import RESIDUAL
from seqcli.options import NetworkOptions

HIDDEN = 32


def first_cell(cell: str, init: str, time_range: int = 100, hidden: int = HIDDEN) -> Cell:
    torch.manual_seed(0)
    encoder = Encoder(cell, 6, hidden, 2, bidirectional=True)
    initialise(encoder, init, time_range)
    return encoder.layers[1].backward_cell.requires_grad_(False)


def gate(cell: Cell, bias: torch.Tensor, name: str) -> torch.Tensor:
    return bias.view(len(cell.gates), -1)[cell.gates.index(name)]


@pytest.mark.parametrize("name", [name for name in CELLS if name not in RESIDUAL])  # see test_blocks.py
@pytest.mark.parametrize("init", ["gated", "chrono"])
def test_recurrent_weights_are_orthogonal_and_input_weights_xavier(name, init):
    cell = first_cell(name, init)
    bound = math.sqrt(6 / (2 * HIDDEN + HIDDEN))
    for block in cell.weight_ih.view(len(cell.gates), HIDDEN, -1):
        assert 0.95 * bound < float(block.abs().max()) <= bound
        assert float(block.std()) == pytest.approx(bound / math.sqrt(3), rel=0.05)
    if cell.states:
        for block in cell.weight_hh.view(len(cell.gates), HIDDEN, HIDDEN):
            torch.testing.assert_close(block @ block.T, torch.eye(HIDDEN), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "keep"), [("lstm", "f"), ("gru", "z"), ("rnn", ""), ("none", "")])
def test_gated_opens_the_gate_that_keeps_the_old_state_and_no_other(name, keep):
    cell = first_cell(name, "gated")
    for other in cell.gates:
        assert torch.equal(gate(cell, cell.bias_ih, other), torch.full((HIDDEN,), float(other == keep)))
    if cell.states:
        assert not cell.bias_hh.any()


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_an_open_gate_keeps_sigmoid_of_its_bias_of_the_state(name):
    """With all weights zero ∂L/∂s_0 = σ(b)^T ∂L/∂s_T, which tells which gate keeps the state."""
    cell = first_cell(name, "gated").double()
    cell.weight_ih.zero_()
    cell.weight_hh.zero_()
    x = torch.zeros(1, 20, 2 * HIDDEN, dtype=torch.float64)
    state = tuple(part.requires_grad_() for part in cell.initial_state(x))
    _, last = cell.scan(x, state)
    (grad,) = torch.autograd.grad(last[-1].sum(), state[-1])
    expected = (1 / (1 + math.exp(-1.0))) ** 20
    torch.testing.assert_close(grad, torch.full_like(grad, expected), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("name", "keep"), [("lstm", "f"), ("gru", "z")])
def test_chrono_spreads_time_constants_over_the_range(name, keep):
    cell = first_cell(name, "chrono", time_range=200, hidden=500)
    spans = gate(cell, cell.bias_ih, keep).exp()  # uniform in [1, T - 1]
    assert float(spans.min()) >= 1
    assert float(spans.max()) <= 199
    quartiles = torch.quantile(spans, torch.tensor([0.25, 0.5, 0.75]))
    torch.testing.assert_close(quartiles, torch.tensor([50.5, 100.0, 149.5]), rtol=0.15, atol=0)
    if name == "lstm":
        assert torch.equal(gate(cell, cell.bias_ih, "i"), -gate(cell, cell.bias_ih, "f"))


def test_torch_initialisation_has_the_law_of_torchs_own_layers():
    cell = first_cell("gru", "torch", hidden=64)
    theirs = torch.nn.GRU(128, 64)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        ours, expected = getattr(cell, name), getattr(theirs, f"{name}_l0").detach()
        assert ours.shape == expected.shape
        assert float(ours.abs().max()) <= 0.125
        assert float(ours.std()) == pytest.approx(float(expected.std()), rel=0.15)


def test_options_offer_exactly_these_and_others_are_refused():
    choices = NetworkOptions.__dataclass_fields__["init"].metadata["choices"]
    for init in choices:
        first_cell("gru", init)
    with pytest.raises(UsageError) as caught:
        first_cell("gru", "gate")
    assert caught.value.hint == "did you mean gated?"
