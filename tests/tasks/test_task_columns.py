from __future__ import annotations

import pytest

from seqcli.tasks.columns import Columns, bare, name_words


@pytest.mark.parametrize(
    ("name", "short", "words"),
    [
        ("AAPL.Close", "close", ["aapl", "close"]),
        (" Adj Close", "adj close", ["adj", "close"]),
        ("airlineSentiment_2", "airlinesentiment_2", ["airline", "sentiment", "2"]),
        ("", "", []),
    ],
)
def test_names(name, short, words) -> None:
    assert bare(name) == short
    assert name_words(name) == words


def test_facts_of_one_column(table_of) -> None:
    columns = Columns(table_of("a,b,c\n1,x y z q,\n1.0,x,\n2,,\n3,x,\n"))
    number, text, empty = columns
    assert (number.kind, number.filled, number.distinct, number.whole) == ("number", 4, 3, True)
    assert (text.kind, text.filled, text.distinct, text.words) == ("text", 3, 2, 2.0)
    assert (empty.kind, empty.useless) == ("empty", "empty")


def test_constant_numbers_stay_constant_with_gaps_and_flags_do_not(table_of) -> None:
    numbers, flags, same = Columns(table_of("n,flag,same\n5,yes,a\n,,a\n5,yes,a\n"))
    assert numbers.constant
    assert not flags.constant
    assert same.useless == "every row says the same"


@pytest.mark.parametrize(
    ("name", "cells", "names_rows"),
    [
        ("", range(50), True),  # a spreadsheet's index
        ("n", [*range(25), *range(25)], False),  # one fresh start in 50 rows is too many
        ("n", [*range(150), *range(150)], True),
        ("user_id", [(i * 37) % 101 for i in range(50)], True),
        ("user_id", [i % 5 for i in range(50)], False),
        ("price", [i * 1.25 for i in range(50)], False),
        ("code", [f"AB-{i}" for i in range(50)], True),
        ("link", [f"https://a.b/{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(50)], True),
        ("name", [f"{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(50)], False),
        ("review", [f"this is review number {i}" for i in range(50)], False),
    ],
)
def test_what_names_rows(table_of, name, cells, names_rows) -> None:
    table = table_of(f"{name},other\n" + "\n".join(f"{cell},1" for cell in cells))
    assert Columns(table)[name].identifier is names_rows


def test_the_time_column_is_a_date_called_so_then_any_date_then_steps(table_of) -> None:
    rows = "\n".join(f"2024-01-{i:02d},2024-02-{i:02d},{i}" for i in range(1, 20))
    assert Columns(table_of(f"shipped,date,step\n{rows}")).time_column().name == "date"
    assert Columns(table_of(f"shipped,due,step\n{rows}")).time_column().name == "shipped"
    assert Columns(table_of(f"shipped,due,step\n{rows}"), time="due").time_column().name == "due"
    steps = "\n".join(f"{i},{i * i}" for i in range(1, 20))
    assert Columns(table_of(f"step,load\n{steps}")).time_column().name == "step"
    assert Columns(table_of(f"place,load\n{steps}")).time_column() is None


def test_separators_prefer_names_then_strings(table_of) -> None:
    rows = "\n".join(
        f"2024-01-{i:02d},{k},{'ab'[k]},{'xy'[k]},{i * 2.5}" for i in range(1, 20) for k in (0, 1)
    )
    columns = Columns(table_of(f"date,n,letter,store,load\n{rows}"))
    assert columns.separators("date") == [("store",), ("letter",), ("n",)]
    assert Columns(table_of(f"date,n,letter,store,load\n{rows}"), ids=("n",)).separators("date") == [("n",)]


def test_varies_within(table_of) -> None:
    columns = Columns(table_of("id,a,b\n1,x,p\n1,x,q\n2,y,q\n"))
    assert not columns.varies_within("a", ["id"])
    assert columns.varies_within("b", ["id"])
