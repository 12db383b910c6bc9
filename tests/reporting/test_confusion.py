"""A confusion matrix on terminals of several widths."""

from __future__ import annotations

from seqcli.reporting.confusion import confusions, fitting
from seqcli.results import ResultColumn, ResultTable

NAMES = [f"class number {place}" for place in range(6)]


def matrix():
    """Class i is right 10 times and taken i times for the class after it."""
    rows = []
    for place, name in enumerate(NAMES):
        counts = [0] * len(NAMES)
        counts[place], counts[(place + 1) % 6] = 10, place
        rows.append((name, *counts))
    return ResultTable("Confusion matrix", tuple(map(ResultColumn, ["true class", *NAMES])), rows)


def test_a_matrix_with_room_stays() -> None:
    assert fitting(matrix(), 130) == matrix()


def test_a_matrix_without_room_becomes_its_confusions() -> None:
    shown = fitting(matrix(), 80).records()
    assert [record["rows"] for record in shown] == [5, 4, 3, 2, 1]
    assert shown[0] == {
        "true class": "class number 5", "taken for": "class number 0", "rows": 5, "of the class": 5 / 15,
    }  # fmt: skip


def test_other_tables_stay() -> None:
    wide = ResultTable("Classes", matrix().columns, matrix().rows)
    assert fitting(wide, 20) is wide


def test_only_the_most_frequent_are_listed() -> None:
    rows = [("a", *range(1, 21))]
    table = ResultTable(
        "Confusion matrix", tuple(ResultColumn(str(n)) for n in range(21)), [*rows], caption=""
    )
    listed = confusions(table)
    assert [row[2] for row in listed.rows] == list(range(20, 10, -1))
    assert listed.caption == "9 rarer ones; the matrix needs a wider terminal"
