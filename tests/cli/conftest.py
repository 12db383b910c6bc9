"""Small files and the models of them, trained once for all tests of the command line."""

from __future__ import annotations

import contextlib
import csv
import itertools
import math
import sys
from pathlib import Path

import pytest

import seqcli
from seqcli.cli.main import main

sys.path.insert(0, str(Path(__file__).parent))  # odd_files.py is shared by test files here

GOOD, BAD = ("fine", "warm", "bright", "clever"), ("dull", "cold", "flat", "tired")
THINGS = ("story", "music", "cast", "ending", "script")


def write_csv(path: Path, header, rows) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return path


def review_rows():
    """80 reviews of five words whose label is told by one of them."""
    for number, (thing, pair) in enumerate(itertools.product(THINGS * 2, range(4))):
        yield f"we found the {thing} {GOOD[pair]} {number}", "good"
        yield f"we found the {thing} {BAD[pair]} {number}", "bad"


def price_rows(days=240):
    """Daily values with a week in them."""
    from datetime import date, timedelta

    for day in range(days):
        stamp = date(2023, 1, 2) + timedelta(days=day)
        yield stamp.isoformat(), round(100 + 5 * math.sin(2 * math.pi * day / 7) + 0.1 * day, 3)


@pytest.fixture(name="write_csv", scope="session")
def write_csv_fixture():
    return write_csv


@pytest.fixture(name="price_rows", scope="session")
def price_rows_fixture():
    return price_rows


@pytest.fixture(scope="session")
def workshop(tmp_path_factory) -> Path:
    """A directory with reviews.csv, prices.csv and a trained model of each."""
    place = tmp_path_factory.mktemp("workshop")
    write_csv(place / "reviews.csv", ("review", "label"), review_rows())
    write_csv(place / "prices.csv", ("date", "close"), price_rows())
    small = ["--epochs", "2", "--hidden-size", "8", "-q", "--threads", "1"]
    sizes = ["--embedding-size", "8", "--learning-rate", "0.03"]
    window = ["--window", "14", "--horizon", "7"]
    with contextlib.chdir(place):
        assert main(["train", "reviews.csv", *small, *sizes]) == 0
        assert main(["forecast", "prices.csv", *window, *small]) == 0
    return place


@pytest.fixture
def here(workshop, tmp_path, monkeypatch) -> Path:
    """An own working directory with copies of all that."""
    import shutil

    place = tmp_path / "here"
    shutil.copytree(workshop, place)
    monkeypatch.chdir(place)
    monkeypatch.setenv("PYTHONPATH", str(Path(seqcli.__file__).parents[1]))  # for processes started here
    return place
