"""Some windows at a time, so that the past of all of them is never in memory at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seqcli.tasks.forecasting.windows import ForecastWindows

Array = NDArray[np.float64]

CHUNK = 512
"""Windows whose past is gathered at a time."""
MOST_NUMBERS = 8_000_000
"""Numbers of the same."""


def in_chunks(make: Callable[[slice], Array], examples: ForecastWindows) -> Array:
    """What ``make`` says of all windows, some at a time: (N, H, K)."""
    size = int(np.clip(MOST_NUMBERS // (examples.frame.window * examples.panel.targets), 1, CHUNK))
    begins = range(0, max(len(examples), 1), size)
    return np.concatenate([make(slice(begin, begin + size)) for begin in begins])
