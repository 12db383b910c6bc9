"""The heat map of an inspection in characters: layers and states are rows, steps back are columns.

A digit says how many powers of ten of the gradient are lost, a letter how many were gained, and colour says
the same, so that nothing depends on it:

    steps back        0         10        20
      lstm 1 c        0000111111222222333
      rnn 1 h         0012345679999999999
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seqcli.reporting.gradient_verdict import stage_name
from seqcli.reporting.heat_map import Line, style
from seqcli.training.gradients.curves import Curve, Inspection

LEGEND = "powers of ten lost: 2 is 1 % left, - nothing; gained: a 10-fold, b 100-fold"
MOST = 9
WIDEST = 3
"""Characters of a step where there is room."""
EVERY = 10
"""Columns between two numbers above the map."""


@dataclass(frozen=True)
class MapRow:
    """One row: the share that is left, 0, 1, … steps back."""

    label: str
    ratio: Sequence[float]


@dataclass(frozen=True)
class MapPanel:
    """Rows under one heading."""

    title: str
    rows: Sequence[MapRow]


def map_panels(found: Inspection) -> list[MapPanel]:
    """A panel a stage, and one a cell that was looked at while it was trained."""
    deep = any(curve.layer > 1 for flow in found.flows for curve in flow.curves)
    panels = []
    for stage, flows in found.stages.items():
        curves = [(flow.cell, curve) for flow in flows for curve in flow.curves]
        rows = [MapRow(_label(cell, curve, deep), curve.ratio.tolist()) for cell, curve in curves]
        panels += [MapPanel(stage_name(stage) if stage != "linear" else "W_hh = s Q", rows)] if rows else []
    for flow in found.flows:
        if flow.snapshots:
            carrier = max(flow.snapshots[-1].curves, key=lambda curve: curve.reach)
            rows = [
                MapRow(f"step {shot.step}", shot.beside(carrier).ratio.tolist())
                for shot in flow.few_snapshots
            ]
            panels.append(MapPanel(f"{_label(flow.cell, carrier, deep)}, while it trains", rows))
    return panels


def _label(cell: str, curve: Curve, deep: bool) -> str:
    return f"{cell} {curve.layer} {curve.state}" if deep else f"{cell} {curve.state}"


def draw_map(panels: Sequence[MapPanel], unit: str, width: int) -> list[Line]:
    """The panels below each other, at most ``width`` columns wide: one column a step, or every so many."""
    if not panels:
        return []
    margin = 4 + max(len(f"{unit}s back") - 2, *(len(row.label) for panel in panels for row in panel.rows))
    count = max(len(row.ratio) for panel in panels for row in panel.rows)
    room = max(width - margin, EVERY)
    apart = -(-count // room)
    places = range(0, count, apart)
    size = min(WIDEST, room // len(places))
    lines: list[Line] = [[(f"{unit}s back".ljust(margin) + _axis(places, size), "dim")]]
    for panel in panels:
        lines.append([(panel.title, "bold")])
        for row in panel.rows:
            cells = [_cell(row.ratio[at] if at < len(row.ratio) else math.nan) for at in places]
            wide = [(sign.rjust(size), colours) for sign, colours in cells]
            lines.append([("  " + row.label.ljust(margin - 2), ""), *wide])
    return [*lines, [(LEGEND, "dim")]]


def _axis(places: range, size: int) -> str:
    """The numbers of every tenth column, each of ``size`` characters, above its last one."""
    text = ""
    for column in range(0, len(places), EVERY):
        label = str(places[column])
        begin = size * (column + 1) - 1
        if begin + len(label) <= size * len(places):
            text = text.ljust(begin) + label
    return text


def decades(ratio: float) -> float:
    """Powers of ten that are lost, below zero where they are gained; infinite where nothing is left."""
    if math.isnan(ratio):
        return math.nan
    return -math.log10(ratio) if ratio > 0 else math.inf


def _cell(ratio: float) -> tuple[str, str]:
    """One sign and its colours."""
    lost = decades(ratio)
    if math.isnan(lost):
        return " ", ""
    if lost <= -1:
        gained = MOST if math.isinf(lost) else min(math.floor(-lost + 1e-9), MOST)
        return chr(ord("a") + gained - 1), style(gained, MOST, signed=True)
    digit = MOST if lost > MOST else max(math.floor(lost + 1e-9), 0)
    return ("-" if math.isinf(lost) else str(digit)), style(MOST - digit, MOST, signed=False)
