"""A time budget: the probe leaves no trace, its steps replay the run, a resumed run spends what is left."""

from __future__ import annotations

import pytest
from tiny_fit import TinyNetwork, advance, drain, new_fit, result_of, store_in

from seqcli.training import loop
from seqcli.training.events import Notice


def budget_setup(budget=1000.0):
    return {"time_budget": budget, "epochs": None, "patience": None}


def probe_says(monkeypatch, steps):
    monkeypatch.setattr(loop, "probe_steps", lambda *_, **__: (steps, 0.001))


def test_the_probe_leaves_no_trace_and_its_steps_replay_the_run(tmp_path):
    network = TinyNetwork()
    events, outcome = drain(new_fit(None, network, **budget_setup(0.3)))
    assert isinstance(events[0], Notice)
    assert "fit into 0.3 s" in events[0].text
    assert outcome.replay["time_budget"] is None
    replayed = TinyNetwork()
    _, again = drain(new_fit(None, replayed, **{**budget_setup(), **outcome.replay}))
    assert result_of(network, outcome, tmp_path / "a") == result_of(replayed, again, tmp_path / "b")
    assert again.replay == {}


@pytest.mark.parametrize(("fitting", "run"), [(50, 30), (20, 20)])
def test_steps_do_not_lift_a_budget_nor_a_budget_steps(monkeypatch, fitting, run):
    probe_says(monkeypatch, fitting)
    _, outcome = drain(new_fit(None, **{**budget_setup(), "steps": 30}))
    assert outcome.steps == run
    assert outcome.replay["steps"] == run


def test_a_resumed_run_keeps_its_steps(tmp_path, monkeypatch):
    probe_says(monkeypatch, 50)
    whole = TinyNetwork()
    _, expected = drain(new_fit(None, whole, **budget_setup()))
    assert expected.steps == 50
    advance(new_fit(store_in(tmp_path), **budget_setup()), 20)
    monkeypatch.setattr(loop, "probe_steps", None)  # a second probe would fail
    network = TinyNetwork()
    _, outcome = drain(new_fit(store_in(tmp_path), network, **budget_setup()))
    assert result_of(network, outcome, tmp_path / "a") == result_of(whole, expected, tmp_path / "b")


def test_a_resumed_run_spends_what_is_left(tmp_path, monkeypatch):
    """900 of 1000 s are spent when it goes on: 100 s later it ends at the next epoch."""
    probe_says(monkeypatch, 10_000)
    now = 0.0
    monkeypatch.setattr(loop.time, "monotonic", lambda: now)
    stream = new_fit(store_in(tmp_path), **budget_setup())
    for _ in range(1 + 9 + 3):
        next(stream)
    now = 900.0
    advance(stream, 1)
    stream = new_fit(store_in(tmp_path), **budget_setup())
    for _ in range(1 + 4):
        next(stream)
    assert next(stream).epoch == 2
    for _ in range(8):
        next(stream)
    now = 1001.0
    assert next(stream).epoch == 3
    with pytest.raises(StopIteration) as end:
        next(stream)
    outcome = end.value.value
    assert "the time budget of 1000 s is spent" in outcome.reason
    assert outcome.replay == {"steps": 10_000, "stop_at": 24, "time_budget": None}
    monkeypatch.undo()
    _, again = drain(new_fit(None, **{**budget_setup(), **outcome.replay}))
    assert again.history == outcome.history
    assert again.reason == "stopped at step 24 of 10,000 (--stop-at 24)"


def test_a_budget_that_patience_ended_is_replayed_by_patience(monkeypatch):
    probe_says(monkeypatch, 10_000)
    _, outcome = drain(new_fit(None, **{**budget_setup(), "patience": 1}))
    assert outcome.steps < 10_000
    assert outcome.replay == {"steps": 10_000, "stop_at": None, "time_budget": None}
    _, again = drain(new_fit(None, **{**budget_setup(), "patience": 1, **outcome.replay}))
    assert again.history == outcome.history
