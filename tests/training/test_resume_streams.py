"""A stream that was cut off anywhere and goes on ends with the same bits as one that was not."""

from __future__ import annotations

import os
import signal

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tiny_fit import advance, drain, result_of, store_in
from tiny_stream import BATCH, a_text, network_of, setup_of

from seqcli.backends.numpy_cells import NUMPY_CELLS
from seqcli.backends.registry import CELLS
from seqcli.errors import Interrupted, ModelError, UsageError
from seqcli.training.checkpoint import CheckpointStore
from seqcli.training.events import EpochDone, Notice
from seqcli.training.loop import fit
from seqcli.training.streams import go_on

TRAIN, VALIDATION = a_text(300, seed=1), a_text(90, seed=2)
MOMENTS = (1, 3, 4, 6, 9, 12, 15, 16)
"""Of 12 steps scored after every 3: events 4, 8, 12 and 16 are the ends of epochs."""


def new_fit(store, network, **changes):
    return fit(network, TRAIN, VALIDATION, setup_of(**changes), store)


class SavedAtTheEnd(CheckpointStore):
    """Goes on from what is there, and saves no state on its own way."""

    def due(self, epoch_end):
        return False


def cut_at_each_moment(tmp_path, network, **changes):
    """The result of a fit, and its checkpoint after each of :data:`MOMENTS`."""
    store, kept = store_in(tmp_path), {}
    stream = new_fit(store, network, **changes)
    for event in range(1, 17):
        next(stream)
        if event in MOMENTS:
            kept[event] = store.path("fit").read_bytes()
    _, outcome = drain(stream)
    return result_of(network, outcome, tmp_path / "whole"), kept


def resumed(tmp_path, content, network, **changes):
    """Events after a checkpoint, and the result."""
    store = SavedAtTheEnd(tmp_path / "again")
    store.directory.mkdir(exist_ok=True)
    store.path("fit").write_bytes(content)
    events, outcome = drain(new_fit(store, network, **changes))
    return events, result_of(network, outcome, tmp_path / "result")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_a_stream_that_was_cut_off_and_resumed_is_unbroken(tmp_path, cell, layers):
    whole = network_of(cell, layers, dropout=0.4)
    _, outcome = drain(new_fit(None, whole))
    expected, kept = cut_at_each_moment(tmp_path, network_of(cell, layers, dropout=0.4))
    assert expected == result_of(whole, outcome, tmp_path / "never saved")
    for moment, content in kept.items():
        torch.manual_seed(999)  # a new process starts with other random numbers
        other = network_of(cell, layers, dropout=0.4, seed=77)  # and other weights
        events, result = resumed(tmp_path, content, other)
        assert result == expected
        assert sum(not isinstance(event, Notice) for event in events) == 16 - moment


@pytest.mark.parametrize("cell", NUMPY_CELLS)
def test_a_stream_in_numpy_too(tmp_path, cell):
    options = {"backend": "numpy", "optimizer": "adam", "clip_value": 0.05}
    expected, kept = cut_at_each_moment(tmp_path, network_of(cell, 2), **options)
    for content in kept.values():
        _, result = resumed(tmp_path, content, network_of(cell, 2, seed=77), **options)
        assert result == expected


@pytest.mark.parametrize("backend", ["torch", "numpy"])
@pytest.mark.parametrize("optimizer", ["adam", "adagrad", "adamw"])
def test_every_optimiser_resumes_exactly(tmp_path, backend, optimizer):
    options = {"backend": backend, "optimizer": optimizer, "weight_decay": 0.1}
    whole, cut = network_of("lstm"), network_of("lstm", seed=77)
    _, expected = drain(new_fit(None, whole, **options))
    advance(new_fit(store_in(tmp_path), network_of("lstm"), **options), 6)
    _, outcome = drain(new_fit(store_in(tmp_path), cut, **options))
    assert result_of(cut, outcome, tmp_path / "a") == result_of(whole, expected, tmp_path / "b")


def edited(path, change):
    """Rewrite a checkpoint with its tensors changed."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    change(tensors)
    save_file(tensors, path, metadata=metadata)


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_the_carried_state_is_part_of_what_is_resumed(tmp_path, backend):
    """With another state in its place the run ends elsewhere."""

    def forget(tensors):
        assert tensors["carried/0/0"].shape == (BATCH, 6)
        tensors["carried/0/0"] = torch.zeros(BATCH, 6)

    expected, kept = cut_at_each_moment(tmp_path, network_of("gru"), backend=backend)
    store_in(tmp_path).path("fit").write_bytes(kept[6])
    edited(store_in(tmp_path).path("fit"), forget)
    content = store_in(tmp_path).path("fit").read_bytes()
    assert resumed(tmp_path, content, network_of("gru"), backend=backend)[1] != expected


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_a_checkpoint_that_lacks_part_of_the_state_is_refused(tmp_path, backend):
    advance(new_fit(store_in(tmp_path), network_of("lstm"), backend=backend), 6)
    edited(store_in(tmp_path).path("fit"), lambda tensors: tensors.pop("carried/0/1"))
    with pytest.raises(ModelError, match="checkpoint"):
        next(new_fit(store_in(tmp_path), network_of("lstm"), backend=backend))


def test_what_is_written_on_the_way_changes_nothing(tmp_path):
    def write(network):
        return " ".join(map(str, go_on(network, [3], 20, 0.8, seed=0)))

    silent, loud = network_of("gru", dropout=0.4), network_of("gru", dropout=0.4)
    _, expected = drain(new_fit(None, silent))
    events, outcome = drain(new_fit(None, loud, write=write))
    assert result_of(loud, outcome, tmp_path / "a") == result_of(silent, expected, tmp_path / "b")
    said = [event.written for event in events if isinstance(event, EpochDone)]
    assert all(len(line.split()) == 20 for line in said)
    assert len(said) == 4


@pytest.mark.parametrize(
    ("change", "named"),
    [({"bptt": 5}, "bptt"), ({"optimizer": "adam"}, "optimizer"), ({"backend": "numpy"}, "backend")],
)
def test_another_stream_is_not_gone_on_with(tmp_path, change, named):
    advance(new_fit(store_in(tmp_path), network_of()), 5)
    with pytest.raises(UsageError, match=named):
        next(new_fit(store_in(tmp_path), network_of(), **change))
    with pytest.raises(UsageError, match="training tokens"):
        next(fit(network_of(), a_text(301, seed=1), VALIDATION, setup_of(), store_in(tmp_path)))


def test_ctrl_c_while_scoring_a_text(tmp_path):
    """The score is thrown away; the step is kept."""
    whole = network_of("gru")
    _, outcome = drain(new_fit(None, whole))
    expected = result_of(whole, outcome, tmp_path / "whole")

    class Impatient(type(whole)):
        def read_on(self, batch, states):
            if not self.training:
                os.kill(os.getpid(), signal.SIGINT)
            return super().read_on(batch, states)

    network = network_of("gru")
    network.__class__ = Impatient
    with pytest.raises(Interrupted, match="after step 3 of 12"):
        drain(new_fit(store_in(tmp_path, each_step=False), network))
    network = network_of("gru", seed=77)
    _, outcome = drain(new_fit(store_in(tmp_path), network))
    assert result_of(network, outcome, tmp_path / "result") == expected
