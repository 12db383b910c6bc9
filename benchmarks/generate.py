"""What ``seqcli`` writes from a few minutes of learning, beside what one would use instead: one table.

    python benchmarks/generate.py --data DIR
    python benchmarks/generate.py --data DIR --only text sampling --seeds 0
    python benchmarks/generate.py --data DIR --seconds-scale 0.03      to see that it runs

DIR/generate holds tinyshakespeare.txt, names.txt and JSB_Chorales.mat. The whole table takes three hours.
A row is one way with its time budget; figures of seqcli are the median and range over --seeds, those of the
others of the first seed, unless --baseline-seeds names more. ``must`` and ``target`` are held against the
median. Budgets are of training; ``took`` is the seconds of the whole command for seqcli, reading and testing
included, and of the training loop for the others; ``chars/s`` are characters read in training in ``took``.

text      tinyshakespeare: the first 85 % learnt from, 5 % chosen on, the last 10 % reported, in nats a
          character; ``whole`` in one pass with the state carried on, ``blk64`` in cold windows of 64.
          torch is nn.LSTM 2 × 256 in a loop of 30 lines: batch 32, 64 steps, Adam 2e-3, clipped at 1.
          The transformer, nanoGPT's published CPU settings, has no state to carry: its ``whole`` is of
          windows of 64 with a stride of 32, so that each character is foreseen from 33 to 64 before it.
          numpy is a vanilla recurrent network: 100 units, 25 steps, batch 1, Adagrad .1, clipped at ±5
names     names.txt shuffled with seed 42 and cut 80/10/10; nats a character, the line break that ends a
          name counted. The loop keeps the best of its passes on the validation names
jsb       JSB chorales in the parts of the file: negative log-likelihood of a frame of 88 keys, all frames
          but the first of each piece. The loop keeps the best of its passes, and ends after 20 worse ones
memory    what ``seqcli demo`` writes, with the options it prints and the cell named by --copying-cell and
          --adding-cell: nats a step above those that the symbols to remember cost anyone, and the squared
          error. copying-1000 and adding-600 are the longer ones, not run unless named
sampling  an LSTM of two layers of 256 and of 512 with random weights: tokens a second, one stream, one
          thread, drawn at a temperature of .8, beside nn.LSTM a step at a time
cells     the text with each cell for --seconds of one thread, sizes by seqcli's own rule; not run unless
          named, nor is numpy-seqcli, which is ``--backend numpy --cell rnn``

--no-refit adds a row that leaves the network as validation chose it: what reading that text too is worth.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from generate_baselines import TextParts, lstm_names, lstm_rolls, lstm_sampling, lstm_text
from generate_numpy import numpy_text
from generate_runs import (
    DIFFERENCE,
    Run,
    adding,
    copying,
    cut_names,
    sampling,
    seqcli_names,
    seqcli_rolls,
    seqcli_text,
)
from generate_transformer import transformer_text

from seqcli.threads import thread_count

CELLS = ("mingru", "minlstm", "mamba", "lstm", "gru", "rnn")
LONG, MINUTE = 180.0, 60.0
TOKENS, PLAIN_TOKENS = 20_000, 2_000
HEADINGS = {
    "text": "{text}, nats a character",
    "names": "names.txt, nats a character, line breaks counted",
    "jsb": "JSB chorales, nats a frame",
    "memory": "long memory: copying in nats a step above need, adding in squared error",
    "sampling": "sampling, tokens a second, one stream, one thread",
    "cells": "{text}, each cell on one thread, nats a character",
}


class Sources:
    """Files that rows read; those that are made are made once, in a folder that goes at the end."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.arguments, self.folder = arguments, folder
        self.scale: float = arguments.seconds_scale
        self.text: Path = arguments.file or arguments.data / "generate" / "tinyshakespeare.txt"
        self.parts = cache(lambda: TextParts.cut(self.text))
        self.names = cache(lambda: cut_names(self._of_data("names.txt"), folder))
        self.names_parts = cache(lambda: TextParts.of_files(self.names()))

    def rolls(self) -> Path:
        return self._of_data("JSB_Chorales.mat")

    def _of_data(self, name: str) -> Path:
        if self.arguments.data is None:
            raise SystemExit(f"--data DIR: {name} is read from DIR/generate")
        file: Path = self.arguments.data / "generate" / name
        return file


@dataclass(frozen=True)
class Bar:
    """What is to be reached; ``target`` may be another row's."""

    must: float | None
    target: float | None
    upwards: bool = False
    elsewhere: str = ""

    def said(self, value: float) -> str:
        """Both limits, and which of them ``value`` keeps."""
        kept = [
            name
            for name, limit in (("must", self.must), ("target", self.target))
            if self._keeps(value, limit)
        ]
        sign = "≥" if self.upwards else "≤"
        limits = [f"{sign} {limit:g}" if limit is not None else "" for limit in (self.must, self.target)]
        return f"{limits[0]:>8} {limits[1] or self.elsewhere:>8} {kept[-1] if kept else 'MISSED'}"

    def _keeps(self, value: float, limit: float | None) -> bool:
        return limit is not None and (value >= limit if self.upwards else value <= limit)


@dataclass(frozen=True)
class Row:
    """One way: (sources, seconds, seed) → what it reached."""

    group: str
    name: str
    seconds: float
    run: Callable[[Sources, float, int], Run]
    bars: dict[str, Bar] | None = None
    """By figure; None for what seqcli is set beside."""
    usual: bool = True
    """Whether it is run where nothing is named."""


def text_row(
    name: str, seconds: float, *extra: str, group: str = "text", usual: bool = True, **bars: Bar
) -> Row:
    """seqcli on the text, with ``extra`` typed."""
    named = {DIFFERENCE if key == "difference" else key: bar for key, bar in bars.items()}
    return Row(group, name, seconds, lambda at, s, seed: seqcli_text(at.text, s, seed, extra), named, usual)


def memory_row(name: str, steps: int, bar: Bar, usual: bool = True) -> Row:
    """A problem of long memory in at most ten minutes."""
    run, figure = (copying, "above need") if name == "copying" else (adding, "test MSE")

    def one(at: Sources, seconds: float, seed: int) -> Run:
        return run(steps, getattr(at.arguments, f"{name}_cell"), at.folder, seconds, seed)

    return Row("memory", f"{name} T={steps}", 10 * MINUTE, one, {figure: bar}, usual)


def sampling_rows(units: int, must: float, target: float) -> dict[str, Row]:
    """The loop of plain torch, and seqcli."""

    def plain(at: Sources, _: float, seed: int) -> Run:
        return lstm_sampling(units, max(100, int(at.scale * PLAIN_TOKENS)), seed)

    def ours(at: Sources, _: float, __: int) -> Run:
        return sampling(units, max(100, int(at.scale * TOKENS)))

    return {
        f"sampling-torch-{units}": Row("sampling", f"torch LSTM 2×{units}, a step at a time", 0, plain),
        f"sampling-{units}": Row(
            "sampling", f"seqcli LSTM 2×{units}", 0, ours, {"tokens/s": Bar(must, target, upwards=True)}
        ),
    }


PLAIN = "torch LSTM 2×256 loop"
ROWS: dict[str, Row] = {
    "torch": Row("text", PLAIN, LONG, lambda at, s, seed: lstm_text(at.parts(), s, seed)),
    "torch-60": Row("text", PLAIN, MINUTE, lambda at, s, seed: lstm_text(at.parts(), s, seed)),
    "transformer": Row(
        "text",
        "transformer 4×128, nanoGPT's CPU",
        LONG,
        lambda at, s, seed: transformer_text(at.parts(), s, seed, at.scale),
    ),
    "numpy": Row(
        "text",
        "NumPy RNN of 100 units",
        LONG,
        lambda at, s, seed: numpy_text(
            at.parts().train.numpy(), at.parts().test.numpy(), at.parts().size, s, seed
        ),
    ),
    "seqcli": text_row(
        "seqcli", LONG, whole=Bar(1.60, 1.53), blk64=Bar(1.64, 1.57), difference=Bar(0.10, 0.06)
    ),
    "seqcli-60": text_row("seqcli", MINUTE, whole=Bar(1.75, 1.66)),
    "seqcli-lstm": text_row("seqcli --cell lstm", LONG, "--cell", "lstm", whole=Bar(1.63, 1.58)),
    "no-refit": text_row("seqcli --no-refit", LONG, "--no-refit", usual=False),
    "numpy-seqcli": text_row(
        "seqcli --backend numpy --cell rnn", LONG, "--backend", "numpy", "--cell", "rnn", usual=False
    ),
    "names-torch": Row("names", PLAIN, 2 * MINUTE, lambda at, s, seed: lstm_names(at.names_parts(), s, seed)),
    "names-seqcli": Row(
        "names",
        "seqcli",
        2 * MINUTE,
        lambda at, s, seed: seqcli_names(at.names(), s, seed),
        {"nats": Bar(2.08, 2.02)},
    ),
    "jsb-torch": Row("jsb", PLAIN, 5 * MINUTE, lambda at, s, seed: lstm_rolls(at.rolls(), s, seed)),
    "jsb-seqcli": Row(
        "jsb",
        "seqcli",
        5 * MINUTE,
        lambda at, s, seed: seqcli_rolls(at.rolls(), s, seed),
        {"frame NLL": Bar(8.5, 8.1)},
    ),
    "copying": memory_row("copying", 200, Bar(0.01, None, elsewhere="T=1000")),
    "copying-1000": memory_row("copying", 1000, Bar(None, 0.01), usual=False),
    "adding": memory_row("adding", 200, Bar(1e-3, None, elsewhere="T=600")),
    "adding-600": memory_row("adding", 600, Bar(None, 1e-3), usual=False),
    **sampling_rows(256, 4500, 5500),
    **sampling_rows(512, 1400, 1600),
    **{
        f"cell-{cell}": text_row(
            f"seqcli --cell {cell}", 0, "--cell", cell, "--threads", "1", group="cells", usual=False
        )
        for cell in CELLS
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of public data sets, as described above")
    parser.add_argument("--file", type=Path, help="another text instead of tinyshakespeare.txt")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--baseline-seeds", type=int, nargs="+", help="the first of --seeds unless given")
    parser.add_argument(
        "--only", nargs="+", choices=[*HEADINGS, *ROWS], metavar="ROW",
        help="rows or groups of them: " + ", ".join(dict.fromkeys([*HEADINGS, *ROWS])),
    )  # fmt: skip
    parser.add_argument("--no-refit", action="store_true", help="add the row that shows what it is worth")
    parser.add_argument("--seconds", type=float, default=MINUTE, help="budget of each of the cells")
    parser.add_argument("--seconds-scale", type=float, default=1.0, help="multiplies all budgets")
    parser.add_argument("--copying-cell", default="mingru")
    parser.add_argument("--adding-cell", default="gru")
    arguments = parser.parse_args()
    if arguments.data is None and arguments.file is None:
        parser.error("--data DIR, or --file FILE --only text")
    scale = arguments.seconds_scale
    scaled = "" if scale == 1 else f"; ALL BUDGETS × {scale:g}: figures mean nothing, it only runs"
    print(f"up to {thread_count()} threads, torch {torch.__version__}, seeds {arguments.seeds}{scaled}")
    named = wanted(arguments.only, arguments.no_refit)
    with tempfile.TemporaryDirectory() as folder:
        sources = Sources(arguments, Path(folder))
        for group, heading in HEADINGS.items():
            keys = [key for key in named if ROWS[key].group == group]
            if keys:
                print_group(heading.format(text=sources.text.name), keys, sources)


def wanted(only: Sequence[str] | None, no_refit: bool) -> list[str]:
    """Names of rows in the order of the table."""
    if only is None:
        names = {key for key, row in ROWS.items() if row.usual}
    else:
        # Of a group the usual rows; all of one that has none.
        usual = {row.group for row in ROWS.values() if row.usual}
        names = {
            key
            for key, row in ROWS.items()
            if key in only or (row.group in only and (row.usual or row.group not in usual))
        }
    if no_refit:
        names.add("no-refit")
    return [key for key in ROWS if key in names]


def print_group(heading: str, keys: Sequence[str], sources: Sources) -> None:
    """A line for each figure of each row, and what the same commands print beside."""
    arguments = sources.arguments
    print(f"\n{heading}")
    print(
        f"{'':34} {'weights':>9} {'budget':>6} {'took':>6} {'chars/s':>7}  {'':13} {'median':>8} "
        f"{'range':>15} {'must':>8} {'target':>8}"
    )
    beside: dict[str, list[Run]] = {}
    for key in keys:
        row = ROWS[key]
        baseline = row.bars is None
        seeds = (arguments.baseline_seeds or arguments.seeds[:1]) if baseline else arguments.seeds
        budget = (row.seconds if row.group != "cells" else arguments.seconds) * sources.scale
        runs = [row.run(sources, budget, seed) for seed in seeds]
        name = row.name
        if row.group == "memory":
            name += f", {getattr(arguments, f'{name.split()[0]}_cell')}"
        print_row(name, budget, runs, row.bars or {})
        for run in runs:
            for other, figures in run.beside.items():
                beside.setdefault(other, []).append(Run(figures, 0.0))
    for other, runs in beside.items():
        print_row(other, 0.0, runs, {})


def print_row(name: str, budget: float, runs: Sequence[Run], bars: dict[str, Bar]) -> None:
    """Name and cost on the first line, each figure on a line of its own."""
    weights = runs[0].weights
    took = statistics.median(run.seconds for run in runs)
    reads = [run.read / run.seconds for run in runs if run.read is not None]
    cost = [
        f"{name:34}",
        f"{weights:9,}" if weights else f"{'':9}",
        f"{budget:6.4g}" if budget else f"{'':6}",
        f"{took:6.1f}" if took else f"{'':6}",
        f"{statistics.median(reads):7,.0f}" if reads else f"{'':7}",
    ]
    head = " ".join(cost)
    for figure in runs[0].figures:
        values = [run.figures[figure] for run in runs]
        middle = statistics.median(values)
        spread = f"{shown(min(values))}–{shown(max(values))}" if len(values) > 1 else ""
        said = bars[figure].said(middle) if figure in bars else ""
        print(f"{head}  {figure:13} {shown(middle):>8} {spread:>15} {said}".rstrip(), flush=True)
        head = " " * len(head)


def shown(value: float) -> str:
    """Four decimals, or none of a rate."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.4f}"


if __name__ == "__main__":
    main()
