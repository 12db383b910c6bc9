"""Where each series is cut along time: training, validation, test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from seqcli.options import Options
from seqcli.preprocessing.calendar import Calendar
from seqcli.preprocessing.split import chronological_split
from seqcli.sequences import IntArray
from seqcli.tasks.forecasting.choices import held_out_floor
from seqcli.tasks.forecasting.panel import Panel
from seqcli.tasks.parts import held_out_shares


@dataclass(frozen=True)
class Parts:
    """Where each series is cut: to step ``ends[s, 0]`` train, to ``ends[s, 1]`` validation, then test."""

    ends: IntArray
    """(S, 3), the last being the length."""

    def positions(self, panel: Panel, part: int) -> IntArray:
        """Positions (N,) in ``panel`` of part 0 training, 1 validation, 2 test."""
        begins = self.ends[:, part - 1] if part else np.zeros(len(self.ends), dtype=np.int64)
        return panel.spans(begins, self.ends[:, part])


def split_series(
    panel: Panel, options: Options, calendar: Calendar, borders: list[list[Any]], by: str = "file"
) -> tuple[Parts, list[str]]:
    """Cut every series along time, by share or where the files end (or ``by`` what else gave borders)."""
    validation_share, test_share = held_out_shares(options.split)
    given = _given_ends(panel, borders)
    lengths = given[:, 0] if borders else panel.lengths
    stamps = panel.stamps[panel.spans(0 * lengths, lengths)]
    split = chronological_split(
        lengths,
        validation_share=0.0 if len(borders) == 2 else validation_share,
        test_share=0.0 if borders else test_share,
        at_least=held_out_floor(options, calendar, int(lengths.max())),
        stamps=stamps,
    )
    series = np.repeat(np.arange(len(lengths)), lengths)
    counts = np.stack(
        [np.bincount(series[part], minlength=len(lengths)) for part in (split.train, split.validation)]
    )
    ends = np.stack([counts[0], counts[0] + counts[1], panel.lengths], axis=1).astype(np.int64)
    if len(borders) == 2:
        ends = given
    if borders:
        sizes = np.diff(ends, axis=1, prepend=0).sum(axis=0)
        said = [f"split by {by}: {sizes[0]:,} training, {sizes[1]:,} validation, {sizes[2]:,} test steps"]
    else:
        said = list(split.sentences)
    return Parts(ends), said


def _given_ends(panel: Panel, borders: list[list[Any]]) -> IntArray:
    """(S, 3) ends of the parts where files say them: steps up to each file's last stamp."""
    ends = np.repeat(panel.lengths[:, None], 3, axis=1)
    for column, lasts in enumerate(borders):
        for row in range(len(panel.names)):
            own = panel.stamps[panel.offsets[row] : panel.offsets[row] + panel.lengths[row]]
            ends[row, column] = np.searchsorted(own, lasts[row], side="right") if row < len(lasts) else 0
    if len(borders) == 1:
        ends[:, 1] = ends[:, 0]
    return ends
