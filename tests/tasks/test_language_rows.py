"""Text that depends on several columns: what each step reads, against the rows written out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.options import Options
from seqcli.readers.table import Table
from seqcli.sequences import TARGET
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.language import Language
from seqcli.tasks.language_rows import RowLanguage, given_vector
from seqcli.tasks.registry import load_task, task_class

KINDS = ("film", "food")


def rows(count=240):
    """Texts of their own, a category and a number each."""
    for place in range(count):
        yield f"text {place} of {KINDS[place % 2]} and more", KINDS[place % 2], str(1 + place % 5), str(place)


def table_of(found) -> Table:
    found = list(found)
    return Table.from_records("t.csv", ["text", "kind", "stars", "at"], found, range(2, 2 + len(found)))


def prepare(table, **typed):
    options = Options.from_flat({"task": "language", "target": ("text",), **typed})
    plan = make_plan(table, options.columns, options.reading)
    return task_class("language.v2").prepare(Tables(table, None, None), plan, options)


@pytest.fixture(scope="module")
def prepared():
    return prepare(table_of(rows()), features=("kind", "stars"))


def test_each_token_stands_under_the_columns_of_its_own_row(prepared) -> None:
    task, scaler = prepared.task, prepared.task.given.scaler
    assert prepared.rules[0].startswith("split drawn by category: ")
    told = {text: (kind, float(stars)) for text, kind, stars, _ in rows()}
    for part in (prepared.train, prepared.validation, prepared.test):
        text, start = task.corpus.decode(part.past[TARGET].tolist()), 0
        found = 0
        for end in (place + 1 for place, letter in enumerate(text) if letter == "\n"):
            own = part.past["given"][start:end]
            if start:  # the first row lacks its first letter
                kind, stars = told[text[start : end - 1]]
                expected = [(stars - scaler.shift[0]) / scaler.scale[0], kind == "film", kind == "food"]
                np.testing.assert_allclose(own, [expected] * len(own), rtol=1e-5)
                found += 1
            start = end
        assert found > 5


def test_numbers_are_scaled_on_training_rows(prepared) -> None:
    task = prepared.task
    ids = prepared.train.past[TARGET].tolist()
    texts = task.corpus.decode(ids).split("\n")[1:-1]
    told = {text: float(stars) for text, _, stars, _ in rows()}
    values = [told[text] for text in texts]
    assert task.given.scaler.shift[0] == pytest.approx(np.mean(values), abs=0.05)
    assert len(values) < 240


def test_the_network_reads_them_beside_the_token(prepared) -> None:
    given = prepared.network.inputs[1]
    assert (given.field, given.kind, given.size) == ("given", "values", 3)
    assert isinstance(prepared.task, RowLanguage)
    assert prepared.task.to_json()["name"] == "language.v2"


def test_one_column_of_classes_is_a_condition_as_before() -> None:
    found = prepare(table_of(rows()), features=("kind",)).task
    assert type(found) is Language
    assert found.conditions == KINDS
    assert prepare(table_of(rows()), condition="stars").task.conditions == ("1", "2", "3", "4", "5")
    number = prepare(table_of(rows()), features=("stars",))
    assert number.task.given.names == ("stars",)
    assert number.rules[0].startswith("split drawn row by row: ")


def test_a_task_survives_json(prepared) -> None:
    restored = load_task(json.loads(json.dumps(prepared.task.to_json())))
    assert restored == prepared.task
    table = table_of(list(rows())[:9])
    for name, values in prepared.task.encode(table).past.items():
        np.testing.assert_array_equal(restored.encode(table).past[name], values)


@pytest.mark.parametrize(
    "change",
    [
        {"given": None},
        {"given": {}},
        {"corpus": 3},
        {"plan": None},
        {"plan": {"features": ["kind"]}},
        {"plan": {"text": []}},
    ],
)
def test_broken_json_is_a_model_error(prepared, change) -> None:
    good = prepared.task.to_json()
    for key, value in change.items():
        whole = {**good[key], **value} if key == "plan" and value else value
        with pytest.raises(ModelError):
            RowLanguage.from_json({**good, key: whole})


def test_what_is_not_told_is_a_mean_or_a_first_class(prepared) -> None:
    given = prepared.task.given
    vector, note = given_vector(given, {"kind": "food", "stars": "5"})
    np.testing.assert_allclose(
        vector, [[(5 - given.scaler.shift[0]) / given.scaler.scale[0], 0, 1]], rtol=1e-6
    )
    assert note == ""
    vector, note = given_vector(given, {"kind": "food"})
    np.testing.assert_array_equal(vector, [[0, 0, 1]])
    assert note == f"--given stars={given.scaler.shift[0]:.4g}, means and first values"
    vector, note = given_vector(given, {})
    np.testing.assert_array_equal(vector, [[0, 1, 0]])
    assert note.endswith(",kind=film, means and first values")


@pytest.mark.parametrize(
    ("told", "said", "hint"),
    [
        ({"star": "3"}, "does not depend on star", "did you mean stars?"),
        ({"x": "3"}, "does not depend on x", "it depends on stars, kind"),
        ({"kind": "foot"}, "kind has no value 'foot'", "did you mean kind=food?"),
        ({"kind": "7"}, "kind has no value '7'", "its values are film, food"),
        ({"stars": "many"}, "stars=many is not a number", "such as stars="),
    ],
)
def test_what_no_text_depends_on(prepared, told, said, hint) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        given_vector(prepared.task.given, told)
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("features", "error", "said"),
    [
        (("kind", "text"), DataError, "column text: is the text itself"),
        (("kind", "note"), DataError, "column note: has no two values that come again"),
        (("kind", "same"), DataError, "column same: every row says the same"),
    ],
)
def test_columns_that_tell_nothing_are_refused(features, error, said) -> None:
    found = [(*row, f"note {at}", "1") for at, row in enumerate(rows())]
    names = ["text", "kind", "stars", "at", "note", "same"]
    table = Table.from_records("t.csv", names, found, range(2, 2 + len(found)))
    with pytest.raises(error, match=said):
        prepare(table, features=features)


def test_numbers_that_are_none_too_often_are_refused() -> None:
    def spoilt(count):
        for at, row in enumerate(rows()):
            yield (row[0], row[1], "n/k" if at < count else row[2], row[3])

    with pytest.raises(DataError, match="column stars: 'n/k' is not a number"):
        prepare(table_of(spoilt(12)), features=("kind", "stars"))
    assert prepare(table_of(spoilt(1)), features=("kind", "stars")).task.given.names[0] == "stars"


def test_two_ways_to_say_it_are_one_too_many() -> None:
    with pytest.raises(UsageError, match="both name what a text depends on") as caught:
        prepare(table_of(rows()), condition="kind", features=("stars",))
    assert caught.value.hint == "--features kind,stars"


def test_a_held_out_file_brings_its_own_rows() -> None:
    options = Options.from_flat({"task": "language", "target": ("text",), "features": ("kind", "stars")})
    table, other = table_of(rows()), table_of([("a text of food", "food", "9", "1")] * 30)
    plan = make_plan(table, options.columns, options.reading)
    prepared = RowLanguage.prepare(Tables(table, None, other), plan, options)
    given = prepared.task.given
    expected = [(9 - given.scaler.shift[0]) / given.scaler.scale[0], 0, 1]
    np.testing.assert_allclose(np.unique(prepared.test.past["given"], axis=0), [expected], rtol=1e-5)
