"""The record and the model card."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from importlib import metadata

import pytest

import seqcli
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import Options
from seqcli.results import ResultColumn, ResultTable
from seqcli.tasks.base import Plan, Scores
from seqcli.training.export import CardFacts, markdown_table, model_card, model_record

PLANS = {
    "classify": Plan("classify", ("label",), text=("review",), left_out=(("row", "an identifier"),)),
    "forecast": Plan("forecast", ("sales", "visits"), time="date", id=("store", "product")),
    "regress": Plan("regress", ("price",), features=("size", "rooms"), group="street"),
    "language": Plan("language", ("text",), text=("text",)),
    "depending": Plan("language", ("name",), features=("people",), text=("name",)),
}
TABLE = ResultTable(
    "Test",
    (
        ResultColumn("predictor"),
        ResultColumn("accuracy", ".3f"),
        ResultColumn("rows", ",d"),
        ResultColumn("ok"),
    ),
    [("gru", 0.91234, 12345, True), ("TF-IDF | logistic", 0.8, 12345, None)],
    caption="12,345 test rows, never seen in training.",
)


class FakeTask:
    name = "classify.v1"

    def __init__(self, plan):
        self.plan = plan

    def to_json(self):
        return {"plan": self.plan.to_json(), "classes": ["bad", "good"]}


@pytest.fixture
def record():
    spec = NetworkSpec((InputSpec("tokens", "tokens", 900, 64),), (2,), hidden_size=96, bidirectional=True)
    options = Options.from_flat({"seed": 7, "hidden_size": 96})
    scores = [Scores("gru", {"accuracy": 0.9, "log_loss": math.nan}), Scores("majority", {"accuracy": 0.5})]
    data = {"source": "my reviews.csv", "digest": "ab" * 32, "rows": 2345}
    return model_record(
        FakeTask(PLANS["classify"]), spec, scores, options,
        typed={"seed", "hidden_size"}, threads=2, steps=678, data=data,
    )  # fmt: skip


def facts(**changes):
    choices = {
        "name": "my reviews.seqcli",
        "result": TABLE,
        "parameters": 123456,
        "parts": {"train": 1600, "validation": 200, "test": 545},
        "rules": ["the vocabulary was fitted on 1,600 training rows"],
        "warnings": ["3 rows without a label were dropped"],
    }
    return CardFacts(**{**choices, **changes})


def test_the_record_is_json_and_restores_what_it_holds(record):
    again = json.loads(json.dumps(record, allow_nan=False))
    assert NetworkSpec.from_json(again["network"]).hidden_size == 96
    assert Options.from_flat(again["options"]).training.seed == again["seed"] == 7
    assert Plan.from_json(again["task"]["plan"]) == PLANS["classify"]
    assert again["task"]["name"] == "classify.v1"
    assert again["typed"] == ["hidden_size", "seed"]
    assert again["metrics"] == {"gru": {"accuracy": 0.9, "log_loss": None}, "majority": {"accuracy": 0.5}}
    assert (again["steps"], again["threads"]) == (678, 2)
    age = datetime.now(UTC) - datetime.fromisoformat(again["created"])
    assert 0 <= age.total_seconds() < 600
    assert again["versions"]["torch"] == metadata.version("torch")
    assert again["versions"]["seqcli"] == seqcli.__version__


def test_a_package_that_is_not_installed_has_no_version(record, monkeypatch):
    from seqcli.training import export

    monkeypatch.setattr(export, "PACKAGES", ("no-such-package-anywhere",))
    assert export.versions()["no-such-package-anywhere"] == ""


def test_markdown_keeps_number_formats_and_escapes_bars():
    assert markdown_table(TABLE).splitlines() == [
        "| predictor | accuracy | rows | ok |",
        "| --- | --- | --- | --- |",
        "| gru | 0.912 | 12,345 | True |",
        "| TF-IDF \\| logistic | 0.800 | 12,345 |  |",
    ]


def test_the_card_says_what_a_stranger_needs(record):
    card = model_card(record, PLANS["classify"], facts())
    titles = [line for line in card.splitlines() if line.startswith("#")]
    assert titles == [
        "# my reviews.seqcli", "## Data", "## Split", "## Quality on the test part", "## Network", "## Use",
        "## Limits",
    ]  # fmt: skip
    for fact in (
        "predicts the class in the column label",
        "`my reviews.csv`, 2,345 rows, SHA-256 `abababababababab…`",
        "Text: review",
        "3 rows without a label were dropped",
        "train: 1,600, validation: 200, test: 545",
        "the vocabulary was fitted on 1,600 training rows",
        "| gru | 0.912 |",
        "12,345 test rows, never seen in training.",
        "gru, 1 layer of 96 units, read both ways, pooled by last; 123,456 parameters",
        "678 optimiser steps, seed 7, 2 threads",
        "seqcli predict new.csv -m 'my reviews.seqcli'",
        "545 test examples",
    ):
        assert fact in card
    assert "all rows, the test part included" not in card
    assert max(len(line) for line in card.splitlines()) < 400


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (
            "forecast",
            [
                "forecasts the next values of sales and visits of each store, product",
                "seqcli forecast 'my reviews.csv' -m",
                "not a bound",
                "Time: date",
                "Series: store, product",
            ],
        ),
        ("regress", ["predicts the number in the column price", "Features: size, rooms", "Groups: street"]),
        ("language", ["seqcli generate -m", "seqcli evaluate more.txt -m"]),
        ("depending", ["for a given people", "Condition: people", "seqcli evaluate more.csv -m"]),
    ],
)
def test_each_task_has_its_own_words(record, task, expected):
    card = model_card(record, PLANS[task], facts())
    for words in expected:
        assert words in card


def test_a_forecast_names_its_members_and_where_its_intervals_come_from(record):
    plan, mixed = PLANS["forecast"], "mixed by validation: 60 % gru, 40 % ridge"
    card = model_card(
        record, plan, facts(composition=mixed, refitted=True, held_out="validation and test part")
    )
    assert (
        "## Members\n\n- Mixed by validation: 60 % gru, 40 % ridge\n- Intervals are split conformal" in card
    )
    assert card.count("on the validation and test part") == 2
    idle = model_card(record, plan, facts(composition="the last value", held_out="validation and test part"))
    assert "The network has no weight, so it was not trained further" in idle
    assert "went on training over all rows" not in idle
    kept = model_card(record, plan, facts(composition=mixed))
    assert "not trained further" not in kept
    assert "errors of the whole forecast on the validation part were" in kept
    assert "## Members" not in model_card(record, PLANS["classify"], facts())


def test_a_refit_is_admitted(record):
    card = model_card(record, PLANS["forecast"], facts(refitted=True))
    assert "all rows, the test part included" in card
