"""What every task offers, and the plain data it hands to training, inference and reporting.

A task is a fitted, JSON-able object: it remembers the columns it reads and everything that was
fitted on training rows, turns a table into :class:`~seqcli.sequences.Examples`, and turns network
outputs back into rows. It knows no torch: a network is described by a
:class:`~seqcli.network.NetworkSpec`, a loss by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from seqcli.network import NetworkSpec
from seqcli.readers.table import Table
from seqcli.readers.wide import WideForm
from seqcli.results import Cell, ResultTable
from seqcli.sequences import Batch, Examples, IntArray


@dataclass(frozen=True)
class Plan:
    """Which task and columns were found, and why; saved as the model's column plan."""

    task: str
    target: tuple[str, ...]
    features: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    time: str | None = None
    id: tuple[str, ...] = ()
    group: str | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    """(column, reason) of columns that are not used."""
    reasons: tuple[str, ...] = ()
    """One sentence a choice: "target label: a column called label with 2 repeated values"."""
    ahead: tuple[str, ...] = ()
    """Features of a forecast whose values are known behind the last target, too."""
    indicators: tuple[str, ...] = ()
    """Inputs of a forecast that are computed from the past of its targets."""
    static: tuple[str, ...] = ()
    """Columns that say the same in all rows of a series, but not of each."""
    audio: tuple[str, ...] = ()
    """The column that names sound files."""
    separator: str = ""
    """What stands between the labels of one cell, where a row has several."""
    wide: WideForm | None = None
    """How series stand in the rows of a wide file; None where each row is one moment."""

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {key: _listed(value) for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """Rebuild from :meth:`to_json`; raises TypeError, KeyError or ValueError on anything else."""
        names = {key: tuple(str(name) for name in data[key]) for key in _NAME_LISTS}
        names |= {key: tuple(str(name) for name in data.get(key, ())) for key in _LATER_LISTS}
        left_out = tuple((str(name), str(reason)) for name, reason in data["left_out"])
        single = {key: None if data[key] is None else str(data[key]) for key in ("time", "group")}
        wide = WideForm.from_json(data["wide"]) if data.get("wide") else None
        task, separator = str(data["task"]), str(data.get("separator", ""))
        return cls(task=task, left_out=left_out, wide=wide, separator=separator, **names, **single)  # type: ignore[arg-type]


_LATER_LISTS = ("ahead", "indicators", "static", "audio")
"""Lists that a model of an earlier version does not have."""
_NAME_LISTS = ("target", "features", "text", "id", "reasons")


def _listed(value: Any) -> Any:
    """Tuples as lists, at any depth, so that a plan equals its own JSON."""
    return [_listed(item) for item in value] if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Cut:
    """Where series are cut for a backtest, in place of one cut by share."""

    blocks: int = 1
    """The rows of the test share are so many blocks along time."""
    first: int = 0
    """The block that the test part begins with."""
    stop: int = 1
    """The block, counted from 0, that it ends ahead of: what lies behind is not there at all."""
    last: bool = False
    """Instead: the last horizon of each series is the test part, the one before it the validation part."""


@dataclass(frozen=True)
class Tables:
    """The tables of a run: one to split, and the parts that were given as files of their own."""

    main: Table
    validation: Table | None = None
    test: Table | None = None
    cut: Cut | None = None


@dataclass(frozen=True)
class Scores:
    """Measured quality of one predictor on one part. ``values`` maps metric name to value."""

    predictor: str
    values: dict[str, float]


@dataclass(frozen=True)
class Writing:
    """A line that a language model writes while it learns: ``length`` tokens after ``opening`` (N,)."""

    opening: IntArray
    length: int
    decode: Callable[[Iterable[int]], str]


@dataclass(frozen=True)
class Prepared:
    """A fitted task with its three parts, ready to train."""

    task: Task
    train: Examples
    validation: Examples
    test: Examples
    network: NetworkSpec
    loss: str
    """Name in the registry of losses: "cross_entropy", "huber"."""
    training: dict[str, Any]
    """What the task chooses for options left at None: epochs, batch_size, learning_rate, bptt, …"""
    rules: list[str] = field(default_factory=list)
    """Sentences on what was kept: where the split lies, on how many rows the scaler was fitted."""
    warnings: list[str] = field(default_factory=list)
    """Sentences on odd data: rows dropped, columns left out, texts cut."""
    source: Any = None
    """What the task's own baselines read: the raw rows of the three parts; of a forecast the steps
    (S, 3) that each part of each series ends ahead of. Never saved."""
    counts: tuple[str, tuple[int, int, int]] | None = None
    """What the parts are counted in and how many they hold, where that is not examples."""
    writing: Writing | None = None
    """How a network in training shows what it has learnt to write, where it writes."""
    taught: Examples | None = None
    """Training examples that a :class:`Remembering` task wants to hear the network about."""
    refit: Callable[[], Examples] | None = None
    """All rows as training examples (train-fitted preprocessing), for the training after the test."""
    goes_on: bool = False
    """Whether the network also reads the validation text, once that has chosen it and ahead of the test."""
    members: Callable[[], Prepared] | None = None
    """Fits what is learnt without the network, ahead of its training; None where nothing is."""

    @property
    def unit(self) -> str:
        """What the parts are counted in."""
        return self.counts[0] if self.counts else "examples"

    @property
    def sizes(self) -> tuple[int, int, int]:
        """How much the training, validation and test part hold."""
        if self.counts:
            return self.counts[1]
        return len(self.train), len(self.validation), len(self.test)


class Task(Protocol):
    """A fitted sequence problem."""

    name: ClassVar[str]
    """Registry name with its version, such as "classify.v1"."""

    @property
    def plan(self) -> Plan:
        """The columns it works on, and why."""

    @property
    def metric(self) -> str:
        """The metric that early stopping and choices use; it is a key of :meth:`score`."""

    @property
    def higher_is_better(self) -> bool:
        """Which way the metric goes."""

    def encode(self, table: Table) -> Examples:
        """Rows to predict on, with the fitted preprocessing; no target is needed."""

    def encode_labelled(self, table: Table) -> Examples:
        """Rows to score on: as :meth:`encode`, with the field ``target``."""

    def score(self, outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
        """Metrics of network ``outputs`` (N, *output_shape) for labelled ``examples``."""

    def calibrate(self, outputs: NDArray[np.float32], examples: Examples) -> Task:
        """This task with what ``outputs`` (N, *output_shape) for validation rows teach it, or itself."""

    def recalibrate(self, parts: Sequence[tuple[NDArray[np.float32], Examples]]) -> Task:
        """This task with intervals from all held-out parts, called once the test part was reported.

        ``parts`` are (outputs (N, *output_shape), examples).
        """

    def report(
        self, scores: list[Scores], outputs: NDArray[np.float32], examples: Examples
    ) -> list[ResultTable]:
        """Tables for a person: the first is the result (model beside baselines), then details.

        ``outputs`` are (N, *output_shape).
        """

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """Scores on the test part of predictors that need no network, fitted on the training part."""

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Task:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""


@runtime_checkable
class Mixing(Protocol):
    """A task whose answer mixes the network's with those of members that need none."""

    @property
    def network_counts(self) -> bool:
        """Whether the network has any weight."""

    def composition(self, network: str) -> str:
        """What the answer is mixed of, in a sentence; ``network`` is what the network is called."""

    def member_scores(self, outputs: NDArray[np.float32], examples: Examples, network: str) -> list[Scores]:
        """Scores of the mix, and of each fitted member alone; ``network`` is what the network is called.

        ``outputs`` are (N, *output_shape).
        """

    def refitted(self, examples: Examples) -> Task:
        """This task with its own members fitted anew on ``examples``."""

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """What was fitted and is too large for :meth:`Task.to_json`, by name."""

    def with_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> Task:
        """The restored task with what :meth:`arrays` gave. Raises ModelError where that does not fit."""


@runtime_checkable
class Joining(Protocol):
    """A task that decodes the network's outputs joined with what its own members say of each example."""

    def joined(self, outputs: NDArray[np.float32], examples: Examples) -> NDArray[np.float32]:
        """What is decoded, from the network's ``outputs``: both are (N, *output_shape)."""


def to_decode(task: Task, outputs: NDArray[np.float32], examples: Examples) -> NDArray[np.float32]:
    """What ``task`` decodes, from the network's ``outputs`` for ``examples``: both (N, *output_shape)."""
    return task.joined(outputs, examples) if isinstance(task, Joining) else outputs


@runtime_checkable
class Changing(Protocol):
    """A task whose training batches are changed at random, each time they come."""

    def changed(self, batch: Batch, seed: Sequence[int]) -> Batch:
        """``batch`` as it is learnt from; ``seed`` alone decides."""


@runtime_checkable
class Chained(Protocol):
    """A task whose network also learns how well answers at neighbouring steps go together."""

    def with_chain(self, weights: Mapping[str, NDArray[np.float32]]) -> Task:
        """This task with what the network's ``weights`` say. Raises ModelError where they do not fit."""


@runtime_checkable
class Remembering(Protocol):
    """A task whose uncertainty is measured on training examples too."""

    def remembering(
        self, held: tuple[NDArray[np.float32], Examples], taught: tuple[NDArray[np.float32], Examples]
    ) -> Task:
        """This task, calibrated on ``held``; both are outputs (N, *output_shape) and their examples."""


def own_scores(task: Task, outputs: NDArray[np.float32], examples: Examples, network: str) -> list[Scores]:
    """What the trained task scores on ``examples``: the result first. ``outputs`` are (N, *output_shape)."""
    if isinstance(task, Mixing):
        return task.member_scores(outputs, examples, network)
    return [Scores(network, task.score(outputs, examples))]


class RowTask(Task, Protocol):
    """A task that gives each row (or each sequence of rows that share ``plan.id``) a prediction."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the rows to predict on must have."""

    @property
    def text_column(self) -> str:
        """The column that one text a line fills; "" where lines cannot be read so."""

    def bad_rows(self, table: Table) -> dict[int, str]:
        """Positions in ``table`` that cannot be trusted, each with what is wrong with the row.

        :meth:`encode` itself never fails on a cell: it reads such a cell as missing.
        """

    def decode(self, outputs: NDArray[np.float32], probabilities: bool = False) -> list[dict[str, Cell]]:
        """One row of named results for each row of ``outputs`` (N, *output_shape).

        The first name is "prediction". ``Batchable.row_ids`` of the encoded examples says which
        row of the table each belongs to: the row itself, or the first row of a sequence.
        """
