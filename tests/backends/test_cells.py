"""What every cell must do, whatever it computes. A new cell in the registry is tested by this file."""

from __future__ import annotations

import importlib

import pytest
import torch

from seqcli import options
from seqcli.backends.cells.block import Block
from seqcli.backends.cells.cell import Cell
from seqcli.backends.graph import step_graph
from seqcli.backends.network import build_network
from seqcli.backends.registry import CELLS, load_cell
from seqcli.errors import UsageError
from seqcli.network import RESIDUAL, InputSpec, NetworkSpec
from seqcli.saved.graph_check import check_graph
from seqcli.saved.record import is_step_signature

CARRIES_NOTHING = {"none": "a feedforward layer at each step: h is not carried, so there is no state"}
every_cell = pytest.mark.parametrize("name", CELLS)


def make_cell(name: str, dtype: torch.dtype = torch.float64, inputs: int = 3, hidden: int = 4) -> Cell:
    torch.manual_seed(1)
    cell = load_cell(name)(inputs, hidden)
    for weight in cell.parameters():
        torch.nn.init.uniform_(weight, -0.8, 0.8)
    return cell.to(dtype)


def random_state(cell: Cell, batch: int) -> tuple[torch.Tensor, ...]:
    dtype = next(cell.parameters()).dtype
    return tuple(torch.rand(batch, cell.hidden_size, dtype=dtype) - 0.5 for _ in cell.states)


def stepped(cell: Cell, x: torch.Tensor, state: tuple[torch.Tensor, ...]):
    outputs = []
    for t in range(x.shape[1]):
        output, state = cell.step(x[:, t], state)
        outputs.append(output)
    return torch.stack(outputs, dim=1), state


def test_options_offer_exactly_the_registered_cells():
    assert set(options.CELLS) == set(CELLS)


def test_unknown_cell_names_the_closest():
    with pytest.raises(UsageError) as caught:
        load_cell("lstmm")
    assert caught.value.hint == "did you mean lstm?"


@every_cell
def test_registered_name_version_and_citation(name):
    cell = load_cell(name)
    assert cell.name == f"{name}.v1"
    assert "h_t = " in importlib.import_module(cell.__module__).__doc__
    assert (cell.states == ()) == (name in CARRIES_NOTHING)
    assert issubclass(cell, Block) == (name in RESIDUAL)
    assert cell.states[: len(cell.memory)] == cell.memory


@every_cell
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_step_equals_scan(name, dtype):
    cell = make_cell(name, dtype)
    x, state = torch.randn(5, 9, 3, dtype=dtype), random_state(cell, 5)
    scanned, last = cell.scan(x, state)
    by_step, last_by_step = stepped(cell, x, state)
    tolerance = {"rtol": 0, "atol": 1e-6 if dtype is torch.float32 else 1e-14}
    torch.testing.assert_close(scanned, by_step, **tolerance)
    for ours, theirs in zip(last, last_by_step, strict=True):
        torch.testing.assert_close(ours, theirs, **tolerance)


@every_cell
def test_gradients_of_scan_equal_those_of_steps(name):
    cell = make_cell(name)
    x = torch.randn(6, 11, 3, dtype=torch.float64, requires_grad=True)
    state = tuple(part.requires_grad_() for part in random_state(cell, 6))
    wanted = [x, *state, *cell.parameters()]
    grads = []
    for run in (cell.scan, lambda x, state: stepped(cell, x, state)):
        outputs, last = run(x, state)
        loss = (outputs * torch.linspace(-1, 1, 11)[:, None]).sum() + sum((part**2).sum() for part in last)
        grads.append(torch.autograd.grad(loss, wanted))
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


@every_cell
def test_gradients_equal_finite_differences(name):
    cell = make_cell(name, inputs=2, hidden=3)
    x = torch.randn(2, 5, 2, dtype=torch.float64, requires_grad=True)
    state = tuple(part.requires_grad_() for part in random_state(cell, 2))
    weights = {key: weight.detach().requires_grad_() for key, weight in cell.named_parameters()}

    def run(x, *rest):
        values = dict(zip(weights, rest[len(state) :], strict=True))
        scan = Scan(cell)
        parameters = {f"cell.{key}": value for key, value in values.items()}
        outputs, last = torch.func.functional_call(scan, parameters, (x, rest[: len(state)]))
        return (outputs, *last)

    assert torch.autograd.gradcheck(run, (x, *state, *weights.values()))


class Scan(torch.nn.Module):
    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x, state):
        return self.cell.scan(x, state)


@every_cell
def test_state_carries_across_a_cut(name):
    cell = make_cell(name)
    x, state = torch.randn(4, 10, 3, dtype=torch.float64), random_state(make_cell(name), 4)
    whole, last = cell.scan(x, state)
    head, middle = cell.scan(x[:, :6], state)
    tail, end = cell.scan(x[:, 6:], middle)
    torch.testing.assert_close(torch.cat([head, tail], dim=1), whole, rtol=0, atol=1e-14)
    for ours, theirs in zip(end, last, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-14)
    fresh, _ = cell.scan(x[:, 6:], cell.initial_state(x))
    differs = not torch.allclose(fresh, tail)
    assert differs == (name not in CARRIES_NOTHING)


@every_cell
def test_no_output_sees_the_future_and_later_ones_see_the_past(name):
    cell = make_cell(name)
    x = torch.randn(3, 8, 3, dtype=torch.float64, requires_grad=True)
    outputs, _ = cell.scan(x, cell.initial_state(x))
    (grad,) = torch.autograd.grad(outputs[:, 4].sum(), x)
    seen = grad.abs().sum((0, 2)) > 0  # (T,)
    past = [False] * 4 if name in CARRIES_NOTHING else [True] * 4
    assert seen.tolist() == [*past, True, False, False, False]


@every_cell
def test_state_at_is_the_state_after_each_rows_own_last_step(name):
    cell = make_cell(name)
    x, state = torch.randn(4, 7, 3, dtype=torch.float64), random_state(cell, 4)
    lengths = torch.tensor([7, 1, 4, 6])
    outputs, _ = cell.scan(x, state)
    found = cell.state_at(x, outputs, state, lengths)
    assert len(found) == len(cell.states)
    for row, length in enumerate(lengths.tolist()):
        _, alone = cell.scan(x[row : row + 1, :length], tuple(part[row : row + 1] for part in state))
        for ours, theirs in zip(found, alone, strict=True):
            torch.testing.assert_close(ours[row], theirs[0], rtol=0, atol=1e-13)


@every_cell
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("steps", [1, 6])
def test_onnx_steps_equal_steps(name, layers, steps, run_graph):
    spec = NetworkSpec(
        (InputSpec("x", "values", 3),), (5,), name, 4, layers, pool="none", init="torch", streams=True
    )
    network = build_network(spec, seed=2)
    cells = [layer.forward_cell for layer in network.encoder.layers]
    x, states = torch.randn(5, steps, 3), [random_state(cell, 5) for cell in cells]
    feeds = {"x": x}
    for depth, (cell, state) in enumerate(zip(cells, states, strict=True)):
        feeds.update({f"{key}_{depth}": part for key, part in zip(cell.states, state, strict=True)})
    graph = step_graph(network)
    assert is_step_signature(check_graph(graph), spec)
    found, *found_states = run_graph(graph, feeds)
    expected_states = []
    with torch.no_grad():
        for cell, state in zip(cells, states, strict=True):
            x, after = stepped(cell, x, state)
            expected_states += after
        expected = network.head(x)
    assert abs(found - expected.numpy()).max() < 1e-6
    assert len(found_states) == len(expected_states)
    for ours, theirs in zip(found_states, expected_states, strict=True):
        assert abs(ours - theirs.numpy()).max() < 1e-6


def test_a_bidirectional_network_has_no_step():
    spec = NetworkSpec((InputSpec("x", "values", 3),), (5,), "gru", 4, bidirectional=True, pool="none")
    with pytest.raises(ValueError, match="no single step"):
        step_graph(build_network(spec, seed=0))


@pytest.mark.parametrize(("batch", "steps", "hidden"), [(1, 1, 1), (3, 70, 500), (40, 5, 2000)])
def test_gru_gradients_do_not_depend_on_how_steps_fall_into_blocks(batch, steps, hidden):
    """The scan works back in blocks of steps: one block, ragged blocks, one step a block."""
    torch.manual_seed(0)
    cell = load_cell("gru")(2, hidden)
    theirs = torch.nn.GRU(2, hidden, batch_first=True)
    for name, weight in cell.named_parameters():
        torch.nn.init.uniform_(weight, -(hidden**-0.5), hidden**-0.5)
        getattr(theirs, f"{name}_l0").data.copy_(weight.data)
    x = torch.randn(batch, steps, 2)
    direction = torch.randn(batch, steps, hidden)
    (cell.scan(x, cell.initial_state(x))[0] * direction).sum().backward()
    (theirs(x)[0] * direction).sum().backward()
    for name, weight in cell.named_parameters():
        expected = getattr(theirs, f"{name}_l0").grad
        torch.testing.assert_close(weight.grad, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
