"""Every number of an inspection in long form: a row a quantity, of one cell, stage, layer and part."""

from __future__ import annotations

import math
from collections.abc import Iterator

from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.training.gradients.curves import Curve, Flow, Inspection
from seqcli.training.gradients.measures import Dynamics, Norms, Spread, Truncations

NUMBERS = ("cell", "stage", "layer", "part", "quantity", "k", "mean", "p10", "p50", "p90", "ratio")
"""The part is a state, a gate, a piece of the network or the number of an exponent; k counts steps back."""
Row = tuple[Cell, ...]


def numbers_table(found: Inspection) -> ResultTable:
    """Every number; of a training that exploded one row.

    Where segments are counted, the column of the step says so. A quantity that is one number is its mean.
    """
    rows: list[Row] = []
    for flow in found.flows:
        head = (flow.cell, flow.stage)
        for shot in flow.snapshots:
            stage = (flow.cell, f"step {shot.step}")
            for curve in shot.curves:
                rows += _of_curve(stage, curve)
            rows.append((*stage, None, None, "gradient_norm", None, None, None, shot.norm, None, None))
        if flow.diverged:
            rows.append((*head, None, None, "gradient", None, math.inf, None, None, None, None))
        for curve in flow.curves:
            rows += _of_curve(head, curve)
        for layer in flow.dynamics:
            rows += [(*head, *row) for row in _of_layer(layer)]
        if flow.truncations:
            rows += [(*head, *row) for row in _of_truncations(flow.truncations)]
        if flow.training:
            rows += [(*head, *row) for row in _of_training(flow)]
    names = ["segments_back" if name == "k" and found.segment > 1 else name for name in NUMBERS]
    return ResultTable("", tuple(ResultColumn(name) for name in names), rows)


def _of_curve(head: tuple[str, str], curve: Curve) -> list[Row]:
    """‖∂L/∂s‖ by steps back, and the rate."""
    values = zip(curve.mean.tolist(), *curve.percentiles.tolist(), curve.ratio.tolist(), strict=True)
    rows: list[Row] = [
        (*head, curve.layer, curve.state, "gradient", back, *numbers) for back, numbers in enumerate(values)
    ]
    return [*rows, (*head, curve.layer, curve.state, "rate", None, curve.rate, *[None] * 4)]


def _of_layer(layer: Dynamics) -> Iterator[Row]:
    """One layer, without cell and stage."""
    yield _row(layer.layer, layer.state, "bound", layer.bound)
    yield _row(layer.layer, layer.state, "jacobian_stretch", layer.stretch)
    yield _row(layer.layer, layer.state, "jacobian_radius", layer.radius)
    for place, value in enumerate(layer.exponents.values.tolist(), start=1):
        yield _row(layer.layer, str(place), "exponent", value)
    if not math.isnan(layer.exponents.log_det):
        yield _row(layer.layer, layer.state, "exponent_sum", layer.exponents.total)
        yield _row(layer.layer, layer.state, "log_det", layer.exponents.log_det)
    for gate in layer.gates:
        yield _row(layer.layer, gate.name, "opening", gate.opening)
        yield _row(layer.layer, gate.name, "saturated_low", gate.low)
        yield _row(layer.layer, gate.name, "saturated_high", gate.high)
        if gate.times:
            yield _row(layer.layer, gate.name, "time_constant", gate.times)
    for matrix in layer.matrices:
        yield _row(layer.layer, matrix.gate, "weight_stretch", matrix.stretch)
        yield _row(layer.layer, matrix.gate, "weight_radius", matrix.radius)
        yield _row(layer.layer, matrix.gate, "orthogonality_defect", matrix.defect)
        yield _row(layer.layer, matrix.gate, "non_normality", matrix.departure)


def _of_truncations(found: Truncations) -> Iterator[Row]:
    for each in found.steps:
        yield _row(None, "weights", "truncated_cosine", each.cosine, each.back)
        yield _row(None, "weights", "truncated_length", each.length, each.back)


def _of_training(flow: Flow) -> Iterator[Row]:
    """Clipping, norms and updates."""
    assert flow.training is not None
    yield _row(None, "weights", "clipped", flow.training.clipped)
    norms: Norms | None = flow.training.norms
    if norms:
        yield _row(None, "weights", "gradient_norm", norms.gradient)
        yield _row(None, "weights", "gradient_norm_largest", norms.largest)
        for update in norms.updates:
            yield _row(None, update.name, "update_ratio", update.ratio)


def _row(layer: int | None, part: str, quantity: str, value: Spread | float, k: int | None = None) -> Row:
    """A quantity without cell and stage."""
    if isinstance(value, Spread):
        return (layer, part, quantity, k, value.mean, value.p10, value.p50, value.p90, None)
    return (layer, part, quantity, k, value, None, None, None, None)
