"""What is measured once the network has learnt: the members' weights, and how wide intervals must be.

Half widths come from windows that nothing was fitted on: those of the validation part, later of the test
part. These are a few months of a record of years, and may be harder or easier than the rest, so windows of
the training part are asked too, each by a ridge that has not seen its stretch of time (cross-fitted, as the
jackknife+ of Barber et al. 2021 leaves rows out). Whether they count, and whether widths are learnt from
them, the validation part decides: half of it measures, the other half scores, then the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.windowing import evenly
from seqcli.sequences import TARGET, FloatArray, IntArray
from seqcli.tasks.forecasting.conformal import conformal_radii
from seqcli.tasks.forecasting.interval_scores import interval_score
from seqcli.tasks.forecasting.mixture import Mixture, separate_blocks
from seqcli.tasks.forecasting.ridge import Series, refit_ridge
from seqcli.tasks.forecasting.widths import Widths, in_widths
from seqcli.tasks.forecasting.windows import VALUES, ForecastWindows

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast

Array = NDArray[np.float64]

FOLDS = 4
"""Stretches of time, each forecast by what the others teach."""
LEAST_HORIZONS = 12
"""Horizons that the training windows must span, or a stretch is too short to stand apart from the others."""
MOST_EARLIER = 2_000
"""Training windows that are asked."""
EARLIER_COUNTS = 0.5
"""Windows of the training part that count, next to those of the validation part in as much time."""
JUDGED_AT = (80, 95)
"""Coverages at which intervals are scored."""
_FAR = 2.0
"""A ridge stands for a mix that is at most as many times better or worse."""


@dataclass(frozen=True)
class Misses:
    """``values`` (N, H, K), what came less the forecast, of windows at ``moments`` (N,); NaN: unscored."""

    values: Array
    moments: IntArray

    def thinned(self, density: float) -> Misses:
        """Windows evenly over time, at most ``density`` of them a moment."""
        order = np.argsort(self.moments, kind="stable")
        kept = evenly(order, max(round(density * self.span), 1))
        return Misses(self.values[kept], self.moments[kept])

    @property
    def span(self) -> int:
        """Moments from the first window to the last."""
        return int(np.ptp(self.moments)) + 1

    @property
    def density(self) -> float:
        """Windows a moment."""
        return len(self.moments) / self.span


def calibrated(task: Forecast, outputs: FloatArray, examples: ForecastWindows) -> Forecast:
    """``task`` with the weights and the widths that validation ``outputs`` (N, H, K[, 3]) advise."""
    actual, units = examples.scaled_actual(), examples.own_units
    errors = np.stack(
        [
            (task.member(name, outputs, examples) - actual) / task.frame.target_spread / units
            for name in task.mixture.members
        ]
    )  # (M, N, H, K)
    moments = examples.panel.moments(examples.origins)
    blocks = separate_blocks(examples.series, moments, task.frame.horizon)
    return replace(task, mixture=task.mixture.fitted(errors, blocks))


def measured(task: Forecast, parts: Sequence[tuple[FloatArray, ForecastWindows]]) -> Array | None:
    """Half widths (L, H, K) from outputs (N, H, K[, 3]) and examples of held-out parts; None without any."""
    held = [
        Misses(in_widths(task.misses(*part), task.widths_of(*part)), _moments(part[1]))
        for part in parts
        if len(part[1])
    ]
    return conformal_radii(_pooled(held, task.earlier), task.levels) if held else None


def with_earlier(
    task: Forecast, held: tuple[FloatArray, ForecastWindows], taught: tuple[FloatArray, ForecastWindows]
) -> Forecast:
    """``task`` with the widths, and the misses of training windows, that its intervals are better with.

    ``held`` and ``taught`` are outputs (N, H, K[, 3]) and examples of validation and training.
    """
    misses = _crossfitted(task, held, taught)
    if misses is None:
        return task
    kinds = [Widths()]
    if taught[0].ndim == 4:
        kinds.append(Widths.fit(taught[0], taught[1].past(), task.frame.season, misses))
    known = task.misses(*held)
    best, chosen = np.inf, task
    for kind in kinds:
        tried = replace(task, widths=kind)
        earlier = Misses(in_widths(misses, tried.widths_of(*taught)), _moments(taught[1]))
        for counting in (None, earlier):
            score = _halves(known, tried.widths_of(*held), held[1], counting)
            if score < best:
                best, chosen = score, replace(tried, earlier=counting)
    return chosen


def _pooled(held: Sequence[Misses], earlier: Misses | None) -> Array:
    """Misses (N, H, K) that widths are measured on, in widths."""
    if earlier is None:
        return np.concatenate([each.values for each in held])
    density = min(each.density for each in (*held, earlier))
    parts = [*(each.thinned(density) for each in held), earlier.thinned(EARLIER_COUNTS * density)]
    return np.concatenate([each.values for each in parts])


def _halves(misses: Array, widths: Array, examples: ForecastWindows, earlier: Misses | None) -> float:
    """The interval score of validation ``misses`` (N, H, K), each half by intervals that the other measures.

    Infinite where a half knows nothing.
    """
    units, moments = examples.own_units, _moments(examples)
    first, total = moments <= np.median(moments), 0.0
    for half in (first, ~first):
        if np.isnan(misses[half]).all() or np.isnan(misses[~half]).all():
            return np.inf
        measuring = Misses(in_widths(misses[~half], widths[~half]), moments[~half])
        radii = conformal_radii(_pooled([measuring], earlier), JUDGED_AT)
        for level, radius in zip(JUDGED_AT, radii, strict=True):
            below, above = (radius * widths[half, ..., side] for side in (0, 1))
            total += float(np.nanmean(interval_score(level, misses[half], -below, above) / units[half]))
    return total


def _crossfitted(
    task: Forecast, held: tuple[FloatArray, ForecastWindows], taught: tuple[FloatArray, ForecastWindows]
) -> Array | None:
    """How far off ``task`` would have been on training windows, (N, H, K); None where that cannot be told.

    A network knows the windows that it was taught, so a cross-fitted ridge stands in its place; its misses
    are scaled by how much better the mix is on validation.
    """
    (outputs, examples), frame = taught, task.frame
    moments, stand_in = _moments(examples), without_network(task.mixture)
    if stand_in is None or not len(moments) or np.ptp(moments) // frame.horizon < LEAST_HORIZONS:
        return None
    folds = np.minimum((moments - moments.min()) * FOLDS // (np.ptp(moments) + 1), FOLDS - 1)
    actual, misses = examples.scaled_actual(), np.empty((len(examples), frame.horizon, len(task.plan.target)))
    for fold in range(FOLDS):
        rows, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        mixture = _fitted_on(stand_in, task, examples.take(others))
        said = replace(task, mixture=mixture).combined(outputs[rows], examples.take(rows))
        misses[rows] = (actual[rows] - said) / frame.target_spread
    own = float(np.nanmean(np.abs(task.misses(*held))))
    stands = float(np.nanmean(np.abs(replace(task, mixture=stand_in).misses(*held))))
    if np.isnan(misses).all() or not own or not stands or not 1 / _FAR < own / stands < _FAR:
        return None
    return misses * (own / stands)


def without_network(mixture: Mixture) -> Mixture | None:
    """The mixture with the ridge in the network's place; None where it has none."""
    network = len(mixture.members) - 1
    if not mixture.weights[network].any():
        return mixture
    if mixture.ridge is None:
        return None
    weights = mixture.weights.copy()
    weights[network - 1] += weights[network]
    weights[network] = 0.0
    return replace(mixture, weights=weights)


def _fitted_on(mixture: Mixture, task: Forecast, examples: ForecastWindows) -> Mixture:
    """``mixture`` with its ridge fitted anew on some windows."""
    ridge = mixture.ridge
    if ridge is None:
        return mixture
    panel, windows, frame = examples.panel, examples.windows, task.frame
    series = Series(
        windows.past[VALUES][:, : panel.targets],
        windows.future[TARGET],
        panel.each_step(1 / task.units.values),
    )
    starts = windows.starts + frame.window - ridge.lookback
    return replace(mixture, ridge=refit_ridge(ridge, series, starts, ridge.lookback, frame.horizon))


def _moments(examples: ForecastWindows) -> IntArray:
    """When the horizon of each window begins, (N,)."""
    return examples.panel.moments(examples.origins)
