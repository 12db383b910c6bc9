"""What a model made of a file that holds the answers, as panels: one kind or two for each task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.inference.evaluate import Measured
from seqcli.inference.reliability import reliability
from seqcli.preprocessing.frames import Rolls
from seqcli.reporting.confusion import confusions, matrix_of, number
from seqcli.reporting.odd_panel import odd_panel
from seqcli.reporting.panels import MOST_LINES, BarPanel, Line, LinePanel, Panel
from seqcli.results import ResultTable
from seqcli.tasks.reconstruct import Reconstruct
from seqcli.tasks.regress import Regress

MOST_CLASSES = 12
"""Classes whose confusion matrix is drawn; of more, what is most often confused."""
MOST_BARS = 20
MOST_POINTS = 600
"""Rows that a cloud shows."""
PARTS = 100
"""Equal stretches of a text, whose means are drawn."""
BINS = 24
"""Bars of a histogram."""


def scored_panels(measured: Measured) -> list[Panel]:
    """The panels of one evaluation, those of its tables first."""
    task, outputs, examples = measured.task, measured.outputs, measured.examples
    panels = table_panels(measured.tables)
    panels += reliability_panels(reliability(task, outputs, examples))
    if isinstance(task, Regress):
        panels.append(cloud_panel(task.plan.target[0], *task.numbers_of(outputs, examples)))
    if isinstance(task, Reconstruct):
        panels.append(odd_panel(task, outputs, examples))
    if isinstance(examples, Rolls):
        panels += surprise_panels(_frame_nats(outputs, examples), "frame")
    elif str(getattr(task, "name", "")).startswith(("language.", "music.")):
        panels += surprise_panels(np.asarray(outputs, dtype=np.float64)[:, 0], getattr(task, "unit", "event"))
    return panels


def table_panels(tables: Sequence[ResultTable]) -> list[Panel]:
    """Panels of the tables that a figure shows better."""
    panels: list[Panel] = []
    for table in tables:
        panels += matrix_panels(table)
        if table.title == "Most frequent confusions":
            pairs = [(f"{true} → {said}", number(count)) for true, said, count in table.rows]
            panels.append(BarPanel("True class → prediction, rows", pairs[:MOST_BARS], ",.0f"))
        elif table.title == "By steps ahead":
            panels.append(horizon_panel(table))
        elif table.title == "By target":
            panels += target_panels(table)
        elif table.title in ("Labels", "Spans by type"):
            panels += f1_panels(table)
        panels += coverage_panels(table)
    return panels


def matrix_panels(table: ResultTable) -> list[Panel]:
    """A confusion matrix as it is, or of many classes its largest cells off the diagonal; else nothing."""
    matrix = matrix_of(table)
    if matrix is None or len(matrix.columns) <= MOST_CLASSES:
        return [] if matrix is None else [matrix]
    pairs = [(f"{true} → {said}", number(count)) for true, said, count, _ in confusions(table).rows]
    return [BarPanel("True class → prediction, rows", pairs, ",.0f")] if pairs else []


def reliability_panels(bins: Sequence[tuple[float, float, int]]) -> list[Panel]:
    """How often answers of a probability are right; ``bins`` are (probability, share right, rows)."""
    if not bins:
        return []
    low = math.floor(min(min(sure, right) for sure, right, _ in bins) * 10) / 10
    rows = sum(count for _, _, count in bins)
    line = Line("", [(sure, right) for sure, right, _ in bins], dots=True)
    note = f"each dot is one of {len(bins)} groups of equally many of {rows:,} rows"
    return [
        LinePanel(
            "Reliability: share right by probability",
            "probability of the answer",
            [line],
            f"{note}; on the dashed line probabilities are true",
            diagonal=True,
            limits=(low, 1.0) if low < 1 else (0.0, 1.0),
        )
    ]


def horizon_panel(table: ResultTable) -> LinePanel:
    """The errors of a table by steps ahead, a line a column."""
    names = [column.name for column in table.columns[1:]]
    lines = [
        Line(name, [(number(row[0]), number(row[place])) for row in table.rows], dots=len(table.rows) < 30)
        for place, name in enumerate(names, 1)
    ]
    shown = [line for line in lines if any(math.isfinite(up) for _, up in line.points)]
    return LinePanel("Error by steps ahead", "steps ahead", shown[:MOST_LINES], whole=True)


def target_panels(table: ResultTable) -> list[Panel]:
    """Of several targets, whose units differ, each error as a share of the last value's."""
    ratios = [(str(row["target"]), number(row.get("mae / naive"))) for row in table.records()]
    if not any(math.isfinite(ratio) for _, ratio in ratios):
        return []
    note = "below 1 the forecast is better than the last value"
    return [BarPanel("Error by target, mae / naive", ratios[:MOST_BARS], ".3f", note)]


def coverage_panels(table: ResultTable) -> list[Panel]:
    """How many values lie inside intervals of each level, for a table that measured it."""
    names = [column.name for column in table.columns]
    if "interval" not in names or "covered" not in names:
        return []
    kinds: dict[str, list[tuple[float, float]]] = {}
    for record in table.records():
        point = number(record["interval"]), 100 * number(record["covered"])
        kinds.setdefault(str(record.get("kind", "")), []).append(point)
    values = [value for points in kinds.values() for point in points for value in point]
    low = 10.0 * math.floor(min(filter(math.isfinite, values), default=0.0) / 10 - 0.1)
    lines = [Line(kind, sorted(points), dots=True) for kind, points in kinds.items()]
    return [
        LinePanel(
            "Coverage, %",
            "level of the interval, %",
            lines[:MOST_LINES],
            "on the dashed line as many values lie inside the interval as should",
            diagonal=True,
            limits=(max(low, 0.0), 100.0),
        )
    ]


def f1_panels(table: ResultTable) -> list[Panel]:
    """A bar for the F1 of each label or kind of span."""
    records = table.records()
    if not records or "f1" not in records[0]:
        return []
    bars = [(str(row[0]), number(record["f1"])) for row, record in zip(table.rows, records, strict=True)]
    return [BarPanel(f"{table.title}: F1", bars[:MOST_BARS], ".3f", most=1.0)]


def cloud_panel(target: str, predicted: NDArray[np.float64], actual: NDArray[np.float64]) -> LinePanel:
    """Predicted against true numbers, (N,) each; of many rows some, at equal distances in the file."""
    places = np.linspace(0, len(actual) - 1, min(len(actual), MOST_POINTS)).astype(int)
    points = list(zip(actual[places].tolist(), predicted[places].tolist(), strict=True))
    some = f"{len(points):,} of {len(actual):,} rows" if len(points) < len(actual) else "a dot a row"
    return LinePanel(
        f"Predicted {target}",
        f"true {target}",
        [Line("rows", points, joined=False)],
        f"{some}; on the dashed line predictions are true",
        diagonal=True,
    )


def surprise_panels(nats: NDArray[np.float64], unit: str) -> list[Panel]:
    """How surprising a text is: along its length, and how its tokens spread. ``nats`` are (M,)."""
    if not len(nats):
        return []
    bits = nats / math.log(2)
    size = -(-len(bits) // PARTS)
    along = []
    for start in range(0, len(bits), size):
        part = bits[start : start + size]
        along.append((start + (len(part) + 1) / 2, float(part.mean())))
    ends = [(place, float(bits.mean())) for place, _ in (along[0], along[-1])]
    lines = [Line(f"mean of {size:,}", along), Line("of all", ends)]
    top = max(1, math.ceil(float(np.quantile(bits, 0.99))))
    edges = np.linspace(0, top, BINS + 1)
    counts, _ = np.histogram(np.minimum(bits, top), edges)
    shares = 100 * counts / len(bits)
    steps = Line(
        "", [(float(x), float(share)) for at, share in enumerate(shares) for x in edges[at : at + 2]]
    )
    one = f"{'an' if unit[0] in 'aeiou' else 'a'} {unit}"
    return [
        LinePanel(f"Bits {one}, in order", unit, lines, limits=_from_zero(lines), whole=True),
        LinePanel(
            f"Share of {unit}s, %",
            f"bits {one}",
            [steps],
            f"at the right end stands every {unit} of {top} bits and more",
            limits=_from_zero([steps]),
        ),
    ]


def _from_zero(lines: Sequence[Line]) -> tuple[float, float]:
    high = max(up for line in lines for _, up in line.points)
    return 0.0, 1.05 * high if high > 0 else 1.0


def _frame_nats(logits: NDArray[Any], examples: Rolls) -> NDArray[np.float64]:
    """Nats (M,) of each frame of all pieces, from the logits (M, 88) of its keys."""
    keys = np.concatenate([examples.frames(piece) for piece in range(len(examples))]) > 0
    nats: NDArray[np.float64] = np.logaddexp(0.0, np.where(keys, -logits, logits).astype(np.float64)).sum(
        axis=1
    )
    return nats
