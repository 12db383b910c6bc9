"""Small odd files, and what the command line says of them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from seqcli.cli.main import main

TINY = ("--epochs", "1", "--hidden-size", "4", "--threads", "1")
FORECAST = ("--window", "14", "--horizon", "7", *TINY)


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: list[str]
    err: str
    models: list[str]


def table(header: Sequence[str], rows: Iterable[Sequence[object]], separator: str = ",") -> str:
    """Rows as delimited text; cells are written as they are."""
    return "".join(separator.join(map(str, row)) + "\n" for row in (header, *rows))


def days(count: int) -> list[str]:
    """The first days of 2023."""
    return [(date(2023, 1, 2) + timedelta(days=day)).isoformat() for day in range(count)]


def values(count: int, seed: int = 0) -> list[float]:
    """A week, a trend and noise."""
    noise = random.Random(seed)
    return [round(100 + 5 * math.sin(day * math.tau / 7) + noise.gauss(0, 1), 2) for day in range(count)]


def prices(count: int = 150) -> list[list[object]]:
    """Rows of a date, a close and a volume."""
    return [list(row) for row in zip(days(count), values(count), values(count, 1), strict=True)]


def panel(count: int = 60) -> list[list[object]]:
    """Rows of a date, one of three stores, and its sales."""
    return [
        [*row[:1], store, row[1]]
        for seed, store in enumerate("abc")
        for row in zip(days(count), values(count, seed), strict=True)
    ]


def reviews(count: int = 60) -> list[list[object]]:
    """Rows of a text and its label."""
    words = (("hated", "left"), ("liked", "loved"))
    things = ("story", "music", "cast")
    return [
        [f"we {words[at % 2][at // 2 % 2]} the {things[at % 3]} of film {at}", ("bad", "good")[at % 2]]
        for at in range(count)
    ]


def features(count: int = 200) -> list[list[object]]:
    """Rows of two numbers, a kind and a label that the numbers half tell."""
    noise = random.Random(2)
    return [
        [
            f"{noise.gauss(at % 2, 1):.3f}",
            f"{noise.gauss(0, 1):.3f}",
            noise.choice("uvw"),
            ("no", "yes")[at % 2],
        ]
        for at in range(count)
    ]


def recordings(count: int = 30, steps: int = 6) -> list[list[object]]:
    """Sequences in long form: id, time, two channels, label."""
    noise = random.Random(3)
    return [
        [
            f"s{at}",
            step,
            f"{noise.gauss(at % 2, 1):.3f}",
            f"{noise.gauss(0, 1):.3f}",
            ("idle", "busy")[at % 2],
        ]
        for at in range(count)
        for step in range(steps)
    ]


def changed(rows: list[list[object]], *changes: tuple[int, int, object]) -> list[list[object]]:
    """Copies of ``rows`` with some cells (row, column, cell) replaced."""
    rows = [list(row) for row in rows]
    for row, column, cell in changes:
        rows[row][column] = cell
    return rows


def ran(capsys, *argv: str) -> Ended:
    """Run a command here; an error is at most two lines, and its model is not there."""
    before = {path.name for path in Path().glob("*.seqcli")}
    code = main(list(argv))
    captured = capsys.readouterr()
    models = sorted({path.name for path in Path().glob("*.seqcli")} - before)
    assert "Traceback" not in captured.err
    if code:
        assert models == []
        assert 1 <= len(captured.err.splitlines()) <= 2 or "-q" not in argv, captured.err
    return Ended(code, captured.out.splitlines(), captured.err, models)


def refused(capsys, *argv: str) -> tuple[str, str]:
    """Run a command that must end with exit 3; returns its message and its hint."""
    ended = ran(capsys, *argv, "-q")
    assert (ended.code, ended.out) == (3, []), ended.err
    message, hint = ended.err.splitlines()
    assert hint.startswith("hint: ")
    return message, hint
