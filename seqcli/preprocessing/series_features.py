"""Series as rows of numbers for a linear model: convolutions and summaries; of DNA, places and runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.preprocessing.base_counts import at_places, often, place_count, run_count, strands
from seqcli.preprocessing.kernels import KERNELS, Kernels
from seqcli.sequences import FloatArray, LookUp, Sequences

CUTS = (1, 2, 4)
"""Into how many pieces a series is cut, each time with the mean of each piece."""
NO_KERNELS = Kernels(np.empty(0, np.int64), np.empty((0, 1), np.float32), np.empty((0, 1), np.float32))
MOST_PLACES, LONGEST_RUN, LONGEST_AT_PLACE = 2000, 8, 4


@dataclass(frozen=True, eq=False)
class SeriesFeatures:
    """Which numbers are read of series with ``channels`` channels; blocks stand in this order."""

    channels: int
    kernels: int = 0
    """Numbers by convolutions, by the arrays in ``fitted``."""
    summaries: bool = False
    places: int = 0
    """Of DNA: first bases that are told by their place,"""
    at_place: int = 0
    """in runs of up to so many;"""
    run: int = 0
    """and longest run that is counted wherever it stands."""
    both_strands: bool = False
    """Whether DNA is read from both strands, as the mean of what each says."""
    fitted: Kernels = field(default=NO_KERNELS)

    @property
    def blocks(self) -> dict[str, int]:
        """How many numbers each block has, by what people call it."""
        sizes = {
            "convolutions": self.kernels,
            "summaries": summary_count(self.channels) if self.summaries else 0,
            "bases by place": place_count(self.places, self.at_place) if self.places else 0,
            "runs of bases": run_count(self.run) if self.run else 0,
        }
        return {name: size for name, size in sizes.items() if size}

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return sum(self.blocks.values())

    def read(self, series: Sequences | LookUp) -> FloatArray:
        """The numbers of each series of (T, channels): (N, size)."""
        parts = []
        if self.kernels:
            assert isinstance(series, Sequences)
            parts.append(self.fitted.read(series))
        if self.summaries:
            assert isinstance(series, Sequences)
            parts.append(summarised(series))
        if self.places or self.run:
            assert isinstance(series, LookUp)
            parts.append(self._read_bases(series))
        return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]

    def _read_bases(self, bases: LookUp) -> FloatArray:
        """Blocks of DNA, the mean over its strands: (N, numbers)."""
        size = sum(count for name, count in self.blocks.items() if "bases" in name)
        out = np.empty((len(bases), size), np.float32)
        for rows, found in strands(bases, self.both_strands):
            said = []
            for shares in found:
                parts = [at_places(shares, self.places, self.at_place)] if self.places else []
                parts += [often(shares, self.run)] if self.run else []
                said.append(np.concatenate(parts, axis=1))
            out[rows] = np.mean(said, axis=0)
        return out

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores, without the fitted arrays."""
        names = ("channels", "kernels", "summaries", "places", "at_place", "run", "both_strands")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SeriesFeatures:
        """Rebuild, still without arrays. Raises ModelError, KeyError, TypeError or ValueError."""
        counts = [int(data[name]) for name in ("channels", "kernels", "places", "at_place", "run")]
        channels, kernels, places, at_place, run = counts
        limits = (1 << 16, 1 << 20, MOST_PLACES, LONGEST_AT_PLACE, LONGEST_RUN)
        usable = all(0 <= count <= most for count, most in zip(counts, limits, strict=True))
        found = cls(
            channels, kernels, bool(data["summaries"]), places, at_place, run, bool(data["both_strands"])
        )
        if not usable or channels < 1 or (places > 0) != (at_place > 0) or not found.size:
            raise ModelError("the model's linear part cannot be read", "train it again")
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was fitted, by name."""
        if not self.kernels:
            return {}
        kernels = self.fitted
        return {
            "dilations": kernels.dilations.astype(np.int32),
            "channels": kernels.channels,
            "biases": kernels.biases,
        }

    def with_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> SeriesFeatures:
        """With what :meth:`arrays` gave. Raises ModelError where that does not fit."""
        if not self.kernels:
            if arrays:
                raise ModelError("the model's linear part has an array too many")
            return self
        if set(arrays) != {"dilations", "channels", "biases"}:
            raise ModelError("the model's linear part lacks an array, or has one too many")
        dilations, channels, biases = (arrays[name] for name in ("dilations", "channels", "biases"))
        count = len(dilations) * KERNELS if dilations.ndim == 1 else 0
        fits = (
            dilations.dtype == np.int32
            and channels.dtype == biases.dtype == np.float32
            and channels.shape == (count, self.channels)
            and biases.ndim == 2
            and len(biases) == count
            and biases.size == self.kernels
        )
        fits = fits and bool(np.isfinite(channels).all() and np.isfinite(biases).all())
        if not fits or dilations.min(initial=1) < 1 or dilations.max(initial=1) > 1 << 20:
            raise ModelError("the model's linear part has arrays that do not fit each other")
        return replace(self, fitted=Kernels(dilations.astype(np.int64), channels, biases))


def summary_count(channels: int) -> int:
    """Numbers that :func:`summarised` makes."""
    return (sum(CUTS) + 5) * channels + 1


def summarised(series: Sequences) -> FloatArray:
    """Of each channel (T, F): means over pieces, spread, extremes, ends; the length: (N, numbers)."""
    out = np.empty((len(series), summary_count(series.values.shape[1])), np.float32)
    for index in range(len(series)):
        row = series.row(index).astype(np.float64)
        parts = []
        for cuts in CUTS:
            edges = np.linspace(0, len(row), cuts + 1)
            for begin, end in zip(edges[:-1].astype(int), np.ceil(edges[1:]).astype(int), strict=True):
                parts.append(row[begin : max(end, begin + 1)].mean(axis=0))
        parts += [row.std(axis=0), row.min(axis=0), row.max(axis=0), row[0], row[-1], np.log([len(row)])]
        out[index] = np.concatenate(parts)
    return out
