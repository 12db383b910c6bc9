"""A saved model anew with weights of 8 bits, and what that costs and gives: size, time, metric."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from seqcli.errors import UsageError
from seqcli.inference.evaluate import evaluate
from seqcli.inference.int8 import Rounded, parts, round_graph
from seqcli.inference.session import ROWS, GraphSession
from seqcli.inference.stream import STEP
from seqcli.inference.trust import saved_task
from seqcli.model_dir import TASK_ARRAY, SavedModel, write_model
from seqcli.readers.table import Table
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.saved.exported import KEY, is_exported, kept_beside_graphs
from seqcli.saved.files import parse_json
from seqcli.saved.graph_check import Port
from seqcli.saved.record import CARD, HISTORY
from seqcli.saved.translator import COUNT, DECODER, PADDING
from seqcli.sequences import Batch
from seqcli.threads import thread_count

STEPS = 64
"""Steps of the row that is timed."""
SECONDS = 0.5
"""How long each model is timed."""


def write_rounded(model: SavedModel, target: Path, *, keep_old: bool = False) -> list[Rounded]:
    """Write ``model`` to ``target`` with its graphs in 8 bits; what became of each graph.

    Of the network's weights only those are written that prediction reads beside the graphs. Raises
    :class:`UsageError` for a model that was made so.
    """
    if is_exported(model.record):
        raise UsageError(
            f"{model.path}: its weights have 8 bits already", "export the model it was made from"
        )
    rounded = {name: round_graph(graph) for name, graph in model.graphs.items()}
    weights = model.weights()
    held = {TASK_ARRAY + name: values for name, values in model.weights(of_task=True).items()}
    record = {name: value for name, value in model.record.items() if name not in ("format", "files")}
    told = {"from": model.path.name, "parameters": sum(values.size for values in weights.values())}
    history = [parse_json(line, HISTORY) for line in model.content(HISTORY).splitlines()]
    write_model(
        target,
        {**record, KEY: told},
        {**kept_beside_graphs(weights), **held},
        {name: found.graph for name, found in rounded.items()},
        history,
        model.content(CARD).decode().rstrip("\n") + _card(model, list(rounded.values())),
        keep_old=keep_old,
    )
    return list(rounded.values())


def _card(model: SavedModel, rounded: Sequence[Rounded]) -> str:
    """What the card says of the export (markdown)."""
    integers = sum(item.integer for item in rounded)
    lines = [
        f"Made from `{model.path.name}` by `seqcli export --int8`; the figures above are that model's.",
        f"{sum(item.small for item in rounded):,} numbers of the graphs have 8 bits, "
        f"{sum(item.whole for item in rounded):,} are as they were.",
        "The LSTM computes in integers: the rows that are read with a row are rounded with it, and move its "
        "answer a little."
        if integers
        else "Weights are widened when the model is opened; it computes in float32.",
        "It holds no weights to go on training from, and none to look into.",
    ]
    return "\n\n## Export\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"


# ---- what it costs and gives


def comparison(models: Sequence[SavedModel], table: Table | None, before: ResultTable | None) -> ResultTable:
    """One row a model: bytes, µs a step, and its metrics on ``table``, of the first as :func:`evaluate` gave.

    Without a table the metrics are those that are kept with the first model, and the others have none.
    """
    timed = step_times(models)
    columns = [ResultColumn("model", emphasis=True), ResultColumn("bytes", ",")]
    columns += [ResultColumn("graph_bytes", ","), ResultColumn("us_per_step", ".2f")]
    if table is None or before is None:
        kept: Mapping[str, float | None] = next(iter(models[0].record["metrics"].values()), {})
        found: list[Mapping[str, Cell]] = [dict(kept), *({} for _ in models[1:])]
        measured = [ResultColumn(name, ".4g") for name in kept]
    else:
        scored = [before, *(evaluate(model, table)[0] for model in models[1:])]
        measured = [column for column in before.columns if _is_number(before, column.name)]
        found = [result.records()[0] for result in scored]
    rows = [
        (
            model.path.name,
            directory_bytes(model),
            graph_bytes(model),
            microseconds,
            *(figures.get(column.name) for column in measured),
        )
        for model, microseconds, figures in zip(models, timed, found, strict=True)
    ]
    return ResultTable("Export", (*columns, *measured), rows)


def said(compared: ResultTable, rounded: Sequence[Rounded], measured: bool) -> list[str]:
    """What the comparison of two models comes to, and what was rounded, in sentences."""
    first, second = compared.records()
    size, graphs, pace = (
        float(str(second[n])) / float(str(first[n])) for n in ("bytes", "graph_bytes", "us_per_step")
    )
    small, whole, integer = parts(rounded)
    layers = f"; {integer} LSTM layer{'s' if integer > 1 else ''} in integers" if integer else ", in float32"
    lines = [
        f"{size:.2f} of the size, its graphs {graphs:.2f}; {pace:.2f} of the time a step{layers}",
        f"{small:,} weights have 8 bits; {whole:,} numbers (biases, scales, small matrices) stay float32",
        "the weights that only a training needs are left out",
    ]
    if not measured:
        lines.append("the metrics are those of the model's own test; --data FILE measures both models")
    return lines


def _is_number(result: ResultTable, name: str) -> bool:
    value = result.records()[0][name]
    return isinstance(value, int | float) and not isinstance(value, bool)


def graph_bytes(model: SavedModel) -> int:
    """The size of all graphs of a model."""
    return sum(map(len, model.graphs.values()))


def directory_bytes(model: SavedModel) -> int:
    """The size of all files of a model directory."""
    listed = sum(int(entry["size"]) for entry in model.record["files"].values())
    return listed + (model.path / "model.json").stat().st_size


def step_times(models: Sequence[SavedModel]) -> list[float]:
    """µs that one row takes for a step, of each model: the median of many runs, one model after the other.

    The models are to take the same inputs, which are made up here.
    """
    name = next((graph for graph in (STEP, DECODER) if graph in models[0].graphs), ROWS)
    sessions = [GraphSession.open(model, name, thread_count(1)) for model in models]
    steps = 1 if name == STEP else row_steps(models[0], STEPS)
    batch = made_up(models[0], name, steps)
    took: list[list[float]] = [[] for _ in models]
    end = time.perf_counter() + SECONDS * len(models)
    while time.perf_counter() < end or len(took[-1]) < 3:
        for session, taken in zip(sessions, took, strict=True):
            start = time.perf_counter()
            session.run(batch)
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) / steps * 1e6 for taken in took]


def row_steps(model: SavedModel, usual: int) -> int:
    """Steps of a row that a network can read: those of a forecast are its window, in whole segments."""
    frame = getattr(saved_task(model), "frame", None)
    window = usual if frame is None else int(frame.window)
    return max(model.network.segment, window - window % model.network.segment)


def made_up(model: SavedModel, graph: str, steps: int) -> Batch:
    """Inputs of a graph for one row of ``steps`` steps: numbers around 0, and ids that the network knows."""
    rng = np.random.default_rng(0)
    sizes = {item.field: item.size for item in model.network.inputs}
    entry = model.record["files"][f"graphs/{graph}.onnx"]["inputs"]
    ports = {name: Port(element, tuple(shape)) for name, (element, shape) in entry.items()}
    batch: Batch = {}
    for name, port in ports.items():
        if name in ("lengths", COUNT):
            batch[name] = np.array([1 if name == COUNT else steps], dtype=np.int64)
            continue
        rows = 1 if name in sizes else model.network.readers
        opened = iter((rows, 1, steps) if name == PADDING else (rows, steps, 4))  # ids of a bag last
        shape = tuple(next(opened) if size is None else size for size in port.shape)
        batch[name] = (
            rng.standard_normal(shape).astype(np.float32)
            if port.element == "F"
            else rng.integers(0, sizes[name], shape)
        )
    return batch
