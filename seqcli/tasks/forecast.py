"""The next values of one series or many: direct, several steps at once, with intervals.

One recurrent network reads a window of each series, relative to its last value, and says how the
next steps differ from a reference forecast (the last value, or the last season). After training two
things are measured on the validation part: how much the network counts beside members that need none
(:mod:`seqcli.tasks.forecasting.mixture`), and how wide the intervals are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.options import Options
from seqcli.preprocessing.calendar import Calendar
from seqcli.readers.table import Table
from seqcli.results import ResultTable
from seqcli.sequences import TARGET, Examples, FloatArray, IntArray
from seqcli.tasks.base import Plan, Prepared, Scores, Tables
from seqcli.tasks.forecasting.calibration import MOST_EARLIER, Misses, calibrated, measured, with_earlier
from seqcli.tasks.forecasting.choices import most_validation
from seqcli.tasks.forecasting.chunks import in_chunks
from seqcli.tasks.forecasting.conformal import LEVELS, conformal_radii, radii_at
from seqcli.tasks.forecasting.fit import Fitted, fit_forecast
from seqcli.tasks.forecasting.metrics import averaged, error_scales, point_metrics
from seqcli.tasks.forecasting.mixture import NETWORK, RIDGE, SEASON_MEAN, Mixture, called
from seqcli.tasks.forecasting.network import network_spec, training_defaults
from seqcli.tasks.forecasting.next import ForecastContext, next_rows, next_step_line
from seqcli.tasks.forecasting.panel import Panel
from seqcli.tasks.forecasting.references import reference_forecasts
from seqcli.tasks.forecasting.report import ALONE, backtest
from seqcli.tasks.forecasting.ridge import Series, refit_ridge
from seqcli.tasks.forecasting.rows import Forms
from seqcli.tasks.forecasting.saved import restored, saved
from seqcli.tasks.forecasting.scaling import SeriesScaling
from seqcli.tasks.forecasting.static import StaticEncoding
from seqcli.tasks.forecasting.units import Units
from seqcli.tasks.forecasting.use import labelled_windows, newest_windows, plain_stamps
from seqcli.tasks.forecasting.widths import Widths
from seqcli.tasks.forecasting.windows import (
    VALUES,
    ForecastWindows,
    Frame,
    few_enough,
    windows_of,
)
from seqcli.tasks.metrics import HIGHER_IS_BETTER

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Forecast:
    """A fitted forecaster of K targets, H steps ahead."""

    name: ClassVar[str] = "forecast.v2"
    metric: ClassVar[str] = "mase"
    higher_is_better: ClassVar[bool] = HIGHER_IS_BETTER[metric]

    plan: Plan
    forms: Forms
    merge: str | None
    """How rows of one moment become one; None where there are none."""
    missing: str
    calendar: Calendar
    static: StaticEncoding
    scaling: SeriesScaling
    units: Units
    """How hard each series is."""
    frame: Frame
    naive_season: int | None
    """The season of the seasonal naive forecast; the calendar's where none was found."""
    errors: Array
    """(S, K) MASE's denominator of each series."""
    seen: tuple[int | float, ...]
    """(S,) the last stamp of each series that training or a choice has used."""
    intervals: tuple[int, ...]
    """Coverages that are shown, in percent."""
    levels: tuple[int, ...]
    radii: Array
    """(L, H, K) half widths at ``levels``, in spreads of the target times the widths of a window."""
    widths: Widths
    mixture: Mixture
    earlier: Misses | None = field(default=None, compare=False)
    """What intervals know of training windows; not saved, since they are measured for good by then."""

    # ------------------------------------------------------------------ before training

    @classmethod
    def prepare(cls, tables: Tables, plan: Plan, options: Options) -> Prepared:
        """Sort, grid, split along time, fit on training rows, and cut windows.

        Raises DataError for what cannot be forecast, with the number of rows that it would take.
        """
        fitted = fit_forecast(tables, plan, options)
        frame = fitted.shape.frame
        task = cls._from(fitted, options)
        train, validation, test = (fitted.windows(part) for part in range(3))
        steps, targets = frame.window + frame.horizon, len(plan.target)
        most = most_validation(frame.horizon, targets)
        some = train.take(few_enough(np.arange(len(train)), steps, targets, most))
        missed = (some.scaled_actual() - frame.before(some.past())) / frame.target_spread / some.own_units
        training = training_defaults(train, options)
        hidden = training.pop("hidden_size")
        return Prepared(
            task=replace(task, radii=conformal_radii(missed, task.levels)),
            train=train,
            validation=validation,
            test=test,
            network=network_spec(train, hidden, options),
            loss="huber_and_band",
            training={**training, "window": frame.window, "horizon": frame.horizon},
            rules=fitted.rules,
            warnings=[*fitted.warnings, *([test.note] if test.note else [])],
            source=fitted.parts.ends,
            taught=train.take(few_enough(np.arange(len(train)), steps, targets, MOST_EARLIER)),
            refit=fitted.everything,
        )

    @classmethod
    def _from(cls, fitted: Fitted, options: Options) -> Forecast:
        """The task before anything is known from validation."""
        panel, frame, train = fitted.panel, fitted.shape.frame, fitted.parts.ends[:, 0]
        season = frame.season if frame.season > 1 else fitted.calendar.season
        last = panel.lengths if options.training.refit else fitted.parts.ends[:, 1]
        levels = tuple(sorted({*LEVELS, *options.forecast.interval}))
        return cls(
            plan=fitted.plan,
            forms=fitted.forms,
            merge=options.reading.aggregate,
            missing=options.reading.missing,
            calendar=fitted.calendar,
            static=fitted.static,
            scaling=fitted.scaling,
            units=fitted.shape.units,
            frame=frame,
            naive_season=season if season and season < int(train.max()) else None,
            errors=np.stack(
                [
                    error_scales(panel.series(row, int(train[row])), panel.targets, frame.season)
                    for row in range(len(train))
                ]
            ),
            seen=tuple(plain_stamps(panel.stamps[panel.offsets + last - 1])),
            intervals=options.forecast.interval,
            levels=levels,
            radii=np.zeros((len(levels), frame.horizon, panel.targets)),
            widths=Widths(),
            mixture=Mixture.of_network(panel.targets, frame, fitted.shape.seasons, fitted.shape.ridge),
        )

    # ------------------------------------------------------------------ outputs to values

    def calibrate(self, outputs: FloatArray, examples: Examples) -> Forecast:
        """Choose the members' weights and measure the intervals on validation ``outputs`` (N, H, K).

        Without a scored validation step the task stays as it is: the network is used in full, and the
        intervals are those of the last value on the training rows.
        """
        examples = windows_of(examples)
        if np.isnan(examples.scaled_actual()).all():
            return self
        return calibrated(self, outputs, examples).recalibrate([(outputs, examples)])

    def remembering(self, held: tuple[FloatArray, Examples], taught: tuple[FloatArray, Examples]) -> Forecast:
        """With intervals that know of training windows too; outputs (N, H, K[, 3]) and examples of each.

        ``held`` is the validation part, which the task was calibrated on.
        """
        validation = (held[0], windows_of(held[1]))
        if not len(held[1]) or np.isnan(validation[1].scaled_actual()).all():
            return self
        return with_earlier(self, validation, (taught[0], windows_of(taught[1]))).recalibrate([held])

    def recalibrate(self, parts: Sequence[tuple[FloatArray, Examples]]) -> Forecast:
        """Measure the intervals anew on outputs (N, H, K) and examples of parts that were not learnt from.

        After the backtest that is validation and test together: the newest rows say most about the next.
        """
        held = [(outputs, windows_of(examples)) for outputs, examples in parts]
        radii = measured(self, held)
        return self if radii is None else replace(self, radii=radii)

    @property
    def network_counts(self) -> bool:
        """Whether the network has any weight."""
        return self.mixture.counts(NETWORK)

    def composition(self, network: str) -> str:
        """Which members count how much, in a sentence; ``network`` is what the network is called."""
        return self.mixture.sentence(called(network), self.plan.target)

    def refitted(self, examples: Examples) -> Forecast:
        """This task with its ridge fitted anew on all ``examples``."""
        examples, ridge = windows_of(examples), self.mixture.ridge
        if ridge is None or self.frame.residual:  # the network goes on from the ridge that it has learnt with
            return self
        panel, windows = examples.panel, examples.windows
        series = Series(
            windows.past[VALUES][:, : panel.targets],
            windows.future[TARGET],
            panel.each_step(1 / self.units.values),
        )
        again = refit_ridge(ridge, series, examples.windows.starts, self.frame.window, self.frame.horizon)
        return replace(self, mixture=replace(self.mixture, ridge=again))

    def member(self, name: str, outputs: FloatArray, examples: ForecastWindows) -> Array:
        """The scaled forecast (N, H, K) of one member."""
        return in_chunks(
            lambda rows: self.mixture.member(name, examples.past(rows), outputs[rows], self.frame), examples
        )

    def combined(self, outputs: FloatArray, examples: ForecastWindows) -> Array:
        """The scaled forecast (N, H, K)."""
        return in_chunks(
            lambda rows: self.mixture.combined(examples.past(rows), outputs[rows], self.frame), examples
        )

    def misses(self, outputs: FloatArray, examples: ForecastWindows) -> Array:
        """What came less the forecast, in spreads of the targets: (N, H, K), NaN where unscored."""
        miss = examples.scaled_actual() - self.combined(outputs, examples)
        return np.asarray(miss / self.frame.target_spread)

    def widths_of(self, outputs: FloatArray, examples: ForecastWindows) -> Array:
        """How wide intervals are beside each other: (N, H or 1, K or 1, 2), for outputs (N, H, K[, 3])."""
        return self.widths.of(outputs, examples.past(), self.frame.season, examples.own_units)

    def held_to(
        self, outputs: FloatArray, examples: ForecastWindows, levels: Sequence[int]
    ) -> list[tuple[int, Array, Array]]:
        """(percent, low, high) of each interval around the forecasts, ends (N, H, K) as in the file."""
        whose = examples.series, self.widths_of(outputs, examples)
        return self._bounds(self.combined(outputs, examples), self._scaling_as_cut(examples), whose, levels)

    def forecasts(self, outputs: FloatArray, examples: ForecastWindows) -> Array:
        """Forecasts (N, H, K) on values as in the file."""
        return self._scaling_as_cut(examples).inverse(self.combined(outputs, examples), examples.series)

    def _bounds(
        self,
        scaled: NDArray[Any],
        scaling: SeriesScaling,
        whose: tuple[IntArray, NDArray[Any]],
        levels: Sequence[int],
    ) -> list[tuple[int, Array, Array]]:
        """(percent, low, high) of each interval around scaled forecasts (N, H, K).

        ``whose`` are the numbers (N,) of their series and the widths (N, H or 1, K or 1, 2).
        """
        (series, widths), spread = whose, self.frame.target_spread
        below, above = -widths[..., 0], widths[..., 1]
        return [
            (level, *(scaling.inverse(scaled + radius * spread * side, series) for side in (below, above)))  # type: ignore[misc]
            for level, radius in zip(levels, radii_at(self.levels, self.radii, levels), strict=True)
        ]

    def scaling_of(self, panel: Panel, upto: int | None = None) -> SeriesScaling:
        """The scaling of ``panel``'s series; an unknown one is scaled by its first ``upto`` steps, or all."""
        return self.scaling.extended(
            panel.names, [panel.series(row, upto) for row in range(len(panel.names))]
        )

    def _scaling_as_cut(self, examples: ForecastWindows) -> SeriesScaling:
        """The scaling of windows that can be scored: an unknown series is seen by its first window."""
        return self.scaling_of(examples.panel, self.frame.window)

    # ------------------------------------------------------------------ scoring

    def score(self, outputs: FloatArray, examples: Examples) -> dict[str, float]:
        """MASE, by which is chosen, then MAE, RMSE and sMAPE, over all of the ``outputs`` (N, H, K)."""
        examples = windows_of(examples)
        values = averaged(self.metrics_of(self.forecasts(outputs, examples), examples))
        return {self.metric: values[self.metric], **values}

    def metrics_of(self, forecast: Array, examples: ForecastWindows) -> dict[str, Array]:
        """Each metric (K,) of forecasts (N, H, K) on values as in the file."""
        return point_metrics(examples.actual(), forecast, self.scales_of(examples))

    def scales_of(self, examples: ForecastWindows) -> Array:
        """MASE's denominators (N, K) of each window."""
        known = {name: row for row, name in enumerate(self.scaling.names)}
        panel = examples.panel
        errors = np.stack(
            [
                self.errors[known[name]]
                if name in known
                else error_scales(panel.series(row), panel.targets, self.frame.season)
                for row, name in enumerate(panel.names)
            ]
        )
        return np.asarray(errors[examples.series])

    def member_scores(self, outputs: FloatArray, examples: Examples, network: str) -> list[Scores]:
        """The mix, then the network and the other fitted members alone; ``outputs`` are (N, H, K)."""
        examples = windows_of(examples)
        scaling = self._scaling_as_cut(examples)
        scores = [Scores("combined", averaged(self.metrics_of(self.forecasts(outputs, examples), examples)))]
        names = {
            NETWORK: f"{called(network)}{ALONE}",
            RIDGE: f"{RIDGE}{ALONE}",
            SEASON_MEAN: f"mean of {self.mixture.seasons} seasons",
        }
        for name in reversed(self.mixture.members):
            if name in names:
                forecast = scaling.inverse(self.member(name, outputs, examples), examples.series)
                scores.append(Scores(names[name], averaged(self.metrics_of(forecast, examples))))
        return scores

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """Naive, seasonal naive and drift on the test part."""
        return self.reference_scores(prepared.test)

    def reference_scores(self, examples: Examples) -> list[Scores]:
        """Naive, seasonal naive and drift on any labelled windows."""
        examples = windows_of(examples)
        return [
            Scores(name, averaged(self.metrics_of(forecast, examples)))
            for name, forecast in reference_forecasts(examples, self.naive_season).items()
        ]

    def report(self, scores: list[Scores], outputs: FloatArray, examples: Examples) -> list[ResultTable]:
        """The backtest beside what needs no network; by target or by steps ahead; how the intervals held.

        ``outputs`` are (N, H, K).
        """
        return backtest(self, scores, outputs, windows_of(examples))

    # ------------------------------------------------------------------ a saved model on a file

    def encode(self, table: Table) -> ForecastWindows:
        """The last window of each series that is long enough."""
        return self.forecast_examples(table)[0]

    def encode_labelled(self, table: Table) -> ForecastWindows:
        """Windows over the rows after those that training has seen, else over all; the note says which."""
        return labelled_windows(self, table)

    def forecast_examples(self, table: Table) -> tuple[ForecastWindows, ForecastContext]:
        """The last window of each series that is long enough, and what :meth:`forecast_rows` needs.

        Of several series, one that is too short, or new and without change, is forecast by its last value
        and named in the context's notes. Raises DataError when there is nothing to forecast from.
        """
        return newest_windows(self, table)

    def forecast_rows(
        self, outputs: FloatArray, context: ForecastContext, intervals: Sequence[int] | None = None
    ) -> ResultTable:
        """The next H rows of each series: series, timestamp, target, forecast, two bounds an interval.

        ``outputs`` (N, H, K) are those of the examples that came with ``context``; ``series`` stands
        there where ids do, ``target`` where there are several. ``intervals`` are percents, None those
        that were asked for in training.
        """
        scaled = context.reference.copy()  # (S, H, K)
        units = context.units[:, None, None].astype(np.float64)
        widths = np.broadcast_to(units[..., None], (*scaled.shape, 2)).copy()
        if len(context.examples):
            rows = context.network_rows
            scaled[rows] = self.combined(outputs, context.examples)
            past = context.examples.past()
            widths[rows] = self.widths.of(outputs, past, self.frame.season, units[rows])
        everyone = np.arange(len(scaled), dtype=np.int64)
        levels = self.intervals if intervals is None else tuple(intervals)
        bounds = self._bounds(scaled, context.scaling, (everyone, widths), levels)
        return next_rows(self.plan, self.calendar, context, context.scaling.inverse(scaled, everyone), bounds)

    def next_step_line(self, rows: ResultTable, context: ForecastContext) -> str:
        """The next step of the first series and target in words: "Tue 3 Mar: 127.4, 80 %: 124.9–129.8"."""
        return next_step_line(rows, context, self.calendar)

    # ------------------------------------------------------------------ saved

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values."""
        return {"name": self.name, **saved(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Forecast:
        """Rebuild from :meth:`to_json`, without the ridge's weights. Raises ModelError on anything else."""
        return cls(**restored(data))

    def arrays(self) -> dict[str, FloatArray]:
        """The ridge's weights (P, L, H)."""
        return self.mixture.arrays()

    def with_arrays(self, arrays: Mapping[str, FloatArray]) -> Forecast:
        """This task with its ridge's weights. Raises ModelError where they do not fit."""
        shape = (len(self.plan.target), self.frame.window, self.frame.horizon)
        return replace(self, mixture=self.mixture.with_arrays(arrays, shape))
