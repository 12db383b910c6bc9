"""The rows of a backtest: a file as it was at an earlier time, and where its last parts begin.

A fold is the ordinary training on a shorter file. Its test part is one block of the rows that the ordinary
test share holds, and what lies behind the block is not there at all: not for a scaler, a season or a choice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from seqcli.errors import UsageError
from seqcli.options import Options
from seqcli.preprocessing.calendar import Calendar
from seqcli.preprocessing.split import chronological_split
from seqcli.sequences import IntArray
from seqcli.tasks.base import Cut, Plan, Tables
from seqcli.tasks.forecasting.ahead import Later
from seqcli.tasks.forecasting.choices import LEAST_ROWS, held_out_floor
from seqcli.tasks.forecasting.rows import Rows, read_training_rows
from seqcli.tasks.parts import held_out_shares
from seqcli.tasks.wide_plan import long_tables


def cut_rows(
    rows: Rows, borders: list[list[Any]], cut: Cut, options: Options
) -> tuple[Rows, list[list[Any]]]:
    """Rows up to the end of the test part, and the last stamp of each series in each part but the last.

    ``borders`` are those of files that follow one another. Raises UsageError for more blocks than rows.
    """
    if cut.last:
        return _last_horizon(rows, borders, options.forecast.horizon or 1)
    ends = block_ends(rows, cut.blocks, options)
    begins, stops = ends[:, cut.first], ends[:, cut.stop]
    kept = np.flatnonzero(stops > 0)
    parts = (_validation_begins(rows, begins, stops, options), begins)
    return _upto(rows, stops), [list(_lasts(rows, each)[kept]) for each in parts]


def block_ends(rows: Rows, blocks: int, options: Options) -> IntArray:
    """Rows of each series ahead of each block, and of all: (S, blocks + 1).

    The rows of the test share are divided into blocks of one size: of series that share a time at the same
    moments, else each series by itself.
    """
    lengths = np.asarray(rows.lengths, dtype=np.int64)
    share = held_out_shares(options.split)[1]
    if not share:
        raise UsageError("--test-share 0 leaves no rows to test a fold on", "leave out --test-share")
    split = chronological_split(
        lengths,
        validation_share=0.0,
        test_share=share,
        at_least=_floor(rows, lengths, options),
        stamps=rows.stamps,
    )
    series = np.repeat(np.arange(len(lengths)), lengths)
    tested = np.bincount(series[split.test], minlength=len(lengths))
    most = int(tested.max(initial=0))
    if blocks > most:
        raise UsageError(
            f"--folds {blocks}: the rows to test on are {most} a series, and a fold needs one of them",
            f"--folds {most} at most; --test-share makes them more" if most else "give it more rows",
        )
    sizes = np.rint(tested[:, None] * np.arange(blocks) / blocks).astype(np.int64)
    begins = lengths - tested
    return np.concatenate([_together(rows, begins[:, None] + sizes, begins), lengths[:, None]], axis=1)


def _validation_begins(rows: Rows, begins: IntArray, stops: IntArray, options: Options) -> IntArray:
    """Rows (S,) ahead of the validation part; the test part goes from ``begins`` to ``stops``, both (S,)."""
    share = held_out_shares(options.split)[0]
    if not share:
        return begins
    floor = _floor(rows, stops, options)
    size = np.maximum(np.rint(stops * share).astype(np.int64), np.where(stops >= 3 * floor, floor, 0))
    return np.minimum(_together(rows, np.maximum(begins - size, 0)[:, None], begins)[:, 0], begins)


def _floor(rows: Rows, lengths: IntArray, options: Options) -> int:
    """Rows that a held-out part of series of these ``lengths`` (S,) gets at least."""
    calendar = Calendar.fit(np.split(rows.stamps, np.cumsum(rows.lengths)[:-1]))
    return held_out_floor(options, calendar, int(lengths.max()))


def _together(rows: Rows, own: IntArray, begins: IntArray) -> IntArray:
    """Cuts ``own`` (S, C) of each series, in rows; those of the longest where all test parts share a moment.

    ``begins`` (S,) is where these begin.
    """
    starts = np.cumsum(rows.lengths) - rows.lengths
    if len(starts) == 1 or not _share_a_moment(rows, starts, begins):
        return own
    longest = int(np.argmax(rows.lengths))
    moments = rows.stamps[starts[longest] + own[longest]]
    return np.stack(
        [
            np.searchsorted(rows.stamps[start : start + length], moments, side="left")
            for start, length in zip(starts, rows.lengths, strict=True)
        ]
    ).astype(np.int64)


def whole_horizon(tables: Tables, plan: Plan, options: Options) -> int:
    """The most rows that a series has in the test file, which is how far a forecast of it must reach."""
    test = long_tables(tables, plan).test
    assert test is not None
    rows, _, _ = read_training_rows(test, plan, options.reading.aggregate)
    return int(rows.lengths.max())


def _share_a_moment(rows: Rows, starts: IntArray, begins: IntArray) -> bool:
    """Whether every row ahead of the test part (from ``begins`` (S,) on) is older than every row in it."""
    some = np.flatnonzero(begins < rows.lengths)
    first = (rows.stamps[starts[some] + begins[some]]).min()
    ahead = np.flatnonzero(begins > 0)
    return bool((rows.stamps[starts[ahead] + begins[ahead] - 1]).max() < first)


def _last_horizon(rows: Rows, borders: list[list[Any]], horizon: int) -> tuple[Rows, list[list[Any]]]:
    """The last ``horizon`` rows test, or the first of the test file; as many before them validate."""
    lengths = np.asarray(rows.lengths, dtype=np.int64)
    begins = lengths - horizon
    if borders:
        begins = np.zeros_like(lengths)
        for row, (start, length) in enumerate(zip(np.cumsum(lengths) - lengths, lengths, strict=True)):
            if row < len(borders[0]):
                own = rows.stamps[start : start + length]
                begins[row] = np.searchsorted(own, borders[0][row], side="right")
    if begins.max() - horizon < LEAST_ROWS:
        raise UsageError(
            f"--protocol m4 holds out two horizons of {horizon}, and the longest series has "
            f"{int(lengths.max())} rows",
            "--horizon asks for fewer steps",
        )
    begins = np.maximum(begins, 0)
    stops = np.minimum(begins + horizon, lengths)
    parts = [list(_lasts(rows, np.maximum(ends, 0))) for ends in (begins - horizon, begins)]
    return _upto(rows, stops), parts


def _lasts(rows: Rows, ends: IntArray) -> Any:
    """The stamp ahead of each of ``ends`` (S,), counted in rows; where that is 0, one before all."""
    starts = np.cumsum(rows.lengths) - rows.lengths
    stamps = rows.stamps[starts + np.maximum(ends - 1, 0)]
    return stamps - (np.asarray(ends) == 0).astype(np.int64)


def _upto(rows: Rows, stops: IntArray) -> Rows:
    """The first ``stops`` (S,) rows of each series; what was known ahead of its end, as known then."""
    kept = np.flatnonzero(stops > 0)
    within = np.arange(len(rows.stamps)) - np.repeat(np.cumsum(rows.lengths) - rows.lengths, rows.lengths)
    there = within < np.repeat(stops, rows.lengths)
    short = replace(
        rows,
        names=tuple(rows.names[row] for row in kept),
        lengths=stops[kept],
        stamps=rows.stamps[there],
        values=rows.values[there],
        records=rows.records[there],
        later=None,
        static=tuple(rows.static[row] for row in kept) if rows.static else (),
    )
    return (
        short if rows.later is None else replace(short, later=_known_then(rows, rows.later, stops).only(kept))
    )


def _known_then(rows: Rows, later: Later, stops: IntArray) -> Later:
    """As many rows behind the ``stops`` (S,) of each series as the file has behind its end."""
    counts = np.bincount(later.series, minlength=len(rows.lengths))
    starts = np.cumsum(rows.lengths) - rows.lengths
    series, stamps, values = [], [], []
    for row, (start, stop, length, count) in enumerate(zip(starts, stops, rows.lengths, counts, strict=True)):
        behind = slice(int(start + stop), int(start + length))
        own = later.series == row
        stamps.append(np.concatenate([rows.stamps[behind], later.stamps[own]])[:count])
        values.append(np.concatenate([rows.values[behind], later.values[own]])[:count])
        series.append(np.full(len(stamps[-1]), row, dtype=np.int64))
    known = np.concatenate(values)
    hidden = np.isnan(later.values).all(axis=0)  # targets, and what no row behind them holds
    return Later(np.concatenate(series), np.concatenate(stamps), np.where(hidden, np.nan, known))
