"""The paragraph's sentences follow from planted networks, and from planted numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqcli.backends.network import Network, build_network
from seqcli.network import InputSpec, NetworkSpec
from seqcli.reporting.gradient_reading import cause_of, reading
from seqcli.training.gradients.corridor import make_linear
from seqcli.training.gradients.curves import Curve, Flow, Inspection, ShortTraining
from seqcli.training.gradients.dynamics import dynamics
from seqcli.training.gradients.flow import through_time
from seqcli.training.gradients.measures import (
    Dynamics,
    Exponents,
    GateUse,
    Norms,
    Spread,
    Truncation,
    Truncations,
    Update,
)

STEPS = 40
SIZE = 6


def net(cell: str, **spec) -> Network:
    return build_network(
        NetworkSpec((InputSpec("values", "values", SIZE),), (1,), cell, SIZE, pool="last", **spec), 0
    ).double()


def batch(scale: float) -> dict[str, torch.Tensor]:
    values = np.random.default_rng(0).standard_normal((4, STEPS, SIZE)) * scale
    return {"values": torch.from_numpy(values.astype(np.float32)), "lengths": torch.full((4,), STEPS)}


def orthogonal(scale: float) -> torch.Tensor:
    drawn = np.random.default_rng(2).standard_normal((SIZE, SIZE))
    return torch.from_numpy(scale * np.linalg.qr(drawn)[0])


def planted(cell: str, blocks: dict[str, torch.Tensor] | None = None, inputs: float = 0.0, **biases) -> Flow:
    """The flow of a network of one layer at rest, or with W_ih = ``inputs`` · I for each gate."""
    network = net(cell)
    only = network.encoder.layers[0].forward_cell
    with torch.no_grad():
        for name, weight in only.named_parameters():
            if name.startswith("norms"):
                continue
            weight.zero_()
        for place, gate in enumerate(only.gates):
            rows = slice(place * SIZE, (place + 1) * SIZE)
            only.bias_ih[rows] = biases.get(gate, 0.0)
            only.weight_ih[rows] = inputs * torch.eye(SIZE, dtype=torch.float64)
            if blocks and gate in blocks:
                only.weight_hh[rows] = blocks[gate]
    return flow_of(network, cell, batch(1.0 if inputs else 0.0))


def flow_of(network: Network, cell: str, data: dict[str, torch.Tensor], stage: str = "gated") -> Flow:
    return Flow(cell, stage, tuple(through_time(network, data)), (), dynamics=tuple(dynamics(network, data)))


def said(*flows: Flow, **more) -> str:
    return reading(Inspection(tuple(flows), STEPS, **{"init": "gated", **more}))


# ---- planted networks


def test_a_matrix_below_one_vanishes_by_its_bound() -> None:
    flow = planted("rnn", {"h": orthogonal(0.6)})
    assert cause_of(flow) == "bound"
    text = said(flow)
    assert text.startswith("Gated start, over 40 steps back: the gradient vanishes in rnn (1 % by 10). ")
    assert "In rnn the bound is 0.60 a step, and below 1 is enough to vanish" in text
    assert "What to do: --cell gru or lstm has a way back that W_hh is not on." in text
    assert "--init gated" in said(replace(flow, stage="torch"), init="torch")


def test_tanh_that_is_full_vanishes_by_saturation() -> None:
    flow = planted("rnn", {"h": orthogonal(1.2)}, inputs=4.0)
    assert cause_of(flow) == "saturation"
    assert "In rnn the bound of 1.20 a step would let it live, but " in said(flow)
    assert "of the tanh values stand beyond ±0.9" in said(flow)


def test_a_matrix_that_is_far_from_normal_vanishes_below_its_bound() -> None:
    matrix = torch.from_numpy(np.diag(np.full(SIZE - 1, 3.0), 1) + 0.3 * np.eye(SIZE))
    flow = planted("rnn", {"h": matrix})
    flow = replace(flow, curves=(Curve(1, "h", 0.3 ** np.arange(STEPS + 1.0)[None]),))
    assert cause_of(flow) == "directions"
    bound = np.linalg.norm(matrix.numpy(), 2)
    text = f"In rnn the bound of {bound:.2f} a step is met in few directions, 0.30 is seen"
    assert f"{text}: the spectral radius of W_hh is 0.30." in said(flow)
    (layer,) = flow.dynamics
    unknown = replace(layer, matrices=(replace(layer.matrices[0], radius=math.nan),))
    assert f"{text}. What" in said(replace(flow, dynamics=(unknown,)))


def test_tanh_that_is_bent_takes_from_what_an_orthogonal_matrix_would_keep() -> None:
    flow = planted("rnn", {"h": orthogonal(1.0)}, inputs=0.5)
    assert cause_of(flow) == "slope"
    text = "In rnn W_hh alone would let it live (spectral radius 1.00), but tanh passes a part only: 0."
    assert text in said(flow)
    below = planted("rnn", {"h": orthogonal(0.99)}, inputs=0.5)
    assert cause_of(below) == "slope"  # a bound just below 1 is not what loses it


def test_a_matrix_above_one_explodes() -> None:
    flow = planted("rnn", {"h": orthogonal(1.2)})
    assert cause_of(flow) == "grown"
    text = said(flow)
    assert "the gradient explodes in rnn (1.5e+03-fold)" in text
    assert "In rnn the bound is 1.20 a step, above 1 as it must be to explode" in text
    assert "the largest Lyapunov exponent +0.18" in text
    assert "What to do: keep --clip-norm for rnn." in text
    assert "keep --clip-norm for rnn, and leave --init-scale out" in said(flow, scale=3.0)
    assert "--init gated" in said(flow, init="torch")
    grows = planted("rnn", {"h": orthogonal(1.04)})
    assert "the gradient grows in rnn (4.8-fold)" in said(grows)


def test_an_orthogonal_matrix_keeps() -> None:
    flow = planted("rnn", {"h": orthogonal(1.0)})
    assert cause_of(flow) == "kept"
    text = said(flow)
    assert "the gradient is kept in rnn (100 % left)" in text
    assert "In rnn W_hh changes lengths little (bound 1.00 a step, measured 1.00)." in text
    assert text.endswith("Nothing is to be done over 40 steps.")


@pytest.mark.parametrize(
    ("cell", "gate", "name"), [("lstm", "f", "forget gate"), ("gru", "z", "update gate")]
)
def test_gates_that_are_shut_or_open_or_between(cell, gate, name) -> None:
    shut = planted(cell, **{gate: -4.0})
    assert cause_of(shut) == "saturation"
    assert f"The {name} of {cell} is shut: 100 % of its values stand below 0.1." in said(shut)
    half = planted(cell, **{gate: 1.0})
    assert cause_of(half) == "gates"
    assert f"The {name} of {cell} sets the pace: its mean is 0.73. Units keep for τ = 3.2 steps." in said(
        half
    )
    assert f"--init chrono lets units of {cell} begin with time constants from 1" in said(half)
    wide = planted(cell, **{gate: 4.0})
    assert cause_of(wide) == "kept"
    assert f"The {name} of {cell} stands open: 100 % of its values are above 0.9. Units keep" in said(wide)
    assert "chrono" not in said(wide)
    enough = planted(cell, **{gate: 2.19})  # 0.8994
    enough = replace(enough, curves=(Curve(1, "h", 0.9 ** np.arange(STEPS + 1.0)[None]),))
    assert f"The {name} of {cell} is open enough." in said(enough)


def test_what_comes_back_through_the_matrix_is_told_from_gates() -> None:
    eye = torch.eye(SIZE, dtype=torch.float64)
    z = 1 / (1 + math.exp(1.0))
    back = planted("gru", {"n": (0.95 - z) / (1 - z) * 2 * eye}, z=-1.0)  # r = 1/2
    assert back.carrier.rate == pytest.approx(0.95)
    assert cause_of(back) == "return"
    text = said(back)
    assert "The update gate of gru keeps 0.27 a step, but 0.95 is seen: W_hh brings the rest back" in text
    assert "(the spectral radius of a whole step is 0.95)" in text
    against = planted("gru", {"n": -4.0 * eye}, z=1.0)
    assert cause_of(against) == "candidate"
    assert "would keep more, 0.73 a step, than the 0.19 that is seen" in said(against)


def test_gates_that_bring_more_back_than_they_keep() -> None:
    eye = torch.eye(SIZE, dtype=torch.float64)
    flow = planted("gru", {"n": 5.0 * eye}, z=0.0)
    assert cause_of(flow) == "grown"
    assert "No gate of gru keeps more than all, so that what grows comes back through W_hh" in said(flow)
    assert "a step stretches the state up to 1.75-fold" in said(flow)


def planted_mamba(bias: float) -> Flow:
    """As it begins, but that every state keeps exp(−softplus(bias)) a step."""
    network = net("mamba")
    only = network.encoder.layers[0].forward_cell
    with torch.no_grad():
        only.weight_ih.zero_()
        only.bias_ih.fill_(bias)
        only.log_speed.zero_()
    return flow_of(network, "mamba", batch(1.0))


@pytest.mark.parametrize("cell", ["mingru", "minlstm", "mamba"])
def test_a_block_is_told_by_its_gates(cell) -> None:
    flow = planted_mamba(1.0) if cell == "mamba" else planted(cell, z=-1.0, f=-1.0)
    assert cause_of(flow) == "gates"
    name = {"mingru": "update gate", "minlstm": "forget gate", "mamba": "kept share"}[cell]
    assert f"The {name} of {cell} " in said(flow)
    assert f"--init chrono lets units of {cell}" in said(flow)
    open_wide = planted_mamba(-9.0) if cell == "mamba" else planted(cell, z=6.0, f=6.0, i=-6.0)
    assert cause_of(open_wide) == "kept"
    assert "stands open" in said(open_wide)


def test_little_that_is_left_is_not_called_well() -> None:
    little, much = of_numbers(rate=0.9), of_numbers(rate=0.97)
    assert "is kept in gru (1.5 % left)" in said(little)
    assert "Nothing is to be done" not in said(little)
    assert "--init chrono" in said(little)
    assert "Nothing is to be done over 40 steps." in said(much)


def test_chrono_is_not_advised_where_it_is() -> None:
    flow = replace(planted("gru", z=0.0), stage="chrono")
    assert "chrono" not in said(flow, init="chrono").split("Chrono start")[-1]
    assert said(flow, init="chrono").startswith("Chrono start, over 40 steps back")


def test_a_cell_that_was_seen_to_remember_longer_is_advised() -> None:
    flows = planted("rnn", {"h": orthogonal(0.6)}), planted("gru", z=1.2)
    text = said(*flows)
    assert "vanishes in rnn (1 % by 10) and gru (1 % by 18)" in text
    assert "What to do: --cell gru remembers 1.8 times as far as rnn; --init chrono" in text
    kept = planted("lstm", f=math.inf)
    assert "--cell lstm remembers without end" in said(flows[0], kept)


def test_the_linear_corridor_is_read_beside_theory() -> None:
    for scale, words in ((0.9, "only vanish"), (1.0, "only be kept"), (1.1, "only explode")):
        network = net("rnn")
        make_linear(network, scale, 0)
        text = said(flow_of(network, "linear", batch(1.0), "linear"), linear=scale)
        logarithm = f"{math.log(scale):.4f}"
        assert f"every Lyapunov exponent is ln {scale:g} = {logarithm} (found: " in text
        assert words in text
        assert f"the bound of {scale:g} a step is exact here" in text
    assert said(Flow("linear", "linear", (Curve(1, "h", np.ones((1, 3))),)), linear=1.0) == ""


# ---- planted numbers


def of_numbers(cell: str = "gru", rate: float = 0.7, **more) -> Flow:
    even = Spread(rate, rate, rate, rate)
    gate = GateUse("z", False, even, 0.0, 0.0, Spread.of(np.array([-1 / math.log(rate)])))
    exponents = Exponents(np.full(4, math.log(rate)), 4 * math.log(rate), 9)
    layer = Dynamics(1, "h", rate, even, even, exponents, (gate,), ())
    curve = Curve(1, "h", rate ** np.arange(STEPS + 1.0)[None])
    return Flow(cell, "trained", (curve,), (), dynamics=(layer,), **more)


def ladder(*cosines: float, chunks: bool) -> Truncations:
    steps = [Truncation(8 * 2**place, cosine, 1.0) for place, cosine in enumerate(cosines)]
    return Truncations(tuple(steps), 64, chunks)


def test_the_truncation_that_is_enough() -> None:
    text = said(of_numbers(truncations=ladder(0.5, 0.97, 0.99, chunks=True)), bptt=64)
    assert "--bptt 16 is enough: the weights' gradient points as that of all 64 steps does." in text
    text = said(of_numbers(truncations=ladder(0.5, 0.97, 0.99, chunks=True)), bptt=8)
    assert "does, and the 8 of this training is too little." in text
    two = (of_numbers("rnn", truncations=ladder(0.99, 0.99, 0.99, chunks=True)),
           of_numbers("gru", truncations=ladder(0.5, 0.7, 0.99, chunks=True)))  # fmt: skip
    assert "--bptt 32 is enough" in said(*two)
    far = of_numbers(truncations=ladder(0.5, 0.6, 0.7, chunks=True))
    assert "The weights of gru learn from far back: their gradient needs --bptt above 32." in said(far)
    last = of_numbers(truncations=ladder(0.99, 0.99, 0.99, chunks=False))
    assert "The last 8 steps give the weights the gradient of all 64 (cosine above 0.95)." in said(last)
    far = of_numbers(truncations=ladder(0.5, 0.6, 0.7, chunks=False))
    assert "needs more than 32 steps." in said(far)


def norms(ratio: float) -> Norms:
    updates = (
        Update("head", Spread(1.0, 1.0, 1.0, 1.0)),
        Update("layer 1", Spread(ratio, ratio, ratio, ratio)),
    )
    return Norms(Spread(1.0, 1.0, 1.0, 1.0), 12.3, updates)


def test_a_training_that_is_clipped_or_steps_too_far() -> None:
    text = said(of_numbers(training=ShortTraining(10, 0.75, norms(1e-3))))
    assert text.endswith("Clipping cut 75 % of the steps of gru, the largest gradient was 12.")
    calm = said(of_numbers(training=ShortTraining(10, 0.25, norms(1e-3))))
    assert "Clipping" not in calm
    assert "--learning-rate" not in calm
    far = said(of_numbers(training=ShortTraining(10, 0.0, norms(0.05))))
    assert "A step changes layer 1 of gru by 5 % of its length: --learning-rate is high." in far
    short = said(of_numbers(training=ShortTraining(10, 0.0, norms(1e-8))))
    assert "A step hardly changes layer 1 of gru: --learning-rate is low." in short


def test_what_is_read_is_the_end_of_the_training_or_the_start_that_was_typed() -> None:
    start, end = replace(of_numbers(rate=0.5), stage="gated"), of_numbers(rate=0.7)
    other = replace(of_numbers(rate=0.6), stage="torch")
    assert said(other, start, end).startswith("After training, ")
    assert said(start, other).startswith("Gated start, ")
    assert said(start, other, init="torch").startswith("PyTorch's start, ")
    through, total = replace(start, stage="time"), replace(start, stage="total")
    assert said(through, total).startswith("Through time, ")


def test_without_a_gradient_nothing_is_read() -> None:
    nothing = Flow("rnn", "trained", (Curve(1, "h", np.zeros((1, 5))),))
    assert said(nothing) == ""
    assert said(Flow("rnn", "trained", diverged=3)) == ""
    assert "the gradient vanishes in gru" in said(nothing, of_numbers())


def test_segments_are_called_so() -> None:
    text = said(of_numbers(truncations=ladder(0.99, 0.99, 0.99, chunks=False)), segment=24)
    assert "over 40 segments back" in text
    assert "The last 8 segments give" in text
    assert " step" not in text
