"""The network of a forecast and how long it learns, by rule from counts of windows and steps alone."""

from __future__ import annotations

import math
from typing import Any

from seqcli.network import NetworkSpec
from seqcli.options import Options
from seqcli.tasks.forecasting.carried import carried_training
from seqcli.tasks.forecasting.windows import ForecastWindows, Frame

SMALL = 4096
"""Windows × targets up to which a small network learns all that there is."""
WORK = 4.5e12
"""Multiplications of a training: about a minute and a half on one core."""
MOST_STEPS = 1200
FEWEST_STEPS = 150
DROPOUT, RESIDUAL_DROPOUT = 0.3, 0.1
"""Of a network that learns all by itself, and of one that learns what a ridge leaves over."""


def network_spec(train: ForecastWindows, hidden_size: int, options: Options) -> NetworkSpec:
    """The network that reads ``train``: what was typed, else the rule's ``hidden_size``."""
    frame, typed, targets = train.frame, options.network, train.panel.targets
    parallel = frame.segment > 0
    usual = RESIDUAL_DROPOUT if frame.residual else DROPOUT if parallel else 0.0
    return NetworkSpec(
        inputs=train.inputs(),
        output_shape=(frame.horizon, targets),
        cell=typed.cell or "gru",
        hidden_size=typed.hidden_size or hidden_size,
        num_layers=typed.num_layers or 1,
        bidirectional=bool(typed.bidirectional),
        pool=typed.pool or "last",
        dropout=usual if typed.dropout is None else typed.dropout,
        init=typed.init,
        # Relative to the last value that value is 0, and what is added says so to people alone.
        skip=() if parallel or frame.instance or frame.stateful else tuple(range(targets)),
        time_range=frame.window,
        segment=max(frame.segment, 1),
        decoder=(options.forecast.decoder or "parallel") if parallel else "direct",
        each_target=parallel and targets > 1,
        band=True,
        stateful=frame.stateful,
    )


def training_defaults(train: ForecastWindows, options: Options) -> dict[str, Any]:
    """Batch size, length, learning rate, patience and hidden size from counts alone.

    Steps are what costs time, in proportion to rows × steps of the recurrence; their number is held where
    the work is done in a minute or two.
    """
    frame, targets, windows = train.frame, train.panel.targets, max(len(train), 1)
    if frame.stateful:
        return carried_training(train, options)
    if not frame.segment:
        return _step_by_step(windows, frame.window)
    examples = windows * targets
    usual = next(size for size, most in ((32, SMALL), (64, 16384), (192, math.inf)) if examples <= most)
    hidden = options.network.hidden_size or usual
    wanted = next(
        size for size, most in ((32, 512), (64, SMALL), (128, 16384), (512, math.inf)) if examples <= most
    )
    batch = options.training.batch_size or max(wanted // targets, 1)
    passes = _passes(frame, train.inputs()[0].size, hidden, options.network.num_layers or 1) * batch * targets
    steps = int(min(max(WORK / passes, FEWEST_STEPS), MOST_STEPS))
    epochs = math.ceil(steps * batch / windows)
    chosen: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch,
        "learning_rate": 3e-3 if examples <= SMALL else 1e-3,
        "patience": max(math.ceil(epochs / 3), 3),
        "hidden_size": hidden,
    }
    if epochs < 3:  # of many windows not all are read
        chosen["steps"] = steps
    return chosen


def _passes(frame: Frame, width: int, hidden: int, layers: int) -> float:
    """Multiplications of one target's window, forward and back, three gates a step."""
    read, ahead = frame.reads // frame.segment, -(-frame.horizon // frame.segment)
    cells = (read + ahead) * layers * 6 * hidden * hidden
    return 3.0 * (cells + (read * width + ahead) * frame.segment * hidden)


def _step_by_step(windows: int, window: int) -> dict[str, Any]:
    """The same for a network that reads every step by itself."""
    batch = next(
        size for size, most in ((32, 512), (64, 4096), (128, 16384), (256, math.inf)) if windows <= most
    )
    steps = min(max(1_600_000 / (batch * window), FEWEST_STEPS), 600)
    epochs = int(min(max(round(steps * batch / windows), 1), 100))
    return {
        "epochs": epochs,
        "batch_size": batch,
        "learning_rate": 5e-3 if windows <= SMALL else 3e-3,
        "patience": max(epochs // 5, 3),
        "hidden_size": 32 if windows <= SMALL else 64,
    }
