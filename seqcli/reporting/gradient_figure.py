"""The figure of an inspection: what is left of the gradient, layers and states by steps back, as colour.

Laid out and painted here on a :class:`~seqcli.reporting.svg.Drawing`, whatever that writes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seqcli.reporting.axes import LABEL_SIZE, Tick, shortened, step_ticks, text_width
from seqcli.reporting.fan import PANEL_TITLE_SIZE, TEXT_SIZE, WIDTH
from seqcli.reporting.gradient_map import MapPanel, decades, map_panels
from seqcli.reporting.svg import Drawing
from seqcli.training.gradients.curves import Inspection

FADED = 6
"""Powers of ten below which nothing is seen."""
MOST_PANELS = 12
MOST_COLUMNS = 200
ROW, GAP = 20.0, 26.0
_EDGE, _TOP, _HEAD, _BELOW, _LEGEND = 24.0, 84.0, 24.0, 34.0, 44.0
SWATCHES = (
    (2.0, "100-fold"),
    (1.0, "10-fold"),
    *((-float(n), f"1e-{n}" if n else "1") for n in range(FADED + 1)),
)
"""Powers of ten of the legend, and what they are called."""


@dataclass(frozen=True)
class GradientFigure:
    """What is drawn: a panel a stage, and one a cell that was looked at while it was trained."""

    title: str
    subtitle: str
    unit: str
    panels: Sequence[MapPanel]
    left: int = 0
    """Panels for which there was no room."""

    @property
    def steps(self) -> int:
        """The longest row: 0 … steps − 1 steps back."""
        return max(len(row.ratio) for panel in self.panels for row in panel.rows)


def gradient_figure(found: Inspection, source: str) -> GradientFigure:
    """The figure of what was found on ``source``, a file or a model, "" for random sequences."""
    panels = map_panels(found)
    what = f"{source or 'random sequences'}: share of the gradient of the last state that is left"
    kept = panels[:MOST_PANELS]
    return GradientFigure(
        "How far back the gradient reaches", what, found.unit, kept, len(panels) - len(kept)
    )


def height_of(figure: GradientFigure) -> float:
    """Pixels from the top to the bottom of the figure."""
    panels = sum(_HEAD + ROW * len(panel.rows) + GAP for panel in figure.panels)
    return _TOP + panels - GAP + _BELOW + _LEGEND


def paint(figure: GradientFigure, drawing: Drawing) -> Drawing:
    """Paint the whole figure on ``drawing``, which is :data:`WIDTH` wide and :func:`height_of` it high."""
    room = WIDTH - 2 * _EDGE
    drawing.rectangle((0, 0), drawing.width, drawing.height, "paper")
    drawing.text((_EDGE, 34), figure.title, "title")
    subtitle = shortened(figure.subtitle, TEXT_SIZE, room)
    drawing.text((_EDGE, 57), subtitle, "faint", whole=figure.subtitle)
    labels = [row.label for panel in figure.panels for row in panel.rows]
    margin = 12 + max(text_width(label, LABEL_SIZE) for label in labels)
    left, wide = _EDGE + margin, room - margin
    top = _TOP
    for panel in figure.panels:
        title = shortened(panel.title, PANEL_TITLE_SIZE * 1.06, room)
        drawing.text((_EDGE, top + 8), title, "panel", whole=panel.title)
        top += _HEAD
        for row in panel.rows:
            drawing.text((left - 8, top + ROW / 2 + LABEL_SIZE * 0.35), row.label, "label", "end")
            _paint_row(drawing, row.ratio, figure.steps, (left, top, wide))
            top += ROW
        top += GAP
    top -= GAP
    for tick in _ticks(figure.steps, wide):
        x = left + (tick.at + 0.5) * wide / figure.steps
        drawing.line((x, top), (x, top + 4), "axis")
        drawing.text((x, top + 17), tick.label, "label", "middle")
    drawing.text((left - 8, top + 17), f"{figure.unit}s back", "label", "end")
    _paint_legend(drawing, left, top + _BELOW + 8)
    return drawing


def _ticks(steps: int, wide: float) -> list[Tick]:
    return step_ticks([float(step) for step in range(steps)], wide) if steps > 1 else [Tick(0.0, "0")]


def _paint_row(
    drawing: Drawing, ratio: Sequence[float], steps: int, place: tuple[float, float, float]
) -> None:
    """One row at ``place``: (left, top, width of ``steps`` columns)."""
    left, top, wide = place
    apart = -(-steps // MOST_COLUMNS)
    for at in range(0, len(ratio), apart):
        count = min(apart, len(ratio) - at)
        drawn = fill(ratio[at])
        if drawn is not None:
            begin, size = left + at * wide / steps, count * wide / steps
            drawing.rectangle((begin, top + 1), size, ROW - 2, *drawn)
    end = left + len(ratio) * wide / steps
    drawing.line((left, top + ROW - 0.5), (end, top + ROW - 0.5), "grid")


def fill(ratio: float) -> tuple[str, float] | None:
    """Style and opacity of a share that is left; None where there is nothing to see."""
    lost = decades(ratio)
    if math.isnan(lost):
        return None
    if lost < 0:
        return "past", 0.25 + 0.75 * min(-lost / FADED, 1.0) if lost <= -1 else 1.0
    seen = 1 - lost / FADED
    return ("band", round(seen, 3)) if seen > 0 else None


def _paint_legend(drawing: Drawing, left: float, top: float) -> None:
    """A swatch for each power of ten that is left or gained."""
    for place, (power, name) in enumerate(SWATCHES):
        x = left + 78 * place
        drawn = fill(10.0**power)
        drawing.rectangle((x, top), 18, 12, *(drawn or ("paper", 1.0)))
        drawing.line((x, top + 12), (x + 18, top + 12), "grid")
        drawing.text((x + 23, top + 10), name, "label")
