"""A state that is carried over all steps of a series: what is read when, and what comes out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from seqcli.backends.graph import carried_graph
from seqcli.backends.network import build_network
from seqcli.backends.registry import CELLS
from seqcli.errors import ModelError
from seqcli.network import RESIDUAL, NetworkSpec
from seqcli.preprocessing.calendar import Calendar
from seqcli.saved.graph_check import check_graph
from seqcli.saved.record import check_record, is_step_signature
from seqcli.sequences import TARGET
from seqcli.tasks.forecasting.carried import ASKED, FRESH, Lanes, pieces, reading
from seqcli.tasks.forecasting.panel import Panel
from seqcli.tasks.forecasting.starts import part_starts
from seqcli.tasks.forecasting.windows import AHEAD, LENGTHS, VALUES, Answering, Frame, make_windows
from seqcli.training import carried
from seqcli.training.carried import carried_outputs

GOLDEN = Path(__file__).parents[1] / "golden" / "forecast_single.seqcli"
WINDOW, HORIZON = 6, 3
SIZES = (60, 23, 5, 31)
"""Steps of each series; one is shorter than a window."""


def panel_of(targets: int = 2) -> tuple[Panel, np.ndarray]:
    """Some series of two targets and a column beside them, and what they are scaled."""
    rng = np.random.default_rng(0)
    hours = np.datetime64("2024-01-01T00", "us") + np.arange(max(SIZES)) * np.timedelta64(1, "h")
    stamps = [hours[:size] for size in SIZES]
    calendar = Calendar.fit(stamps)
    values = np.cumsum(rng.normal(size=(sum(SIZES), 3)), axis=0)
    values[7, 0] = np.nan
    none = np.zeros(len(values), dtype=np.int64)
    lengths = np.array(SIZES, dtype=np.int64)
    names = tuple(f"s{row}" for row in range(len(SIZES)))
    panel = Panel(names, lengths, 0, targets, np.concatenate(stamps), values, none, calendar)
    panel = panel.with_room(calendar, HORIZON)
    return panel, np.nan_to_num(panel.values).astype(np.float32)


def windows_with(decoder: str, labelled: bool = True):
    """All windows of the panel as a network with that decoder sees them."""
    panel, scaled = panel_of()
    every = panel.spans(0 * panel.lengths, panel.lengths)
    starts = part_starts(panel, every, WINDOW, HORIZON)
    recursive = decoder == "recursive"
    answers = Answering(int(recursive), feeds_back=recursive, stateful=True)
    frame = Frame.fit(panel, scaled, starts, (WINDOW, HORIZON, 1), every, answers)
    return make_windows(panel, frame, scaled, starts, every if labelled else None)


def network_on(examples, cell: str, decoder: str, band: bool = False):
    """A network of two layers, its weights away from their start."""
    targets = examples.panel.targets
    spec = NetworkSpec(
        examples.inputs(),
        (HORIZON, targets),
        cell,
        5,
        2,
        decoder=decoder,
        each_target=decoder == "recursive",
        stateful=True,
        band=band,
    )
    network = build_network(spec, 1)
    with torch.no_grad():
        torch.manual_seed(2)
        for weight in network.parameters():
            weight += 0.3 * torch.randn_like(weight)
        if cell in RESIDUAL and network.decoder is not None:
            # What a block says is as long as a norm makes it; a forecast of it is to be as small as others.
            network.decoder.project.weight.mul_(0.3)
    return network.eval()


def by_hand(network, examples, row: int) -> np.ndarray:
    """The answer at one window, the whole series being read anew, step by step, in the open."""
    panel, origin = examples.panel, int(examples.origins[row])
    first, spread = int(panel.offsets[examples.series[row]]), examples.frame.value_spread
    scaled, targets = examples.windows.past[VALUES], panel.targets
    states, outputs = None, None
    for at in range(first, origin):
        now = scaled[at].copy()
        now[:targets] -= scaled[max(at - 1, first), :targets]
        parts = [np.clip(now / spread, -10, 10), panel.missing_share[at : at + 1]]
        if not examples.frame.segment:
            parts.append(panel.calendar_features[at])
        x = torch.from_numpy(np.concatenate(parts).astype(np.float32))[None, None]
        read = x if network.segments is None else network.segments(x)
        outputs, states = network.encoder.run(read, torch.ones(len(read), dtype=torch.int64), states)
    known = panel.calendar_features[origin : origin + HORIZON]
    if network.decoder is None:
        ahead = torch.from_numpy(known[0])[None]
        said = network.head(torch.cat([outputs[:, -1], ahead], dim=-1)).view(HORIZON, targets)
        return said.detach().numpy()
    told = network.decoder.known(torch.from_numpy(known)).detach()  # (H, hidden)
    answers = np.zeros((HORIZON, targets), dtype=np.float32)
    others = x[0, -1, targets:]
    total = np.zeros(targets, dtype=np.float32)
    for step in range(HORIZON):
        top = outputs[:, -1] + network.decoder.reader + told[step]
        change = network.decoder.project(top)  # (K, 1): a step further, not a distance from the last value
        total += change.detach().numpy()[:, 0]
        answers[step] = total
        read = torch.cat([change, others.expand(targets, -1)], dim=-1)[:, None]
        outputs, states = network.encoder.run(
            network.segments.read(read), torch.ones(targets, dtype=torch.int64), states
        )
    return answers


COMBINATIONS = [(cell, "direct") for cell in CELLS] + [
    (cell, "recursive") for cell in CELLS if cell != "none"
]


@pytest.mark.parametrize(("cell", "decoder"), COMBINATIONS)
@pytest.mark.parametrize("at_once", [carried.ANSWERED, 3])
def test_every_answer_is_that_of_the_whole_series_so_far(cell, decoder, at_once, monkeypatch) -> None:
    monkeypatch.setattr(carried, "ANSWERED", at_once)
    examples = windows_with(decoder).take(np.random.default_rng(1).permutation(60)[:25])
    network = network_on(examples, cell, decoder)
    outputs = carried_outputs(network, examples)
    expected = np.stack([by_hand(network, examples, row) for row in range(len(examples))])
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5)
    assert np.ptp(expected) > 0.5


@pytest.mark.parametrize(("cell", "decoder"), COMBINATIONS)
@pytest.mark.parametrize("band", [False, True])
def test_the_graph_says_what_the_network_says(cell, decoder, band) -> None:
    examples = windows_with(decoder, labelled=False)
    network = network_on(examples, cell, decoder, band)
    graph = carried_graph(network)
    assert is_step_signature(check_graph(graph), network.spec)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs() if item.name not in (VALUES, AHEAD)]
    assert len(names) == 2 * len(network.encoder.forward_cells[0].states)
    readers = network.spec.readers
    states = {name: np.zeros((len(SIZES), readers, 5), np.float32) for name in names}
    outputs = np.full((len(examples), HORIZON, 2, *([3] if band else [])), np.nan, np.float32)
    for piece in pieces(examples, examples.panel.offsets):
        feed = {name: state[piece.series].reshape(-1, 5) for name, state in states.items()}
        said, *after = session.run(
            ["output", *(f"next_{name}" for name in names)], {**reading(examples, piece.positions), **feed}
        )
        for name, state in zip(names, after, strict=True):
            states[name][piece.series] = state.reshape(-1, readers, 5)
        if piece.rows is not None:
            outputs[piece.rows] = said
    wanted = carried_outputs(network, examples)
    np.testing.assert_allclose(outputs, wanted, rtol=0, atol=1e-5)
    if band:  # which moves no answer
        network.band = None
        if network.decoder is not None:
            network.decoder.band = None
        network.spec = replace(network.spec, band=False)
        np.testing.assert_allclose(wanted[..., 0], carried_outputs(network, examples), rtol=0, atol=1e-6)


def test_each_step_is_read_once_and_in_order() -> None:
    examples = windows_with("direct")
    read: dict[int, list[int]] = {}
    ended = []
    for piece in pieces(examples, examples.panel.offsets):
        for series, positions in zip(piece.series.tolist(), piece.positions.tolist(), strict=True):
            read.setdefault(series, []).extend(positions)
        ended += [] if piece.rows is None else piece.rows.tolist()
    assert sorted(ended) == list(range(len(examples)))
    for series, positions in read.items():
        first = int(examples.panel.offsets[series])
        last = int(examples.origins[examples.series == series].max())
        assert positions == list(range(first, last))


@pytest.mark.parametrize(("rows", "stretch"), [(1, 4), (3, 4), (2, 7), (4, 50)])
def test_rows_of_a_batch_read_on_where_they_stopped(rows, stretch) -> None:
    examples = windows_with("recursive")
    lanes, panel = Lanes(examples, rows, stretch, seed=3), examples.panel
    begun, follows, ends = [-1] * rows, 0, examples.panel.offsets + 0
    np.maximum.at(ends, examples.series, examples.origins)
    targets, seen = 0, set[int]()
    for step in range(40):
        batch = lanes.batch(step)
        size = batch[VALUES].shape[1]
        at = (np.arange(rows) * lanes._steps + step % lanes._steps) % len(lanes._begins)
        begins = lanes._begins[at]
        series = panel.series_of(begins)
        assert (begins >= panel.offsets[series]).all()
        assert (begins + size <= ends[series]).all()  # never beyond the last step that may be read
        for row, (begin, fresh) in enumerate(zip(begins.tolist(), batch[FRESH].tolist(), strict=True)):
            assert fresh or begin == begun[row] + size
            follows += not fresh
            begun[row] = begin
        for ask, end in enumerate(batch[ASKED].tolist()):
            for row, begin in enumerate(begins.tolist()):
                origin, whose = begin + end, panel.series_of(np.array([begin]))[0]
                known = ~np.isnan(batch[TARGET][row, ask])
                if origin - WINDOW < panel.offsets[whose]:
                    assert not known.any()
                    continue
                future = examples.windows.future[TARGET][origin : origin + HORIZON]
                last = examples.windows.past[VALUES][origin - 1, :2]
                wanted = (future - last) / examples.frame.target_spread
                np.testing.assert_allclose(batch[TARGET][row, ask], wanted, rtol=1e-5, atol=1e-5)
                targets += int(known.sum())
                seen.add(origin)
    assert targets > 100
    assert follows > 10 or stretch == 50
    assert len(seen) > 25


def test_a_stretch_is_read_as_its_steps_are() -> None:
    """Answers in a stretch, and the state behind it, are those of reading on step by step."""
    for decoder in ("direct", "recursive"):
        examples = windows_with(decoder)
        network, lanes = network_on(examples, "lstm", decoder), Lanes(examples, 2, 8, seed=0)
        states, reads = None, network.spec.readers
        for step in range(2):
            batch = {name: torch.from_numpy(field) for name, field in lanes.batch(step).items()}
            with torch.no_grad():
                out, after = network.read_on(batch, states)
            assert out.shape == (2, 8, HORIZON, 2)
            kept = None if states is None else (~batch[FRESH]).repeat_interleave(reads)[:, None]
            begin = None if states is None else [tuple(part * kept for part in cell) for cell in states]
            for ask, end in enumerate(batch[ASKED].tolist()):
                shorter = {**batch, VALUES: batch[VALUES][:, :end], ASKED: torch.tensor([end])}
                shorter[AHEAD] = batch[AHEAD][:, ask : ask + 1]
                shorter[FRESH] = torch.zeros(2, dtype=torch.bool)
                with torch.no_grad():
                    alone, last = network.read_on(shorter, begin)
                torch.testing.assert_close(alone[:, 0], out[:, ask], rtol=0, atol=1e-5)
            torch.testing.assert_close(last[0][1], after[0][1], rtol=0, atol=1e-6)
            states = after


def test_a_window_is_read_from_zero_where_gradients_are_looked_at() -> None:
    examples = windows_with("direct")
    batch = examples.batch(np.arange(3))
    assert batch[VALUES].shape[:2] == (3, WINDOW)
    assert batch[LENGTHS].tolist() == [WINDOW] * 3


@pytest.mark.parametrize(
    "change",
    [{"bidirectional": True}, {"pool": "mean"}, {"skip": (0, 1)}, {"stateful": 1}, {"stateful": "yes"}],
)
def test_a_saved_network_cannot_carry_what_it_does_not_have(change) -> None:
    record = json.loads((GOLDEN / "model.json").read_text(encoding="utf-8"))
    spec = network_on(windows_with("direct"), "gru", "direct").spec
    assert check_record({**record, "network": spec.to_json()}, "model.json").stateful
    with pytest.raises(ModelError, match="carries a state that it cannot have"):
        check_record({**record, "network": replace(spec, **change).to_json()}, "model.json")
