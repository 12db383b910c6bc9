"""What is measured once the network has learnt: the members' weights, and how wide intervals must be.

Half widths come from windows that nothing was fitted on: those of the validation part, later of the test
part. These are a few months of a record of years, and may be harder or easier than the rest, so windows of
the training part are asked too, each by a ridge that has not seen its stretch of time (cross-fitted, as the
jackknife+ of Barber et al. 2021 leaves rows out). Every part has as many windows as it has time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.windowing import evenly
from seqcli.sequences import TARGET, FloatArray, IntArray
from seqcli.tasks.forecasting.band import Widths, in_widths
from seqcli.tasks.forecasting.conformal import conformal_radii
from seqcli.tasks.forecasting.mixture import Mixture, separate_blocks
from seqcli.tasks.forecasting.ridge import Series, refit_ridge
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
_FAR = 2.0
"""A ridge stands for a mix that is at most as many times better or worse."""


@dataclass(frozen=True)
class Earlier:
    """``misses`` (N, H, K) of training windows at ``moments`` (N,), in widths."""

    misses: Array
    moments: IntArray


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
    task = replace(task, mixture=task.mixture.fitted(errors, blocks))
    if task.network_counts:
        misses = task.misses(outputs, examples)
        task = replace(task, widths=Widths.choose(outputs, misses, units, moments))
    return task


def measured(
    task: Forecast, parts: Sequence[tuple[FloatArray, ForecastWindows]], earlier: Earlier | None
) -> Array | None:
    """Half widths (L, H, K) from outputs (N, H, K[, 3]) and examples of held-out parts, and ``earlier``.

    None where nothing is known.
    """
    known = [] if earlier is None else [earlier]
    for outputs, examples in parts:
        if len(examples):
            widths = task.widths.of(outputs, examples.own_units)
            moments = examples.panel.moments(examples.origins)
            known.append(Earlier(in_widths(task.misses(outputs, examples), widths), moments))
    if not known or len(known) == (earlier is not None):
        return None
    if earlier is not None:
        density = min(len(each.moments) / _span(each) for each in known)
        known = [_thinned(each, density) for each in known]
    return conformal_radii(np.concatenate([each.misses for each in known]), task.levels)


def remembered(
    task: Forecast, held: tuple[FloatArray, ForecastWindows], taught: tuple[FloatArray, ForecastWindows]
) -> Earlier | None:
    """How far off ``task`` would have been on training windows; None where that cannot be told.

    ``held`` and ``taught`` are outputs (N, H, K[, 3]) and examples of validation and training. A network
    knows the windows that it was taught, so a cross-fitted ridge stands in its place, in which misses are
    scaled by how much better the mix is on validation.
    """
    (outputs, examples), frame = taught, task.frame
    moments = examples.panel.moments(examples.origins)
    stand_in = without_network(task.mixture)
    spans = int(moments.max(initial=0) - moments.min(initial=0)) // frame.horizon
    if stand_in is None or spans < LEAST_HORIZONS:
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
    if not own or not stands or not 1 / _FAR < own / stands < _FAR:
        return None
    widths = task.widths.of(outputs, examples.own_units)
    return Earlier(in_widths(misses * (own / stands), widths), moments)


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


def _span(part: Earlier) -> int:
    """Moments from the first window to the last."""
    return int(np.ptp(part.moments)) + 1


def _thinned(part: Earlier, density: float) -> Earlier:
    """Windows of ``part``, evenly over time, at most ``density`` of them a moment."""
    order = np.argsort(part.moments, kind="stable")
    kept = evenly(order, max(round(density * _span(part)), 1))
    return Earlier(part.misses[kept], part.moments[kept])
