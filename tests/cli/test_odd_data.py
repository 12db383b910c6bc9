"""What odd data gets, cell by cell of the design's table, through ``train`` and ``forecast``."""

from __future__ import annotations

from pathlib import Path

import pytest
from odd_files import (
    FORECAST,
    TINY,
    changed,
    days,
    features,
    panel,
    prices,
    ran,
    recordings,
    refused,
    reviews,
    table,
    values,
)

PRICES = ("date", "close", "volume")
PANEL = ("date", "store", "sales")
REVIEWS = ("review", "label")
FEATURES = ("a", "b", "kind", "label")
RECORDINGS = ("recording", "time", "x", "y", "label")
KINDS = {
    "forecast": (PRICES, prices, ("forecast", "x.csv", *FORECAST), 2, 1, 0),
    "panel": (PANEL, panel, ("forecast", "x.csv", *FORECAST), None, 2, 0),
    "features": (FEATURES, features, ("train", "x.csv", *TINY), 0, None, None),
    "sequences": (RECORDINGS, recordings, ("train", "x.csv", *TINY), 2, None, 1),
}
"""Kind of file → header, rows, command, and the places of a feature, a numeric target and a time."""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def wrote(header, rows, separator=",") -> None:
    Path("x.csv").write_text(table(header, rows, separator))


def cells(role):
    """The kinds of files that have a column in this role."""
    return pytest.mark.parametrize("kind", [kind for kind, of in KINDS.items() if of[role] is not None])


FEATURE, TARGET, TIME = 3, 4, 5
roles = pytest.mark.parametrize(
    ("kind", "role"),
    [(kind, role) for kind, of in KINDS.items() for role in (FEATURE, TARGET, TIME) if of[role] is not None],
)


# ---- cells that do not parse, and infinite ones


@roles
def test_one_bad_cell_is_named_and_the_rest_is_learnt_from(capsys, kind, role) -> None:
    header, rows, argv, *_ = KINDS[kind]
    place = KINDS[kind][role]
    wrote(header, changed(rows(), (20, place, "11:34")))
    ended = ran(capsys, *argv)
    assert ended.code == 0
    what = "a date" if role == TIME and kind != "sequences" else "a number"
    fate = "taken as missing" if role == FEATURE else "dropped"
    assert f'note: row 22, column {header[place]}: "11:34" is not {what}; {fate}' in ended.err
    assert ended.err.count("11:34") == 1


@roles
def test_more_than_1_percent_of_bad_cells_are_refused(capsys, kind, role) -> None:
    header, rows, argv, *_ = KINDS[kind]
    place = KINDS[kind][role]
    wrote(header, changed(rows(), *((row, place, "eh") for row in (8, 20, 30, 40))))
    message, hint = refused(capsys, *argv)
    assert message.startswith(f'x.csv, row 10, column {header[place]}: "eh" is not a')
    assert f"4 of {len(rows())} cells" in hint


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e400"])
@roles
def test_one_infinite_cell_is_refused(capsys, kind, role, cell) -> None:
    if role == TIME and kind != "sequences":
        pytest.skip("no date is infinite")
    header, rows, argv, *_ = KINDS[kind]
    place = KINDS[kind][role]
    wrote(header, changed(rows(), (20, place, cell)))
    message, _ = refused(capsys, *argv)
    assert message == f'x.csv, row 22, column {header[place]}: "{cell}" is infinite'


def test_a_bad_last_date_does_not_change_how_stamps_are_written(capsys) -> None:
    wrote(PANEL, [*panel(), ["11:34", "a", 5]])
    ended = ran(capsys, "forecast", "x.csv", *FORECAST)
    assert ended.out[1].startswith("a,2023-03-03,")


# ---- missing cells


@cells(FEATURE)
def test_missing_cells_of_a_feature_are_counted_and_filled(capsys, kind) -> None:
    header, rows, argv, *_ = KINDS[kind]
    place = KINDS[kind][FEATURE]
    wrote(header, changed(rows(), (20, place, ""), (21, place, "n/a")))
    ended = ran(capsys, *argv)
    assert ended.code == 0
    assert f"note: column {header[place]}: 2 missing cells" in ended.err
    assert ran(capsys, *argv, "--missing", "interpolate", "--save", "i.seqcli").code == 0
    message, hint = refused(capsys, *argv, "--missing", "error", "--save", "e.seqcli")
    assert f"x.csv, row 22, column {header[place]}" in message
    assert "--missing" in hint


@cells(TARGET)
def test_a_missing_target_stays_on_the_grid_and_is_not_scored(capsys, kind) -> None:
    header, rows, argv, *_ = KINDS[kind]
    place = KINDS[kind][TARGET]
    wrote(header, changed(rows(), (20, place, "")))
    ended = ran(capsys, *argv)
    assert ended.code == 0
    assert f"column {header[place]}: 1 missing value, not scored" in ended.err
    assert "without a row" not in ended.err


@cells(TARGET)
def test_a_target_more_than_a_fifth_missing_is_refused(capsys, kind) -> None:
    header, rows, argv, *_ = KINDS[kind]
    place = KINDS[kind][TARGET]
    wrote(header, changed(rows(), *((row, place, "") for row in range(0, len(rows()), 4))))
    message, hint = refused(capsys, *argv)
    assert f"x.csv, row 2, column {header[place]}: the target is missing" in message
    assert "20 %" in hint


@cells(TIME)
def test_a_missing_time_drops_its_row(capsys, kind) -> None:
    header, rows, argv, *_ = KINDS[kind]
    place = KINDS[kind][TIME]
    wrote(header, changed(rows(), (20, place, "")))
    ended = ran(capsys, *argv)
    assert ended.code == 0
    assert f"row 22, column {header[place]}: no time; dropped" in ended.err


@pytest.mark.parametrize(("header", "rows"), [(REVIEWS, reviews), (FEATURES, features)])
def test_rows_without_a_label_are_dropped_and_above_a_fifth_refused(capsys, header, rows) -> None:
    last = len(header) - 1
    wrote(header, changed(rows(), (4, last, "")))
    ended = ran(capsys, "train", "x.csv", *TINY)
    assert "row 6, column label: no label; dropped" in ended.err
    wrote(header, changed(rows(), *((row, last, " ") for row in range(0, len(rows()), 3))))
    assert "row 2, column label: the target is missing" in refused(capsys, "train", "x.csv")[0]


def test_an_empty_text_and_the_text_none_are_learnt_from(capsys) -> None:
    wrote(REVIEWS, changed(reviews(), (4, 0, ""), (5, 0, "None")))
    ended = ran(capsys, "train", "x.csv", *TINY)
    assert ended.code == 0
    assert "dropped" not in ended.err
    assert "split 42 training, 6 validation, 12 test rows" in ended.err


@pytest.mark.parametrize(("header", "rows", "argv"), [
    (PANEL, panel, ("forecast", "x.csv", *FORECAST)),
    (RECORDINGS, recordings, ("train", "x.csv", "--id", "recording", *TINY)),
])  # fmt: skip
def test_a_row_of_no_series_is_left_out(capsys, header, rows, argv) -> None:
    name = header[1] if header is PANEL else header[0]
    wrote(header, changed(rows(), (20, header.index(name), " ")))
    assert f"1 row without {name} left out" in ran(capsys, *argv).err


# ---- a constant column


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cell", ["7", "same"])
def test_a_constant_feature_is_left_out_and_named(capsys, kind, cell) -> None:
    header, rows, argv, *_ = KINDS[kind]
    wrote((*header, "extra"), [[*row, cell] for row in rows()])
    ended = ran(capsys, *argv)
    assert ended.code == 0
    reason = "not numbers" if kind in {"forecast", "panel"} and cell == "same" else "every row says the same"
    assert f"note: column extra is left out: {reason}\n" in ended.err


def test_a_constant_column_that_is_the_only_one_typed_is_refused(capsys) -> None:
    wrote((*FEATURES, "extra"), [[*row, 7] for row in features()])
    message, hint = refused(capsys, "train", "x.csv", "--features", "extra")
    assert message == "x.csv, column extra: every row says the same, which teaches nothing"
    assert "--features" in hint


@pytest.mark.parametrize("typed", [(), ("--target", "close")])
def test_a_constant_target_is_refused(capsys, typed) -> None:
    wrote(PRICES[:2], [[day, 5] for day in days(100)])
    assert "x.csv, column close:" in refused(capsys, "forecast", "x.csv", *typed)[0]


@pytest.mark.parametrize("typed", [(), ("--target", "label")])
@pytest.mark.parametrize(("header", "rows"), [(REVIEWS, reviews), (FEATURES, features)])
def test_one_class_is_refused_with_the_number_needed(capsys, header, rows, typed) -> None:
    wrote(header, [[*row[:-1], "good"] for row in rows()])
    message, hint = refused(capsys, "train", "x.csv", *typed)
    assert message == "x.csv, column label: it holds only 'good'"
    assert "two or more values" in hint


# ---- how numbers and dates are written


@pytest.mark.parametrize(("write", "separator", "said"), [
    (lambda value: f'"{10_000 * value:,.1f}"', ",", "thousands separator ','"),
    (lambda value: str(value).replace(".", ","), ";", "decimal comma"),
    (lambda value: f"${value}", ",", "currency $"),
    (lambda value: f"{value} %", ",", "percent"),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["forecast", "panel", "sequences"])
def test_unusual_numbers_are_read_and_said(capsys, kind, write, separator, said) -> None:
    header, rows, argv, *_ = KINDS[kind]
    places = [place for place in (KINDS[kind][FEATURE], KINDS[kind][TARGET]) if place is not None]
    new = rows()
    for row in new:
        for place in places:
            row[place] = write(float(row[place]))
    wrote(header, new, separator)
    ended = ran(capsys, *argv)
    assert ended.code == 0
    for place in places:
        assert f"note: column {header[place]}: {said}" in ended.err


def test_any_order_of_time_gives_the_same_forecast(capsys) -> None:
    wrote(PRICES, prices())
    first = ran(capsys, "forecast", "x.csv", *FORECAST, "--save", "1.seqcli").out
    wrote(PRICES, prices()[::-1])
    newest = ran(capsys, "forecast", "x.csv", *FORECAST, "--save", "2.seqcli")
    assert "the rows were newest first: sorted by date" in newest.err
    wrote(PRICES, [*prices()[75:], *prices()[:75]])
    mixed = ran(capsys, "forecast", "x.csv", *FORECAST, "--save", "3.seqcli")
    assert "not in the order of time: sorted by date" in mixed.err
    assert first == newest.out == mixed.out
    assert first[1].startswith("2023-06-01,")


def test_a_gap_in_time_is_counted_and_stays_a_gap(capsys) -> None:
    wrote(PRICES, [row for at, row in enumerate(prices()) if at not in {40, 41}])
    ended = ran(capsys, "forecast", "x.csv", *FORECAST)
    assert ended.out[1].startswith("2023-06-01,")
    assert ended.err.count("2 steps of the calendar (daily) without a row") == 1


# ---- long texts, columns that name rows or give the answer away, equal rows


def test_long_texts_are_cut_and_the_share_that_is_kept_is_said(capsys) -> None:
    rows = [[f"{row[0]} {'word ' * (3 if at else 5000)}", row[1]] for at, row in enumerate(reviews())]
    wrote(REVIEWS, rows)
    assert "texts cut after 1000 words" in ran(capsys, "train", "x.csv", *TINY).err


@pytest.mark.parametrize(("name", "cell", "reason"), [
    ("id", lambda at: 1000 + at, "it names rows"),
    ("user", lambda at: f"u{7919 * at % 100_003}", "it names rows"),
    ("leak", lambda at: at % 2, "it alone predicts label"),
])  # fmt: skip
def test_names_of_rows_and_leaks_are_left_out_and_brought_back(capsys, name, cell, reason) -> None:
    wrote((name, *FEATURES), [[cell(at), *row] for at, row in enumerate(features())])
    ended = ran(capsys, "train", "x.csv", *TINY)
    assert f"note: column {name} is left out: {reason} (--features uses it)" in ended.err
    back = ran(capsys, "train", "x.csv", *TINY, "--features", f"a,{name}", "--save", "b.seqcli")
    assert back.code == 0
    assert "left out" not in back.err


def test_a_column_without_a_name_is_called_by_its_place_once(capsys) -> None:
    wrote(("", *PRICES), [[at, *row] for at, row in enumerate(prices())])
    err = ran(capsys, "forecast", "x.csv", *FORECAST).err
    assert "note: column 1 is left out: it names rows" in err


def test_the_only_input_is_never_a_leak(capsys) -> None:
    wrote(("leak", "label"), [[at % 2, ["no", "yes"][at % 2]] for at in range(100)])
    ended = ran(capsys, "train", "x.csv", *TINY)
    assert ended.code == 0
    assert "left out" not in ended.err


@pytest.mark.parametrize(("header", "rows"), [(REVIEWS, reviews), (FEATURES, features)])
def test_equal_rows_are_kept_together_and_counted(capsys, header, rows) -> None:
    wrote(header, [*rows(), *rows()[:20]])
    ended = ran(capsys, "train", "x.csv", *TINY)
    assert "20 rows repeat another row; equal rows were kept in one part" in ended.err


# ---- several rows of one time, and panels


def test_rows_of_one_date_are_refused_with_what_would_help(capsys) -> None:
    wrote(PRICES, [*prices(), prices()[5]])
    message, hint = refused(capsys, "forecast", "x.csv")
    assert message == "x.csv, row 152, column date: 2023-01-07 comes more than once"
    assert "--aggregate" in hint
    merged = ran(capsys, "forecast", "x.csv", *FORECAST, "--aggregate", "mean")
    assert merged.code == 0
    assert merged.err.count("151 rows merged into 150 by mean over date") == 1
    rows = [[day, store, goods, value] for store in "xy" for goods in "pq"
            for day, value in zip(days(60), values(60), strict=True)]  # fmt: skip
    wrote(("date", "store", "product", "sales"), rows)
    assert "--id store,product" in refused(capsys, "forecast", "x.csv", "--save", "p.seqcli")[1]
    both = ran(capsys, "forecast", "x.csv", *FORECAST, "--id", "store,product", "--save", "p.seqcli")
    assert [line.split(",")[0] for line in both.out[1::7]] == ["x / p", "x / q", "y / p", "y / q"]


def test_rows_without_a_time_share_none(capsys) -> None:
    wrote(PANEL, changed(panel(), (20, 0, ""), (21, 0, "")))
    ended = ran(capsys, "forecast", "x.csv", *FORECAST)
    assert ended.code == 0
    assert "series by store" in ended.err


def test_rows_that_share_a_time_within_a_sequence_are_said(capsys) -> None:
    wrote(RECORDINGS, changed(recordings(), (3, 1, 2)))
    ended = ran(capsys, "train", "x.csv", "--id", "recording", *TINY)
    assert "2 rows share their time within a sequence: kept in file order" in ended.err


@pytest.mark.parametrize(("sales", "last"), [
    ([0] * 60, "dead,2023-03-09,0.0,0.0,0.0,0.0,0.0"),
    ([3, 3], "dead,2023-03-09,3.0,,,,"),
    ([""] * 60, None),
])  # fmt: skip
def test_one_dead_or_tiny_series_gets_a_note_and_the_others_are_forecast(capsys, sales, last) -> None:
    wrote(PANEL, panel())
    alone = ran(capsys, "forecast", "x.csv", *FORECAST, "--save", "1.seqcli").out
    dead = [[day, "dead", value] for day, value in zip(days(60)[-len(sales) :], sales, strict=True)]
    wrote(PANEL, [*panel(), *dead])
    ended = ran(capsys, "forecast", "x.csv", *FORECAST, "--save", "2.seqcli")
    assert ended.code == 0
    assert len(alone) == 1 + 3 * 7
    assert [line.split(",")[:2] for line in ended.out[:22]] == [line.split(",")[:2] for line in alone]
    assert ended.out[22:][-1:] == ([last] if last else [])
    assert "dead" in ended.err


def test_series_of_unequal_length_are_forecast_together(capsys) -> None:
    wrote(PANEL, [row for row in panel() if not (row[1] == "b" and row[0] < "2023-01-25")])
    ended = ran(capsys, "forecast", "x.csv", *FORECAST)
    assert [line.split(",")[0] for line in ended.out[1::7]] == ["a", "b", "c"]


# ---- too little


@pytest.mark.parametrize("rows", [1, 2, 3, 10, 11])
def test_a_series_of_too_few_rows_is_refused_with_the_number_needed(capsys, rows) -> None:
    wrote(PRICES[:2], [row[:2] for row in prices(rows)])
    assert "12" in refused(capsys, "forecast", "x.csv")[1]


def test_a_series_of_just_enough_rows_is_forecast(capsys) -> None:
    wrote(PRICES[:2], [row[:2] for row in prices(12)])
    assert ran(capsys, "forecast", "x.csv", *TINY).code == 0


def test_a_window_longer_than_the_series_is_refused_and_what_is_proposed_works(capsys) -> None:
    wrote(PRICES, prices(100))
    message, hint = refused(capsys, "forecast", "x.csv", "--window", "200")
    assert "a window of 200 needs about" in message
    window = hint.split()[2]
    assert ran(capsys, "forecast", "x.csv", "--window", window, *TINY).code == 0
    wrote(PANEL, panel(20))
    assert "--window" in refused(capsys, "forecast", "x.csv", "--window", "60", "--save", "p.seqcli")[1]


@pytest.mark.parametrize(("header", "rows", "count"), [
    (REVIEWS, reviews, 2), (REVIEWS, reviews, 19), (FEATURES, features, 19), (RECORDINGS, recordings, 114),
])  # fmt: skip
def test_too_few_examples_are_refused_with_the_number_needed(capsys, header, rows, count) -> None:
    wrote(header, rows()[:count])
    assert "at least 20" in refused(capsys, "train", "x.csv")[1]


def test_one_group_cannot_be_split(capsys) -> None:
    wrote(("who", *REVIEWS), [["u", *row] for row in reviews()])
    message, _ = refused(capsys, "train", "x.csv", "--group", "who")
    assert message.startswith("x.csv: 1 independent group cannot be split")


def test_a_sequence_of_two_labels_is_refused(capsys) -> None:
    wrote(RECORDINGS, changed(recordings(), (3, 4, "busy")))
    message, _ = refused(capsys, "train", "x.csv", "--id", "recording")
    assert message.startswith("x.csv, row 5, column label: busy, but idle in an earlier row")
