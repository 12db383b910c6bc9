"""The next values of one series or many: direct, several steps at once, with intervals.

One recurrent network reads a window of each series, relative to its last value, and says how the
next steps differ from a reference forecast (the last value, or the last season). After training two
things are measured on the validation part: how much of what the network says is used (all of it,
a share, or nothing where a naive forecast is better), and how wide the intervals are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError
from seqcli.network import NetworkSpec
from seqcli.options import Options
from seqcli.preprocessing.calendar import Calendar
from seqcli.readers.table import Table
from seqcli.results import ResultTable
from seqcli.sequences import Examples, FloatArray, IntArray
from seqcli.tasks.base import Plan, Prepared, Scores, Tables
from seqcli.tasks.forecasting.choices import training_defaults
from seqcli.tasks.forecasting.conformal import LEVELS, conformal_radii, radii_at
from seqcli.tasks.forecasting.fit import Fitted, fit_forecast
from seqcli.tasks.forecasting.later import later_panel
from seqcli.tasks.forecasting.metrics import averaged, point_metrics, seasonal_error
from seqcli.tasks.forecasting.next import ForecastContext, last_windows, next_rows, next_step_line
from seqcli.tasks.forecasting.panel import Panel, scale_panel
from seqcli.tasks.forecasting.references import reference_forecasts
from seqcli.tasks.forecasting.report import backtest_title, by_step, by_target, comparison, coverage
from seqcli.tasks.forecasting.rows import Forms
from seqcli.tasks.forecasting.saved import restored, saved
from seqcli.tasks.forecasting.scaling import SeriesScaling
from seqcli.tasks.forecasting.windows import ForecastWindows, Frame, make_windows, part_starts, windows_of
from seqcli.tasks.metrics import HIGHER_IS_BETTER

Array = NDArray[np.float64]

SHARES = np.linspace(0.0, 1.0, 11)
"""Shares of the network's difference to the reference that validation chooses from."""


@dataclass(frozen=True)
class Forecast:
    """A fitted forecaster of K targets, H steps ahead."""

    name: ClassVar[str] = "forecast.v1"
    metric: ClassVar[str] = "mase"
    higher_is_better: ClassVar[bool] = HIGHER_IS_BETTER[metric]

    plan: Plan
    forms: Forms
    merge: str | None
    """How rows of one moment become one; None where there are none."""
    missing: str
    calendar: Calendar
    scaling: SeriesScaling
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
    """(L, H, K) half widths at ``levels``, in spreads of the target."""
    share: Array
    """(K,) share of the network's difference to the reference that is used."""

    # ------------------------------------------------------------------ before training

    @classmethod
    def prepare(cls, tables: Tables, plan: Plan, options: Options) -> Prepared:
        """Sort, grid, split along time, fit on training rows, and cut windows.

        Raises DataError for what cannot be forecast, with the number of rows that it would take.
        """
        fitted = fit_forecast(tables, plan, options)
        panel, frame = fitted.panel, fitted.frame
        task = cls._from(fitted, options)
        train, validation, test = (
            make_windows(panel, frame, fitted.scaled, starts, positions)
            for starts, positions in (
                (
                    fitted.starts
                    if part == 0
                    else part_starts(panel, positions, frame.window, frame.horizon),
                    positions,
                )
                for part, positions in enumerate(fitted.parts.positions(panel, part) for part in range(3))
            )
        )
        task = replace(task, radii=conformal_radii(task._wanted(train), task.levels))
        training = training_defaults(len(train), frame.window)
        hidden = training.pop("hidden_size")
        network = NetworkSpec(
            inputs=train.inputs(),
            output_shape=(frame.horizon, panel.targets),
            cell=options.network.cell or "gru",
            hidden_size=options.network.hidden_size or hidden,
            num_layers=options.network.num_layers,
            bidirectional=bool(options.network.bidirectional),
            pool=options.network.pool or "last",
            dropout=options.network.dropout or 0.0,
            init=options.network.init,
            skip=tuple(range(panel.targets)),
            time_range=frame.window,
        )
        everything = panel.spans(0 * panel.lengths, panel.lengths)
        return Prepared(
            task=task,
            train=train,
            validation=validation,
            test=test,
            network=network,
            loss="huber",
            training={**training, "window": frame.window, "horizon": frame.horizon},
            rules=fitted.rules,
            warnings=fitted.warnings,
            refit=lambda: make_windows(
                panel,
                frame,
                fitted.scaled,
                part_starts(panel, everything, frame.window, frame.horizon, options.forecast.stride),
                everything,
            ),
        )

    @classmethod
    def _from(cls, fitted: Fitted, options: Options) -> Forecast:
        """The task before anything is known from validation."""
        panel, frame, train = fitted.panel, fitted.frame, fitted.parts.ends[:, 0]
        season = frame.season if frame.season > 1 else fitted.calendar.season
        last = panel.lengths if options.training.refit else fitted.parts.ends[:, 1]
        levels = tuple(sorted({*LEVELS, *options.forecast.interval}))
        return cls(
            plan=fitted.plan,
            forms=fitted.forms,
            merge=options.reading.aggregate,
            missing=options.reading.missing,
            calendar=fitted.calendar,
            scaling=fitted.scaling,
            frame=frame,
            naive_season=season if season and season < int(train.max()) else None,
            errors=np.stack(
                [
                    error_scales(panel.series(row, int(train[row])), panel.targets, frame.season)
                    for row in range(len(train))
                ]
            ),
            seen=tuple(_plain(panel.stamps[panel.offsets + last - 1])),
            intervals=options.forecast.interval,
            levels=levels,
            radii=np.zeros((len(levels), frame.horizon, panel.targets)),
            share=np.ones(panel.targets),
        )

    # ------------------------------------------------------------------ outputs to values

    def calibrate(self, outputs: FloatArray, examples: Examples) -> Forecast:
        """Choose each target's share and measure the intervals on validation ``outputs`` (N, H, K).

        Without a scored validation step the task stays as it is: the network is used in full, and the
        intervals are those of the reference forecast on the training rows.
        """
        wanted = self._wanted(examples)
        if np.isnan(wanted).all():
            return self
        errors = [_mean_error(wanted - share * outputs) for share in SHARES]  # (shares) of (K,)
        chosen = replace(self, share=SHARES[np.argmin(errors, axis=0)])
        return chosen.recalibrate([(outputs, examples)])

    def recalibrate(self, parts: Sequence[tuple[FloatArray, Examples]]) -> Forecast:
        """Measure the intervals anew on outputs (N, H, K) and examples of parts that were not learnt from.

        After the backtest that is validation and test together: the newest rows say most about the next.
        """
        residuals = [
            self._wanted(examples) - self.share * outputs for outputs, examples in parts if len(examples)
        ]
        return (
            replace(self, radii=conformal_radii(np.concatenate(residuals), self.levels))
            if residuals
            else self
        )

    def _wanted(self, examples: Examples) -> Array:
        """What the network should have said, (N, H, K); NaN where unscored."""
        examples = windows_of(examples)
        change = (examples.scaled_actual() - examples.references()).astype(np.float64)
        return np.asarray(change / self.frame.target_spread)

    def forecasts(self, outputs: FloatArray, examples: ForecastWindows) -> Array:
        """Forecasts (N, H, K) on values as in the file."""
        scaling = self._scaling_of(examples.panel, self.frame.window)  # as it was scaled
        return scaling.inverse(self._scaled(outputs, examples.references()), examples.series)

    def _scaled(self, outputs: FloatArray, reference: NDArray[Any]) -> Array:
        return np.asarray(reference + self.share * outputs.astype(np.float64) * self.frame.target_spread)

    def _bounds(
        self, scaled: Array, scaling: SeriesScaling, series: IntArray, levels: Sequence[int]
    ) -> list[tuple[int, Array, Array]]:
        """(percent, low, high) of each interval around scaled forecasts (N, H, K)."""
        radii = radii_at(self.levels, self.radii, levels) * self.frame.target_spread
        return [
            (level, scaling.inverse(scaled - radius, series), scaling.inverse(scaled + radius, series))
            for level, radius in zip(levels, radii, strict=True)
        ]

    def _scaling_of(self, panel: Panel, upto: int | None = None) -> SeriesScaling:
        """The scaling of ``panel``'s series; an unknown one is scaled by its first ``upto`` steps, or all."""
        return self.scaling.extended(
            panel.names, [panel.series(row, upto) for row in range(len(panel.names))]
        )

    # ------------------------------------------------------------------ scoring

    def score(self, outputs: FloatArray, examples: Examples) -> dict[str, float]:
        """MASE, by which is chosen, then MAE, RMSE and sMAPE, over all of the ``outputs`` (N, H, K)."""
        examples = windows_of(examples)
        values = averaged(self._metrics(self.forecasts(outputs, examples), examples))
        return {self.metric: values[self.metric], **values}

    def _metrics(self, forecast: Array, examples: ForecastWindows) -> dict[str, Array]:
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
        return point_metrics(examples.actual(), forecast, errors[examples.series])

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """Naive, seasonal naive and drift on the test part."""
        return self.reference_scores(prepared.test)

    def reference_scores(self, examples: Examples) -> list[Scores]:
        """Naive, seasonal naive and drift on any labelled windows."""
        examples = windows_of(examples)
        return [
            Scores(name, averaged(self._metrics(forecast, examples)))
            for name, forecast in reference_forecasts(examples, self.naive_season).items()
        ]

    def report(self, scores: list[Scores], outputs: FloatArray, examples: Examples) -> list[ResultTable]:
        """The backtest beside what needs no network; by target or by steps ahead; how the intervals held.

        ``outputs`` are (N, H, K).
        """
        examples = windows_of(examples)
        targets, season = self.plan.target, self.frame.season
        before = f"the season before ({season} steps)" if season > 1 else "the last value"
        caption = [f"MASE 1 is the error that {before} made in training"]
        unused = [name for name, share in zip(targets, self.share, strict=True) if share == 0]
        if unused:
            caption.append(
                f"on validation nothing was better than the reference ({before}) for {', '.join(unused)}, "
                "so that is the forecast"
            )
        caption += [examples.note] if examples.note else []
        tables = [comparison(backtest_title(targets, examples), scores, "; ".join(caption))]
        if not len(examples):
            return tables
        actual, forecast = examples.actual(), self.forecasts(outputs, examples)
        naive = reference_forecasts(examples, None)["naive"]
        if len(targets) > 1:
            errors = [self._metrics(each, examples) for each in (forecast, naive)]
            tables.append(by_target(targets, *errors))
        else:
            tables.append(by_step(actual[..., 0], forecast[..., 0], naive[..., 0]))
        scaled = self._scaled(outputs, examples.references())
        bounds = self._bounds(
            scaled, self._scaling_of(examples.panel, self.frame.window), examples.series, self.intervals
        )
        return [*tables, coverage(actual, bounds)]

    # ------------------------------------------------------------------ a saved model on a file

    def encode(self, table: Table) -> ForecastWindows:
        """The last window of each series that is long enough."""
        return self.forecast_examples(table)[0]

    def encode_labelled(self, table: Table) -> ForecastWindows:
        """Windows over the rows after those that training has seen, else over all; the note says which."""
        panel, _ = self._panel(table)
        seen = dict(zip(self.scaling.names, self.seen, strict=True))
        begins = np.zeros(len(panel.names), dtype=np.int64)
        for row, name in enumerate(panel.names):
            if name in seen:
                own = panel.stamps[panel.offsets[row] : panel.offsets[row] + panel.lengths[row]]
                begins[row] = np.searchsorted(np.array(_plain(own)), seen[name], side="right")
        part = panel.spans(begins, panel.lengths)
        window, horizon = self.frame.window, self.frame.horizon
        starts = part_starts(panel, part, window, horizon)
        note = ""
        if not len(starts):
            part = panel.spans(0 * panel.lengths, panel.lengths)
            starts = part_starts(panel, part, window, horizon)
            note = "the network was trained on these rows"
        if not len(starts):
            raise self._too_short(table, panel)
        scaled = scale_panel(panel, self._scaling_of(panel, window), self.missing)
        return make_windows(panel, self.frame, scaled, starts, part, note)

    def forecast_examples(self, table: Table) -> tuple[ForecastWindows, ForecastContext]:
        """The last window of each series that is long enough, and what :meth:`forecast_rows` needs.

        Of several series, one that is too short, or new and without change, is forecast by its last value
        and named in the context's notes. Raises DataError when there is nothing to forecast from.
        """
        panel, notes = self._panel(table)
        scaling = self._scaling_of(panel)
        examples, context = last_windows(panel, scaling, self.frame, (self.missing, self.scaling.names))
        if not len(examples) and (not self.plan.id or len(context.silent) == len(panel.names)):
            raise self._too_short(table, panel)
        return examples, replace(context, odd=tuple(notes))

    def _panel(self, table: Table) -> tuple[Panel, list[str]]:
        """The series of a later file, on the calendar's grid, with room for the horizon."""
        how = (self.merge, self.forms)
        return later_panel(table, self.plan, how, self.calendar, self.frame.horizon)

    def _too_short(self, table: Table, panel: Panel) -> DataError:
        rows, window = int(panel.lengths.max(initial=0)), self.frame.window
        if rows >= window:
            return DataError(
                f"{table.source}, column {self.plan.target[0]}: not one value to forecast from",
                "is it the file that the model was made for?",
            )
        return DataError(
            f"{table.source}: {rows} rows, and the model reads a window of {window}",
            f"give it at least the last {window} rows",
        )

    def forecast_rows(
        self, outputs: FloatArray, context: ForecastContext, intervals: Sequence[int] | None = None
    ) -> ResultTable:
        """The next H rows of each series: series, timestamp, target, forecast, two bounds an interval.

        ``outputs`` (N, H, K) are those of the examples that came with ``context``; ``series`` stands
        there where ids do, ``target`` where there are several. ``intervals`` are percents, None those
        that were asked for in training.
        """
        scaled = context.reference.copy()  # (S, H, K)
        through = context.network_rows
        if len(through):
            scaled[through] = self._scaled(outputs, scaled[through])
        everyone = np.arange(len(scaled), dtype=np.int64)
        levels = self.intervals if intervals is None else tuple(intervals)
        bounds = self._bounds(scaled, context.scaling, everyone, levels)
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
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        return cls(**restored(data))


def error_scales(values: Array, targets: int, season: int) -> Array:
    """MASE's denominators (K,) of training rows (T, F): of the season, else of one step, else NaN."""
    scales = [seasonal_error(values[:, k], season) for k in range(targets)]
    single = [seasonal_error(values[:, k], 1) for k in range(targets)]
    return np.where(np.isnan(scales), single, scales)


def _mean_error(residuals: Array) -> Array:
    """Mean |r| (K,) of residuals (N, H, K), 0 where none is known."""
    known = ~np.isnan(residuals)
    return np.asarray(
        np.where(known, np.abs(residuals), 0).sum(axis=(0, 1)) / np.maximum(known.sum(axis=(0, 1)), 1)
    )


def _plain(stamps: NDArray[Any]) -> list[int | float]:
    """Stamps as JSON numbers: microseconds since 1970, or step numbers."""
    plain = stamps.astype("datetime64[us]").astype(np.int64) if stamps.dtype.kind == "M" else stamps
    return [value.item() for value in plain]
