"""Streams of text through the step graph, against the torch network that it was written from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_language import tiny_language

from seqcli.backends.graph import saved_graphs
from seqcli.backends.network import build_network
from seqcli.errors import ModelError
from seqcli.inference.session import GraphSession
from seqcli.inference.stream import StreamSession
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import CELLS

RNG = np.random.default_rng(7)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "none"])
@pytest.mark.parametrize("categories", [(), ("a", "b")], ids=["plain", "conditioned"])
def test_one_call_pieces_and_single_steps_say_what_torch_says(tmp_path, cell, categories) -> None:
    model, network = tiny_language(tmp_path / "x.seqcli", cell=cell, categories=categories)
    size, steps = model.network.output_shape[0], 20
    batch = {"tokens": RNG.integers(3, size, (3, steps))}
    if categories:
        batch["condition"] = np.array([[2], [3], [1]]).repeat(steps, axis=1)
    with torch.inference_mode():
        expected = network.read_on({name: torch.tensor(ids) for name, ids in batch.items()}, None)[0].numpy()
    streams = StreamSession.open(model, threads=1)
    for piece in (steps, 7, 1):
        states, parts = None, []
        for start in range(0, steps, piece):
            part = {name: ids[:, start : start + piece] for name, ids in batch.items()}
            logits, states = streams.read({**part, "target": part["tokens"]}, states)
            parts.append(logits)
        np.testing.assert_allclose(np.concatenate(parts, axis=1), expected, atol=1e-5)


def test_streams_begin_at_the_learned_state(tmp_path) -> None:
    model, network = tiny_language(tmp_path / "x.seqcli")
    start = StreamSession.open(model).start(2)
    assert list(start) == ["h_0", "c_0", "h_1", "c_1"]
    for name, state in start.items():
        np.testing.assert_array_equal(state, network.start[name].detach().numpy()[None].repeat(2, axis=0))


def test_a_state_without_a_first_value(tmp_path, monkeypatch) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli")
    whole = model.weights()
    for name, wrong in (("start.c_1", None), ("start.h_0", np.zeros(3, np.float32))):
        weights = {**whole, name: wrong}
        monkeypatch.setattr(type(model), "weights", lambda _, found=weights: found)
        with pytest.raises(ModelError, match=f"state {name.removeprefix('start.')} begins"):
            StreamSession.open(model)


def test_logits_that_are_not_numbers(tmp_path) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli")
    streams = StreamSession.open(model)
    states = {name: np.full_like(state, np.nan) for name, state in streams.start(1).items()}
    with pytest.raises(ModelError, match="not finite"):
        streams.read({"tokens": np.array([[3]])}, states)


def test_tokens_that_the_network_does_not_have(tmp_path) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli")
    with pytest.raises(ModelError, match="cannot be run"):
        StreamSession.open(model).read({"tokens": np.array([[10_000]])})


def test_a_graph_whose_arrays_have_other_shapes_than_it_states(tmp_path, monkeypatch) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli")
    streams = StreamSession.open(model)
    honest = GraphSession.run_named
    for spoil, said in (
        (lambda arrays: [arrays[0][:, :1], *arrays[1:]], "logits"),
        (lambda arrays: [*arrays[:-1], arrays[-1][:0]], "state c_1"),
    ):
        monkeypatch.setattr(
            GraphSession, "run_named", lambda self, names, batch, bad=spoil: bad(honest(self, names, batch))
        )
        with pytest.raises(ModelError, match=said):
            streams.read({"tokens": np.array([[3, 4]])})


@pytest.mark.parametrize("cell", CELLS)
def test_sound_in_pieces_is_answered_as_the_whole(cell) -> None:
    """A network that looks back alone has both graphs, and its states begin as zeros in either."""
    inputs = (InputSpec("values", "values", 6),)
    spec = NetworkSpec(inputs, (5,), cell=cell, hidden_size=8, num_layers=2, pool="none")
    assert spec.hears_on
    graphs = saved_graphs(build_network(spec, 3).eval())
    batch, step = (GraphSession(graphs[name], name, 1) for name in ("batch", "step"))
    values = RNG.normal(0, 1, (1, 23, 6)).astype(np.float32)
    whole = batch.run({"values": values, "lengths": np.array([23])})
    streams = StreamSession(step, {name: np.zeros(8) for name in step.inputs if name != "values"}, 5)
    for piece in (1, 4, 23):
        states, parts = None, []
        for start in range(0, 23, piece):
            logits, states = streams.read({"values": values[:, start : start + piece]}, states)
            parts.append(logits)
        np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-5)


@pytest.mark.parametrize(
    "other",
    [{"bidirectional": True}, {"pool": "last"}, {"stem": 1}, {"inputs": (InputSpec("t", "tokens", 9, 4),)}],
)
def test_what_looks_ahead_or_reads_no_numbers_has_no_step(other) -> None:
    spec = NetworkSpec((InputSpec("values", "values", 6),), (5,), hidden_size=8, pool="none")
    assert not replace(spec, **other).hears_on
