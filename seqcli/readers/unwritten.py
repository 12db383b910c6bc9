"""Columns of which no cell stands in a file: steps counted, and dates worked out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqcli.readers.columns import Column
from seqcli.sequences import IntArray


class StepColumn(Column):
    """Whole numbers that stand in no file."""

    def __init__(self, numbers: IntArray) -> None:
        self._steps = numbers

    def __len__(self) -> int:
        return len(self._steps)

    def _type(self) -> NDArray[np.float64]:
        return self._steps.astype(np.float64)

    def _split(self) -> list[str]:
        return [str(number) for number in self._steps.tolist()]


class StampColumn(Column):
    """Dates that stand in no file, datetime64[us] (N,), written as ISO 8601 where cells are asked for."""

    def __init__(self, stamps: NDArray[np.datetime64]) -> None:
        self._stamps = stamps

    def __len__(self) -> int:
        return len(self._stamps)

    def _type(self) -> NDArray[np.float64]:
        return np.full(len(self._stamps), np.nan)

    def _split(self) -> list[str]:
        missing = np.isnat(self._stamps)
        known = self._stamps[~missing]
        clock = "m" if (known == known.astype("datetime64[m]")).all() else "s"
        unit = "D" if (known == known.astype("datetime64[D]")).all() else clock
        written = self._stamps.astype(f"datetime64[{unit}]").astype(str)
        return [
            "" if lost else text.replace("T", " ")
            for lost, text in zip(missing.tolist(), written.tolist(), strict=True)
        ]
