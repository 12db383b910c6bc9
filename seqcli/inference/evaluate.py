"""The model's figures on a file that holds the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, cast, runtime_checkable

from seqcli.errors import DataError
from seqcli.inference.carried import network_outputs
from seqcli.inference.frames import roll_logits
from seqcli.inference.kinds import command_of, judging
from seqcli.inference.surprisal import text_nats
from seqcli.inference.translating import translated_outputs
from seqcli.inference.trust import blamed_on, saved_task
from seqcli.model_dir import SavedModel
from seqcli.options import ColumnOptions
from seqcli.preprocessing.frames import Rolls
from seqcli.readers.table import Table
from seqcli.results import ResultTable
from seqcli.sequences import Batchable, Examples, FloatArray, Windows
from seqcli.tasks.base import Mixing, Scores, Task, own_scores
from seqcli.tasks.doubts import doubts


@runtime_checkable
class WithReferences(Protocol):
    """A task whose baselines need nothing that was fitted, so that they stand beside any result."""

    def reference_scores(self, examples: Examples) -> list[Scores]:
        """Scores of each baseline on labelled ``examples``."""


@dataclass(frozen=True)
class Measured:
    """What a model made of a file with answers: tables, and what they and figures are made from."""

    tables: list[ResultTable]
    task: Task
    outputs: FloatArray
    """(N, *output_shape); of a text nats (M, 2) a token, of piano rolls logits (M, 88) a frame."""
    examples: Examples


def evaluate(
    model: SavedModel, table: Table, warn: Callable[[str], None] = lambda text: None
) -> list[ResultTable]:
    """The tables of :func:`measure`: the result first, then details."""
    return measure(model, table, warn).tables


def measure(
    model: SavedModel,
    table: Table,
    warn: Callable[[str], None] = lambda text: None,
    also: Callable[[Examples], list[Scores]] = lambda examples: [],
    searching: Callable[[Task], Task] = lambda task: task,
    columns: ColumnOptions | None = None,
) -> Measured:
    """How well the model does on ``table``; of the tables the first is the result, then details.

    The first row of the result is the model's; where baselines can be had without training they
    follow, behind what ``also`` scores; ``searching`` gives the task another search for its answers, and
    ``columns`` name what is odd, where that was typed. A file that the model was trained on is said to be
    one in the caption, and ``warn`` hears which rows of a forecast were scored. Raises :class:`DataError`
    when the file lacks a column or holds no answers.
    """
    task = judging(searching(saved_task(model)), table, columns or ColumnOptions())
    with blamed_on(model):
        examples = task.encode_labelled(table)
        if not len(examples):
            raise DataError(
                f"{table.source}: no row has a known {' or '.join(task.plan.target)}",
                "evaluate needs the true answers beside the inputs",
            )
        if isinstance(examples, Rolls):
            outputs = roll_logits(model, examples)
        elif model.network.attention:
            outputs = translated_outputs(model, cast(Batchable, examples))
        elif command_of(task) == "generate":
            outputs = text_nats(model, cast(Windows, examples))
        else:
            outputs = network_outputs(model)(examples)
        cell = model.network.cell
        mixed = isinstance(task, Mixing) and task.composition(cell)
        name = cell if mixed else f"seqcli ({cell})"
        scores = own_scores(task, outputs, examples, name) + also(examples)
        if isinstance(task, WithReferences):
            scores += task.reference_scores(examples)
        found = doubts(task, outputs, examples, table)
        tables = [*task.report(scores, outputs, examples), *found.tables]
    for sentence in found.sentences:
        warn(sentence)
    note = getattr(examples, "note", None)
    if note:
        warn(note)
    # A forecast is scored on rows that are newer than those it has seen, or its own note says otherwise.
    seen = trained_on(model, table) if note is None else ""
    caption = ". ".join(filter(None, (tables[0].caption.removesuffix("."), seen)))
    return Measured([replace(tables[0], caption=caption), *tables[1:]], task, outputs, examples)


def trained_on(model: SavedModel, table: Table) -> str:
    """A sentence when ``table`` is the very file that the model was trained on, else ""."""
    data = model.record["data"]
    if not table.digest or table.digest != data["digest"]:
        return ""
    return f"The model was trained on rows of this file ({data['source']}): figures on them flatter it."
