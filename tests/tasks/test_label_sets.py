"""Labels in cells and in columns of 0 and 1, and which column a file's labels are in."""

from __future__ import annotations

import numpy as np
import pytest

from seqcli.errors import DataError, UsageError
from seqcli.options import ColumnOptions, ReadingOptions
from seqcli.tasks.columns import Columns
from seqcli.tasks.detect import make_plan
from seqcli.tasks.label_rules import separators_of
from seqcli.tasks.label_sets import (
    LIST,
    check_label_sets,
    label_names,
    rarest_labels,
    read_label_sets,
    split_labels,
)

TEXTS = [f"the {word} thing went {i} ways today" for i in range(15) for word in ("good", "bad")]


@pytest.mark.parametrize(
    ("cell", "separator", "labels"),
    [
        ("a|b", "|", ("a", "b")),
        (" b ; a;;b ", ";", ("b", "a")),
        ("", ",", ()),
        ('["new york", "x"]', LIST, ("new york", "x")),
        ("[]", LIST, ()),
        ("", LIST, ()),
    ],
)
def test_a_cell_holds_each_label_once(cell, separator, labels) -> None:
    assert split_labels(cell, separator) == labels


def test_no_list_is_a_value_error() -> None:
    for cell in ("a,b", '{"a": 1}', '"a"'):
        with pytest.raises(ValueError):
            split_labels(cell, LIST)


def test_rows_become_zeros_and_ones_and_new_labels_are_counted(table_of) -> None:
    table = table_of("n,tags\n1,b|a\n2,\n3,c|a|d")
    assert label_names(table, ("tags",), "|") == ("a", "b", "c", "d")
    sets = read_label_sets(table, ("tags",), "|", ("a", "b"))
    assert sets.target.tolist() == [[1, 1], [0, 0], [1, 0]]
    assert sets.unknown.tolist() == [0, 0, 2]
    assert sets.rows.tolist() == [0, 1, 2]


def test_columns_say_yes_and_no_in_several_ways(table_of) -> None:
    table = table_of("a,b\n1,no\n0,Yes\n1.0,TRUE\n?,false\n0,")
    sets = read_label_sets(table, ("a", "b"), "", ("a", "b"))
    assert sets.rows.tolist() == [0, 1, 2]
    assert sets.target.tolist() == [[1, 0], [0, 1], [1, 1]]


def test_odd_cells_are_dropped_and_named_or_refused(table_of) -> None:
    good = [f"{i % 2},{i % 3 // 2}" for i in range(200)]
    table = table_of("a,b\n" + "\n".join([*good[:5], "7,1", *good]))
    assert (
        check_label_sets(table, ("a", "b"), "")[0]
        == 'data.csv, row 7, column a: "7" is not 0 or 1; 1 such row dropped'
    )
    table = table_of("a,b\n" + "\n".join([*good[:5], "7,1", "7,1", "0,-1", *good]))
    with pytest.raises(DataError, match='row 7, column a: "7" is not 0 or 1, and 3 rows of 208'):
        check_label_sets(table, ("a", "b"), "")
    some = table_of("a,b\n" + "\n".join([*good, *(",1" for _ in range(20))]))  # missing, not wrong
    assert "20 such rows dropped" in check_label_sets(some, ("a", "b"), "")[0]
    with pytest.raises(DataError, match="cannot be read"):
        check_label_sets(table_of("a,b\n" + "\n".join([*good, *(",1" for _ in range(60))])), ("a", "b"), "")
    with pytest.raises(DataError, match="column b: it says the same in every row"):
        check_label_sets(table_of("a,b\n" + "\n".join(f"{i % 2},0" for i in range(20))), ("a", "b"), "")
    with pytest.raises(DataError, match="column t: it holds only 'x'"):
        check_label_sets(table_of("n,t\n1,x\n2,\n3,x"), ("t",), "|")


def test_each_row_goes_by_its_rarest_label(table_of) -> None:
    table = table_of("n,t\n1,a|b\n2,a\n3,\n4,a|c\n5,b")
    names = label_names(table, ("t",), "|")
    found = rarest_labels(read_label_sets(table, ("t",), "|", names))
    counts = {"a": 3, "b": 2, "c": 1}
    rarest = [
        min(row, key=lambda name: counts[name]) if row else ""
        for row in (["a", "b"], ["a"], [], ["a", "c"], ["b"])
    ]
    numbers = {"": "", **{name: found[rarest.index(name)] for name in "abc"}}
    assert found == [numbers[name] for name in rarest]
    assert len(set(numbers.values())) == 4


# ---- which column, and which separator


def separators(table_of, cells) -> list[str]:
    rows = "\n".join(f'{i},"{cell}"' for i, cell in enumerate(cells))
    return separators_of(Columns(table_of(f"n,t\n{rows}"))["t"])


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["a|b", "a", "b|c", "c|a"], ["|"]),
        (["a;b", "a", "b;c", "c;a"], [";"]),
        (["a, b", "a", "b, c", "c, a", "a, b, c"], [","]),
        (['[""a"", ""b""]', '[""a""]', "[]", '[""b"", ""c""]'], [LIST]),
        (["a", "b", "c", "a"], []),  # one each
        (["Bern, BE", "Thun, BE", "Genf, GE", "Nyon, VD"], []),  # an address: most parts have one neighbour
        (["a very long kind of sentence, and so on", "another one, with more words, too"], []),
    ],
)  # fmt: skip
def test_what_stands_between_labels(table_of, cells, found) -> None:
    assert separators(table_of, cells * 5) == found


def test_many_labels_or_few_cells_with_several_are_no_labels(table_of) -> None:
    assert separators(table_of, [f"a{i}|b{i % 40}" for i in range(400)]) == []
    assert separators(table_of, ["a|b", "b|a|c", *["a", "b", "c"] * 20]) == []
    assert separators(table_of, ["a|b", "b|a|c", *["a", "b", "c"] * 10]) == ["|"]


def plan(table_of, text, **typed):
    return make_plan(table_of(text), ColumnOptions(**typed), ReadingOptions())


def posts(cells, header="post,subjects", beside="") -> str:
    return (
        header + "\n" + "\n".join(f"{text}{beside},{cells[i % len(cells)]}" for i, text in enumerate(TEXTS))
    )


CELLS = ("a|b", "b", "a", "c|b", "")


def test_the_plan_says_which_column_and_what_separates(table_of) -> None:
    found = plan(table_of, posts(CELLS))
    assert (found.task, found.target, found.text, found.separator) == (
        "multilabel",
        ("subjects",),
        ("post",),
        "|",
    )
    assert found.reasons[0] == "task multilabel: subjects, 3 labels with | between them"


def test_a_label_word_wins_over_a_column_of_several(table_of) -> None:
    rows = "\n".join(f"{t},{i % 5},{CELLS[i % 5]}" for i, t in enumerate(TEXTS))
    assert plan(table_of, f"post,stars,genres\n{rows}").target == ("stars",)
    assert plan(table_of, posts(CELLS, "post,label")).task == "multilabel"


def test_two_columns_that_could_be_are_a_choice_unless_one_is_called_so(table_of) -> None:
    rows = "\n".join(f"{t},{'xyz'[i % 3]},{CELLS[i % 5]}" for i, t in enumerate(TEXTS))
    with pytest.raises(DataError, match="could be the label: subjects, airline"):
        plan(table_of, f"post,airline,subjects\n{rows}")
    assert plan(table_of, f"post,airline,tags\n{rows}").target == ("tags",)
    assert plan(table_of, f"post,airline,tags\n{rows}", target=("airline",)).task == "classify"


def test_several_separators_are_a_choice(table_of) -> None:
    cells = ("a|b", "b|c", "a", "b", "c", "a;c", "c;b")
    both = posts(cells, "post,tags")
    with pytest.raises(DataError, match=r"could be separated by \| or by ;") as error:
        plan(table_of, both)
    assert error.value.hint == "choose with --label-separator '|'"
    assert plan(table_of, both, label_separator=";").separator == ";"


def test_columns_of_zero_and_one_are_offered_and_taken_together(table_of) -> None:
    rows = "\n".join(f"{t},{i % 2},{i % 3 // 2}" for i, t in enumerate(TEXTS))
    with pytest.raises(DataError) as error:
        plan(table_of, f"comment,toxic,insult\n{rows}")
    assert error.value.hint == "choose with --target toxic, or learn all at once: --target toxic,insult"
    found = plan(table_of, f"comment,toxic,insult\n{rows}", target=("toxic", "insult"))
    assert (found.task, found.target, found.separator) == ("multilabel", ("toxic", "insult"), "")
    assert found.text == ("comment",)
    assert found.features == ()


def test_typed_separators_that_do_not_fit_are_refused(table_of) -> None:
    with pytest.raises(DataError, match="no cell holds the --label-separator '/'"):
        plan(table_of, posts(CELLS), target=("subjects",), label_separator="/")
    with pytest.raises(DataError, match="fits no column"):
        plan(table_of, posts(CELLS), label_separator=";")
    with pytest.raises(UsageError, match="splits the cells of one column"):
        plan(table_of, posts(CELLS, "post,n,subjects", ",1"), target=("n", "subjects"), label_separator="|")
    with pytest.raises(DataError, match="no cell holds several labels"):
        plan(table_of, posts(CELLS), target=("post",), task="multilabel")
    found = plan(table_of, posts(("a/b", "b", "c/a")), target=("subjects",), label_separator="/")
    assert (found.task, found.separator) == ("multilabel", "/")


def test_prices_over_time_stay_a_forecast(table_of) -> None:
    rows = "\n".join(f"2024-01-{i + 1:02d},{i * 7 % 11},{CELLS[i % 5]}" for i in range(30))
    assert plan(table_of, f"date,sales,tags\n{rows}").task == "forecast"
    flags = "\n".join(f"2024-01-{i + 1:02d},{i % 2},{i % 3 // 2}" for i in range(30))
    assert plan(table_of, f"date,up,down\n{flags}", target=("up", "down")).task == "forecast"


def test_a_plan_with_a_separator_survives_json(table_of) -> None:
    found = plan(table_of, posts(CELLS))
    assert type(found).from_json(found.to_json()).separator == "|"
    old = {key: value for key, value in found.to_json().items() if key != "separator"}
    assert type(found).from_json(old).separator == ""
    assert np.array_equal(found.target, ("subjects",))


def test_answers_that_stay_the_same_within_a_sequence_are_labels_of_it(table_of) -> None:
    rows = "\n".join(f"s{i // 4},{i % 4},{i * 0.1:.1f},{i // 4 % 2},{i // 8 % 2}" for i in range(160))
    text = f"id,t,x,up,down\n{rows}"
    found = plan(table_of, text, target=("up", "down"), id=("id",), time="t")
    assert (found.task, found.id, found.features) == ("multilabel", ("id",), ("x",))
    changing = text.replace("s0,1,0.1,0,0", "s0,1,0.1,1,0")
    assert plan(table_of, changing, target=("up", "down"), id=("id",), time="t").task == "forecast"
