"""The charts of a model's report: learning curves, a confusion matrix, how far probabilities hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from seqcli.reporting.axes import LABEL_SIZE, Tick, number_ticks, shortened, text_width, value_range
from seqcli.reporting.svg import Drawing, Frame, Point
from seqcli.results import ResultTable

WIDTH, HEIGHT = 460.0, 270.0
TOP, RIGHT, BOTTOM = 34.0, 14.0, 46.0
STYLES = ("forecast", "second")
"""Of the first and the second line."""
MOST_CLASSES = 12
"""Classes whose confusion matrix is drawn."""
MOST_EPOCHS = 1000
FROM_ZERO = ("clipped", "learning rate")
"""Lines that never fall below 0, and whose axis begins there."""

Line = tuple[str, Sequence[float]]
"""What a line is called, and its value at each step."""


def learning_charts(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """Loss, the first metric of the validation part, clipped gradients and learning rate, epoch by epoch.

    Of the training with a validation part alone. What was never written is not drawn.
    """
    epochs = [entry for entry in history if entry.get("phase", "fit") == "fit"][-MOST_EPOCHS:]
    if not epochs:
        return []
    best = max((at for at, entry in enumerate(epochs) if entry.get("best") is True), default=None)
    metric = next((name for name in epochs[0] if name.startswith("validation_") and name != LOSS), "")
    first = epochs[0].get("epoch")
    start = first if isinstance(first, int) and not isinstance(first, bool) and 0 < first < 10**9 else 1
    charts = []
    for number, (title, names) in enumerate(
        (
            ("Loss", ("train_loss", LOSS)),
            (f"Validation {_words(metric.removeprefix('validation_'))}", (metric,)),
            ("Share of steps with clipped gradients", ("clipped",)),
            ("Learning rate", ("learning_rate",)),
        )
    ):
        lines = [(_name(name), [_number(entry.get(name)) for entry in epochs]) for name in names]
        lines = [line for line in lines if any(map(math.isfinite, line[1]))]
        if lines:
            charts.append(line_chart(title, lines, (start, best), f"curve{number}"))
    return charts


LOSS = "validation_loss"


def _name(key: str) -> str:
    return _words(key.removesuffix("_loss"))


def _words(key: str) -> str:
    return key.replace("_", " ")


def _number(value: Any) -> float:
    """A number of a history, which holds what a file said."""
    try:
        return float(value) if type(value) in (int, float) else math.nan
    except OverflowError:
        return math.nan


def line_chart(title: str, lines: Sequence[Line], epochs: tuple[int, int | None], name: str) -> str:
    """Lines over epochs as an SVG element. ``epochs``: the number of the first, and the place of the best."""
    (first, best), count = epochs, len(lines[0][1])
    low, high = value_range([value for _, values in lines for value in values])
    if lines[0][0] in FROM_ZERO:
        low, high = 0.0, high if high > 0 and low != -high else 1.0
    values, form = number_ticks(low, high, 5)
    left = 18 + max(text_width(tick.label, LABEL_SIZE) for tick in values)
    frame = Frame(left, TOP, WIDTH - left - RIGHT, HEIGHT - TOP - BOTTOM, low, high, count)
    ticks, _ = number_ticks(first, first + max(count - 1, 1), 6, whole=True)
    steps = [Tick(tick.at - first, tick.label) for tick in ticks if tick.at - first < count]
    drawing = Drawing(WIDTH, HEIGHT)
    drawing.text((12, 20), title, "panel")
    drawing.axes(frame, values, steps)
    drawing.text((frame.left + frame.width / 2, HEIGHT - 8), "epoch", "label", "middle")
    if best is not None:
        x = frame.x(best)
        drawing.line((x, frame.top), (x, frame.top + frame.height), "now")
    told = []
    for (called, found), style in zip(lines, STYLES, strict=False):
        points: list[Point] = [(frame.x(at), frame.y(value)) for at, value in enumerate(found)]
        drawing.curve(points, style, "ahead" if style == STYLES[0] else "other")
        told.append(f"{called} ends at {form.finer(2).text(found[-1])}")
    _legend(drawing, [called for called, _ in lines] if len(lines) > 1 else [])
    kept = f"; the weights of epoch {first + best} are kept" if best is not None else ""
    return drawing.document(title, f"Over {count} epochs: {', '.join(told)}{kept}.", name=name)


def _legend(drawing: Drawing, names: Sequence[str]) -> None:
    """Names of the lines, from the right end of the head."""
    right = WIDTH - RIGHT
    for called, style in reversed(list(zip(names, STYLES, strict=False))):
        right -= text_width(called, LABEL_SIZE)
        drawing.text((right, 20), called, "label")
        drawing.line((right - 24, 16), (right - 6, 16), style)
        right -= 40


def confusion_chart(matrix: ResultTable, name: str) -> str:
    """A confusion matrix, each cell as dark as its share of the true class; "" for too many classes."""
    classes = [str(row[0]) for row in matrix.rows]
    counts = [[_number(cell) for cell in row[1:]] for row in matrix.rows]
    if not 1 < len(classes) <= MOST_CLASSES or any(len(row) != len(classes) for row in counts):
        return ""
    left = 22 + min(130.0, max(text_width(called, LABEL_SIZE) for called in classes))
    side = min(74.0, (WIDTH - left - RIGHT) / len(classes))
    tall = min(side, 44.0)
    drawing = Drawing(WIDTH, 74 + tall * len(classes) + 10)
    drawing.text((12, 20), "Confusion matrix", "panel")
    drawing.text((left, 42), "predicted", "label")
    for place, (called, row) in enumerate(zip(classes, counts, strict=True)):
        middle = 66 + tall * (place + 0.5)
        across = left + side * (place + 0.5)
        drawing.text((left - 8, middle + 4), shortened(called, LABEL_SIZE, 130), "label", "end", called)
        drawing.text((across, 60), shortened(called, LABEL_SIZE, side - 4), "label", "middle", called)
        whole = sum(count for count in row if math.isfinite(count)) or 1.0
        for column, count in enumerate(row):
            share = max(0.0, min(1.0, count / whole)) if math.isfinite(count) else 0.0
            corner = (left + side * column + 1, 66 + tall * place + 1)
            style = "band" if column == place else "wrong"
            drawing.rectangle(corner, side - 2, tall - 2, style, 0.06 + 0.54 * share)
            at = (left + side * (column + 0.5), middle + 4)
            drawing.text(at, f"{count:,.0f}" if math.isfinite(count) else "", "count", "middle")
    said = "Rows are true classes, columns predictions, colour is the share of the class."
    return drawing.document("Confusion matrix", said, name=name)


def reliability_chart(bins: Sequence[tuple[float, float, int]], name: str) -> str:
    """How often answers of a probability are right; ``bins`` are (probability, share right, rows)."""
    if not bins:
        return ""
    low = math.floor(min(min(sure, right) for sure, right, _ in bins) * 10) / 10
    frame = Frame(46, TOP, WIDTH - 46 - RIGHT, HEIGHT - TOP - BOTTOM, low, 1.0, 2)
    values, _ = number_ticks(low, 1.0, 5)

    def across(sure: float) -> float:
        return frame.x((sure - low) / (1 - low))

    drawing = Drawing(WIDTH, HEIGHT)
    drawing.text((12, 20), "Reliability: share right by probability", "panel")
    steps = [Tick((tick.at - low) / (1 - low), tick.label) for tick in values]
    drawing.axes(frame, values, steps)
    drawing.text((frame.left + frame.width / 2, HEIGHT - 8), "probability of the answer", "label", "middle")
    drawing.line((across(low), frame.y(low)), (across(1.0), frame.y(1.0)), "now")
    points = [(across(sure), frame.y(right)) for sure, right, _ in bins]
    drawing.curve(points, "forecast", "ahead")
    for point in points:
        drawing.dot(point, "ahead", 3)
    rows = sum(count for _, _, count in bins)
    said = f"{len(bins)} groups of equally many of {rows:,} rows; on the dashed line probabilities are true."
    return drawing.document("Reliability", said, name=name)
