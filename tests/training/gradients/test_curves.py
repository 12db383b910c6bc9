"""Rates, memories and fates of planted curves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seqcli.training.gradients.curves import Curve, Flow, Inspection


def curve(norms, state: str = "h") -> Curve:
    return Curve(1, state, np.atleast_2d(np.asarray(norms, dtype=float)))


def power(base: float, steps: int = 100) -> Curve:
    return curve(base ** np.arange(steps + 1.0))


@pytest.mark.parametrize(
    ("base", "memory", "fate"),
    [(0.5, 7, "vanishes"), (0.9, 44, "vanishes"), (0.99, None, "lasts"), (1.0, None, "lasts"),
     (1.03, None, "grows"), (1.1, None, "explodes")],
)  # fmt: skip
def test_a_power_law(base, memory, fate) -> None:
    found = power(base)
    assert found.rate == pytest.approx(base, rel=1e-12)
    assert (found.memory, found.fate) == (memory, fate)
    assert found.ratio[3] == pytest.approx(base**3)
    half = found.half_life
    if base < 1:
        assert base**half == pytest.approx(0.5)
    else:
        assert half is None or half > 1e6
    reach = memory if memory is not None else math.log(0.01) / math.log(base) if base < 1 else math.inf
    assert found.reach == pytest.approx(reach) or (base == 1.0 and found.reach > 1e6)


def test_mean_and_percentiles_are_over_the_sequences_that_reach_so_far() -> None:
    norms = np.array([[1.0, 0.5, 0.25], [3.0, 1.5, np.nan]])
    found = curve(norms)
    np.testing.assert_allclose(found.mean, [2.0, 1.0, 0.25])
    np.testing.assert_allclose(found.percentiles[1], [2.0, 1.0, 0.25])
    np.testing.assert_allclose(found.percentiles[:, 0], np.percentile([1.0, 3.0], [10, 50, 90]))


def test_zero_and_what_is_behind_it_are_left_out_of_the_rate() -> None:
    found = curve([1.0, 0.5, 0.25, 0.0, 0.0, 7.0])
    assert found.rate == pytest.approx(0.5)
    assert found.memory == 3
    gone = curve([1.0, 0.0, 0.0])
    assert (gone.rate, gone.half_life, gone.memory) == (0.0, 0.0, 1)
    assert curve([1.0, 1e-150, 1e-300, 1e-310]).rate == pytest.approx(1e-150, rel=1e-6)


def test_an_overflow_is_an_explosion() -> None:
    found = curve([1.0, 1e200, math.inf, math.inf])
    assert found.rate == pytest.approx(1e200)
    assert (found.fate, found.growth) == ("explodes", math.inf)
    at_once = curve([1.0, math.inf])
    assert math.isinf(at_once.rate)
    assert at_once.fate == "explodes"


def test_without_any_gradient_there_is_no_rate() -> None:
    found = curve([0.0, 0.0, 0.0])
    assert math.isnan(found.rate)
    assert found.half_life is None
    assert found.reach == 0.0


def test_a_memory_is_measured_against_its_own_peak() -> None:
    values = [0.1, 1.0, 0.5, 0.009, 0.0009]
    assert curve(values, "c").peak == 1
    assert curve(values, "c").memory == 3
    np.testing.assert_allclose(curve(values, "c").ratio, values)
    assert curve(values).peak == 0
    assert curve(values).memory == 4  # 1 % of the last step's .1
    np.testing.assert_allclose(curve(values).ratio[1], 10.0)


def test_the_state_that_reaches_furthest_carries() -> None:
    flow = Flow("lstm", "torch", (power(0.5), power(0.9), power(0.7)))
    assert flow.carrier is flow.curves[1]
    lasting = Flow("lstm", "torch", (power(0.97), power(0.99), power(0.5)))
    assert lasting.carrier is lasting.curves[1]
    assert lasting.beside(Curve(1, "h", np.ones((1, 2)))) is lasting.curves[0]


def test_stages_keep_their_order() -> None:
    flows = tuple(Flow(cell, stage) for stage in ("torch", "gated") for cell in ("rnn", "gru"))
    assert {stage: [flow.cell for flow in found] for stage, found in Inspection(flows, 9).stages.items()} == {
        "torch": ["rnn", "gru"],
        "gated": ["rnn", "gru"],
    }
