"""What the tour redraws step by step on a terminal, where time is the subject: frames of styled lines."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from seqcli.reporting.heat_map import Group, Line, Row, draw_heat_map, visible
from seqcli.reporting.panel_chart import draw_lines
from seqcli.reporting.panels import Line as Curve
from seqcli.reporting.panels import LinePanel
from seqcli.reporting.screen import Screen, is_plain
from seqcli.reporting.trace import groups_of, last_forward

if TYPE_CHECKING:
    from seqcli.backends.trace import CellTrace

Frame: TypeAlias = list[Line]
UNROLLED = ("unrolled.seqcli", "Mimoto")
GATES = ("lstm.seqcli", "The ending did not turn out really rich.")
"""A model of the section, and what it reads."""
FACTORS = (1.1, 1.0, 0.9)
ROWS = 2
"""Rows of each gate, so that a frame has room on 24 lines: the mean and the liveliest unit."""
BACK = 60
"""Steps that a gradient goes back."""
_BOX = 9
"""Columns of one step of the unrolled network."""


def unrolled(width: int, plain: bool) -> Iterator[Frame]:
    """The network of :data:`UNROLLED`, one step more in each frame: what it reads, and the h it hands on."""
    tokens, trace = _traced(*UNROLLED)
    hidden = trace.values["h"]
    count = min(len(tokens), (width - 5) // _BOX)
    name = trace.cell.upper()
    arrow = "->" if plain else "─▶"
    top, bottom = ("+-----+", "+--^--+") if plain else ("┌─────┐", "└──▲──┘")
    side = "|" if plain else "│"
    for step in range(1, count + 1):
        styles = ["" if at < step - 1 else "cyan" for at in range(step)]
        boxes = [(f"{arrow}{side}{name.center(5)}{side}", style) for style in styles]
        letters = [(visible(tokens[at], plain).center(_BOX), style) for at, style in enumerate(styles)]
        frame: Frame = [
            [(f"{step} of {count} steps, the same weights at each", "bold")],
            [("   ", ""), *((f"  {top}", style) for style in styles)],
            [("h0 ", "dim"), *boxes, (f"{arrow} h{step}", "bold")],
            [("   ", ""), *((f"  {bottom}", style) for style in styles)],
            [("    ", ""), *letters],
            [("", "")],
        ]
        rows = [
            Row(f"unit {unit + 1}", hidden[:step, unit].tolist(), True) for unit in range(hidden.shape[1])
        ]
        frame += draw_heat_map(tokens[:step], [Group("hidden state h, -1 to 1", rows)], width, plain)
        yield frame


def gates(width: int, plain: bool) -> Iterator[Frame]:
    """The gates and memories of :data:`GATES`, one word more in each frame."""
    tokens, trace = _traced(*GATES)
    whole = [Group(group.heading, group.rows[:ROWS], group.scale) for group in groups_of(trace)]
    for step in range(1, len(tokens) + 1):
        part = [
            Group(
                group.heading,
                [Row(row.label, row.values[:step], row.signed) for row in group.rows],
                group.scale,
            )
            for group in whole
        ]
        said = f"word {step} of {len(tokens)}: {visible(tokens[step - 1], plain)}"
        yield [[(said, "bold")], *draw_heat_map(tokens[:step], part, width, plain)]


def fading(width: int, plain: bool) -> Iterator[Frame]:
    """A gradient that goes back and is multiplied at each step: by more than 1, by 1, by less."""
    ends = (math.log10(FACTORS[-1]) * BACK, math.log10(FACTORS[0]) * BACK)
    for back in range(0, BACK + 1, 2):
        curves = [
            Curve(
                f"{factor:g}^k",
                [(k, math.log10(factor) * k if k <= back else math.nan) for k in range(BACK + 1)],
            )
            for factor in FACTORS
        ]
        title = f"A gradient {back} steps back, as a power of ten"
        panel = LinePanel(title, "steps back, k", curves, limits=ends, whole=True)
        left = ", ".join(f"{factor:g}^{back} = {factor**back:.3g}" for factor in FACTORS)
        yield [*draw_lines(panel, min(width, 80), plain), [(left, "bold")]]


SCENES: dict[str, tuple[Callable[[int, bool], Iterator[Frame]], float]] = {
    "unrolled": (unrolled, 0.8),
    "gates": (gates, 0.8),
    "fading": (fading, 0.12),
}
"""Name → what draws it, and seconds that each frame stands."""


def play(name: str, screen: Screen, pause: Callable[[float], object] = time.sleep) -> None:
    """Draw a scene frame by frame in one place; nothing where no person looks on."""
    if not screen.live:
        return
    from rich.console import Group as Rows
    from rich.live import Live
    from rich.text import Text

    frames, seconds = SCENES[name]
    screen.line("")
    with Live(console=screen.console, auto_refresh=False, redirect_stdout=False) as live:
        for frame in frames(screen.console.width, is_plain(screen.stream)):
            live.update(Rows(*(Text.assemble(*line, no_wrap=True) for line in frame)), refresh=True)
            pause(seconds)


def _traced(model_name: str, text: str) -> tuple[Sequence[str], CellTrace]:
    """The tokens of a text, and what the layer next to the output does at each."""
    from seqcli.backends.trace import trace_network
    from seqcli.inference.reading import read_text
    from seqcli.model_dir import read_model

    model = read_model(Path(model_name))
    reading = read_text(model, text)
    traces = trace_network(model.network, model.weights(), reading.ids, reading.ahead)
    return reading.tokens, last_forward(traces)
