"""A fit that was cut off anywhere and goes on ends with the same bits as one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_fit
import torch
from tiny_fit import (
    TinyNetwork,
    advance,
    drain,
    new_fit,
    result_in,
    result_of,
    store_in,
    tiny_examples,
    tiny_setup,
)

import seqcli
from seqcli.backends.network import build_network
from seqcli.errors import Interrupted, ModelError, ResourceError, UsageError
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import CELLS
from seqcli.training.checkpoint import CheckpointStore, write_atomically
from seqcli.training.events import Notice, StepDone
from seqcli.training.loop import fit

TRAIN, VALIDATION = tiny_examples(60, 1), tiny_examples(30, 2)
EVENTS = 4 * (8 + 1)
"""Steps and epochs of an unbroken run."""


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> tuple[bytes, bytes]:
    """Weights and history of a run without any checkpoint."""
    torch.set_num_threads(1)
    network = TinyNetwork()
    _, outcome = drain(new_fit(None, network))
    return result_of(network, outcome, tmp_path_factory.mktemp("unbroken"))


# Events 9, 18, 27 and 36 end an epoch: before, at and after them, within epochs, and at both ends.
@pytest.mark.parametrize(
    ("moment", "each_step"),
    [
        *((moment, True) for moment in (1, 4, 8, 9, 10, 17, 27, 31, 35, 36)),
        (4, False),
        (9, False),
        (26, False),
    ],
)
def test_cut_off_and_resumed_is_unbroken(unbroken, tmp_path, moment, each_step):
    advance(new_fit(store_in(tmp_path, each_step=each_step)), moment)
    torch.manual_seed(999)  # a new process starts with other random numbers
    kept = moment if each_step else 9 * (moment // 9)
    network = TinyNetwork(seed=77 if kept else 0)  # and other weights, once there are saved ones
    events, outcome = drain(new_fit(store_in(tmp_path, each_step=each_step), network))
    assert result_of(network, outcome, tmp_path / "result") == unbroken
    assert sum(not isinstance(event, Notice) for event in events) == EVENTS - kept


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_resumes_exactly(tmp_path, cell):
    """The networks of the house, two layers with dropout between them, read both ways."""

    def network():
        return build_network(
            NetworkSpec(
                (InputSpec("tokens", "tokens", 20, 8),), (3,), cell=cell, hidden_size=8, num_layers=2,
                bidirectional=cell != "none", pool="attention", dropout=0.4,
            ),
            seed=1,
        )  # fmt: skip

    whole, cut = network(), network()
    _, expected = drain(new_fit(None, whole, epochs=2))
    advance(new_fit(store_in(tmp_path), network(), epochs=2), 13)
    _, outcome = drain(new_fit(store_in(tmp_path), cut, epochs=2))
    assert result_of(cut, outcome, tmp_path / "a") == result_of(whole, expected, tmp_path / "b")


def test_cut_off_again_and_again(unbroken, tmp_path):
    for _ in range(EVENTS // 5):
        stream = new_fit(store_in(tmp_path))
        assert isinstance(next(stream), Notice | StepDone)
        advance(stream, 5)
    network = TinyNetwork()
    _, outcome = drain(new_fit(store_in(tmp_path), network))
    assert result_of(network, outcome, tmp_path / "result") == unbroken


def test_saving_at_every_step_changes_nothing(unbroken, tmp_path):
    network = TinyNetwork()
    _, outcome = drain(new_fit(store_in(tmp_path), network))
    assert result_of(network, outcome, tmp_path / "result") == unbroken


def test_a_killed_process(unbroken, tmp_path):
    """SIGKILL, outside Python's control, then to the end in another process."""
    environment = {**os.environ, "PYTHONPATH": str(Path(seqcli.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, tiny_fit.__file__, str(tmp_path)]
    killed = subprocess.run([*command, "17"], env=environment, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    subprocess.run(command, env=environment, check=True, timeout=120)
    assert result_in(tmp_path) == unbroken


def interrupt_self():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("moment", [1, 5, 8, 9, 36])
def test_ctrl_c_finishes_the_step_and_keeps_it(unbroken, tmp_path, moment):
    stream = new_fit(store_in(tmp_path, each_step=False, resume_command="seqcli train reviews.csv --resume"))
    for _ in range(moment):
        event = next(stream)
    interrupt_self()
    with pytest.raises(Interrupted) as caught:
        next(stream)
    assert caught.value.exit_code == 130
    assert caught.value.hint == "go on with: seqcli train reviews.csv --resume"
    done = event.step if isinstance(event, StepDone) else 8 * event.epoch
    assert f"after step {done} of 32" in caught.value.message

    network = TinyNetwork()
    _, outcome = drain(new_fit(store_in(tmp_path), network))
    assert result_of(network, outcome, tmp_path / "result") == unbroken


def test_ctrl_c_while_scoring_does_not_wait_for_its_end(unbroken, tmp_path):
    class Impatient(TinyNetwork):
        scored = 0

        def forward(self, batch):
            if not self.training:
                self.scored += 1
                interrupt_self()
            return super().forward(batch)

    network = Impatient()
    with pytest.raises(Interrupted, match="after step 8 of 32"):
        drain(new_fit(store_in(tmp_path, each_step=False), network))
    assert network.scored == 1
    network = TinyNetwork()
    _, outcome = drain(new_fit(store_in(tmp_path), network))
    assert result_of(network, outcome, tmp_path / "result") == unbroken


def test_ctrl_c_without_a_checkpoint_says_that_nothing_was_kept():
    stream = new_fit(None)
    next(stream)
    interrupt_self()
    with pytest.raises(Interrupted, match="nothing was kept") as caught:
        next(stream)
    assert caught.value.hint == ""


@pytest.mark.parametrize("moment", [9, 18, 20, 27, 30])
def test_early_stopping_goes_on_counting(tmp_path, moment):
    """Best at epoch 1, patience 3: the end is after epoch 4, wherever the run is cut off."""
    scores = iter([0.9, 0.8, 0.7, 0.6, 0.5])
    setup = {"epochs": 9, "patience": 3, "score": lambda *_: {"accuracy": next(scores)}}
    advance(new_fit(store_in(tmp_path), **setup), moment)
    _, outcome = drain(new_fit(store_in(tmp_path), **setup))
    assert (outcome.epochs, outcome.best_epoch) == (4, 1)


def test_a_finished_phase_is_not_run_again(tmp_path):
    first = TinyNetwork()
    _, outcome = drain(new_fit(store_in(tmp_path), first))
    again = TinyNetwork(seed=77)
    events, outcome_again = drain(new_fit(store_in(tmp_path), again))
    assert events == []
    assert outcome_again == outcome
    assert torch.equal(again.head.weight, first.head.weight)
    tensors = store_in(tmp_path).load("fit").tensors
    assert not any(name.startswith(("optimizer/", "best/")) for name in tensors)


def test_two_phases_share_a_directory(tmp_path):
    def both(directory, first_cut=None, second_cut=None):
        network = TinyNetwork()
        stream = new_fit(store_in(directory), network)
        if first_cut:
            advance(stream, first_cut)
            return None
        drain(stream)
        stream = fit(network, TRAIN, None, tiny_setup(phase="refit", epochs=2), store_in(directory))
        if second_cut:
            advance(stream, second_cut)
            return None
        return result_of(network, drain(stream)[1], directory / "result")

    expected = both(tmp_path / "a")
    both(tmp_path / "b", first_cut=13)
    both(tmp_path / "b", second_cut=11)
    assert both(tmp_path / "b") == expected


@pytest.mark.parametrize(
    ("change", "named"),
    [({"learning_rate": 0.02}, "learning_rate"), ({"epochs": 5}, "epochs"), ({"seed": 4}, "seed")],
)
def test_another_run_is_not_gone_on_with(tmp_path, change, named):
    advance(new_fit(store_in(tmp_path)), 5)
    with pytest.raises(UsageError, match=named):
        next(new_fit(store_in(tmp_path), **change))


def test_other_rows_and_other_networks_are_refused(tmp_path):
    advance(new_fit(store_in(tmp_path)), 5)
    with pytest.raises(UsageError, match="training rows"):
        next(fit(TinyNetwork(), TRAIN[0:40], VALIDATION, tiny_setup(), store_in(tmp_path)))
    wider = TinyNetwork()
    wider.head = torch.nn.Linear(12, 4)
    with pytest.raises(UsageError, match="network"):
        next(new_fit(store_in(tmp_path), wider))


def edited(path: Path, change) -> None:
    """Rewrite a checkpoint with its JSON changed."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(path, framework="pt") as file:
        state = json.loads(file.metadata()["state"])
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    change(state, tensors)
    save_file(tensors, path, metadata={"format": "1", "state": json.dumps(state)})


@pytest.mark.parametrize("size", [0, 4, 100, 5000])
def test_a_cut_checkpoint_is_said_to_be_damaged(tmp_path, size):
    advance(new_fit(store_in(tmp_path)), 5)
    path = store_in(tmp_path).path("fit")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ModelError, match="damaged"):
        next(new_fit(store_in(tmp_path)))


@pytest.mark.parametrize(
    "change",
    [
        lambda state, tensors: state.pop("plan"),
        lambda state, tensors: state["position"].update(unknown=1),
        lambda state, tensors: tensors.pop("sums"),
        lambda state, tensors: tensors.update({"weights/head.bias": torch.zeros(9)}),
        lambda state, tensors: tensors.update({"random/cpu": torch.zeros(3, dtype=torch.uint8)}),
    ],
)
def test_a_checkpoint_with_wrong_content_is_refused(tmp_path, change):
    advance(new_fit(store_in(tmp_path)), 5)
    edited(store_in(tmp_path).path("fit"), change)
    with pytest.raises(ModelError, match="checkpoint"):
        next(new_fit(store_in(tmp_path)))


def test_a_checkpoint_of_another_format_is_refused(tmp_path):
    from safetensors.torch import save_file

    (tmp_path / "checkpoint").mkdir()
    save_file({"x": torch.zeros(1)}, tmp_path / "checkpoint" / "fit.safetensors", metadata={"format": "2"})
    with pytest.raises(ModelError, match="damaged"):
        store_in(tmp_path).load("fit")


def test_a_full_disk_leaves_the_checkpoint_before(unbroken, tmp_path, monkeypatch):
    advance(new_fit(store_in(tmp_path)), 5)

    def full(self, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(ResourceError):
            drain(new_fit(store_in(tmp_path)))
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["fit.safetensors"]
    network = TinyNetwork()
    _, outcome = drain(new_fit(store_in(tmp_path), network))
    assert result_of(network, outcome, tmp_path / "result") == unbroken


def test_an_unfinished_write_leaves_the_file_before(tmp_path, monkeypatch):
    """A process killed between write and rename leaves a stray file, never a mixture."""
    target = tmp_path / "state"
    write_atomically(target, b"old")
    monkeypatch.setattr(Path, "replace", lambda self, target: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    monkeypatch.undo()
    write_atomically(target, b"new")
    assert target.read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 1


def test_tied_weights_are_kept(tmp_path):
    class Tied(TinyNetwork):
        def __init__(self, seed=0):
            super().__init__(seed)
            self.second_head = self.head

    whole = Tied()
    drain(new_fit(None, whole))
    advance(new_fit(store_in(tmp_path), Tied()), 12)
    network = Tied(seed=5)
    drain(new_fit(store_in(tmp_path), network))
    assert torch.equal(network.head.weight, whole.head.weight)
    assert network.second_head is network.head


def test_checkpoints_are_rare_enough(tmp_path, monkeypatch):
    now = 100.0
    monkeypatch.setattr("seqcli.training.checkpoint.time.monotonic", lambda: now)
    store = CheckpointStore(tmp_path)
    assert not store.due(epoch_end=True)
    now = 101.0
    assert store.due(epoch_end=True)
    assert not store.due(epoch_end=False)
    now = 110.0
    assert store.due(epoch_end=False)

    def slow_write(target, content):
        nonlocal now
        now += 3.0

    monkeypatch.setattr("seqcli.training.checkpoint.write_atomically", slow_write)
    from seqcli.training.checkpoint import Checkpoint

    store.save("fit", Checkpoint({}, {"x": torch.zeros(1)}))
    now += 59.0
    assert not store.due(epoch_end=False), "3 s of writing wants 60 s of training"
    now += 1.0
    assert store.due(epoch_end=True)
