"""The verdict's words follow from planted numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqcli.backends.network import build_network
from seqcli.network import InputSpec, NetworkSpec
from seqcli.reporting.gradient_verdict import share, verdict
from seqcli.training.gradients.causes import causes
from seqcli.training.gradients.curves import Cause, Curve, Flow, Inspection, ShortTraining
from seqcli.training.gradients.flow import through_time
from seqcli.training.gradients.inputs import drawn

STEPS = 100
PLAIN = Cause(slope=0.9, radius=0.6, stretch=1.2)


def gate(name: str, mean: float, widest: float = 0.0) -> Cause:
    return Cause(name, mean, widest or mean, stretch=1.3)


def flow(cell: str, rate: float, cause: Cause, stage: str = "torch", state: str = "h", **more) -> Flow:
    norms = rate ** np.arange(STEPS + 1.0)
    return Flow(cell, stage, (Curve(1, state, norms[None]),), (cause,), **more)


def said(*flows: Flow, **more) -> str:
    return "\n".join(verdict(Inspection(tuple(flows), STEPS, **more)))


def test_vanishing_names_the_gate_that_loses_half() -> None:
    text = said(flow("lstm", 0.5, gate("f", 0.5), state="c"))
    assert text == (
        "PyTorch's start: lstm vanishes: below 1 % after 7 steps; forget gate 0.50: half is lost each step"
    )
    text = said(flow("gru", 0.73, gate("z", 0.73), "gated"))
    assert text == (
        "gated start: gru vanishes: below 1 % after 15 steps; update gate 0.73: 27 % is lost each step"
    )


def test_an_output_that_nothing_reaches_is_told() -> None:
    nothing = Flow("gru", "total", (Curve(1, "h", np.zeros((1, STEPS + 1))),), (gate("z", 0.5),))
    text = said(flow("gru", 0.5, gate("z", 0.5), "time"), nothing, shortcuts=("mean pooling",))
    assert text.endswith("in total: the output has no gradient at all")


def test_a_drop_ahead_of_a_slow_end_is_told() -> None:
    norms = 0.95 ** np.arange(STEPS + 1.0)
    norms[1:] *= 0.02
    fast = Flow("lstm", "torch", (Curve(1, "h", norms[None]),), (gate("f", 0.95),))
    assert "vanishes: below 1 % after 14 steps, fastest at first; forget gate 0.95" in said(fast)


def test_exploding_names_the_matrix() -> None:
    text = said(flow("rnn", 1.2, Cause(slope=0.6, radius=2.0, stretch=2.1)))
    assert "rnn explodes: 1.20-fold a step, 8.3e+07 times in all" in text
    assert "spectral radius of W_hh 2.00, of which tanh passes 0.60: more returns than is lost" in text
    assert "grows: 1.03-fold a step, 19 times in all" in said(flow("rnn", 1.03, PLAIN))


def test_neither_says_how_far_it_would_go() -> None:
    text = said(flow("lstm", 0.98, gate("f", 0.98), "trained", training=ShortTraining(10, 0.25)))
    assert text == (
        "after training: lstm lasts: 13 % is left after 100 steps, 1 % after some 228 at this rate; "
        "forget gate 0.98: 2 % is lost each step; steps clipped: lstm 25 %"
    )
    assert "lasts: 100 % is left after 100 steps; " in said(flow("rnn", 1.0, PLAIN))


@pytest.mark.parametrize(
    ("rate", "cause", "words"),
    [
        (0.63, gate("f", 0.5), "half is lost each step (37 % in all: W_hh, which stretches up to 1.3-fold"),
        (0.9, gate("f", 0.6, 0.95), "(10 % in all: a tenth of the units stand at 0.95 and more)"),
        (0.5, gate("z", 0.9), "(50 % in all: its units differ, and the candidate takes some back)"),
        (1.01, gate("z", 0.6), "(more returns than is lost: W_hh"),
        (0.5, gate("k", 0.5), "gate k 0.50"),
        (
            0.55,
            Cause(slope=0.9, stretch=1.2),
            "W_hh stretches up to 1.20-fold, of which tanh passes 0.90: 45 %",
        ),
    ],
)
def test_a_rate_that_the_gate_alone_does_not_explain(rate, cause, words) -> None:
    assert words in said(flow("cell", rate, cause))


def test_the_cells_are_ranked() -> None:
    three = (flow("rnn", 0.6, PLAIN), flow("lstm", 0.9, gate("f", 0.9)), flow("gru", 0.8, gate("z", 0.8)))
    assert said(*three).startswith("PyTorch's start: lstm remembers longest (steps: lstm 44, gru 21, rnn 10)")
    assert "for all" not in said(*three)
    equal = [replace(each, cell=name) for name, each in zip("ab", (three[0], three[0]), strict=True)]
    assert "all remember equally long (steps: a 10, b 10)" in said(*equal)
    lasting = (flow("rnn", 0.98, PLAIN), flow("gru", 0.99, gate("z", 0.99)))
    assert "gru remembers longest (steps: gru about 458, rnn about 228)" in said(*lasting)
    wild = (flow("rnn", 1.2, PLAIN), flow("lstm", 1.01, gate("f", 0.6)), flow("gru", 1.03, gate("z", 0.6)))
    assert "lstm remembers longest (steps: lstm > 100), rnn explodes, gru grows" in said(*wild)


def test_gates_that_do_not_help_are_said_not_to() -> None:
    start = (flow("rnn", 0.6, PLAIN), flow("lstm", 0.55, gate("f", 0.5)), flow("gru", 0.6, gate("z", 0.5)))
    assert "; lstm and gru, for all their gates, no longer than the plain rnn" in said(*start)
    hardly = (flow("rnn", 0.6, PLAIN), flow("gru", 0.64, gate("z", 0.5)))
    assert "; gru, for all its gates, hardly longer than the plain rnn" in said(*hardly)


def test_a_training_that_exploded_is_a_finding() -> None:
    lines = said(Flow("rnn", "trained", diverged=7), flow("gru", 0.9, gate("z", 0.9), "trained"))
    assert "gru remembers longest (steps: gru 44), the training of rnn exploded" in lines
    assert "- rnn: the training exploded, by step 7 its numbers are NaN or infinite" in lines


def test_without_a_gradient_that_is_said() -> None:
    nothing = Flow("rnn", "torch", (Curve(1, "h", np.zeros((1, 5))),), (PLAIN,))
    assert said(nothing) == "PyTorch's start: rnn: the last state has no gradient at all"


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (
            0.9,
            "by 0.9, so that after 100 steps 0.9^100 = 2.7e-05 of it is left (found: 2.7e-05); it vanishes",
        ),
        (
            2.0,
            "by 2, so that after 100 steps 2^100 = 1.3e+30 times as much is there (found: 1.3e+30)",
        ),
        (0.0, "0^100 = 0 of it is left (found: 0); it vanishes"),
        (1e6, "1e+06^100 times as much is there"),
    ],
)
def test_the_linear_corridor(scale, words) -> None:
    with np.errstate(over="ignore"):
        assert words in said(flow("linear", scale, PLAIN, "linear"), linear=scale)


def test_a_total_that_does_not_decay_is_put_down_to_its_paths() -> None:
    through = flow("gru", 0.8, gate("z", 0.8), "time")
    total = flow("gru", 0.995, gate("z", 0.8), "total")
    lines = said(through, total, shortcuts=("mean pooling",)).splitlines()
    assert lines[0].startswith("through time: gru vanishes: below 1 % after 21 steps")
    assert lines[1] == (
        "in total: 61 % is left after 100 steps; mean pooling gives every step a path of its own to the "
        "output, which is no memory"
    )
    fading = flow("gru", 0.9, gate("z", 0.8), "total")
    two = said(through, fading, shortcuts=("max pooling", "the second direction"))
    assert "below 1 % after 44 steps; max pooling and the second direction give every step" in two


def test_a_planted_scaled_identity_outlasts_a_default_gru() -> None:
    flows = []
    for cell in ("rnn", "gru"):
        spec = NetworkSpec((InputSpec("values", "values", 4),), (1,), cell, 16, init="torch")
        network = build_network(spec, 0)
        if cell == "rnn":
            with torch.no_grad():
                only = network.encoder.layers[0].forward_cell
                torch.nn.init.eye_(only.weight_hh).mul_(0.95)
                for weight in (only.weight_ih, only.bias_ih, only.bias_hh):
                    weight.mul_(0.01)
        batch = drawn(spec, 60, 0).batch
        found = tuple(through_time(network, batch))
        flows.append(Flow(cell, "torch", found, tuple(causes(network, batch))))
    plain, gated = (each.carrier for each in flows)
    assert plain.reach > 5 * gated.reach
    text = "\n".join(verdict(Inspection(tuple(flows), 60)))
    assert "PyTorch's start: rnn remembers longest (steps: rnn " in text
    assert "gru, for all its gates, no longer than the plain rnn" in text
    assert "spectral radius of W_hh 0.95" in text


@pytest.mark.parametrize(
    ("part", "shown"), [(1.0, "100 %"), (0.27, "27 %"), (0.0123, "1.2 %"), (0.0, "0"), (3e-6, "3e-06")]
)
def test_shares(part, shown) -> None:
    assert share(part) == shown
    assert math.isfinite(part)
