"""Translates the texts of a file or pipe with the two graphs of a saved model.

source (B, S)  ──▶  encoder.onnx  ──▶  memory, first states  ──▶  decoder.onnx, token by token
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError, UsageError
from seqcli.inference.predict import PREDICTION, Predictions
from seqcli.inference.session import GraphSession
from seqcli.inference.trust import saved_task
from seqcli.model_dir import SavedModel
from seqcli.network import SOURCE, WRITTEN
from seqcli.options import ColumnOptions, ReadingOptions
from seqcli.options_use import PredictOptions, TranslateOptions
from seqcli.preprocessing.spelling import END_OF_TEXT
from seqcli.preprocessing.vocabulary import BPE
from seqcli.readers.pairs import read_pair
from seqcli.readers.table import Table
from seqcli.results import Cell
from seqcli.saved.translator import (
    BEST,
    COUNT,
    DECODER,
    ENCODER,
    KEYS,
    MEMORY,
    NEXT,
    PADDING,
    START,
    TOKENS,
    WEIGHTS,
)
from seqcli.sequences import TARGET, Batch, Batchable, FloatArray, IntArray, Sequences
from seqcli.tasks.translate import Translate
from seqcli.tasks.translate_plan import of_two_files
from seqcli.tasks.translating.answers import packed, scored_batches, translate
from seqcli.tasks.translating.search import Arrays, Said, Search, Translation

if TYPE_CHECKING:
    from seqcli.readers.stream import RecordStream

LOGITS = "output"
READ = (MEMORY, KEYS, PADDING)


def translator(model: SavedModel) -> Translate:
    """The model's task, when its network reads and writes the tokens that the task makes.

    Raises ModelError where it does not.
    """
    task = cast(Translate, saved_task(model))
    sizes = {item.field: item.size for item in model.network.inputs}
    if sizes != {SOURCE: task.source.size, WRITTEN: task.target.size}:
        raise ModelError(f"{model.path}: its network does not read what its task writes", "train it again")
    return task


def search_for(options: TranslateOptions) -> Search:
    """How to look for translations, as asked. Raises UsageError for more texts than beams."""
    beam = options.beams or max(Search.beam, options.n_best or 1)
    wanted = options.n_best or 1
    if wanted > beam:
        raise UsageError(
            f"--n-best {wanted} of {beam} texts that are followed", f"--beam {wanted} follows as many"
        )
    penalty = Search.length_penalty if options.length_penalty is None else options.length_penalty
    return Search(beam, penalty, wanted, options.align)


def labelled_pair(
    model: SavedModel, options: ColumnOptions, files: Sequence[str], reading: ReadingOptions
) -> Table:
    """The lines of the files of --source and --target, under the names that the model's columns have.

    Raises UsageError where --target is missing, or another file is named.
    """
    of_two_files(options)
    if tuple(files) != (options.source,):
        raise UsageError("--source and --target are the files to score on", f"leave out {files[0]}")
    plan, table = translator(model).plan, read_pair((str(options.source), *options.target), reading)
    names = (plan.text[0], plan.target[0])
    columns = {name: table.column(old) for name, old in zip(names, table.names, strict=True)}
    return replace(table, names=names, columns=columns)


class SavedWriter:
    """A :class:`~seqcli.tasks.translating.search.Writer` that runs the graphs of a saved model."""

    def __init__(self, model: SavedModel) -> None:
        self._encoder, self._decoder = (GraphSession.open(model, name) for name in (ENCODER, DECODER))
        self.vocabulary = model.network.output_shape[0]
        known = {*READ, WRITTEN, COUNT}
        self._states = [name for name in self._decoder.inputs if name not in known]
        self._said = [BEST, TOKENS, WEIGHTS, *(NEXT + name for name in self._states)]

    def read(self, batch: Batch) -> tuple[Arrays, Arrays]:
        """Fields (B, S), lengths (B,) → what is looked at, and the first states (B, H)."""
        starts = [START + name for name in self._states]
        found = self._encoder.run_named([*READ, *starts], batch)
        memory = dict(zip(READ, found, strict=False))
        states = dict(zip(self._states, found[len(READ) :], strict=True))
        rows, steps = batch[SOURCE].shape
        whole = all(len(values) == rows for values in found)
        if not whole or memory[MEMORY].shape[1] != steps or memory[PADDING].shape != (rows, 1, steps):
            raise ModelError(f"{self._encoder.name}: gives arrays of other shapes than its network")
        return memory, states

    def say(self, memory: Arrays, last: IntArray, states: Arrays, count: int) -> Said:
        """What may come behind the tokens ``last`` (R,)."""
        best, tokens, weights, *after = self._decoder.run_named(
            self._said,
            {**memory, **states, WRITTEN: last[:, None], COUNT: np.array([count], dtype=np.int64)},
        )
        rows, steps = len(last), memory[MEMORY].shape[1]
        shapes = (best.shape, tokens.shape, weights.shape)
        wanted = ((rows, 1, count), (rows, 1, count), (rows, 1, steps))
        same = all(new.shape == states[name].shape for name, new in zip(self._states, after, strict=True))
        if shapes != wanted or not same:
            raise ModelError(f"{self._decoder.name}: gives arrays of other shapes than its network")
        ids = tokens[:, 0].astype(np.int64)
        if ids.min() < 0 or ids.max() >= self.vocabulary:
            raise ModelError(f"{self._decoder.name}: writes tokens that there are not")
        return Said(best[:, 0], ids, dict(zip(self._states, after, strict=True)), weights[:, 0])

    def foreseen(self, examples: Batchable) -> FloatArray:
        """Nats and tokens (N, 2) of each true text."""
        figures = np.zeros((len(examples), 2), dtype=np.float32)
        for rows in scored_batches(_target(examples).lengths, self.vocabulary):
            batch = examples.batch(rows)
            nats, _ = self._nats(batch)
            known = batch[TARGET] > 0
            figures[rows] = np.stack([(nats * known).sum(1), known.sum(1)], axis=1)
        return figures

    def told(self, examples: Batchable) -> tuple[NDArray[np.float64], FloatArray]:
        """Log-probabilities (N, T) of the tokens of N texts of one length, and where was looked for the first
        of them, (T, S)."""
        target = _target(examples)
        logs = np.zeros((len(examples), int(target.lengths[0])))
        weights: FloatArray = np.zeros((0, 0), dtype=np.float32)
        for rows in scored_batches(target.lengths, self.vocabulary):
            nats, looked = self._nats(examples.batch(rows))
            logs[rows] = -nats
            if 0 in rows:
                weights = looked[rows.tolist().index(0)]
        return logs, weights

    def _nats(self, batch: Batch) -> tuple[FloatArray, FloatArray]:
        """Nats (B, T) of each token of the target, and where was looked for it, (B, T, S)."""
        memory, states = self.read(batch)
        wanted = batch[TARGET]
        feed = {**memory, **states, WRITTEN: batch[WRITTEN], COUNT: np.ones(1, dtype=np.int64)}
        logits, weights = self._decoder.run_named([LOGITS, WEIGHTS], feed)  # (B, T, V)
        shapes = (*wanted.shape, self.vocabulary), (*wanted.shape, batch[SOURCE].shape[1])
        if (logits.shape, weights.shape) != shapes:
            raise ModelError(f"{self._decoder.name}: gives arrays of other shapes than its network")
        own = np.take_along_axis(logits, wanted[:, :, None], axis=2)[..., 0]
        top = logits.max(axis=2)
        return top + np.log(np.exp(logits - top[..., None]).sum(axis=2)) - own, weights


def _target(examples: Batchable) -> Sequences:
    target = examples.fields[TARGET]
    assert isinstance(target, Sequences)
    return target


def translated_outputs(model: SavedModel, examples: Batchable, how: Search | None = None) -> FloatArray:
    """What a saved translator says of pairs, (N, 2 + T): see :mod:`seqcli.tasks.translating.answers`."""
    task, writer = translator(model), SavedWriter(model)
    found = translate(writer, examples, task.growth, how or Search())
    return packed(writer.foreseen(examples), [texts[0].ids if texts else () for texts in found])


@dataclass(frozen=True)
class Aligned:
    """A text and its translation, token by token, and where was looked: weights (T, S)."""

    text: str
    source: list[str]
    written: list[str]
    weights: FloatArray
    pieces: bool
    """Whether tokens are pieces of words, else characters."""


class TextTranslations(Predictions):
    """The rows of a stream with their translations appended, as ``how`` says they are looked for.

    With ``--align`` each batch is followed by :attr:`aligned`, where was looked for its texts.
    """

    def __init__(
        self,
        model: SavedModel,
        stream: RecordStream,
        options: tuple[PredictOptions, Search],
        warn: Callable[[str], None],
    ) -> None:
        self._how = options[1]
        self.aligns = options[1].aligned
        self.aligned: list[Aligned] = []
        super().__init__(model, stream, options[0], warn, translator(model))

    def _prepare(self) -> list[str]:
        self._writer = SavedWriter(self._model)
        if self._how.wanted == 1:
            return [PREDICTION]
        return [f"{name}_{rank}" for rank in range(1, self._how.wanted + 1) for name in (PREDICTION, "score")]

    def _answers(self, examples: Batchable) -> list[dict[str, Cell]]:
        task = cast(Translate, self._task)
        rows: list[dict[str, Cell]] = [{PREDICTION: ""} for _ in range(len(examples))]
        asked = np.flatnonzero(
            examples.lengths > 1
        )  # a text of its end alone is blank, and so is what it says
        found = translate(self._writer, examples.take(asked), task.growth, self._how)
        for row, texts in zip(asked.tolist(), found, strict=True):
            rows[row] = self._cells(texts)
        if self._how.aligned:
            self.aligned = self._looked(task, examples, dict(zip(asked.tolist(), found, strict=True)))
        empty = dict.fromkeys(self._results)
        return [{**empty, **row} for row in rows]

    def _cells(self, texts: Sequence[Translation]) -> dict[str, Cell]:
        """The cells of one row."""
        task = cast(Translate, self._task)
        if self._how.wanted == 1:
            return {PREDICTION: task.target.decode(texts[0].ids) if texts else ""}
        cells: dict[str, Cell] = {}
        for rank, text in enumerate(texts, start=1):
            cells[f"{PREDICTION}_{rank}"] = task.target.decode(text.ids)
            cells[f"score_{rank}"] = text.score
        return cells

    def _looked(
        self, task: Translate, examples: Batchable, found: dict[int, list[Translation]]
    ) -> list[Aligned]:
        """Where was looked for each text."""
        source = examples.batch(np.arange(len(examples)))[SOURCE]
        aligned = []
        for row, length in enumerate(examples.lengths.tolist()):
            texts = found.get(row, [])
            ids = list(texts[0].ids) if texts else []
            weights = texts[0].weights if texts else None
            if weights is None:
                weights = np.zeros((0, length), dtype=np.float32)
            read = [task.source.shown(number) for number in source[row, :length].tolist()]
            written = [
                task.target.shown(number) for number in [*ids, *[END_OF_TEXT] * (len(weights) - len(ids))]
            ]
            text, pieces = task.target.decode(ids), task.source.level == BPE
            aligned.append(Aligned(text, read, written, weights[:, :length], pieces))
        return aligned
