"""What a step says by itself, wherever a window ends: how far each target moved since the step before.

A network whose state is carried from row to row reads this and the other columns as they are; see
:mod:`seqcli.tasks.forecasting.carried`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqcli.sequences import FloatArray, IntArray

if TYPE_CHECKING:
    from seqcli.tasks.forecasting.panel import Panel


def changes(panel: Panel, scaled: FloatArray, positions: IntArray) -> FloatArray:
    """Consecutive steps at ``positions`` (B, T) of ``scaled`` (total, F), targets as changes: (B, T, F).

    Ahead of its first step a series was as it is there.
    """
    first = panel.offsets[panel.series_of(positions[:, :1])]
    out: FloatArray = scaled[positions]
    out[..., : panel.targets] -= scaled[np.maximum(positions - 1, first), : panel.targets]
    return out
