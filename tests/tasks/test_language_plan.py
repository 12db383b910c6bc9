"""Which column is the text to go on with, and which one it depends on."""

from __future__ import annotations

import json

import pytest

from seqcli.errors import DataError
from seqcli.options import ColumnOptions, ReadingOptions
from seqcli.readers.read import read_table
from seqcli.tasks.base import Plan
from seqcli.tasks.detect import make_plan

LINES = [f"the {word} fox jumps over {i} dogs" for i, word in enumerate(["red", "sly", "old", "wet"] * 8)]
NAMES = [f"{first}{last}" for first in "ABCDEFGH" for last in ("ova", "etti", "sson", "ez")]
LANGUAGES = ["Czech", "Italian", "Swedish", "Spanish"] * 8


def find(table, **typed):
    return make_plan(table, ColumnOptions(**typed), ReadingOptions())


def rows(header, *columns):
    return "\n".join([header, *(",".join(cells) for cells in zip(*columns, strict=True))])


@pytest.fixture
def people(table_of):
    return table_of(rows("name,language", NAMES, LANGUAGES))


@pytest.fixture
def reviews(table_of):
    return table_of(rows("review,label,shop", LINES, ["good", "bad"] * 16, LANGUAGES))


def file(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return str(path)


@pytest.mark.parametrize("name", ["corpus.txt", "corpus", "corpus.txt.gz"])
def test_lines_of_text(tmp_path, name) -> None:
    import gzip

    path = tmp_path / name
    content = ("\n".join(LINES) + "\n").encode()
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    plan = find(read_table([str(path)], ReadingOptions()))
    assert (plan.task, plan.target, plan.text, plan.features) == ("language", ("text",), ("text",), ())
    assert plan.reasons == ("task language: lines of text",)


def test_a_text_that_repeats_a_few_lines_is_no_column_of_classes(tmp_path) -> None:
    plan = find(read_table([file(tmp_path, "song.txt", "la la la\ndu du du\n" * 30)], ReadingOptions()))
    assert plan.task == "language"


def test_lines_of_numbers_are_text_too(tmp_path) -> None:
    plan = find(read_table([file(tmp_path, "pi.txt", "3.14\n1.59\n2.65\n" * 10)], ReadingOptions()))
    assert (plan.task, plan.text) == ("language", ("text",))


def test_a_typed_task_wins_over_lines_of_text(tmp_path) -> None:
    table = read_table([file(tmp_path, "corpus.txt", "\n".join(LINES * 2))], ReadingOptions())
    with pytest.raises(DataError, match="no column is left to learn text from"):
        find(table, task="classify", target=("text",))


def test_one_column_of_text_in_a_table(table_of) -> None:
    plan = find(table_of("remark\n" + "\n".join(LINES)))
    assert (plan.task, plan.text) == ("language", ("remark",))
    assert plan.reasons == ("task language: nothing but text",)


def test_json_lines_of_one_key(tmp_path) -> None:
    content = "\n".join(json.dumps({"remark": line}) for line in LINES)
    plan = find(read_table([file(tmp_path, "data.jsonl", content)], ReadingOptions()))
    assert (plan.task, plan.text) == ("language", ("remark",))


def test_a_table_with_labels_is_to_classify_unless_the_task_is_typed(reviews) -> None:
    assert find(reviews).task == "classify"
    plan = find(reviews, task="language")
    assert (plan.task, plan.text, plan.features) == ("language", ("review",), ())
    assert plan.left_out == (
        ("label", "a language model reads one text"),
        ("shop", "a language model reads one text"),
    )
    assert plan.reasons == ("task language: as typed",)


def test_the_only_strings_beside_numbers_are_the_text(table_of) -> None:
    table = table_of(rows("n,name,weight", map(str, range(32)), NAMES, [f"{i}.5" for i in range(32)]))
    assert find(table, task="language").text == ("name",)


def test_an_empty_column_is_no_candidate(table_of) -> None:
    assert find(table_of(rows("name,nothing", NAMES, [""] * 32)), task="language").text == ("name",)


def test_numbers_of_a_table_are_no_text_unless_they_are_named(table_of) -> None:
    table = table_of("digits\n" + "\n".join("3141592653"))
    with pytest.raises(DataError, match="no column holds text") as error:
        find(table, task="language")
    assert "--target" in error.value.hint
    assert find(table, task="language", target=("digits",)).text == ("digits",)


def test_several_columns_are_an_error_with_the_candidates(table_of) -> None:
    table = table_of(rows("title,remark,shop", LINES, [f"{line} too" for line in LINES], LANGUAGES))
    with pytest.raises(DataError, match=r"text to go on with: title, remark$") as error:
        find(table, task="language")
    assert error.value.hint == "choose with --target title"
    assert find(table, task="language", target=("remark",)).text == ("remark",)
    short = table_of(rows("name,town,language", NAMES, [f"{name}burg" for name in NAMES], LANGUAGES))
    with pytest.raises(DataError, match=r"text to go on with: name, town$"):
        find(short, task="language")


def test_classes_are_no_text_unless_they_are_named(people) -> None:
    assert find(people, task="language").text == ("name",)
    assert find(people, task="language", target=("language",)).text == ("language",)


def test_two_typed_targets_are_one_too_many(reviews) -> None:
    with pytest.raises(DataError, match="review, shop"):
        find(reviews, task="language", target=("review", "shop"))


def test_a_condition_makes_it_a_language_model(people) -> None:
    assert find(people).task == "classify"
    plan = find(people, condition="language")
    assert (plan.task, plan.text, plan.features) == ("language", ("name",), ("language",))
    assert plan.left_out == ()
    assert plan.reasons == ("task language: as typed, one text a row, depending on language",)


def test_a_condition_of_numbers(table_of) -> None:
    plan = find(table_of(rows("name,stars", NAMES, ["1", "2"] * 16)), condition="stars")
    assert (plan.text, plan.features) == (("name",), ("stars",))


def test_a_condition_and_another_task_stay_another_task(people) -> None:
    assert find(people, condition="language", task="classify").task == "classify"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"condition": "name", "target": ("language",)}, "column name: has no two values that come again"),
        ({"condition": "language", "target": ("language",)}, "column language: is the text itself"),
        ({"condition": "langage"}, "no column is called 'langage'"),
        ({"target": ("nam",), "task": "language"}, "no column is called 'nam'"),
    ],
)
def test_what_cannot_be_is_refused(people, typed, sentence) -> None:
    with pytest.raises(DataError, match=sentence) as error:
        find(people, **typed)
    assert error.value.hint


def test_a_condition_that_is_always_the_same_is_refused(table_of) -> None:
    with pytest.raises(DataError, match="column language: has no two values"):
        find(table_of(rows("name,language", NAMES, ["Czech"] * 32)), condition="language")


def test_nothing_but_the_condition_is_no_text(table_of) -> None:
    with pytest.raises(DataError, match="no column holds text") as error:
        find(table_of("language\n" + "\n".join(LANGUAGES)), condition="language")
    assert "--target" in error.value.hint


def test_several_files_are_told_apart_unless_they_are_to_be_written(tmp_path) -> None:
    paths = [file(tmp_path, f"{name}.txt", "\n".join(LINES)) for name in ("one", "two")]
    table = read_table(paths, ReadingOptions())
    assert find(table).task == "classify"
    assert find(table, task="language").text == ("text",)
    plan = find(table, condition="label")
    assert (plan.text, plan.features) == (("text",), ("label",))


def test_a_plan_survives_json(people) -> None:
    plan = find(people, condition="language")
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_the_files_of_a_folder_are_one_text_in_order(tmp_path) -> None:
    for name, line in (("b.txt", "second"), ("a.txt", "first"), ("c.txt", "third")):
        file(tmp_path, name, f"the {line} of these files\n\nand its end\n")
    table = read_table([str(tmp_path)], ReadingOptions())
    plan = find(table, task="language")
    assert (plan.text, plan.features, plan.left_out) == (("text",), (), ())
    said = f"the 3 files are one text, from {tmp_path / 'a.txt'} to {tmp_path / 'c.txt'}"
    assert plan.reasons == (f"task language: as typed; {said}",)
