"""Static columns: which are found, and how they become numbers."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from seqcli.errors import ModelError
from seqcli.options import Options
from seqcli.readers.table import Table
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.forecasting.fit import fit_forecast
from seqcli.tasks.forecasting.static import StaticEncoding, find_static

TableOf = Callable[..., Table]
SHOPS = {"a": ("north", "10", "A1"), "b": ("south", "20", "B1"), "c": ("north", "60", "C1")}


def shops(table_of: TableOf, days: int = 60) -> Table:
    lines = ["date,shop,region,size,code,weather,y"]
    for shop, (region, size, code) in SHOPS.items():
        lines += [
            f"2024-{1 + day // 28:02d}-{1 + day % 28:02d},{shop},{region if day else ''},{size},{code},"
            f"{'sun' if day % 3 else 'rain'},{day % 7 + len(code)}.{day % 9}"
            for day in range(days)
        ]
    return table_of("\n".join(lines))


def test_columns_that_say_one_thing_of_each_series_are_found(table_of: TableOf) -> None:
    table = shops(table_of)
    others = ["region", "size", "code", "weather", "y"]
    assert find_static(table, ("shop",), others) == ("region", "size")  # code is another name of the shop
    assert find_static(table, (), others) == ()
    options = Options.from_flat({"horizon": 2})
    plan = make_plan(table, options.columns, options.reading)
    assert plan.static == ("region", "size")
    assert plan.features == ()
    assert make_plan(
        table, Options.from_flat({"features": ["size"], "task": "forecast"}).columns, options.reading
    ).static == ("size",)
    found = fit_forecast(Tables(table), plan, options)
    assert found.panel.static == tuple((region, size) for region, size, _ in SHOPS.values())
    assert found.panel.only(np.array([2])).static == (("north", "60"),)


def test_numbers_are_scaled_and_words_switch() -> None:
    cells = [("north", "10"), ("south", "20"), ("north", "60")]
    encoding = StaticEncoding.fit(("region", "size"), cells)
    encoding = StaticEncoding.from_json(json.loads(json.dumps(encoding.to_json())))
    assert encoding.labels == ("region=?", "region=north", "region=south", "size")
    assert encoding.width == 4
    spread = np.std([10, 20, 60])
    expected = [[0, 1, 0, -20 / spread], [0, 0, 1, -10 / spread], [0, 1, 0, 30 / spread]]
    np.testing.assert_allclose(encoding.encode(cells, 3), expected, rtol=1e-6)
    np.testing.assert_allclose(encoding.encode([("east", ""), ("", "1e9")], 2), [[1, 0, 0, 0], [1, 0, 0, 10]])
    assert StaticEncoding.fit((), ()).encode((), 3).shape == (3, 0)


def test_a_spoilt_encoding_is_the_models_fault() -> None:
    good = StaticEncoding.fit(("size",), [("10",), ("20",)]).to_json()
    for change in (
        {"spread": 0},
        {"mean": float("nan")},
        {"form": {"decimal": "x"}},
        {"words": 5},
        {"spread": "x"},
    ):
        with pytest.raises(ModelError):
            StaticEncoding.from_json([{**good[0], **change}])
    with pytest.raises(ModelError):
        StaticEncoding.from_json([{}])
