"""Which epoch is best so far, and whether to go on: plain numbers, saved with each checkpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class BestEpoch:
    """The best epoch by a validation metric.

    Of two epochs with the same metric (accuracy on few rows ties often) the one with the lower loss
    is kept, but only a better metric makes the patience start anew.
    """

    higher_is_better: bool
    epoch: int = 0
    """Counted from 1; 0 before the first."""
    metric: float = math.nan
    loss: float = math.nan
    stale: int = 0
    """Epochs since the metric was last better."""

    def update(self, epoch: int, metric: float, loss: float) -> bool:
        """Take in one epoch's validation; return whether its weights are the ones to keep.

        A metric of NaN is never better than a number.
        """
        first = self.epoch == 0
        gain = metric - self.metric if self.higher_is_better else self.metric - metric
        better = gain > 0 or (math.isnan(self.metric) and not math.isnan(metric))
        tied = gain == 0 and loss < self.loss
        self.stale = 0 if first or better else self.stale + 1
        if first or better or tied:
            self.epoch, self.metric, self.loss = epoch, metric, loss
            return True
        return False
