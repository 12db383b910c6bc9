"""Truncated backpropagation through time: which token is read when, what is carried, and exact resumes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_fit import drain
from tiny_stream import BATCH, RECURRENT, SIZE, a_text, network_of, setup_of
from torch import nn
from torch.nn import functional as F

from seqcli.backends.network import build_network
from seqcli.backends.numpy_cells import NUMPY_CELLS
from seqcli.backends.registry import CELLS
from seqcli.errors import DivergedError
from seqcli.network import InputSpec, NetworkSpec
from seqcli.preprocessing.corpus import Corpus
from seqcli.readers.table import Table
from seqcli.sequences import LENGTHS, TARGET
from seqcli.tasks.base import Plan
from seqcli.tasks.language import Language
from seqcli.training import streams
from seqcli.training.budget import probe_steps
from seqcli.training.events import EpochDone
from seqcli.training.feeds import RowFeed, make_feed
from seqcli.training.loop import fit
from seqcli.training.signals import Interrupt
from seqcli.training.stepping import Stepper, make_trainer
from seqcli.training.streams import (
    FRESH_SHARE,
    LEAST_STEPS,
    UNSCORED_STEPS,
    StreamFeed,
    go_on,
    text_surprisals,
)


def start_away_from_zero(network):
    """As after some training: a learned first state."""
    with torch.no_grad():
        for number, weight in enumerate(network.start.values()):
            weight.copy_(torch.linspace(-0.9, 0.7, len(weight)) * (-1) ** number)
    return network


def tensors(batch):
    return {name: torch.from_numpy(values) for name, values in batch.items()}


# ---- which token is read when


def numbered(length):
    """A text whose tokens are their own places."""
    places = np.arange(length)
    return {"tokens": places, TARGET: (places + 1) % length, "condition": places + 1_000}


@settings(deadline=None)
@given(st.integers(1, 500), st.integers(1, 9), st.integers(1, 40), st.integers(0, 10_000), st.integers(0, 99))
def test_each_row_reads_on_where_it_stopped(length, rows, steps, at, seed):
    feed = StreamFeed(numbered(length), None, setup_of(batch_size=rows, bptt=steps, seed=seed))
    first, second = feed.batch(at), feed.batch(at + 1)
    assert set(first) == {"tokens", TARGET, "condition", LENGTHS, "fresh"}
    assert first["tokens"].shape == first[TARGET].shape == (rows, steps)
    assert first[LENGTHS].tolist() == [steps] * rows
    assert first["fresh"].shape == (rows,)
    for batch in (first, second):
        np.testing.assert_array_equal(batch[TARGET], (batch["tokens"] + 1) % length)
        np.testing.assert_array_equal(batch["condition"], batch["tokens"] + 1_000)
        np.testing.assert_array_equal(np.diff(batch["tokens"], axis=1) % length, 1 % length)
    np.testing.assert_array_equal(second["tokens"][:, 0], (first["tokens"][:, -1] + 1) % length)
    assert feed.cells(at) == rows * steps


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 9), st.integers(LEAST_STEPS, LEAST_STEPS + 30))
def test_a_pass_reads_each_token_once(rows, steps, count):
    text = numbered(rows * steps * count)
    feed = StreamFeed(text, text, setup_of(batch_size=rows, bptt=steps))
    assert feed.steps_per_pass == count
    for start in (0, count, 7 * count):
        read = np.concatenate([feed.batch(start + step)["tokens"].ravel() for step in range(count)])
        np.testing.assert_array_equal(np.sort(read), np.arange(rows * steps * count))


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 9), st.integers(1, 3_000), st.booleans())
def test_a_pass_leaves_out_nothing_whatever_the_length(rows, steps, length, chosen):
    text = numbered(length)
    feed = StreamFeed(text, text if chosen else None, setup_of(batch_size=rows, bptt=steps))
    least = LEAST_STEPS if chosen else UNSCORED_STEPS
    assert feed.steps_per_pass == max(least, math.ceil(length / (rows * steps)))
    read = np.concatenate([feed.batch(step)["tokens"].ravel() for step in range(feed.steps_per_pass)])
    counts = np.bincount(read, minlength=length)
    assert counts.min() >= 1
    even = feed.steps_per_pass * rows * steps / length
    assert counts.max() <= math.ceil(even) + rows  # near where one row hands over to the next


def test_rows_begin_at_places_far_apart():
    feed = StreamFeed(numbered(1_003), None, setup_of(batch_size=4, bptt=5))
    assert feed.batch(0)["tokens"][:, 0].tolist() == [0, 250, 501, 752]


def test_rows_begin_anew_now_and_then_by_seed_and_step_alone():
    def fresh(seed, count=2_000):
        feed = StreamFeed(numbered(100), None, setup_of(batch_size=5, seed=seed))
        return np.array([feed.batch(step)["fresh"] for step in range(count)])

    share = fresh(1).mean()
    assert share == pytest.approx(FRESH_SHARE, abs=4 * math.sqrt(0.1 * 0.9 / 10_000))
    np.testing.assert_array_equal(fresh(1, 50), fresh(1, 50))
    assert (fresh(1, 50) != fresh(2, 50)).any()


def test_a_feed_is_made_of_streams_where_gradients_are_cut():
    text = a_text(60)
    assert isinstance(make_feed(text, None, setup_of()), StreamFeed)
    assert isinstance(make_feed(text, None, setup_of(bptt=None)), RowFeed)


# ---- what is carried, and where gradients stop


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_two_pieces_with_the_state_carried_are_one_long_read(cell, layers):
    network = start_away_from_zero(network_of(cell, layers).double())
    fields = a_text(3 * 20).past
    whole = {name: torch.from_numpy(values.reshape(3, 20)) for name, values in fields.items()}
    loss = F.cross_entropy(
        network(whole | {LENGTHS: torch.full((3,), 20)}).flatten(0, 1), whole[TARGET].flatten()
    )
    states, losses = None, []
    for cut in (slice(0, 10), slice(10, 20)):
        piece = {name: values[:, cut] for name, values in whole.items()}
        logits, states = network.read_on(piece, states)
        losses.append(F.cross_entropy(logits.flatten(0, 1), piece[TARGET].flatten()))
    assert (loss - sum(losses) / 2).item() == pytest.approx(0.0, abs=1e-14)
    assert [len(state) for state in states] == [len(cell.states) for cell in network.encoder.forward_cells]


@pytest.mark.parametrize("cell", RECURRENT)
def test_fresh_rows_begin_at_the_learned_state_and_the_others_go_on(cell):
    network = start_away_from_zero(network_of(cell, layers=2).double())
    first, second = (tensors(StreamFeed(a_text(80).past, None, setup_of()).batch(step)) for step in (0, 1))
    carried = [tuple(part.detach() for part in state) for state in network.read_on(first, None)[1]]
    second["fresh"] = torch.tensor([True, False, True, False])
    mixed, _ = network.read_on(second, carried)
    without = {name: values for name, values in second.items() if name != "fresh"}
    cold, _ = network.read_on(without, None)
    warm, _ = network.read_on(without, carried)
    torch.testing.assert_close(mixed[::2], cold[::2], rtol=0, atol=1e-14)
    torch.testing.assert_close(mixed[1::2], warm[1::2], rtol=0, atol=1e-14)
    assert (cold - warm).abs().amax(dim=(1, 2)).min() > 1e-4
    zeros = network_of(cell, layers=2).double().read_on(without, None)[0]
    assert (cold - zeros).abs().max() > 1e-4, "the learned state is not zero"


@pytest.mark.parametrize("cell", RECURRENT)
def test_only_fresh_rows_teach_the_first_state(cell):
    network = start_away_from_zero(network_of(cell, layers=2).double())
    batch = tensors(StreamFeed(a_text(80).past, None, setup_of()).batch(0))
    carried = [tuple(part.detach() for part in state) for state in network.read_on(batch, None)[1]]
    batch["fresh"] = torch.tensor([True, False, False, True])
    logits, _ = network.read_on(batch, carried)
    losses = F.cross_entropy(logits.transpose(1, 2), batch[TARGET], reduction="none").sum(1)  # (B,)
    starts = list(network.start.values())
    assert all(not grad.any() for grad in torch.autograd.grad(losses[1:3].sum(), starts, retain_graph=True))
    grads = torch.autograd.grad(losses[[0, 3]].sum(), starts)
    for weight, grad in zip(starts, grads, strict=True):
        for unit in range(len(weight)):
            with torch.no_grad():
                before, found = weight[unit].clone(), []
                for change in (1e-6, -1e-6):
                    weight[unit] = before + change
                    again, _ = network.read_on(batch, carried)
                    found.append(F.cross_entropy(again.transpose(1, 2), batch[TARGET], reduction="none"))
                weight[unit] = before
            difference = float((found[0] - found[1])[[0, 3]].sum()) / 2e-6
            assert float(grad[unit]) == pytest.approx(difference, abs=1e-7)


class Plain(nn.Module):
    """What a person would write: torch's own layers, the state detached after each piece."""

    def __init__(self, network):
        super().__init__()
        spec = network.spec
        kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[spec.cell]
        self.embedding = nn.Embedding(SIZE, 5, padding_idx=0)
        self.layers = kind(5, 6, spec.num_layers, batch_first=True)
        self.head = nn.Linear(6, SIZE)
        states = 2 if spec.cell == "lstm" else 1
        self.start = nn.ParameterList(torch.zeros(spec.num_layers, 1, 6) for _ in range(states))
        self.carried = None
        with torch.no_grad():
            for theirs, ours in self.pairs(network):
                theirs.copy_(ours)

    def pairs(self, network):
        ours = dict(network.named_parameters())
        yield self.embedding.weight, ours["embeddings.0.weight"]
        yield self.head.weight, ours["head.weight"]
        yield self.head.bias, ours["head.bias"]
        for depth in range(network.spec.num_layers):
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                theirs = getattr(self.layers, f"{part}_l{depth}")
                yield theirs, ours[f"encoder.layers.{depth}.forward_cell.{part}"]
            for start, name in zip(self.start, "hc", strict=False):
                yield start[depth, 0], ours[f"start.{name}_{depth}"]

    def loss(self, batch):
        begin = [start.expand(-1, BATCH, -1) for start in self.start]
        if self.carried:
            fresh = batch["fresh"][None, :, None]
            begin = [torch.where(fresh, *pair) for pair in zip(begin, self.carried, strict=True)]
        begin = [part.contiguous() for part in begin]
        h, last = self.layers(self.embedding(batch["tokens"]), tuple(begin) if len(begin) > 1 else begin[0])
        self.carried = [part.detach() for part in (last if isinstance(last, tuple) else (last,))]
        return F.cross_entropy(self.head(h).flatten(0, 1), batch[TARGET].flatten())


@pytest.mark.parametrize("cell", NUMPY_CELLS)  # those that torch has too
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("clipping", [{"clip_norm": 0.3}, {"clip_value": 0.02}])
def test_steps_are_those_of_a_plain_loop_that_detaches(cell, layers, clipping):
    """Gradients of each piece, clipped, and so the weights after some steps."""
    setup = setup_of(optimizer="adagrad", **clipping)
    network = start_away_from_zero(network_of(cell, layers).double())
    plain, stepper = Plain(network).double(), Stepper(network, setup)
    optimizer = torch.optim.Adagrad(plain.parameters(), lr=0.05)
    feed, fresh, losses = StreamFeed(a_text(200).past, None, setup), 0, []
    for step in range(25):
        batch = feed.batch(step)
        stepper.step(batch, 0.05)
        optimizer.zero_grad()
        loss = plain.loss(tensors(batch))
        loss.backward()
        if "clip_value" in clipping:
            nn.utils.clip_grad_value_(plain.parameters(), 0.02)
        else:
            nn.utils.clip_grad_norm_(plain.parameters(), 0.3)
        optimizer.step()
        fresh += int(batch["fresh"].sum())
        losses.append(loss.item())
    assert fresh > 3
    for theirs, ours in plain.pairs(network):
        torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=0, atol=1e-9)
    assert stepper.epoch_means(25)[0] == pytest.approx(np.mean(losses), rel=1e-9)


def test_gradients_do_not_cross_pieces():
    """The gradient of a piece is the one for a constant state, which a longer read would not give."""
    setup = setup_of(clip_norm=1e9)
    feed = StreamFeed(a_text(200).past, None, setup)
    batches = [feed.batch(step) | {"fresh": np.zeros(BATCH, dtype=bool)} for step in (0, 1)]
    network, stepper = network_of("gru").double(), None
    stepper = Stepper(network, setup)
    for batch in batches:
        stepper.step(batch, 0.0)  # a learning rate of zero: the weights stay
    found = [weight.grad.clone() for weight in network.encoder.parameters()]
    for constant in (True, False):
        _, states = network.read_on(tensors(batches[0]), None)
        if constant:
            states = [tuple(part.detach() for part in state) for state in states]
        logits, _ = network.read_on(tensors(batches[1]), states)
        loss = F.cross_entropy(logits.flatten(0, 1), torch.from_numpy(batches[1][TARGET]).flatten())
        wanted = torch.autograd.grad(loss, list(network.encoder.parameters()))
        same = [torch.allclose(*pair, rtol=0, atol=1e-14) for pair in zip(found, wanted, strict=True)]
        assert all(same) == constant
    carried = {name: part for name, part in stepper.tensors().items() if name.startswith("carried/")}
    assert set(carried) == {"carried/0/0"}
    assert not carried["carried/0/0"].requires_grad


@pytest.mark.parametrize("cell", NUMPY_CELLS)
@pytest.mark.parametrize("optimizer", ["adagrad", "adam", "adamw"])
def test_numpy_and_torch_train_to_the_same_weights(cell, optimizer):
    """The same seed, stream and optimiser, 50 steps in float64, from the fit's own loop."""
    found = []
    for backend in ("torch", "numpy"):
        network = network_of(cell, layers=2, conditions=3).double()
        setup = setup_of(backend=backend, optimizer=optimizer, steps=50, clip_value=0.05)
        _, outcome = drain(fit(network, a_text(300, conditions=3), None, setup))
        found.append((network.state_dict(), outcome))
    (ours, first), (theirs, second) = found
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], rtol=0, atol=1e-9)
    assert first.clipped == second.clipped
    assert first.clipped > 0
    moved = network_of(cell, layers=2, conditions=3).double().state_dict()
    assert all(
        (weight - moved[name]).abs().max() > 1e-3 for name, weight in ours.items() if "start" not in name
    )


# ---- how a network is scored


def every_nat(network, fields):
    """Nats of each target by one read of the whole text, in float64."""
    batch = {name: torch.from_numpy(values[None]) for name, values in fields.items()}
    with torch.no_grad():
        logits, _ = network.read_on(batch, None)
    return F.cross_entropy(logits[0].double(), batch[TARGET][0], reduction="none").numpy()


@pytest.mark.parametrize("cell", CELLS)
def test_surprisals_are_those_of_one_read_and_of_cold_windows(cell):
    network = start_away_from_zero(network_of(cell, layers=2, dropout=0.5, conditions=2))
    network.train()  # as training leaves it
    text = a_text(200, conditions=2)
    nats = text_surprisals(network, text)
    assert not network.training
    np.testing.assert_allclose(nats[:, 0], every_nat(network, text.past), atol=1e-5)
    for start in (0, 64, 128):
        piece = {name: values[start : start + 64] for name, values in text.past.items()}
        np.testing.assert_allclose(nats[start : start + 64, 1], every_nat(network, piece), atol=1e-5)
    assert np.isnan(nats[192:, 1]).all()


@pytest.mark.parametrize("at_once", [2**22, SIZE * 40])
def test_validation_is_the_mean_surprisal_of_the_text(monkeypatch, at_once):
    monkeypatch.setattr(streams, "LOGITS_AT_ONCE", at_once)
    network = start_away_from_zero(network_of("lstm", dropout=0.5))
    text = a_text(500, seed=2)
    feed = StreamFeed(a_text(60).past, text.past, setup_of())
    metrics = feed.validate(make_trainer(network, setup_of()), Interrupt())
    expected = float(text_surprisals(network, text)[:, 0].mean(dtype=np.float64))
    assert metrics == {"nats": pytest.approx(expected, rel=1e-6), "loss": pytest.approx(expected, rel=1e-6)}


def whole_places(text, length):
    return {name: values[:length] for name, values in text.past.items()}


def test_a_long_validation_text_is_read_from_several_places():
    network = start_away_from_zero(network_of("gru"))
    text = a_text(3 * 256 + 200, seed=2)
    feed = StreamFeed(a_text(60).past, text.past, setup_of())
    metrics = feed.validate(make_trainer(network, setup_of()), Interrupt())
    each = (3 * 256 + 200) // 3
    early = 256  # steps ahead of a place, which are read and not counted; the text is a ring
    parts = [
        every_nat(
            network,
            {
                name: np.take(values, range(start - early, start + each), mode="wrap")
                for name, values in whole_places(text, 3 * each).items()
            },
        )[early:]
        for start in (0, each, 2 * each)
    ]
    assert metrics["nats"] == pytest.approx(np.concatenate(parts).mean(), rel=1e-6)


def test_no_validation_text_has_no_score_and_an_interrupted_one_neither():
    trainer = make_trainer(network_of(), setup_of())
    alone = StreamFeed(a_text(60).past, None, setup_of())
    assert alone.validate(trainer, Interrupt()) == {}
    both = StreamFeed(a_text(60).past, a_text(300).past, setup_of())
    assert both.validate(trainer, Interrupt(requested=True)) is None


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_a_probe_of_the_budget_leaves_no_trace(backend):
    network, untouched = network_of("gru"), network_of("gru")
    setup = setup_of(steps=None, time_budget=0.2, backend=backend)
    state = torch.get_rng_state()
    text = a_text(300)
    steps, seconds = probe_steps(network, make_feed(text, text, setup), setup)
    assert steps >= 1
    assert seconds > 0
    assert torch.equal(torch.get_rng_state(), state)
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, untouched.state_dict()[name])


def test_training_learns_what_the_text_holds_and_keeps_the_best():
    train, validation = a_text(2_000, seed=1), a_text(600, seed=2)
    network = network_of("gru")
    events, outcome = drain(fit(network, train, validation, setup_of(steps=400, clip_norm=1.0)))
    nats = [row["validation_nats"] for row in outcome.history]
    share = 0.7 + 0.3 / (SIZE - 3)
    others = (1 - share) / (SIZE - 4)
    entropy = -share * math.log(share) - (SIZE - 4) * others * math.log(others)
    assert nats[0] > min(nats) == outcome.best["nats"]
    assert entropy < min(nats) < entropy + 0.12
    kept = StreamFeed(train.past, validation.past, setup_of())
    assert kept.validate(make_trainer(network, setup_of()), Interrupt())["nats"] == pytest.approx(min(nats))
    assert sum(isinstance(event, EpochDone) for event in events) == len(nats) > 4


# ---- what a network in training writes


def test_what_is_written_depends_on_its_own_seed_alone():
    network = network_of("lstm", conditions=2)
    before = torch.get_rng_state()
    written = go_on(network, [3, 4], 40, 0.8, seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(9)
    assert go_on(network, [3, 4], 40, 0.8, seed=5) == written
    assert go_on(network, [3, 4], 40, 0.8, seed=6) != written
    assert len(written) == 40
    assert all(3 <= token < SIZE for token in written)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_network_that_ran_over_writes_nothing(number):
    network = network_of("gru")
    torch.nn.init.constant_(network.head.bias, number)
    assert go_on(network, [3], 10, 0.8, seed=0) == []


@pytest.mark.parametrize("backend", ["torch", "numpy"])
@pytest.mark.parametrize("validated", [True, False])
def test_an_update_that_breaks_the_weights_is_a_divergence_even_if_it_is_the_last(backend, validated):
    text = a_text(300)
    setup = setup_of(
        steps=1,
        learning_rate=1e39,
        backend=backend,
        write=lambda network: str(go_on(network, [3], 5, 1.0, 0)),
    )
    with pytest.raises(DivergedError, match="weight by step 1"):
        drain(fit(network_of("gru"), text, text if validated else None, setup))


def test_what_is_written_follows_from_all_that_was_read():
    """At next to no temperature it is the likeliest token each time, by reading everything again."""
    network = start_away_from_zero(network_of("gru", layers=2))
    written = go_on(network, [5, 3], 12, 1e-4, seed=0)
    ids = [5, 3]
    for token in written:
        with torch.no_grad():
            logits = network.read_on({"tokens": torch.tensor([ids])}, None)[0][0, -1]
        assert token == 3 + int(logits[3:].argmax())
        ids.append(token)


# ---- what comes later


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(CELLS)), st.integers(1, 2), st.integers(2, 150), st.data())
def test_a_later_character_never_changes_the_surprisal_of_an_earlier_one(cell, layers, length, data):
    text = "".join(data.draw(st.lists(st.sampled_from("ab c\n"), min_size=length, max_size=length)))
    place = data.draw(st.integers(1, length - 1))
    letter = data.draw(st.sampled_from("ab cZ\n").filter(lambda letter: letter != text[place]))
    task = Language(Plan("language", ("text",), text=("text",)), Corpus.fit("ab c\n" * 9, "characters"))
    inputs = (InputSpec("tokens", "tokens", task.corpus.size, 5),)
    spec = NetworkSpec(inputs, (task.corpus.size,), cell, 6, layers, pool="none", streams=True)
    network = start_away_from_zero(build_network(spec, seed=1))
    changed = text[:place] + letter + text[place + 1 :]
    before, after = (
        text_surprisals(network, task.encode(Table.from_records("t.csv", ["text"], [(read,)], [2])))
        for read in (text, changed)
    )
    np.testing.assert_array_equal(before[: place - 1], after[: place - 1])  # targets ahead of the place
    assert before[place - 1, 0] != after[place - 1, 0]


def test_rows_begin_at_the_ends_of_lines_so_that_pieces_of_a_line_are_whole_lines():
    line = [4, 5, 6, 7, 8, 9, 3]  # 3 ends it
    tokens = np.array(line * 101)
    text = {"tokens": tokens, TARGET: np.roll(tokens, -1)}
    feed = StreamFeed(text, None, setup_of(batch_size=4, bptt=len(line), line_end=3))
    for step in range(5):
        np.testing.assert_array_equal(feed.batch(step)[TARGET], [line] * 4)
    plain = StreamFeed(text, None, setup_of(batch_size=4, bptt=len(line)))
    assert len({tuple(row) for row in plain.batch(0)[TARGET].tolist()}) > 1


def test_a_place_far_from_the_end_of_a_line_stays_where_it_is():
    tokens = np.array([4] * 50 + [3] + [4] * 49)
    assert streams.places_of(tokens, 2, 10, 3).tolist() == [0, 50]
    assert streams.places_of(tokens, 4, 10, 3).tolist() == [0, 25, 50, 75]
    assert streams.places_of(tokens, 4, 30, 3).tolist() == [0, 50, 50, 75]
