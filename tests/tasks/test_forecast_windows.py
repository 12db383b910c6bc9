from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.errors import ModelError
from seqcli.options import Options
from seqcli.preprocessing.calendar import Calendar
from seqcli.sequences import Batchable
from seqcli.tasks.base import Plan, Tables
from seqcli.tasks.forecast import Forecast
from seqcli.tasks.forecasting import chunks
from seqcli.tasks.forecasting import windows as forecast_windows
from seqcli.tasks.forecasting.panel import Panel, build_panel
from seqcli.tasks.forecasting.rows import Rows
from seqcli.tasks.forecasting.starts import part_starts
from seqcli.tasks.forecasting.windows import (
    FARTHEST,
    ForecastWindows,
    Frame,
    evenly,
    make_windows,
    windows_of,
)

HOURS = np.datetime64("2024-01-01", "us") + np.arange(500) * np.timedelta64(1, "h")
CALENDAR = Calendar.fit(HOURS)


def panel_of(*lengths: int, columns: int = 1, room: int = 3, gap: int | None = None) -> Panel:
    total = sum(lengths)
    values = np.random.default_rng(0).normal(size=(total, columns))
    if gap is not None:
        values[gap, 0] = np.nan
    stamps = np.concatenate([HOURS[:n] for n in lengths])
    rows = Rows(tuple(map(str, range(len(lengths)))), np.array(lengths), stamps, values, np.arange(total))
    return build_panel(rows, CALENDAR, 1, room)[0]


def frame_of(window: int, horizon: int, columns: int = 1, season: int = 1, seasonal: bool = False) -> Frame:
    spread = np.full(columns, 2.0, dtype=np.float32)
    return Frame(window, horizon, season, np.array([seasonal]), spread, np.array([0.5], dtype=np.float32))


def filled(panel: Panel) -> np.ndarray:
    return np.nan_to_num(panel.values).astype(np.float32)


def test_a_batch_is_relative_to_the_last_value_and_asks_for_the_change() -> None:
    panel = panel_of(60, columns=2, gap=7)
    scaled = filled(panel)
    examples = make_windows(panel, frame_of(4, 3, 2), scaled, np.array([2, 5]), np.arange(10, 60))
    batch = examples.batch(np.array([1, 0]))
    assert batch["lengths"].tolist() == [4, 4]
    np.testing.assert_allclose(batch["values"][0, :, :2], (scaled[5:9] - scaled[8]) / 2, atol=1e-6)
    np.testing.assert_allclose(batch["values"][0, :, 2], [0, 0, 0.5, 0])  # half of step 7 is missing
    np.testing.assert_array_equal(batch["values"][1, :, 3:], panel.calendar_features[2:6])
    np.testing.assert_array_equal(batch["ahead"], panel.calendar_features[[9, 6]])
    expected = (scaled[9:12, :1] - scaled[8, :1]) / 0.5
    expected[0] = np.nan  # step 9 lies before the part
    np.testing.assert_allclose(batch["target"][0], expected, atol=1e-6)
    assert np.isnan(batch["target"][1]).all()
    assert all(values.dtype == np.float32 for name, values in batch.items() if name != "lengths")
    assert [(item.field, item.kind, item.size) for item in examples.inputs()] == [
        ("values", "values", batch["values"].shape[2]),
        ("ahead", "dense", batch["ahead"].shape[1]),
    ]


def test_the_reference_is_the_last_value_or_the_last_season() -> None:
    past = np.arange(12.0, dtype=np.float32).reshape(1, 6, 2)  # column 0: 0, 2, 4, 6, 8, 10
    plain, seasonal = frame_of(6, 4, season=3), frame_of(6, 4, season=3, seasonal=True)
    assert plain.before(past)[0, :, 0].tolist() == [10, 10, 10, 10]
    assert seasonal.before(past)[0, :, 0].tolist() == [6, 8, 10, 6]


def test_far_values_are_seen_as_far_and_not_further() -> None:
    panel = panel_of(20)
    scaled = filled(panel)
    scaled[3] = 1e30
    values = make_windows(panel, frame_of(4, 3), scaled, np.array([0, 2])).batch(np.arange(2))["values"]
    assert np.abs(values[:, :, 0]).max() == FARTHEST


def test_without_a_part_there_is_no_target() -> None:
    panel = panel_of(20)
    assert "target" not in make_windows(panel, frame_of(4, 3), filled(panel), np.array([0])).batch(
        np.array([0])
    )


@given(
    st.lists(st.integers(1, 25), min_size=1, max_size=4),
    st.integers(1, 6),
    st.integers(1, 5),
    st.data(),
)
def test_each_step_of_a_part_is_forecast_once_at_every_distance(
    lengths: list[int], window: int, horizon: int, data: st.DataObject
) -> None:
    panel = panel_of(*lengths, room=horizon)
    begins = np.array([data.draw(st.integers(0, n)) for n in lengths])
    ends = np.array([data.draw(st.integers(int(begin), n)) for begin, n in zip(begins, lengths, strict=True)])
    part = panel.spans(begins, ends)
    starts = part_starts(panel, part, window, horizon)
    seen = sorted(
        (int(start + window + step), step)
        for start in starts
        for step in range(horizon)
        if start + window + step in set(part.tolist())
    )
    expected = sorted(
        (int(position), step)
        for position in part
        for step in range(horizon)
        # there must be a whole window before the origin, in the same series
        if position - step - window >= panel.offsets[panel.series_of(np.array([position]))[0]]
    )
    assert seen == expected
    assert (panel.series_of(starts) == panel.series_of(starts + window + horizon - 1)).all()


def test_a_stride_keeps_the_newest_window_of_each_series() -> None:
    panel = panel_of(20, 15)
    part = panel.spans(np.zeros(2, dtype=np.int64), panel.lengths)
    every, third = (part_starts(panel, part, 4, 3, stride) for stride in (1, 3))
    assert set(third) < set(every)
    for row in range(2):
        own = [starts[panel.series_of(starts) == row] for starts in (every, third)]
        assert own[0].max() == own[1].max()
        assert (np.diff(own[1]) == 3).all()


def test_spreads_and_references_are_measured_on_training_steps_alone() -> None:
    panel = panel_of(60)
    scaled = filled(panel)
    scaled[:, 0] = np.resize([0.0, 3.0, -2.0, 5.0], len(scaled))  # a season of 4
    train = np.arange(40)
    starts = part_starts(panel, train, 8, 4)
    frame = Frame.fit(panel, scaled, starts, (8, 4, 4), train)
    assert frame.seasonal.tolist() == [True]
    assert frame.target_spread.tolist() == [1.0]  # the season is exact: nothing to measure
    assert not Frame.fit(panel, scaled, starts, (8, 4, 1), train).seasonal.any()
    changed = scaled.copy()
    changed[40:] = 99.0
    again = Frame.fit(panel, changed, starts, (8, 4, 4), train)
    assert again.to_json() == frame.to_json()
    assert Frame.from_json(json.loads(json.dumps(frame.to_json())), 1, 1).to_json() == frame.to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"window": 0},
        {"season": 9, "seasonal": [True]},
        {"seasonal": []},
        {"value_spread": [0.0]},
        {"target_spread": [1.0, 1.0]},
    ],
)
def test_a_changed_frame_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ModelError):
        Frame.from_json({**frame_of(4, 3).to_json(), **change}, 1, 1)


def test_examples_of_another_task_are_refused() -> None:
    with pytest.raises(TypeError):
        windows_of(Batchable({}, np.arange(3)))
    assert len(evenly(np.arange(100), 7)) == 7
    assert evenly(np.arange(5), 7).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("columns", [1, 5, 40])
def test_wide_files_are_gathered_a_few_windows_at_a_time(columns, monkeypatch, table_of) -> None:
    """Whatever is gathered at once while a frame is fitted and members are mixed stays below a bound."""
    monkeypatch.setattr(chunks, "MOST_NUMBERS", 4_000)
    monkeypatch.setattr(forecast_windows, "MOST_GATHERED", 8_000)
    names = [f"c{column}" for column in range(columns)]
    values = np.random.default_rng(0).normal(size=(200, columns)).cumsum(axis=0)
    lines = [",".join(names), *(",".join(f"{cell:.4f}" for cell in row) for row in values)]
    options = Options.from_flat({"window": 30, "horizon": 4, "segment": 5})
    seen: list[int] = []
    real = ForecastWindows.past

    def watched(self, rows=slice(None)):
        found = real(self, rows)
        seen.append(found.size)
        return found

    monkeypatch.setattr(ForecastWindows, "past", watched)
    table = table_of("\n".join(lines))
    prepared = Forecast.prepare(Tables(table), Plan("forecast", tuple(names)), options)
    assert max(seen) <= max(8_000, 34 * columns)
    seen.clear()
    outputs = np.zeros((len(prepared.test), 4, columns), np.float32)
    assert isinstance(prepared.task, Forecast)
    assert prepared.task.forecasts(outputs, prepared.test).shape == outputs.shape
    assert max(seen) <= max(4_000, 30 * columns)
