"""How a translator is fed, scored and asked: batches of about equally many tokens, a search in torch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from seqcli.backends.translator import Memory, Translator
from seqcli.errors import UsageError
from seqcli.network import SOURCE
from seqcli.options import Options
from seqcli.preprocessing.batching import token_batches
from seqcli.preprocessing.spelling import END_OF_TEXT
from seqcli.readers.pairs import read_pair
from seqcli.sequences import LENGTHS, TARGET, Batch, Batchable, Examples, FloatArray, IntArray, Sequences
from seqcli.tasks.base import Plan, Tables, Task
from seqcli.tasks.detect import make_plan
from seqcli.tasks.translate import Translate
from seqcli.tasks.translate_plan import of_two_files
from seqcli.tasks.translating.answers import packed, scored_batches, translate
from seqcli.tasks.translating.search import BARRED, Arrays, Said, Search
from seqcli.training.batches import to_tensors
from seqcli.training.distributed import Team, team
from seqcli.training.fit_setup import FitSetup
from seqcli.training.signals import Interrupt
from seqcli.training.stepping import Trainer


def read_pairs(files: Sequence[str], options: Options) -> tuple[Tables, Plan]:
    """The pairs of files of a training, of which ``files`` may name the source again, and their plan.

    Raises UsageError for other files beside those of --source and --target.
    """
    columns = of_two_files(options.columns)
    source = str(options.columns.source)
    if files and not Path(source).exists() and Path(files[0]).exists():
        raise UsageError(
            f"--source names a file of texts, and there is no file {source}",
            f"columns of {files[0]} are named by --features {source} --target {options.columns.target[0]}",
        )
    if tuple(files) != (source,):
        raise UsageError(
            f"--source and --target are the files to learn from, and {files[0]} is another",
            f"leave out {files[0]}",
        )
    main = read_pair((source, *options.columns.target), options.reading)
    named = (options.split.validation, options.split.test)
    held = [read_pair(tuple(name.split(",")), options.reading) if name else None for name in named]
    return Tables(main, held[0], held[1]), make_plan(main, columns, options.reading)


class PairFeed:
    """Pairs in batches of about as many tokens as ``batch_size`` of them have on average."""

    def __init__(self, train: Batchable, validation: Batchable | None, setup: FitSetup) -> None:
        self._train, self._validation, self._seed = train, validation, setup.seed
        self._lengths = (train.lengths, target_lengths(train))
        self.steps_per_pass = max(1, round(len(train) / setup.batch_size))
        self.has_validation = validation is not None
        self._team = team()
        self._pass = -1
        self._batches: list[IntArray] = []

    def _rows(self, step: int) -> IntArray:
        wanted, index = divmod(step, self.steps_per_pass)
        if wanted != self._pass:
            self._pass = wanted
            self._batches = token_batches(*self._lengths, self.steps_per_pass, self._seed, wanted)
        return self._batches[index]

    def batch(self, step: int) -> Batch:
        """This process's pairs, padded to source (B, S), written and target (B, T)."""
        return self._train.batch(self._team.share(self._rows(step)))

    def cells(self, step: int) -> int:
        """Cells of both padded texts."""
        rows = self._rows(step)
        return len(rows) * sum(int(lengths[rows].max(initial=1)) for lengths in self._lengths)

    def validate(self, trainer: Trainer, interrupt: Interrupt) -> dict[str, float] | None:
        """Nats a token of the true texts, of which each process scores some."""
        if self._validation is None:
            return {}
        figures = foreseen(cast(Translator, trainer.network), self._validation, interrupt, self._team)
        if figures is None:
            return None
        figures = self._team.add_up(figures)
        nats = float(figures[:, 0].sum() / figures[:, 1].sum())
        return {"nats": nats, "loss": nats}

    def scoring_seconds(self, trainer: Trainer) -> float:
        """One scoring, timed."""
        started = time.monotonic()
        self.validate(trainer, Interrupt())  # the processes of a team all ask, and take as long
        return time.monotonic() - started

    def identity(self) -> dict[str, Any]:
        """How many pairs and tokens the training part has."""
        source, target = self._lengths
        return {"training pairs": len(source), "training tokens": int(source.sum() + target.sum())}


def target_lengths(examples: Batchable) -> IntArray:
    """Tokens of each true text, (N,)."""
    target = examples.fields[TARGET]
    assert isinstance(target, Sequences)
    return target.lengths


def foreseen(
    network: Translator, examples: Batchable, interrupt: Interrupt | None = None, sharing: Team | None = None
) -> FloatArray | None:
    """Nats and tokens (N, 2) of each true text; None when interrupted.

    Of processes that share the work each finds some of the rows, and zeros for the others.
    """
    device = next(network.parameters()).device
    lengths, network = target_lengths(examples), network.eval()
    figures = np.zeros((len(examples), 2), dtype=np.float32)
    batches = list(scored_batches(lengths, network.spec.output_shape[0]))
    for rows in (sharing or Team()).share(batches):
        batch = to_tensors(examples.batch(rows), device)
        with torch.inference_mode():
            target = batch[TARGET]
            logits = network(batch)  # (M, V)
            nats = torch.nn.functional.cross_entropy(logits, target[target > 0], reduction="none")
            sums = torch.zeros(target.shape, device=device).masked_scatter(target > 0, nats).sum(1)
        figures[rows] = np.stack([sums.cpu().numpy(), lengths[rows]], axis=1)
        if interrupt is not None and interrupt.requested:
            return None
    return figures


def written_outputs(network: nn.Module, examples: Examples, task: Task) -> FloatArray:
    """What a translator says of pairs, (N, 2 + T): see :mod:`seqcli.tasks.translating.answers`."""
    assert isinstance(network, Translator)
    assert isinstance(examples, Batchable)
    assert isinstance(task, Translate)
    figures = foreseen(network, examples)
    assert figures is not None
    found = translate(TorchWriter(network), examples, task.growth, Search())
    return packed(figures, [texts[0].ids if texts else () for texts in found])


class TorchWriter:
    """A :class:`~seqcli.tasks.translating.search.Writer` that asks the network in training."""

    def __init__(self, network: Translator) -> None:
        self._network = network.eval()
        self._device = next(network.parameters()).device
        self.vocabulary = network.spec.output_shape[0]

    def read(self, batch: Batch) -> tuple[Arrays, Arrays]:
        """Fields (B, S), lengths (B,) → memory, keys, padding and first states (B, H)."""
        tensors = to_tensors({name: batch[name] for name in (SOURCE, LENGTHS)}, self._device)
        with torch.inference_mode():
            read = self._network.read_source(tensors[SOURCE], tensors[LENGTHS])
        steps = torch.arange(tensors[SOURCE].shape[1], device=self._device)
        padding = (steps >= tensors[LENGTHS][:, None])[:, None].float()  # (B, 1, S)
        flat = [state for cell in read.states for state in cell]
        memory = {"memory": read.memory, "keys": read.keys, "padding": padding}
        return _arrays(memory), _arrays(dict(zip(self._network.names, flat, strict=True)))

    def say(self, memory: Arrays, last: IntArray, states: Arrays, count: int) -> Said:
        """What may come behind the tokens ``last`` (R,)."""
        each = len(last) // len(memory["memory"])
        names = self._network.names
        half = len(names) // 2
        with torch.inference_mode():
            held = {
                name: torch.from_numpy(values).to(self._device).repeat_interleave(each, 0)
                for name, values in memory.items()
            }
            before = [torch.from_numpy(states[name]).to(self._device) for name in names]
            read = Memory(held["memory"], held["keys"], held["padding"] > 0, [])
            written = torch.from_numpy(last).to(self._device)[:, None]
            cells = [tuple(before[:half]), tuple(before[half:])]
            said, looked, after = self._network.write(written, read, cells)
            chances = self._network.logits(said[:, 0]).log_softmax(-1)  # (R, V)
            chances[:, :END_OF_TEXT] = 10 * BARRED
            best, tokens = chances.topk(count)
        flat = [state for cell in after for state in cell]
        return Said(
            best.float().cpu().numpy(),
            tokens.cpu().numpy(),
            _arrays(dict(zip(names, flat, strict=True))),
            looked[:, 0].float().cpu().numpy(),
        )


def _arrays(tensors: dict[str, torch.Tensor]) -> dict[str, FloatArray]:
    return {name: tensor.float().cpu().numpy() for name, tensor in tensors.items()}
