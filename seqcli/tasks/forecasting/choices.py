"""What a forecast decides where nothing was typed: season, horizon, window and segments.

The season comes from the calendar and the training rows (:mod:`seqcli.tasks.forecasting.season`). The
horizon is one season, else 10. The window is the best on validation of 60 steps and some seasons (at most a
quarter of the rows), as judged by a linear forecast in closed form: that costs milliseconds, where training
a network for each would cost minutes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from seqcli.errors import DataError, UsageError
from seqcli.options import Options
from seqcli.preprocessing.calendar import Calendar
from seqcli.preprocessing.windowing import evenly
from seqcli.readers.roles import counted
from seqcli.sequences import IntArray
from seqcli.tasks.forecasting.panel import Panel
from seqcli.tasks.forecasting.ridge import Judged, Ridge, Series, judge_ridges
from seqcli.tasks.forecasting.season import find_season
from seqcli.tasks.forecasting.windows import part_starts

DEFAULT_HORIZON = 10
DEFAULT_WINDOW = 60
LEAST_ROWS = 12
"""What the smallest window, its training windows and the two held-out parts need."""
LEAST_WINDOWS = 8
"""Training windows below which there is nothing to learn from."""
SEASONS = (1, 2, 7, 14, 30)
"""Windows of so many seasons are tried."""
SIXTIES = (2, 4, 8, 12)
"""The same of 60 steps, where nothing is known of a season."""
LONGEST_WINDOW = 720
"""What is tried without being typed."""
LEAST_GAIN = 0.01
"""What a longer window must gain to be worth its time, where windows are few."""
MOST_LOSS = 0.02
"""What the linear forecast may lose by a longer window, where a network has windows enough to gain by it."""
MANY_SERIES = 10
FEW_WINDOWS = 4096
"""Windows × targets of which a network cannot find the linear part by itself."""
LONGEST_SEGMENT = 48
FEWEST_SEGMENTS = 4
"""Below it there is nothing for a recurrence to remember."""
MOST_SEGMENTS = 30
MOST_STEPS = 60
"""Segments that a short horizon may lead to."""
MOST_RECURSIONS = 64
"""Segments that a recursive decoder says one after the other."""
MOST_VALIDATION = 1000
"""Windows of the validation part that are looked at, evenly spread over it."""
MOST_NUMBERS = 4_000_000
"""Windows × horizon × targets of the same."""


def held_out_floor(options: Options, calendar: Calendar, longest: int) -> int:
    """Steps that validation and test get at least: a horizon, typed or likely, at most an eighth of all."""
    likely = options.forecast.horizon or max(DEFAULT_HORIZON, calendar.season or 0)
    return max(min(likely, longest // 8), 1)


MOST_TESTED, MOST_TEST_NUMBERS = 50_000, 24_000_000
"""The same of the test part: its windows, and windows × horizon × targets."""


def choose_season(panel: Panel, train: IntArray, calendar: Calendar) -> int | None:
    """The season that the targets' training rows (``train`` (S,) steps of each series) confirm."""
    series = [
        panel.series(row, int(train[row]))[:, target]
        for row in range(len(panel.names))
        for target in range(panel.targets)
    ]
    return find_season(series, calendar.seasons)


def choose_horizon(season: int | None, options: Options, longest: int) -> tuple[int, str]:
    """The horizon and why; refuses a typed one that leaves nothing to learn from."""
    if options.forecast.horizon is not None:
        return options.forecast.horizon, f"horizon {options.forecast.horizon} as typed"
    if season is not None:
        return season, f"horizon {season}: one season"
    horizon = min(DEFAULT_HORIZON, max(longest // 4, 1))
    return horizon, f"horizon {horizon}: no season found"


def window_candidates(season: int | None, rows: IntArray, train: IntArray) -> list[int]:
    """60 steps, and 1, 2, 7, 14 and 30 seasons or multiples of 60, at most a quarter of all ``rows`` (S,).

    Of its ``train`` (S,) training rows enough must be left for the windows to learn from. Of many series a
    window may take half, since the others have what it leaves, but few of them may be too short for it.
    """
    most = int(rows.max()) // 4
    if len(rows) >= MANY_SERIES:
        most = min(int(rows.max()) // 2, int(np.quantile(train, 0.1)) - LEAST_WINDOWS)
    most = max(min(most, int(train.max()) - LEAST_WINDOWS, LONGEST_WINDOW), 1)
    more = (season * count for count in SEASONS) if season else (DEFAULT_WINDOW * count for count in SIXTIES)
    wanted = {DEFAULT_WINDOW, *more}
    return sorted({size for size in wanted if size <= most} or {most})


def check_window(window: int, train: int, rows: int, source: str) -> None:
    """Raise DataError when ``train`` of a series' ``rows`` make fewer than :data:`LEAST_WINDOWS` windows."""
    if train >= window + LEAST_WINDOWS:
        return
    share = max(train / rows, 0.01)
    most = train - LEAST_WINDOWS
    if most < 1:
        raise too_few(rows, source)
    raise DataError(
        f"{source}: a window of {window} needs about {math.ceil((window + LEAST_WINDOWS) / share)} rows to "
        f"learn from, and there are {rows}",
        f"--window {most} would do",
    )


def too_few(rows: int, source: str) -> DataError:
    """The error for series whose longest has too few ``rows`` for any window."""
    return DataError(
        f"{source}: a series of {counted(rows, 'row')} is too short to learn from",
        f"at least {LEAST_ROWS} rows are needed",
    )


def choose_window(
    series: Series,
    panel: Panel,
    parts: tuple[IntArray, IntArray],
    candidates: Sequence[int],
    horizon: int,
) -> tuple[int, str, Ridge | None]:
    """The best of some window sizes on validation, why, and the ridge that reads up to so far.

    ``parts`` are the positions (N,) of training and validation.
    """
    learnt, asked = (series.asked(part) for part in parts)  # nothing is fitted on the validation part
    judged: list[Judged] = []
    reads = list(candidates)
    while reads and not judged:  # a window too long for whole training windows says nothing
        shape = (reads[-1], horizon)
        starts = tuple(part_starts(panel, part, *shape) for part in parts)
        judged = judge_ridges(((learnt, starts[0]), (asked, starts[1])), shape, reads)
        reads.pop()
    if not judged:
        return candidates[0], f"window {candidates[0]}: nothing to choose it on", None
    least, many = min(each.error for each in judged), len(parts[0]) * panel.targets > FEW_WINDOWS
    worse = 1 + (MOST_LOSS if many else LEAST_GAIN)
    good = [each.ridge.lookback for each in judged if each.error <= worse * least]
    usual = DEFAULT_WINDOW if DEFAULT_WINDOW in good else min(good)
    window = max(good) if many else usual
    ridge = min((each for each in judged if each.ridge.lookback <= window), key=lambda each: each.error).ridge
    if len(candidates) == 1:
        why = "no season to compare it with" if window == DEFAULT_WINDOW else "what the rows allow"
        return window, f"window {window}: {why}", ridge
    others = ", ".join(str(size) for size in candidates)
    return (
        window,
        f"window {window}: of {others} it gives a linear forecast the least error on validation",
        ridge,
    )


def choose_segment(window: int, horizon: int, season: int | None, options: Options) -> int:
    """Steps that the network reads at a time; 0 for step by step, answering in one go.

    A segment is a part of the season or some whole ones, so that every one means the same; without a season
    it is what makes at most :data:`MOST_SEGMENTS` of the window.
    """
    network, forecast = options.network, options.forecast
    plain = network.bidirectional or network.cell == "none" or network.pool not in (None, "last")
    plain = plain or network.hidden_size == 1  # a segment to come is told by its place and its target
    if forecast.decoder == "direct" or (forecast.decoder is None and forecast.segment is None and plain):
        return 0
    if forecast.segment is not None or forecast.decoder == "recursive":
        return forecast.segment or 1
    # Much longer than the horizon, most of what a segment says would not be used.
    most = min(LONGEST_SEGMENT, max(window // FEWEST_SEGMENTS, 1), max(horizon, -(-window // MOST_STEPS)))
    if season:
        return max(size for size in range(1, most + 1) if season % size == 0 or size % season == 0)
    return min(-(-window // MOST_SEGMENTS), most)


def learns_residual(windows: int, series: int, segment: int) -> bool:
    """Whether the network learns what the ridge leaves over, and not the change since the last value.

    From few windows it would not find the linear part by itself, and in many series it would blur what the
    seasons of each repeat exactly; with one long record it does better without.
    """
    return segment > 0 and (windows <= FEW_WINDOWS or series >= MANY_SERIES)


def refuse_horizon(horizon: int, rows: int, source: str) -> None:
    """Raise DataError where no ``rows`` to learn from are ``horizon`` steps behind any other."""
    if horizon >= rows:
        raise DataError(
            f"{source}: a horizon of {horizon} needs more rows than that to learn from, and there are {rows}",
            f"--horizon {max(rows // 4, 1)} would do",
        )


def check_decoder(options: Options, window: int, horizon: int = 1) -> None:
    """Raise UsageError for options that no network obeys together."""
    network, forecast = options.network, options.forecast
    if forecast.decoder == "direct" and forecast.segment not in (None, 1):
        raise UsageError(
            "--decoder direct reads step by step, and --segment makes it more at a time",
            "leave out one of them",
        )
    if forecast.segment is not None and forecast.segment > window:
        longer = "" if forecast.window else ", or type a longer --window"
        raise UsageError(
            f"--segment {forecast.segment} is longer than the window of {window}",
            f"--segment {window} is the longest{longer}",
        )
    if forecast.decoder == "direct" or (forecast.decoder is None and forecast.segment is None):
        return
    flag = f"--decoder {forecast.decoder}" if forecast.decoder else "--segment"
    hint = f"leave out {flag}, and the network reads step by step"
    if forecast.decoder == "recursive" and horizon > MOST_RECURSIONS * (forecast.segment or 1):
        least = -(-horizon // MOST_RECURSIONS)
        raise UsageError(
            f"--decoder recursive goes at most {MOST_RECURSIONS} steps ahead, and the horizon is {horizon}",
            f"--segment {least} makes each of them {least} rows long",
        )
    if network.bidirectional:
        said = f"{flag} goes on from the last step, and a network that reads both ways has none"
        raise UsageError(said, hint)
    if network.cell == "none":
        raise UsageError(f"{flag} needs a state to go on from, and --cell none has none", hint)
    if network.pool not in (None, "last"):
        raise UsageError(f"{flag} goes on from the last state, and --pool {network.pool} takes all", hint)
    if network.hidden_size == 1:
        said = f"{flag} needs a unit for the place of a segment and one for its target"
        raise UsageError(said, "--hidden-size 2 is the least")


def most_validation(horizon: int, targets: int) -> int:
    """Validation windows that are looked at: choosing on more of them costs time and memory alone."""
    return int(np.clip(MOST_NUMBERS // (horizon * targets), 100, MOST_VALIDATION))


def most_tested(horizon: int, targets: int) -> int:
    """Test windows that are scored: more of them would change no figure that is shown."""
    return int(np.clip(MOST_TEST_NUMBERS // (horizon * targets), 100, MOST_TESTED))


def thinned(starts: IntArray, horizon: int, targets: int) -> tuple[IntArray, str]:
    """The starts (N,) of a test part's windows that are scored, and a sentence where some are not."""
    kept = evenly(starts, most_tested(horizon, targets))
    if len(kept) == len(starts):
        return starts, ""
    return kept, f"scored on {len(kept):,} of {len(starts):,} windows, evenly spread over the part"
