from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.errors import DataError
from seqcli.preprocessing.calendar import Calendar
from seqcli.tasks.forecasting.panel import Panel, build_panel, refuse_missing, scale_panel
from seqcli.tasks.forecasting.rows import Rows
from seqcli.tasks.forecasting.scaling import SeriesScaling

MONDAY = np.datetime64("2024-01-01", "us")


def days(*numbers: int) -> np.ndarray:
    return MONDAY + np.array(numbers) * np.timedelta64(1, "D")


def panel_of(*series: list[float], room: int = 2) -> tuple[Panel, Calendar]:
    lengths = np.array([len(values) for values in series])
    stamps = np.concatenate([np.arange(length) for length in lengths])
    values = np.concatenate([np.array(values, dtype=np.float64) for values in series])[:, None]
    names = tuple("abcdef"[: len(series)])
    rows = Rows(names, lengths, stamps, values, np.arange(len(values)) + 2)
    calendar = Calendar.fit(np.arange(9))
    return build_panel(rows, calendar, 1, room)[0], calendar


def test_gaps_are_put_on_the_grid_and_the_future_gets_room() -> None:
    stamps = np.concatenate([days(*range(20)), days(*range(22, 40))])
    rows = Rows(("",), np.array([38]), stamps, np.arange(38.0)[:, None], np.arange(2, 40))
    panel, gaps = build_panel(rows, Calendar.fit(stamps), 1, 3)
    assert gaps == 2
    assert panel.lengths.tolist() == [40]
    assert (panel.stamps == days(*range(43))).all()
    assert np.isnan(panel.values[[20, 21, 40, 41, 42], 0]).all()
    assert panel.values[22, 0] == 20
    assert panel.records[[19, 20, 22, 40]].tolist() == [21, 0, 22, 0]
    assert panel.missing_share[[19, 20]].tolist() == [0, 1]


def test_series_lie_end_to_end_each_with_its_room() -> None:
    panel, _ = panel_of([1, 2, 3], [4, 5])
    assert panel.total == 9
    assert panel.offsets.tolist() == [0, 5]
    assert panel.series_of(np.array([0, 4, 5, 8])).tolist() == [0, 0, 1, 1]
    assert panel.stamps.tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3]
    assert panel.spans(np.array([1, 0]), np.array([3, 2])).tolist() == [1, 2, 5, 6]
    assert panel.spans(np.array([2, 2]), np.array([1, 2])).tolist() == []
    assert panel.series(1)[:, 0].tolist() == [4, 5]
    assert panel.series(0, 2)[:, 0].tolist() == [1, 2]
    alone = panel.only(np.array([1]))
    assert alone.names == ("b",)
    assert alone.values[:2, 0].tolist() == [4, 5]
    assert alone.total == 4


@given(st.lists(st.one_of(st.floats(-100, 100), st.just(np.nan)), min_size=1, max_size=30), st.booleans())
def test_missing_values_are_carried_or_interpolated_as_pandas_does(
    values: list[float], draw_lines: bool
) -> None:
    panel, _ = panel_of(values, [1.0, 2.0])
    scaling = SeriesScaling(
        "standard.v1",
        np.zeros(1, bool),
        ("a", "b"),
        np.zeros((2, 1)),
        np.ones((2, 1)),
        np.ones((2, 1)),
        np.zeros(1, bool),
    )
    scaled = scale_panel(panel, scaling, "interpolate" if draw_lines else "mask")
    series = pd.Series([*values, np.nan, np.nan])
    expected = series.interpolate(limit_area="inside") if draw_lines else series
    np.testing.assert_allclose(scaled[: len(series), 0], expected.ffill().fillna(0.0), atol=1e-4)
    assert scaled[len(series) :, 0].tolist() == [1, 2, 2, 2]


def test_missing_error_names_the_row_or_the_day_without_one() -> None:
    panel, calendar = panel_of([1, 2, 3], [4, np.nan])
    with pytest.raises(DataError, match=r"f\.csv, row 6, column y: a value is missing"):
        refuse_missing(panel, ("y",), calendar, "f.csv")
    stamps = days(*range(20), *range(21, 40))
    rows = Rows(("",), np.array([39]), stamps, np.zeros((39, 1)), np.arange(39))
    dated = Calendar.fit(stamps)
    with pytest.raises(DataError, match="no row for 2024-01-21"):
        refuse_missing(build_panel(rows, dated, 1, 0)[0], ("y",), dated, "f.csv")
    refuse_missing(panel.only(np.array([0])), ("y",), calendar, "f.csv")
