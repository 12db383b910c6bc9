"""The gates and states over one text: a heat map of a few units for a person, every number for a program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING

import numpy as np

from seqcli.network import cell_title
from seqcli.options import OutputOptions
from seqcli.reporting.heat_map import Group, Row, draw_heat_map
from seqcli.reporting.results import RowWriter, result_format, result_stream
from seqcli.reporting.screen import Screen, console_for, is_plain
from seqcli.reporting.tables import print_on
from seqcli.reporting.trace_verdict import verdict
from seqcli.sequences import FloatArray

if TYPE_CHECKING:
    from seqcli.backends.trace import CellTrace
    from seqcli.inference.reading import Reading
    from seqcli.results import Cell

UNITS = 4
"""Units that are drawn."""
NUMBERS = ("position", "token", "layer", "direction", "unit", "name", "value")
POOLED = "attention"
GATE, SIGNED = "0 to 1", "-1 to 1"
_LSTM = {
    "f": ("forget gate f: the share of c that is kept", GATE),
    "i": ("input gate i: the share of g that is written", GATE),
    "g": ("candidate g: what could be written", SIGNED),
    "c": ("cell state c: the memory, f c + i g", ""),
    "o": ("output gate o: the share of tanh c that is shown", GATE),
    "h": ("hidden state h: the output, o tanh c", SIGNED),
}
_GRU = {
    "z": ("update gate z: the share of h that is kept", GATE),
    "r": ("reset gate r: how much of h the candidate sees", GATE),
    "n": ("candidate n: what could be written", SIGNED),
    "h": ("hidden state h: memory and output, z h + (1 - z) n", SIGNED),
}
_RNN = {"h": ("hidden state h: memory and output", SIGNED)}
_MINGRU = {
    "z": ("update gate z: the share of h that is kept", GATE),
    "n": ("candidate n: what could be written", ""),
    "h": ("state h: the memory, z h + (1 - z) n", ""),
}
_MINLSTM = {
    "f": ("forget gate f: how much of h is to be kept", GATE),
    "i": ("input gate i: how much of n is to be written", GATE),
    "a": ("share a of h that is kept: f / (f + i)", GATE),
    "n": ("candidate n: what could be written", ""),
    "h": ("state h: the memory, a h + (1 - a) n", ""),
}
_MAMBA = {
    "d": ("length d of the step: long ones forget and write", ""),
    "a": ("share a of the states that is kept, their mean: exp(-d exp A)", GATE),
    "h": ("what the states show, h = C h1...hN + D s", ""),
}
QUANTITIES = {
    "lstm": _LSTM, "gru": _GRU, "rnn": _RNN, "mingru": _MINGRU, "minlstm": _MINLSTM, "mamba": _MAMBA,
}  # fmt: skip
"""Of each cell its gates and states as they are drawn: in words, and their scale, "" for one of its own."""


def report(
    screen: Screen,
    reading: Reading,
    traces: Sequence[CellTrace],
    output: OutputOptions,
    shares: FloatArray | None = None,
) -> None:
    """The picture with its sentences; in another form every number, and the sentences on the screen.

    ``shares`` (T,) are those of the tokens in what attention pools, where a network does.
    """
    shown = last_forward(traces)
    for note in reading.notes:
        screen.warn(note)
    sentences = verdict(reading, shown)
    pooled = [] if shares is None else [pooled_group(shares)]
    with result_stream(output) as stream:
        if result_format(output) == "table":
            _draw(stream, reading, traces, pooled, sentences)
            return
        for sentence in sentences:
            screen.line(sentence)
        writer = RowWriter(NUMBERS, result_format(output), stream)
        for row in number_rows(reading, traces):
            writer.write(row)
        for place, share in enumerate([] if shares is None else shares.tolist()):
            token = reading.tokens[place]
            writer.write((place + 1, token, traces[-1].layer, None, None, POOLED, float(f"{share:.6g}")))
        writer.close()


def last_forward(traces: Sequence[CellTrace]) -> CellTrace:
    """The layer next to the output, as it reads forward: the one that is drawn."""
    return [trace for trace in traces if trace.direction == "forward"][-1]


def liveliest(trace: CellTrace, count: int = UNITS) -> list[int]:
    """The units (from 0) whose memory varies most over the text, the most first.

    Of c it is tanh c that counts, all that can be seen of it: a unit that only counts up would else come
    first, though nothing more is seen of it once it is large.
    """
    memory = trace.values[trace.memory]  # (T, H)
    spread = (np.tanh(memory) if trace.memory == "c" else memory).std(axis=0)
    return [int(unit) for unit in np.argsort(-spread, kind="stable")[:count]]


def groups_of(trace: CellTrace) -> list[Group]:
    """The rows of the heat map: of each gate and state the mean over all units, then single units."""
    units, drawn = liveliest(trace), []
    for name, (words, scale) in QUANTITIES[trace.cell].items():
        values = trace.values[name]  # (T, H)
        if scale == GATE:
            mean = Row("mean", values.mean(axis=1).tolist())
        else:  # signs would cancel each other
            mean = Row(f"mean |{name}|", np.abs(values).mean(axis=1).tolist())
        rows = [Row(f"unit {unit + 1}", values[:, unit].tolist(), scale != GATE) for unit in units]
        largest = 1.0 if scale else float(np.abs(values[:, units]).max())
        heading = f"{words}, {scale or f'-{largest:.2f} to {largest:.2f} in these units'}"
        drawn.append(Group(heading, [mean, *rows], largest))
    return drawn


def pooled_group(shares: FloatArray) -> Group:
    """How much of each token is in what attention pools, (T,), on the scale of the largest."""
    largest = float(shares.max())
    heading = f"{POOLED} pooling: the share of each step in what answers, 0 to {largest:.2f}"
    return Group(heading, [Row("share", shares.tolist())], largest)


def number_rows(reading: Reading, traces: Sequence[CellTrace]) -> Iterator[tuple[Cell, ...]]:
    """Rows of :data:`NUMBERS`: every gate and state of every unit, token by token."""
    for trace in traces:
        for place, token in enumerate(reading.tokens):
            for name in QUANTITIES[trace.cell]:
                for unit, value in enumerate(trace.values[name][place].tolist(), start=1):
                    rounded = float(f"{value:.6g}")
                    yield (place + 1, token, trace.layer, trace.direction, unit, name, rounded)


def title(traces: Sequence[CellTrace], shown: CellTrace) -> str:
    """Which cell is shown, which of its units, and how the others are seen."""
    count = shown.values["h"].shape[1]
    units = f"the {UNITS} of {count} units" if count > UNITS else "its units, those first"
    what = f"tanh {shown.memory}" if shown.memory == "c" else shown.memory
    others = [
        *(["other layers"] if shown.layer > 1 else []),
        *(["the way back"] if any(trace.direction == "backward" for trace in traces) else []),
    ]
    layer = f"{cell_title(shown.cell)} layer {shown.layer}, read {shown.direction}"
    return f"{layer}: {units} whose {what} varies most" + (
        f" ({' and '.join(others)}: --format csv)" if others else ""
    )


def _draw(
    stream: IO[str],
    reading: Reading,
    traces: Sequence[CellTrace],
    pooled: Sequence[Group],
    sentences: Sequence[str],
) -> None:
    """Title, heat map and sentences on ``stream``, as wide as it is."""
    from rich.text import Text

    console, shown = console_for(stream), last_forward(traces)
    groups = [*groups_of(shown), *pooled]
    print_on(console, Text(title(traces, shown), style="bold"))
    for line in draw_heat_map(reading.tokens, groups, console.width, is_plain(stream)):
        print_on(console, Text.assemble(*line))
    print_on(console, "")
    for sentence in sentences:
        print_on(console, Text(sentence))
