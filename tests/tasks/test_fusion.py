from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import minimize

from seqcli.errors import ModelError
from seqcli.tasks.classify_metrics import log_softmax
from seqcli.tasks.fusion import DOUBT, MOST_SCALE, USUAL, Fusion, fitted_scales

RNG = np.random.default_rng(3)


def drawn(rows: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two members' logits (N, C), and classes that .3 of the first and .8 of the second together draw."""
    first, second = (RNG.normal(size=(rows, classes)).astype(np.float32) * size for size in (5, 2))
    chances = np.exp(log_softmax(0.3 * first + 0.8 * second)).cumsum(axis=1)
    return first, second, (chances < RNG.random((rows, 1))).sum(axis=1).clip(0, classes - 1)


def test_the_scales_that_drew_the_classes_are_found() -> None:
    first, second, target = drawn(20_000)
    assert fitted_scales([first, second], target) == pytest.approx([0.3, 0.8], abs=0.03)


@pytest.mark.parametrize(("rows", "classes"), [(40, 2), (300, 5)])
def test_they_are_the_least_of_loss_and_doubt(rows, classes) -> None:
    first, second, target = drawn(rows, classes)

    def loss(scales: np.ndarray) -> float:
        chances = log_softmax(scales[0] * first + scales[1] * second)
        return DOUBT / 2 * ((scales - USUAL) ** 2).sum() - chances[np.arange(rows), target].sum()

    least = minimize(loss, [0.5, 0.5], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9})
    assert fitted_scales([first, second], target) == pytest.approx(least.x, abs=1e-4)


def test_few_rows_change_little_and_none_nothing() -> None:
    first, second, target = drawn(2)
    assert fitted_scales([first / 5, second / 5], target) == pytest.approx([USUAL, USUAL], abs=0.3)
    assert fitted_scales([first[:0], second[:0]], target[:0]) == [USUAL, USUAL]


def test_a_member_that_speaks_against_the_truth_is_left_out() -> None:
    first, second, target = drawn(5000)
    assert fitted_scales([-first, second], target)[0] == 0
    alone = fitted_scales([second], target)
    assert fitted_scales([-first, second], target)[1] == pytest.approx(alone[0])
    assert fitted_scales([-first, -second], target) == [USUAL, USUAL]


def test_a_sum_is_scaled_and_a_network_alone_too() -> None:
    first, second, target = drawn(2000)
    both = Fusion.fit(first, second, target)
    np.testing.assert_allclose(
        both.joined(first, second), both.network * first + both.prior * second, rtol=1e-4
    )
    alone = Fusion.fit(first, None, target)
    assert alone.network == both.network_alone
    np.testing.assert_allclose(alone.joined(first, None), alone.network * first, rtol=1e-6)


def test_scales_survive_json_and_nothing_else_is_some() -> None:
    fusion = Fusion(0.2, 0.9, 0.4, 1.1)
    assert Fusion.from_json(json.loads(json.dumps(fusion.to_json()))) == fusion
    for name, wrong in [("prior", -0.1), ("network", MOST_SCALE * 1.01), ("prior_alone", float("nan"))]:
        with pytest.raises(ModelError):
            Fusion.from_json({**fusion.to_json(), name: wrong})
