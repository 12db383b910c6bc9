"""Result tables in every form, read back by the standard library."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.reporting.tables import Layout, csv_records, fit_widths, shown, write_table
from seqcli.results import ResultColumn, ResultTable

TABLE = ResultTable(
    "Test part",
    (ResultColumn("predictor"), ResultColumn("accuracy", ".3f"), ResultColumn("rows"), ResultColumn("ok")),
    [("seqcli, gru", 0.912345678901, 480, True), ('say "hi"\nthere', float("nan"), None, False)],
    caption="480 rows",
)


def written(table, form):
    stream = io.StringIO()
    write_table(table, form, stream)
    return stream.getvalue()


def test_csv_keeps_every_value_as_it_is() -> None:
    rows = list(csv.reader(io.StringIO(written(TABLE, "csv"))))
    assert rows == [
        ["predictor", "accuracy", "rows", "ok"],
        ["seqcli, gru", "0.912345678901", "480", "true"],
        ['say "hi"\nthere', "", "", "false"],
    ]


def test_json_lines_are_one_object_a_row() -> None:
    first, second = (json.loads(line) for line in written(TABLE, "jsonl").splitlines())
    assert first == {"predictor": "seqcli, gru", "accuracy": 0.912345678901, "rows": 480, "ok": True}
    assert second["accuracy"] is None


def test_json_is_one_document_also_without_rows() -> None:
    assert len(json.loads(written(TABLE, "json"))) == 2
    assert json.loads(written(ResultTable("", TABLE.columns), "json")) == []


def test_infinity_is_no_json() -> None:
    table = ResultTable("", (ResultColumn("x"),), [(float("inf"),)])
    assert json.loads(written(table, "jsonl")) == {"x": None}


def test_a_person_sees_title_formatted_numbers_and_caption(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = written(TABLE, "table")
    for part in ("Test part", "0.912", "480", "yes", "no", "480 rows", 'say "hi" there'):
        assert part in text
    assert "0.9123" not in text


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_a_drawn_table_never_exceeds_the_terminal(monkeypatch, width) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    columns = tuple(ResultColumn(f"column {i}") for i in range(12))
    table = ResultTable("", columns, [tuple(f"value number {i}" * 3 for i in range(12))] * 2)
    lines = written(table, "table").splitlines()
    assert max(map(len, lines)) <= width
    if width >= 40:
        assert "column" in lines[0]
        assert any("more column" in line for line in lines)


def test_a_dumb_terminal_gets_ascii(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert written(TABLE, "table").isascii()


def test_markup_in_data_is_data(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table = ResultTable("", (ResultColumn("[bold]x[/bold]"),), [("[red]y[/red] :smile:",)])
    text = written(table, "table")
    assert "[bold]x[/bold]" in text
    assert "[red]y[/red] :smile:" in text


@given(
    st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=12),
    st.integers(20, 160),
)
def test_widths_fit_and_the_last_two_columns_stay(columns, width) -> None:
    natural, numeric = [size for size, _ in columns], [number for _, number in columns]
    widths = fit_widths(natural, numeric, width)
    assert set(widths) >= set(range(len(columns))[-2:])
    for index, fitted in widths.items():
        assert 1 <= fitted <= natural[index]
        if numeric[index]:
            assert fitted == natural[index]
    if len(widths) > 2:
        assert sum(widths.values()) + 3 * (len(widths) - 1) <= width


def test_texts_share_the_room_that_numbers_leave() -> None:
    assert fit_widths([100, 5, 100], [False, True, False], 51) == {0: 20, 1: 5, 2: 20}
    assert fit_widths([10, 5, 100], [False, True, False], 51) == {0: 10, 1: 5, 2: 30}


def test_later_rows_of_one_table_keep_its_columns_but_never_cut_a_number() -> None:
    columns = (ResultColumn("text"), ResultColumn("value"))
    first = Layout.of(ResultTable("", columns, [("abc", 1)]), 40)
    later = first.widened(Layout.of(ResultTable("", columns, [("abcdefgh", 1234567)]), 40))
    assert later.widths == {0: 4, 1: 7}


def test_cells_as_people_read_them() -> None:
    plain = ResultColumn("x")
    assert [shown(cell, plain) for cell in (None, True, 3, 0.1234567891, "a\nb", float("nan"))] == [
        "",
        "yes",
        "3",
        "0.123457",
        "a b",
        "",
    ]
    assert shown(0.5, ResultColumn("x", ".0%")) == "50%"


def test_a_csv_record_ends_with_one_newline() -> None:
    stream = io.StringIO()
    csv_records(stream)(["a", 1, None])
    assert stream.getvalue() == "a,1,\n"


@pytest.mark.parametrize(
    ("number", "spec", "text"),
    [
        (168.4, ",.5g", "168.40"),
        (1036.0, ",.5g", "1,036.0"),
        (12345.0, ",.5g", "12,345"),
        (0.5, "", "0.500000"),
        (0.00001234, ".4g", "1.234e-05"),
        (0.5, ".1%", "50.0%"),
    ],
)
def test_numbers_keep_their_last_zeros(number, spec, text) -> None:
    assert shown(number, ResultColumn("x", spec)) == text


def test_what_was_computed_stays_on_a_narrow_terminal() -> None:
    natural, numeric = [40, 8, 15, 10, 11, 20, 20], [False, False, False, False, True, True, True]
    assert list(fit_widths(natural, numeric, 80, computed=4)) == [0, 3, 4, 5, 6]
    assert list(fit_widths(natural, numeric, 45, computed=4)) == [0, 3, 4]
    assert list(fit_widths(natural, numeric, 200, computed=4)) == [0, 1, 2, 3, 4, 5, 6]
    assert len(fit_widths([30, 30, 30], [True, True, True], 10, computed=3)) == 2


@pytest.mark.parametrize("width", range(40, 60))
def test_a_caption_breaks_between_words_and_not_ahead_of_a_percent_sign(monkeypatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    caption = "mixed by validation: 50 % ridge, 50 % gru, 48.5 % below the error of the last season there"
    out = io.StringIO()
    write_table(ResultTable("", (ResultColumn("x"),), [(1,)], caption), "table", out)
    lines = out.getvalue().splitlines()[3:]
    assert " ".join(line.strip() for line in lines) == caption
    assert max(map(len, lines)) <= width
    assert not any(line.startswith("%") for line in lines)


def test_an_empty_column_gives_its_room_to_others() -> None:
    columns = [
        ResultColumn(name) for name in ("predictor", "accuracy", "spread", "seconds", "state", "steps")
    ]
    table = ResultTable(
        "", tuple(columns), [("gru", 0.5, None, 2.5, "carried", 3), ("rnn", 0.25, None, 7.5, "", 4)]
    )
    assert list(Layout.of(table, 200).widths) == [0, 1, 2, 3, 4, 5]
    assert list(Layout.of(table, 47).widths) == [0, 1, 3, 4, 5]
    assert list(fit_widths([9] * 5, [True] * 5, 45, empty=[1, 4])) == [0, 2, 3, 4]
