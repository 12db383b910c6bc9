"""The length of a fit and its learning rate, by hand calculation."""

from __future__ import annotations

import math

import pytest
from tiny_fit import tiny_setup

from seqcli.training.schedules import learning_rate_at, plan_steps


def test_warm_up_is_linear_then_half_a_cosine():
    rates = [learning_rate_at(step, 100, 2.0) for step in range(100)]
    assert rates[:5] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
    assert max(rates) == 2.0
    assert rates[5] == 2.0
    middle = learning_rate_at(5 + 95 // 2, 100, 2.0)
    assert middle == pytest.approx(1 + math.cos(math.pi * 47 / 95))
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert 0 < rates[-1] < 0.001


def test_warm_up_never_lasts_longer_than_500_steps():
    assert learning_rate_at(499, 100_000, 1.0) == 1.0
    assert learning_rate_at(249, 100_000, 1.0) == 0.5


def test_one_step_is_a_whole_schedule():
    assert learning_rate_at(0, 1, 0.3) == 0.3


def test_epochs_are_passes():
    plan = plan_steps(tiny_setup(epochs=7), 30)
    assert (plan.total_steps, plan.interval, plan.epochs) == (210, 30, 7)
    assert [plan.epoch_end(epoch) for epoch in (1, 2, 7)] == [30, 60, 210]


@pytest.mark.parametrize(
    ("steps", "interval", "epochs"),
    [(1, 1, 1), (12, 3, 4), (60, 12, 5), (150, 30, 5), (200, 30, 7)],
)
def test_steps_are_scored_each_pass_or_five_times(steps, interval, epochs):
    plan = plan_steps(tiny_setup(epochs=None, steps=steps), 30)
    assert (plan.total_steps, plan.interval, plan.epochs) == (steps, interval, epochs)
    assert plan.epoch_end(plan.epochs) == steps


def test_a_fit_without_validation_is_not_cut_up():
    assert plan_steps(tiny_setup(epochs=None, steps=12), 30, scorings=1).interval == 12
    assert plan_steps(tiny_setup(epochs=None, steps=45), 30, scorings=1).epoch_end(2) == 45


def test_a_budget_gives_the_steps_and_epochs_bound_them():
    free = plan_steps(tiny_setup(epochs=None, time_budget=9.0), 30, budget_steps=1000)
    assert (free.total_steps, free.interval) == (1000, 30)
    bound = plan_steps(tiny_setup(epochs=8, time_budget=9.0), 30, budget_steps=1000)
    assert (bound.total_steps, bound.epochs) == (240, 8)
    short = plan_steps(tiny_setup(epochs=8, time_budget=9.0), 30, budget_steps=50)
    assert (short.total_steps, short.epochs) == (50, 5)


def test_of_steps_and_a_budget_the_shorter_holds():
    both = tiny_setup(epochs=None, steps=60, time_budget=9.0)
    assert plan_steps(both, 30, budget_steps=1000).total_steps == 60
    assert plan_steps(both, 30, budget_steps=50).total_steps == 50


@pytest.mark.parametrize(("steps", "epochs", "total"), [(1000, 3, 90), (20, 1, 20), (20, 3, 20)])
def test_of_steps_and_passes_the_shorter_holds(steps, epochs, total):
    assert plan_steps(tiny_setup(epochs=epochs, steps=steps), 30).total_steps == total
