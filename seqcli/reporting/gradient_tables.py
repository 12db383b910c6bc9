"""The tables of an inspection behind the first one: what a step does, exponents, gates, W_hh, training."""

from __future__ import annotations

import math

from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.training.gradients.curves import Flow, Inspection
from seqcli.training.gradients.measures import Dynamics, Spread

Row = tuple[Cell, ...]


def full_tables(found: Inspection) -> list[ResultTable]:
    """All of them that have rows."""
    tables = [
        step_table(found), exponent_table(found), gate_table(found), matrix_table(found),
        truncation_table(found), norm_table(found), update_table(found),
    ]  # fmt: skip
    return [table for table in tables if table.rows]


def _layers(found: Inspection) -> list[tuple[Row, Flow, Dynamics]]:
    """The first cells of a row (cell, stage and, where there are several, layer), and what it is of."""
    deep = any(len(flow.dynamics) > 1 for flow in found.flows)
    return [
        ((flow.cell, flow.stage, *((layer.layer,) if deep else ())), flow, layer)
        for flow in found.flows
        for layer in flow.dynamics
    ]


def _columns(found: Inspection, *rest: ResultColumn) -> tuple[ResultColumn, ...]:
    deep = any(len(flow.dynamics) > 1 for flow in found.flows)
    layer = (ResultColumn("layer"),) if deep else ()
    return (ResultColumn("cell", emphasis=True), ResultColumn("stage"), *layer, *rest)


def step_table(found: Inspection) -> ResultTable:
    """What one step does to the state, beside the slope that was measured."""
    rows = []
    for head, flow, layer in _layers(found):
        rates = [curve.rate for curve in flow.curves if curve.layer == layer.layer]
        numbers = (layer.bound, layer.stretch.p50, layer.stretch.p90, layer.radius.p50)
        rows.append((*head, max(rates), *numbers))
    columns = _columns(
        found,
        ResultColumn("rate", ".3f"),
        ResultColumn("bound", ".3f"),
        ResultColumn("σ_max", ".3f"),
        ResultColumn("p90", ".3f"),
        ResultColumn("radius", ".3f"),
    )
    caption = (
        f"J is ∂state/∂state of one {found.unit} before: its largest singular value (median and 90th "
        "percentile) and spectral radius; rate: the measured slope of log G; bound: σ_max of W_hh (Pascanu), "
        "with gates the geometric mean of σ_max of J: no gradient of the last layer outgrows it"
    )
    return ResultTable(f"What one {found.unit} does to the state", columns, rows, caption)


def exponent_table(found: Inspection) -> ResultTable:
    """Lyapunov exponents with their check."""
    rows = []
    for head, _, layer in _layers(found):
        spectrum = layer.exponents
        if not len(spectrum.values):
            continue
        values = spectrum.values
        whole = not math.isnan(spectrum.log_det)
        middle = float(values[len(values) // 2]) if whole else math.nan
        last = float(values[-1]) if whole else math.nan
        ends = (float(values[0]), middle, last, spectrum.total, spectrum.log_det, spectrum.steps)
        rows.append((*head, *ends))
    columns = _columns(
        found,
        ResultColumn("largest", ".3f"),
        ResultColumn("median", ".3f"),
        ResultColumn("least", ".2f"),
        ResultColumn("sum", ".3f"),
        ResultColumn("ln|det J|", ".3f"),
        ResultColumn("of", "d"),
    )
    caption = (
        f"nats a {found.unit}, by QR: below 0 a direction shrinks; the sum is the mean of ln|det J|, which "
        f"checks it; of: {found.unit}s counted"
    )
    return ResultTable("Lyapunov exponents of the state", columns, rows, caption)


def gate_table(found: Inspection) -> ResultTable:
    """How far gates are open, how many are saturated, how long they keep."""
    rows = []
    for head, _, layer in _layers(found):
        for gate in layer.gates:
            times = gate.times
            spread = (times.p10, times.p50, times.p90) if times else (None, None, None)
            name = f"{gate.name} tanh" if gate.squashed else gate.name
            rows.append((*head, name, gate.opening.mean, gate.low, gate.high, *spread))
    columns = _columns(
        found,
        ResultColumn("gate"),
        ResultColumn("mean", ".2f"),
        ResultColumn("low", ".0%"),
        ResultColumn("high", ".0%"),
        ResultColumn("τ p10", ".1f"),
        ResultColumn("τ p50", ".1f"),
        ResultColumn("τ p90", ".1f"),
    )
    caption = (
        "saturated: low is below 0.1 (tanh: below −0.9), high above 0.9; "
        f"τ = −1/ln(mean): {found.unit}s that units keep the state, near 1/(1 − mean)"
    )
    return ResultTable("Gates", columns, rows, caption)


def matrix_table(found: Inspection) -> ResultTable:
    """W_hh gate by gate."""
    rows = []
    for head, _, layer in _layers(found):
        rows += [(*head, m.gate, m.stretch, m.radius, m.defect, m.departure) for m in layer.matrices]
    columns = _columns(
        found,
        ResultColumn("block"),
        ResultColumn("σ_max", ".3f"),
        ResultColumn("radius", ".3f"),
        ResultColumn("defect", ".2f"),
        ResultColumn("non-normal", ".2f"),
    )
    caption = (
        "defect: ‖WᵀW − I‖_F, 0 where no length changes; non-normal: Henrici's departure, 0 to 1: the "
        "larger, the further a few steps may stretch beyond what the radius says"
    )
    return ResultTable("Recurrent weights", columns, rows, caption)


def truncation_table(found: Inspection) -> ResultTable:
    """The weights' gradient where going back ends early, beside the whole."""
    flows = [flow for flow in found.flows if flow.truncations]
    backs = [each.back for flow in flows[:1] for each in (flow.truncations.steps if flow.truncations else ())]
    rows: list[Row] = []
    for flow in flows:
        assert flow.truncations is not None
        steps = flow.truncations.steps
        rows.append((flow.cell, flow.stage, "cosine", *(each.cosine for each in steps)))
        rows.append((flow.cell, flow.stage, "length", *(each.length for each in steps)))
    columns = (
        ResultColumn("cell", emphasis=True),
        ResultColumn("stage"),
        ResultColumn("to the whole"),
        *(ResultColumn(str(back), ".3f") for back in backs),
    )
    chunks = any(flow.truncations and flow.truncations.chunks for flow in flows)
    cut = f"cut every so many {found.unit}s" if chunks else f"of so many last {found.unit}s"
    caption = f"{cut}, against all {found.steps}: 1 is the same direction, and the same length"
    return ResultTable("Gradient of the weights, truncated", columns, rows, caption)


def norm_table(found: Inspection) -> ResultTable:
    """Gradient norms of each short training."""
    rows: list[Row] = []
    for flow in found.flows:
        if flow.training and flow.training.norms:
            norms = flow.training.norms
            row = (*_quantiles(norms.gradient), norms.largest, flow.training.clipped, flow.training.steps)
            rows.append((flow.cell, *row))
    columns = (
        ResultColumn("cell", emphasis=True),
        *(ResultColumn(name, ".3g") for name in ("p10", "p50", "p90", "largest")),
        ResultColumn("clipped", ".1%"),
        ResultColumn("steps", ",d"),
    )
    return ResultTable("Gradient norms in training, ahead of clipping", columns, rows)


def update_table(found: Inspection) -> ResultTable:
    """How far a step moves each part of the network."""
    rows: list[Row] = []
    for flow in found.flows:
        if flow.training and flow.training.norms:
            rows += [(flow.cell, each.name, *_quantiles(each.ratio)) for each in flow.training.norms.updates]
    columns = (
        ResultColumn("cell", emphasis=True),
        ResultColumn("part"),
        *(ResultColumn(name, ".1e") for name in ("p10", "p50", "p90")),
    )
    return ResultTable("Size of a step: ‖update‖/‖weight‖", columns, rows)


def snapshot_table(found: Inspection) -> ResultTable:
    """What became of the gradient while the cells were trained."""
    rows: list[Row] = []
    for flow in found.flows:
        if not flow.snapshots:
            continue
        last = flow.snapshots[-1].curves
        carrier = max(last, key=lambda curve: curve.reach)
        for shot in flow.few_snapshots:
            curve = shot.beside(carrier)
            memory = f"> {curve.steps}" if curve.memory is None else str(curve.memory)
            norm = None if math.isnan(shot.norm) else shot.norm
            rows.append((flow.cell, shot.step, curve.state, curve.rate, memory, float(curve.ratio[-1]), norm))
    columns = (
        ResultColumn("cell", emphasis=True),
        ResultColumn("step", ",d"),
        ResultColumn("state"),
        ResultColumn("rate", ".3f"),
        ResultColumn("memory"),
        ResultColumn(f"at {found.steps}", ".1e"),
        ResultColumn("norm", ".3g"),
    )
    caption = "norm: median of the whole gradient's, ahead of clipping, since the row before"
    return ResultTable("The gradient while it trains", columns, rows, caption)


def _quantiles(spread: Spread) -> tuple[float, float, float]:
    return spread.p10, spread.p50, spread.p90
