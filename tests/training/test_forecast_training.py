"""A forecast from its file to its directory: blind to the future, and the same bits when cut off."""

from __future__ import annotations

import json
import math
import os
import signal
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from seqcli.errors import Interrupted
from seqcli.inference.carried import network_outputs
from seqcli.inference.forecast import forecast_rows
from seqcli.inference.trust import saved_task
from seqcli.model_dir import read_model
from seqcli.options import Options, ReadingOptions, SavingOptions
from seqcli.readers.read import read_table
from seqcli.training.events import StepDone
from seqcli.training.run import train

DAYS, LEARNT, CHOSEN = 160, 112, 128
"""Of so many days so many are learnt from, and all choices are made ahead of the last number."""
SMALL = {"hidden_size": 5, "steps": 4, "batch_size": 8, "threads": 1, "refit": False, "target": ["y", "z"]}
PANEL = {**SMALL, "id": ["shop"], "target": ["y"]}


def rows_of(days=DAYS):
    """Two targets with a week in them, and a column beside them."""
    rng = np.random.default_rng(0)
    for day in range(days):
        wave = math.sin(2 * math.pi * day / 7)
        y, z = 50 + 5 * wave + rng.normal(), 20 - 3 * wave + 0.1 * day + rng.normal()
        yield [
            (date(2024, 1, 1) + timedelta(day)).isoformat(),
            round(y, 3),
            round(z, 3),
            round(rng.normal(), 3),
        ]


def written(path, rows, shops=0):
    names = ["date", "y", "z", "x"]
    if shops:
        names = ["shop", *names]
        rows = [
            [f"s{shop}", day, y if y == "" else y + shop, z, x]
            for shop in range(shops)
            for day, y, z, x in rows
        ]
    lines = [",".join(names), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def trained(place, rows, flat, shops=0):
    """The model of a file with these rows."""
    place.mkdir()
    path = written(place / "some.csv", rows, shops)
    options = Options.from_flat(flat)
    list(train([str(path)], options, SavingOptions(save=str(place / "m.seqcli"))))
    return read_model(place / "m.seqcli")


def bytes_of(model) -> dict[str, bytes]:
    """All that was fitted, chosen and learnt."""
    files = {name: (model.path / name).read_bytes() for name in model.record["files"] if name != "README.md"}
    for part in ("task", "network", "options", "steps"):
        files[part] = json.dumps(model.record[part]).encode()
    return files


def told_before(model, rows, path, shops=0):
    """Outputs and forecasts of every window that ends ahead of the test part, and the rows after it."""
    task = saved_task(model)
    table = read_table([str(written(path, rows[:CHOSEN], shops))], ReadingOptions())
    examples = replace(task, seen=tuple(-math.inf for _ in task.seen)).encode_labelled(table)
    outputs = network_outputs(model)(examples)
    return (
        outputs.tobytes(),
        task.forecasts(outputs, examples).tobytes(),
        forecast_rows(model, table).rows.rows,
    )


KINDS = {
    "segments": (SMALL, 0),
    "step by step": ({**SMALL, "decoder": "direct"}, 0),
    "many series": (PANEL, 3),
    "carried states": ({**PANEL, "stateful": True, "window": 14}, 3),
}


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS.keys())
def plain(request, tmp_path_factory):
    """A model of the unchanged rows, how it was made, and a directory."""
    place = tmp_path_factory.mktemp("plain")
    flat, shops = request.param
    return trained(place / "m", list(rows_of()), flat, shops), flat, shops, place


CHANGES = [(CHOSEN, 1, 1e6), (DAYS - 1, 2, -3.0), (140, 3, 99.0), (CHOSEN, 3, ""), (133, 1, "")]


@pytest.mark.parametrize(("at", "column", "value"), CHANGES)
def test_what_comes_after_the_cut_changes_nothing_ahead_of_it(plain, tmp_path, at, column, value):
    model, flat, shops, _ = plain
    rows = list(rows_of())
    before = told_before(model, rows, tmp_path / "before.csv", shops)
    rows[at][column] = value
    other = trained(tmp_path / "other", rows, flat, shops)
    assert bytes_of(other) == bytes_of(model)
    assert told_before(other, rows, tmp_path / "after.csv", shops) == before


def test_what_comes_ahead_of_the_cut_does(plain, tmp_path):
    """Else the test above could not fail."""
    model, flat, shops, _ = plain
    for at in (LEARNT - 1, CHOSEN - 1):
        rows = list(rows_of())
        rows[at][1] += 2
        other = trained(tmp_path / str(at), rows, flat, shops)
        assert bytes_of(other)["task"] != bytes_of(model)["task"]
        weights = "weights.safetensors"
        assert (bytes_of(other)[weights] != bytes_of(model)[weights]) or at >= LEARNT


CUT_OFF = [
    {**SMALL, "segment": 7},
    {**SMALL, "segment": 7, "cell": "lstm", "num_layers": 2, "refit": True},
    {**SMALL, "stateful": True, "window": 14, "batch_size": 2, "num_layers": 2, "decoder": "recursive"},
    {**SMALL, "stateful": True, "window": 14, "batch_size": 2, "cell": "lstm", "refit": True},
]


@pytest.mark.parametrize("flat", CUT_OFF)
@pytest.mark.parametrize("moment", [1, 3, 5])
def test_a_forecast_that_was_cut_off_ends_with_the_same_bits(tmp_path, flat, moment):
    flat = {**flat, "steps": 6, "dropout": 0.3}
    whole = trained(tmp_path / "whole", list(rows_of()), flat)
    place = tmp_path / "cut"
    place.mkdir()
    path = written(place / "some.csv", list(rows_of()))
    saving = {"save": str(place / "m.seqcli")}
    stream = train([str(path)], Options.from_flat(flat), SavingOptions(**saving))
    steps = (event for event in stream if isinstance(event, StepDone))
    for _ in range(moment):
        next(steps)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(Interrupted):
        list(steps)
    list(train([str(path)], Options.from_flat(flat), SavingOptions(resume=True, **saving)))
    assert bytes_of(read_model(place / "m.seqcli")) == bytes_of(whole)
