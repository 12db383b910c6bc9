"""An inspection from its options to what it finds."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqcli.backends.registry import CELLS, load_cell
from seqcli.errors import ModelError, UsageError
from seqcli.model_dir import read_model
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import ColumnOptions, NetworkOptions, Options, TrainingOptions
from seqcli.options_use import InspectOptions
from seqcli.sequences import Batchable, Sequences, Windows
from seqcli.training.gradients import inspection
from seqcli.training.gradients.curves import Doing, Inspection, Said
from seqcli.training.gradients.ground import Ground
from seqcli.training.gradients.inputs import drawn
from seqcli.training.gradients.inspection import (
    inspect_cells,
    inspect_model,
    saved_network,
    shortcuts,
)
from seqcli.training.gradients.short_training import short_training

GOLDEN = Path(__file__).parents[2] / "golden"
SMALL = Options(network=NetworkOptions(hidden_size=8))


def run(events) -> tuple[Inspection, list[str], list[str]]:
    """What was found, what was said, and what was going on."""
    said, doing = [], []
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value, said, doing
        if isinstance(event, Said):
            said.append(event.text)
        elif isinstance(event, Doing):
            doing.append(event.text)


def cells(files=(), options=SMALL, **inspect) -> tuple[Inspection, list[str], list[str]]:
    return run(inspect_cells(files, options, InspectOptions(**inspect)))


@pytest.fixture
def rows(tmp_path) -> str:
    """60 sequences of 12 steps in two classes."""
    path = tmp_path / "rows.csv"
    lines = ["id,step,x,label"]
    for number in range(60):
        lines += [f"{number},{step},{(step * (number % 2 + 1)) % 5},{'ab'[number % 2]}" for step in range(12)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def with_file(rows, training, **inspect) -> tuple[Inspection, list[str], list[str]]:
    options = Options(columns=ColumnOptions(id=("id",)), network=SMALL.network, training=training)
    return cells([rows], options, **inspect)


def test_random_sequences_go_through_every_cell_under_two_starts() -> None:
    found, said, _ = cells(look_back=10)
    named = [(flow.cell, flow.stage) for flow in found.flows]
    assert named == [(cell, stage) for stage in ("torch", "gated") for cell in ("rnn", "lstm", "gru")]
    assert found.steps == 10
    assert all(curve.steps == 10 for flow in found.flows for curve in flow.curves)
    assert any("random sequences of 10 steps" in text for text in said)
    assert [flow.causes[0].gate for flow in found.flows] == ["", "f", "z"] * 2


def test_another_initialisation_stands_beside_the_two() -> None:
    options = Options(network=NetworkOptions(hidden_size=8, init="chrono"))
    assert list(cells(options=options, look_back=5, cells=("gru",))[0].stages) == ["torch", "gated", "chrono"]


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, second = cells(look_back=8)[0], cells(look_back=8)[0]
    other = cells(options=Options(network=SMALL.network, training=TrainingOptions(seed=1)), look_back=8)[0]
    for ours, same, others in zip(first.flows, second.flows, other.flows, strict=True):
        np.testing.assert_array_equal(ours.curves[0].norms, same.curves[0].norms)
        assert not np.array_equal(ours.curves[0].norms, others.curves[0].norms)


def test_init_scale_multiplies_the_recurrent_weights() -> None:
    plain, scaled = (cells(look_back=30, cells=("rnn",), init_scale=scale)[0] for scale in (1.0, 3.0))
    for one, three in zip(plain.flows, scaled.flows, strict=True):
        assert three.causes[0].radius == pytest.approx(3 * one.causes[0].radius)
        assert three.carrier.rate > one.carrier.rate


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("scale", [0.9, 1.1, 0.0])
def test_the_linear_corridor(scale, layers) -> None:
    options = Options(network=NetworkOptions(hidden_size=8, num_layers=layers))
    found, said, _ = cells(options=options, look_back=40, linear=scale)
    (flow,) = found.flows
    np.testing.assert_allclose(flow.curves[-1].ratio, scale ** np.arange(41.0), rtol=1e-10)
    assert found.linear == scale
    assert "orthogonal" in said[0]


@pytest.mark.parametrize(
    ("names", "message"),
    [(("lsmt",), "no cell is called 'lsmt'"), (("gru", "none"), "carries nothing"), ((), "names no cell")],
)
def test_cells_that_cannot_be_inspected(names, message) -> None:
    with pytest.raises(UsageError, match=message):
        cells(cells=names)


# ---- trained


def test_a_file_adds_a_stage_of_trained_cells(rows) -> None:
    found, said, doing = with_file(rows, TrainingOptions(epochs=2), cells=("rnn", "gru"))
    assert list(found.stages) == ["torch", "gated", "trained"]
    assert found.steps == 12
    trained = found.stages["trained"]
    assert [flow.training.steps for flow in trained] == [6, 6]
    assert all(0 <= flow.training.clipped <= 1 for flow in trained)
    for before, after in zip(found.stages["gated"], trained, strict=True):
        assert not np.array_equal(before.curves[0].norms, after.curves[0].norms)
    assert "training rnn" in doing
    assert any(text.startswith("training: gated start, 6 steps") for text in said)


def test_clip_norm_0_clips_nothing_and_a_burst_training_is_a_finding(rows) -> None:
    free = TrainingOptions(epochs=1, clip_norm=0.0)
    assert [f.training.clipped for f in with_file(rows, free)[0].stages["trained"]] == [0.0] * 3
    tight = TrainingOptions(epochs=1, clip_norm=1e-6)
    assert [f.training.clipped for f in with_file(rows, tight)[0].stages["trained"]] == [1.0] * 3
    wild = TrainingOptions(epochs=4, clip_norm=0.0, learning_rate=1e38)
    (flow,) = with_file(rows, wild, cells=("rnn",))[0].stages["trained"]
    assert flow.diverged > 0
    assert flow.curves == ()


def test_a_short_training_is_short_unless_epochs_are_typed() -> None:
    spec = NetworkSpec((InputSpec("values", "values", 3),), (2,), hidden_size=128)
    long = Batchable({"values": Sequences(np.zeros((200 * 1000, 3)), np.arange(1001) * 200)}, np.arange(1000))
    training = TrainingOptions(epochs=50, batch_size=32)
    ground = Ground(drawn(spec, 5, 0), spec, Options(), InspectOptions())
    steps, said = short_training(long, training, ground)
    assert steps == 120_000 // (32 * 200)
    assert "120,000 time steps" in said
    assert "--epochs" in said
    typed = Ground(ground.looked, spec, Options(), InspectOptions(), epochs=3)
    assert short_training(long, training, typed)[0] == 3 * math.ceil(1000 / 32)
    few = TrainingOptions(steps=7, batch_size=32)
    assert short_training(long, few, ground) == (
        7, "training: gated start, 7 steps of 32 sequences for each cell, 0.22 epochs"
    )  # fmt: skip


def test_epochs_of_a_text_are_passes_over_its_tokens() -> None:
    spec = NetworkSpec((InputSpec("tokens", "tokens", 9, 3),), (9,), hidden_size=8, pool="none", streams=True)
    ground = Ground(drawn(spec, 5, 0), spec, Options(), InspectOptions(), epochs=2)
    fields = {"tokens": np.ones(1280, dtype=np.int64), "target": np.ones(1280, dtype=np.int64)}
    text = Windows(fields, {}, np.arange(0, 1217, 64), 64, 0)
    for bptt, batch, steps in ((64, 2, 20), (20, 4, 32), (64, 3, 14)):
        training = TrainingOptions(batch_size=batch, bptt=bptt)
        assert short_training(text, training, ground)[0] == steps


def numbers(flow) -> dict[str, np.ndarray]:
    return {curve.state: curve.norms for curve in flow.curves}


def test_looking_while_it_trains_changes_nothing_and_begins_and_ends_where_the_rest_does(rows) -> None:
    plain = with_file(rows, TrainingOptions(epochs=3), cells=("lstm",))[0]
    found = with_file(rows, TrainingOptions(epochs=3), cells=("lstm",), look_every=2)[0]
    (flow,) = found.stages["trained"]
    for state, norms in numbers(plain.stages["trained"][0]).items():
        np.testing.assert_array_equal(numbers(flow)[state], norms)
    assert [shot.step for shot in flow.snapshots] == [0, 2, 4, 6, 8, 9]
    for state, norms in numbers(found.stages["gated"][0]).items():
        np.testing.assert_array_equal(numbers(flow.snapshots[0])[state], norms)
        np.testing.assert_array_equal(numbers(flow.snapshots[-1])[state], numbers(flow)[state])
        assert not np.array_equal(numbers(flow.snapshots[2])[state], norms)
    assert math.isnan(flow.snapshots[0].norm)
    assert all(shot.norm > 0 for shot in flow.snapshots[1:])
    assert plain.stages["trained"][0].snapshots == ()


def test_the_norms_that_a_training_meets_are_those_that_are_clipped(rows) -> None:
    (flow,) = with_file(rows, TrainingOptions(epochs=4), cells=("rnn",), look_every=1)[0].stages["trained"]
    norms = np.array([shot.norm for shot in flow.snapshots[1:]])
    assert len(norms) == flow.training.steps == 12
    assert flow.training.norms.largest == norms.max()
    assert flow.training.norms.gradient.p50 == pytest.approx(np.median(norms))
    assert flow.training.clipped == pytest.approx((norms > 1.0).mean())
    middle = float(np.median(norms))
    cut = with_file(rows, TrainingOptions(epochs=1, clip_norm=middle), cells=("rnn",), look_every=1)[0]
    (flow,) = cut.stages["trained"]
    norms = np.array([shot.norm for shot in flow.snapshots[1:]])
    assert flow.training.clipped == pytest.approx((norms > middle).mean())


@pytest.mark.parametrize("cell", [name for name in CELLS if load_cell(name).states])
def test_every_cell_is_inspected_in_full(rows, cell) -> None:
    found = with_file(rows, TrainingOptions(epochs=1), cells=(cell,), look_every=2)[0]
    assert list(found.stages) == ["torch", "gated", "trained"]
    for flow in found.flows:
        (layer,) = flow.dynamics
        size = 8 * len(load_cell(cell).memory or load_cell(cell).states)
        assert layer.exponents.values.shape == (size,)
        assert layer.exponents.total == pytest.approx(layer.exponents.log_det, abs=1e-8)
        assert layer.bound > 0
        assert layer.gates
        assert [step.back for step in flow.truncations.steps] == [8]
    parts = [update.name for update in found.flows[-1].training.norms.updates]
    assert parts == ["layer 1", "stem", "head"]


# ---- saved models


def test_a_saved_network_has_the_saved_weights() -> None:
    model = read_model(GOLDEN / "classify_words.seqcli")
    network, weights = saved_network(model), model.weights()
    assert {name: tuple(w.shape) for name, w in network.state_dict().items()} == {
        name: w.shape for name, w in weights.items()
    }
    np.testing.assert_array_equal(network.head.weight.detach().numpy(), weights["head.weight"])


def test_weights_of_another_network_are_the_models_fault() -> None:
    model = read_model(GOLDEN / "classify_words.seqcli")
    for spec in (replace(model.network, hidden_size=9), replace(model.network, cell="nosuch")):
        with pytest.raises(ModelError, match="its weights are not those"):
            saved_network(replace(model, network=spec))


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_the_models_fault(monkeypatch, number) -> None:
    model = read_model(GOLDEN / "classify_words.seqcli")
    weights = model.weights()
    weights["head.bias"][0] = number
    monkeypatch.setattr(type(model), "weights", lambda self: weights)
    with pytest.raises(ModelError, match="its weights are not finite"):
        saved_network(model)


def test_the_seed_draws_the_directions_of_a_saved_models_gradients_too() -> None:
    model = read_model(GOLDEN / "forecast_single.seqcli")
    examples = Batchable({}, np.arange(0))
    norms = []
    for seed in (0, 0, 1):
        looked = drawn(model.network, 8, seed=3)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(inspection, "longest", lambda *_, looked=looked: looked)
            found, _, _ = run(inspect_model(model, examples, "x.csv", InspectOptions(), seed))
        norms.append(found.flows[0].curves[0].norms)
    np.testing.assert_array_equal(norms[0], norms[1])
    assert not np.array_equal(norms[0], norms[2])


def test_pooling_and_a_second_direction_are_told_apart() -> None:
    found, said, _ = run(
        inspect_model(read_model(GOLDEN / "classify_words.seqcli"), None, "", InspectOptions())
    )
    assert list(found.stages) == ["time", "total"]
    assert found.shortcuts == ("mean pooling", "the second direction")
    assert found.flows[0].carrier.memory < 25
    assert found.flows[1].beside(found.flows[0].carrier).memory is None
    assert "drawn evenly from the vocabulary" in said[0]
    found, _, _ = run(
        inspect_model(read_model(GOLDEN / "forecast_single.seqcli"), None, "", InspectOptions(look_back=30))
    )
    assert (list(found.stages), found.steps, found.shortcuts) == (["time"], 30, ())


def test_a_model_of_single_rows_has_no_time() -> None:
    with pytest.raises(UsageError, match="rows of one step"):
        run(inspect_model(read_model(GOLDEN / "classify_rows.seqcli"), None, "", InspectOptions()))


@pytest.mark.parametrize(
    ("pool", "both", "found"),
    [
        ("last", False, ()),
        ("none", False, ()),
        ("none", True, ()),
        ("max", False, ("max pooling",)),
        ("last", True, ("the second direction",)),
    ],
)
def test_what_is_a_shortcut(pool, both, found) -> None:
    assert shortcuts(NetworkSpec((), (2,), pool=pool, bidirectional=both)) == found
