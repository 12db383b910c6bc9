"""How the scores of series lie about the threshold from which a series is odd, as a panel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqcli.reporting.panels import Line, LinePanel
from seqcli.sequences import Examples, FloatArray
from seqcli.tasks.reconstruct import Reconstruct, odd_of

BINS = 24


def odd_panel(task: Reconstruct, outputs: FloatArray, examples: Examples) -> LinePanel:
    """The share of series at each score, of usual and odd ones apart where that is known.

    ``outputs`` are (M, C). The last bin holds all that is far above the threshold.
    """
    scores, threshold = task.scores(outputs, examples), task.threshold
    odd = odd_of(examples)
    top = float(max(2 * threshold, np.quantile(scores, 0.9)))
    kinds = {"usual": odd == 0, "odd": odd == 1, "not known": np.isnan(odd)}
    if np.isnan(odd).all():
        kinds = {"series": np.isnan(odd)}
    lines = [
        Line(name, _steps(scores[of], np.linspace(0, top, BINS + 1)))
        for name, of in kinds.items()
        if of.any()
    ]
    high = max(up for line in lines for _, up in line.points)
    note = f"dashed: the threshold, {threshold:.4g}; at the right end stands all from {top:.3g} on"
    return LinePanel("Share of series, %", "score", lines, note, mark=threshold, limits=(0.0, 1.05 * high))


def _steps(scores: NDArray[np.float64], edges: NDArray[np.float64]) -> list[tuple[float, float]]:
    """A histogram of scores (N,), in percent, as points of a line that goes up and down at the edges."""
    counts, _ = np.histogram(np.minimum(scores, edges[-1]), edges)
    shares = 100 * counts / max(len(scores), 1)
    return [(float(x), float(share)) for at, share in enumerate(shares) for x in edges[at : at + 2]]
