"""How memory and time grow with length: the fit on planted powers, the bytes of real layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from seqcli.backends.registry import CELLS
from seqcli.training.comparing.entries import TRANSFORMER
from seqcli.training.comparing.growth import bytes_kept, growth_of, layer_of, least_in_rounds, upper_slope


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
def test_the_slope_is_the_power_from_half_of_the_longest_on(power: float) -> None:
    lengths = [32, 256, 1024, 1448, 2048]
    values = [1e9, 1e9, *(3e-5 * length**power for length in lengths[2:])]  # what is shorter does not count
    assert upper_slope(lengths, values) == pytest.approx(power, abs=1e-9)


def test_a_busy_while_slows_no_length_for_good() -> None:
    """A clock on which all that is done between two moments takes three times as long."""
    now, costs = [0.0], (1.0, 2.0, 4.0)

    def work(cost: float) -> None:
        now[0] += 3 * cost if 5 <= now[0] < 16 else cost  # the 4 of the first round, the 1 and 2 behind it

    steps = [lambda cost=cost: work(cost) for cost in costs]
    assert least_in_rounds(steps, lambda: now[0]) == list(costs)


def test_bytes_kept_are_those_of_the_tensors_that_a_product_keeps() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.product = nn.Linear(4, 4, bias=False)

        def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            return torch.tanh(self.product(x))

    # the product keeps x, tanh and the square one and the same output: 2 × (3 · 5 · 4) floats
    assert bytes_kept(Twice(), torch.randn(3, 5, 4)) == 2 * 3 * 5 * 4 * 4


@pytest.mark.parametrize("name", CELLS)
def test_what_a_cell_keeps_grows_with_the_length(name: str) -> None:
    found = growth_of(name, 8, (32, 64, 128))
    assert len(found.seconds) == 3
    assert found.memory_slope == pytest.approx(1.0, abs=0.15)


def test_what_attention_keeps_grows_with_its_square() -> None:
    found = growth_of(TRANSFORMER, 8, (128, 256, 512))
    assert found.memory_slope == pytest.approx(2.0, abs=0.15)


def test_growth_leaves_seed_and_threads_alone() -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    growth_of("gru", 4, (8, 16))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_attention_is_measured_with_the_weights_of_a_gru() -> None:
    counts = [
        sum(weight.numel() for weight in layer_of(name, 64).parameters()) for name in ("gru", TRANSFORMER)
    ]
    assert counts[1] == pytest.approx(counts[0], rel=0.01)
