"""An epoch of `seqcli train` beside bare torch loops over the same batches, one process and several.

    python benchmarks/train.py --data /data/text     sst2_train.csv there, else reviews made here;
                                                     imdb_small_train.csv.gz, long texts of every length
    python benchmarks/train.py --steps 10 --only classify --repeat 1

seqcli    the loop of `seqcli train`, with its clipping, its average of weights, its checks and checkpoints
bare      the same network and the same batches in the loop that one would write: zero_grad, loss, backward,
          clip_grad_norm_, AdamW
nn        that loop with torch.nn's layer on dense padding in place of seqcli's masked one: its way back
          reads the padding first
packed    that loop with torch.nn's layer on pack_padded_sequence: equal in result to seqcli's

In two processes each takes as many rows a step as one does alone, as the command does by itself.
Scoring is left out of all. Ways take turns and the best of `--repeat` turns counts, after some steps that
are not timed. CPU seconds are those of all threads and processes: on a machine that is busy with other
things they, not wall seconds, are to be looked at, though they say nothing of what runs side by side.
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqcli.backends.device import set_threads
from seqcli.backends.losses import training_loss
from seqcli.backends.products import precision
from seqcli.demo.samples import write_sample
from seqcli.options import Options, SavingOptions
from seqcli.training.batches import to_tensors
from seqcli.training.checkpoint import CheckpointStore
from seqcli.training.distributed import leave, team
from seqcli.training.events import StepDone
from seqcli.training.feeds import Feed, make_feed
from seqcli.training.fit_setup import FitSetup
from seqcli.training.loop import fit
from seqcli.training.run import Run, decide
from seqcli.training.told import fit_setup

LAYERS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
SAMPLES = {
    "classify": "reviews.csv",
    "ragged": "reviews.csv",
    "forecast": "prices.csv",
    "language": "corpus.txt",
}
PUBLISHED = {"classify": "sst2_train.csv", "ragged": "imdb_small_train.csv.gz"}
TASKS = tuple(SAMPLES)
BARS = {"bare": 1.10, "packed": 0.5}
"""seqcli's seconds, at most so many times those of a loop, with one thread."""
FASTER = 1.5
"""Rows a second of two processes, at least so many times those of one thread."""
WARM = 3
"""Steps ahead of the clock."""
Seconds = dict[str, float]
"""{"wall": ..., "cpu": ...}"""


class TorchLayers(nn.Module):
    """torch.nn's recurrent layers in the place of seqcli's encoder: (B, T, F), lengths (B,) → (B, T, D)."""

    def __init__(self, run: Run, packed: bool) -> None:
        super().__init__()
        spec, first = run.prepared.network, run.network.encoder.layers[0].forward_cell
        self.packed, self.output_size = packed, run.network.encoder.output_size
        self.layers = LAYERS[spec.cell](
            first.input_size, spec.hidden_size, spec.num_layers,
            batch_first=True, bidirectional=spec.bidirectional,
        )  # fmt: skip

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if not self.packed:
            return self.layers(x)[0]
        outputs, _ = self.layers(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
        return pad_packed_sequence(outputs, batch_first=True)[0]


class Clock:
    """Wall and CPU seconds since :meth:`start`."""

    def start(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def seconds(self) -> Seconds:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {"wall": wall, "cpu": team().sum(cpu)}


def seqcli_epoch(run: Run, setup: FitSetup, steps: int) -> Seconds:
    """``steps`` steps of the loop that `seqcli train` runs, and the end of the epoch."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as place:
        network = copy.deepcopy(run.network)
        for event in fit(network, run.prepared.train, None, setup, CheckpointStore(Path(place))):
            if isinstance(event, StepDone) and event.step == WARM:
                clock.start()
        return clock.seconds()


def bare_epoch(run: Run, setup: FitSetup, steps: int, layers: nn.Module | None = None) -> Seconds:
    """The same steps in a loop of six lines, of a network with ``layers`` in place of its encoder."""
    network, clock, carried = copy.deepcopy(run.network), Clock(), None
    if layers is not None:
        network.encoder = layers
    network.train()
    feed = make_feed(run.prepared.train, None, setup)
    loss_of = training_loss(setup.loss, setup.label_smoothing, network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=setup.learning_rate)
    for step, batch in enumerate(tensors(feed, WARM + steps)):
        if step == WARM:
            clock.start()
        optimizer.zero_grad()
        with precision(setup.precision):
            if setup.bptt is None:
                outputs = network(batch)
            else:
                outputs, states = network.read_on(batch, carried)
                carried = [tuple(part.detach() for part in state) for state in states]
            loss = loss_of(outputs, batch)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), setup.clip_norm)
        optimizer.step()
    return clock.seconds()


def tensors(feed: Feed, steps: int) -> Iterator[dict[str, Tensor]]:
    """The batches of the first ``steps`` steps."""
    for step in range(steps):
        yield to_tensors(feed.batch(step), torch.device("cpu"))


def source_of(task: str, data: Path | None, folder: Path) -> Path:
    """The file of a task: a published one, or one that is written to ``folder``."""
    if task in PUBLISHED and data is not None:
        return data / PUBLISHED[task]
    return write_sample(SAMPLES[task], folder)


def prepared(task: str, source: Path, cell: str | None, steps: int | None) -> tuple[Run, FitSetup, int]:
    """The training that the command would run, cut to ``steps`` timed steps (default: an epoch)."""
    typed = {"cell": cell, "pretrain": "none" if task in PUBLISHED else None}
    run = decide([str(source)], Options.from_flat({k: v for k, v in typed.items() if v}), SavingOptions())
    if run.prepared.members:
        run = replace(run, prepared=run.prepared.members())
    setup = fit_setup(run)
    an_epoch = make_feed(run.prepared.train, None, setup).steps_per_pass
    steps = min(an_epoch, steps or an_epoch)
    setup = replace(setup, epochs=None, steps=WARM + steps, time_budget=None, patience=None, write=None)
    return run, setup, steps


def rows_in(run: Run, setup: FitSetup, steps: int) -> int:
    """Rows, or pieces of a text, that the timed steps take."""
    if setup.bptt is not None:
        return steps * setup.batch_size
    return min(steps * setup.batch_size, len(run.prepared.train))


def ways_of(run: Run) -> dict[str, Callable[[Run, FitSetup, int], Seconds]]:
    """The loops by name; torch.nn's layers where the network's are ragged rows of such a cell."""
    ways: dict[str, Callable[[Run, FitSetup, int], Seconds]] = {"seqcli": seqcli_epoch, "bare": bare_epoch}
    spec = run.prepared.network
    if spec.cell in LAYERS and spec.decoder == "direct" and not spec.streams and spec.pool != "none":
        for name in ("nn", "packed"):
            layers = TorchLayers(run, packed=name == "packed")
            ways[name] = lambda run, setup, steps, layers=layers: bare_epoch(
                run, setup, steps, copy.deepcopy(layers)
            )
    return ways


def in_processes(arguments: argparse.Namespace, task: str, source: Path) -> Seconds:
    """The best seconds of seqcli's loop in two processes by torchrun, and the "rows" of both."""
    line = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", __file__]
    line += ["--worker", str(source), "--only", task, "--repeat", str(arguments.repeat)]
    for name in ("cell", "steps"):
        if getattr(arguments, name) is not None:
            line += [f"--{name}", str(getattr(arguments, name))]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    result: Seconds = json.loads(done.stdout.splitlines()[-1])
    return result


def work(arguments: argparse.Namespace) -> None:
    """One of the two processes: the first one prints the best seconds of seqcli's loop."""
    set_threads(1)
    run, setup, steps = prepared(arguments.only[0], arguments.worker, arguments.cell, arguments.steps)
    turns = [seqcli_epoch(run, setup, steps) for _ in range(arguments.repeat)]
    if team().leads:
        best = min(turns, key=lambda seconds: seconds["wall"])
        print(json.dumps({**best, "rows": rows_in(run, setup, steps)}), flush=True)
    leave(failed=False)


def measure(arguments: argparse.Namespace, task: str, folder: Path) -> None:
    """Print the rows of one task."""
    source = source_of(task, arguments.data, folder)
    alone: dict[str, Seconds] = {}
    alone_rows = 0
    for threads in arguments.threads:
        run, setup, steps = prepared(task, source, arguments.cell, arguments.steps)
        set_threads(threads)
        ways, best = ways_of(run), {}
        for _ in range(arguments.repeat):
            for name, way in ways.items():
                seconds = way(run, setup, steps)
                best[name] = min(best.get(name, seconds), seconds, key=lambda each: each["wall"])
        rows = rows_in(run, setup, steps)
        alone, alone_rows = alone or best, alone_rows or rows
        for name, seconds in best.items():
            setting = f"{threads} thread{'s' if threads > 1 else ''}"
            bar = BARS.get(name) if threads == 1 and (name != "packed" or task == "ragged") else None
            ratios = "" if name == "seqcli" else f"{best['seqcli']['wall'] / seconds['wall']:8.2f}"
            by_cpu = "" if name == "seqcli" else f"{best['seqcli']['cpu'] / seconds['cpu']:8.2f}"
            print_row(task, setting, name, seconds, rows, (ratios, by_cpu, f"<= {bar}" if bar else ""))
    seconds = in_processes(arguments, task, source)
    together = int(seconds["rows"])
    gain = together / seconds["wall"] / (alone_rows / alone["seqcli"]["wall"])
    first = f"{arguments.threads[0]} thread{'s' if arguments.threads[0] > 1 else ''}"
    must = f"{gain:.2f} x the rows/s of {first}" + (f" (>= {FASTER})" if task == "classify" else "")
    print_row(task, "2 processes", "seqcli", seconds, together, ("", "", must))


def print_row(
    task: str, setting: str, way: str, seconds: Seconds, rows: int, said: tuple[str, str, str]
) -> None:
    rate = rows / seconds["wall"]
    print(f"{task:9} {setting:11} {way:7} {seconds['wall']:8.2f} {seconds['cpu']:8.2f}", end=" ")
    print(f"{rate:9.1f} {said[0]:>8} {said[1]:>8}  {said[2]}".rstrip(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="a folder with the published files")
    parser.add_argument("--only", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--steps", type=int, help="timed steps (default: an epoch)")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--cell", help="instead of each task's own")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments)
        return
    print(
        f"torch {torch.__version__}. To be kept with 1 thread: seqcli <= {BARS['bare']:.2f} x bare, "
        f"<= {BARS['packed']} x packed (ragged); classify: 2 processes >= {FASTER} x the rows/s of 1 thread"
    )
    print(f"{'task':9} {'setting':11} {'way':7} {'wall s':>8} {'cpu s':>8} {'rows/s':>9}", end=" ")
    print(f"{'seqcli/':>8} {'by cpu':>8}  bar")
    with tempfile.TemporaryDirectory() as folder:
        for task in arguments.only:
            measure(arguments, task, Path(folder))


if __name__ == "__main__":
    main()
