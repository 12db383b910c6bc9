"""What drove a forecast, for a person: the strongest inputs, a chart over lags, a map of several columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from seqcli.reporting.chart import ForecastChart, draw_chart
from seqcli.reporting.heat_map import Group, Row, draw_heat_map
from seqcli.reporting.influence_words import Record, lag_shares
from seqcli.reporting.screen import Screen, is_plain, is_terminal
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.tasks.forecasting.explain import REST
from seqcli.tasks.forecasting.mixture import NETWORK

STRONGEST = 8
"""Rows of each way of asking that a person sees."""
MAPPED = 12
"""Columns of the heat map: blocks of lags."""
WIDTH = 80
LEAST_REST = 1e-3
"""What parts do not add up to is not shown to people when it is less than this share of the forecast."""
KEPT: Mapping[str, Literal["left", "right"]] = {"method": "left", "lags": "left", "importance": "right"}
"""Columns that are not cut."""
CAPTION = (
    "gradient: what one typical deviation of an input changes the forecast by, and its share. permutation: "
    "the rise of the error when an input is shuffled. parts: each member's weight, and what it adds to the "
    "forecast, which is their sum. Lag 1 is the last row, lag 0 the first step to come"
)


def strongest(table: ResultTable, network: str = NETWORK) -> ResultTable:
    """The rows of an explanation that say most, as a person reads them; what the ``network`` is called."""
    records = table.records()
    keys = [name for name in ("series", "target") if len({each.get(name) for each in records} - {None}) > 1]
    whole = [each for each in records if each["member"] == "all"]
    totals: dict[tuple[Cell, ...], float] = {}
    for each in whole:
        if each["method"] == "gradient":
            own = each.get("series"), each["target"]
            totals[own] = totals.get(own, 0.0) + _number(each["importance"])
    rows: list[tuple[Cell, ...]] = []
    for method in ("gradient", "permutation"):
        some = sorted(
            (each for each in whole if each["method"] == method),
            key=lambda each: -_share(each, totals, method),
        )
        for each in some[:STRONGEST]:
            share = _share(each, totals, method)
            if share > 0:
                rows.append(_row(each, keys, f"{100 * share:,.1f} %"))
    parts = [each for each in records if each["method"] == "parts"]
    largest = max((abs(_number(each["effect"])) for each in parts), default=0.0)
    for each in parts:
        weight = each["importance"]
        if weight is not None or abs(_number(each["effect"])) >= LEAST_REST * largest:
            shown = {
                **each,
                "member": {NETWORK: network, REST: "rest"}.get(str(each["member"]), each["member"]),
            }
            rows.append(_row(shown, keys, "" if weight is None else f"{100 * _number(weight):,.1f} %"))
    names = (*keys, "method", "input", "lags", "importance", "effect", "spread")
    specs = {"effect": ".4g", "spread": ".2g"}
    columns = tuple(
        ResultColumn(name, specs.get(name, ""), name == "importance", keep=KEPT.get(name, ""))
        for name in names
    )
    return ResultTable(table.title, columns, rows, CAPTION)


def _row(each: Record, keys: Sequence[str], importance: str) -> tuple[Cell, ...]:
    near, far = each["lag_from"], each["lag_to"]
    lags = "" if near is None else str(near) if near == far else f"{near} to {far}"
    named = each["column"] if each["method"] != "parts" else each["member"]
    name = "forecast" if named == "all" else named
    return (
        *(each[key] for key in keys),
        each["method"],
        name,
        lags,
        importance,
        each["effect"],
        each["spread"],
    )


def _share(each: Record, totals: dict[tuple[Cell, ...], float], method: str) -> float:
    """The share of the gradient, or the rise of the error."""
    own = _number(each["importance"])
    if method == "permutation":
        return own
    total = totals[each.get("series"), each["target"]]
    return own / total if total else 0.0


def show_influence(screen: Screen, table: ResultTable, window: int) -> None:
    """Draw on a terminal which lags count: a line for the strongest column, a map where there are several."""
    if screen.quiet or not is_terminal(screen.stream):
        return
    shares = lag_shares(table.records())
    lines = by_lag(shares, window)
    if not lines:
        return
    plain, width = is_plain(screen.stream), min(WIDTH, screen.console.width)
    order = sorted(lines, key=lambda name: -sum(lines[name]))
    chart = ForecastChart(
        f"{order[0]}: percent of the gradient by lag", lines[order[0]], (), (), f"lag {window}", "lag 1", ""
    )
    for line in draw_chart(chart, width, height=8, plain=plain) if window > 1 else []:
        screen.pieces(line)
    if len(order) > 1:
        screen.line("")
        size = -(-window // MAPPED)
        edges = range(window, 0, -size)
        tokens = [f"{window - end + 1}" for end in edges]
        rows = [
            Row(name, [sum(lines[name][max(end - size, 0) : end]) for end in edges])
            for name in order[:STRONGEST]
        ]
        scale = max(max(row.values) for row in rows)
        each = "each lag" if size == 1 else f"{size} lags from the one named on"
        group = Group(f"percent of the gradient, {each}", rows, scale)
        from rich.text import Text

        for pieces in draw_heat_map(tokens, [group], width, plain):
            screen.show(Text.assemble(*pieces))
    screen.line("")


def by_lag(shares: dict[tuple[str, int, int], float], window: int) -> dict[str, list[float]]:
    """Percent of the gradient of each column at each lag, the oldest first; what moved together is shared."""
    lines: dict[str, list[float]] = {}
    for (name, near, far), share in shares.items():
        if near >= 1 and far - near + 1 < max(window, 2):  # the calendar moves as a whole
            line = lines.setdefault(name, [0.0] * window)
            for lag in range(near, far + 1):
                line[window - lag] += 100 * share / (far - near + 1)
    return {name: line for name, line in lines.items() if any(line)}


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0
