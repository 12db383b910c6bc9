"""Models saved by earlier versions load, and answer what they answered then."""

from __future__ import annotations

import csv
import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from seqcli.cli.main import main
from seqcli.tasks.registry import TASKS

GOLDEN = Path(__file__).parent / "golden"
MADE = runpy.run_path(str(GOLDEN / "make.py"))["GOLDEN"]
MODELS = sorted(GOLDEN.glob("*.seqcli"))


def test_there_is_a_golden_model_of_every_task_and_a_way_to_make_each() -> None:
    records = [json.loads((model / "model.json").read_text(encoding="utf-8")) for model in MODELS]
    assert {record["task"]["name"] for record in records} == set(TASKS)
    assert [model.stem for model in MODELS] == sorted(MADE)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.stem)
def test_a_golden_model_is_small(model: Path) -> None:
    assert sum(file.stat().st_size for file in model.rglob("*") if file.is_file()) < 200_000


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.stem)
def test_a_golden_model_answers_what_it_answered(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    made = MADE[model.stem]
    typed = [
        made.verb,
        *made.with_verb,
        str(model.with_suffix(made.suffix)),
        "-m",
        str(model),
        "-o",
        str(out),
    ]
    assert main([*typed, "--quiet"]) == 0
    found, expected = cells(out), cells(model.with_suffix(".out.csv"))
    assert len(found) == len(expected) > 3
    for row, wanted in zip(found, expected, strict=True):
        assert row == [close_to(cell) for cell in wanted]


def cells(path: Path) -> list[list[str | float]]:
    """The rows of a CSV file, numbers as numbers."""
    with path.open(encoding="utf-8", newline="") as file:
        return [[number(cell) for cell in row] for row in csv.reader(file)]


def number(cell: str) -> str | float:
    try:
        return float(cell)
    except ValueError:
        return cell


def close_to(cell: str | float) -> Any:
    return cell if isinstance(cell, str) else pytest.approx(cell, rel=1e-5, abs=1e-5)
