"""A column of .wav files as the input of a task: log-mel frames, scaled, a few of them a step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError
from seqcli.options import Options
from seqcli.preprocessing.mel import log_mel
from seqcli.preprocessing.resampling import resample
from seqcli.preprocessing.sound_change import USUAL, Changes, changed
from seqcli.readers.roles import counted
from seqcli.readers.table import Table
from seqcli.readers.wav import FASTEST, SLOWEST, read_wav
from seqcli.sequences import LENGTHS, Batch, FloatArray, IntArray, Sequences

FRAMES = "values"
"""The field that holds frames."""
BANDS, MOST_BANDS = 40, 512
MOST_STACK = 16
LEAST_SPREAD = 1e-3
"""What is divided by at the least, in logarithms of energy."""


@dataclass(frozen=True)
class Sound:
    """Fitted reading of clips: at ``rate``, in bands scaled by ``mean`` and ``spread`` (M,) each."""

    column: str
    rate: int
    """The rate most common in training, to which others are brought."""
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    per_clip: bool = False
    """Whether each clip is scaled by its own mean and spread as well."""
    stack: int = 1
    """Frames that are one step of the network."""
    augment: bool = True
    """Whether training changes what it hears."""

    @property
    def bands(self) -> int:
        """M."""
        return len(self.mean)

    @property
    def width(self) -> int:
        """Numbers of a step."""
        return self.bands * self.stack

    def features(self, path: Path) -> FloatArray:
        """The log-mel frames (T, M) of a file, as they are. Raises DataError where it cannot be read."""
        samples, rate = read_wav(path)
        return log_mel(resample(samples, rate, self.rate), self.rate, self.bands)

    def encode(self, table: Table) -> Sequences:
        """The steps (T, width) of each row; one step of silence for a clip that cannot be read."""
        rows = []
        for path in clip_paths(table, self.column):
            try:
                rows.append(self.scaled(self.features(path)))
            except DataError:
                rows.append(np.zeros((1, self.width), np.float32))
        empty = np.empty((0, self.width), np.float32)
        return Sequences.from_lists(rows, np.float32) if rows else Sequences(empty, np.zeros(1, np.int64))

    def scaled(self, frames: FloatArray) -> FloatArray:
        """Frames (T, M) → steps (⌈T / stack⌉, width); the last one is filled up with zeros, the mean."""
        mean, spread = (np.array(values, np.float32) for values in (self.mean, self.spread))
        out: FloatArray = (frames - mean) / spread
        if self.per_clip:
            out = by_itself(out)
        missing = -len(out) % self.stack
        if missing:
            out = np.concatenate([out, np.zeros((missing, self.bands), np.float32)])
        found: FloatArray = out.reshape(-1, self.width).astype(np.float32)
        return found

    def changed(self, batch: Batch, seed: Sequence[int], changes: Changes = USUAL) -> Batch:
        """A training batch as it might have been said otherwise, by ``seed`` alone; steps (B, T, width)."""
        if not self.augment:
            return batch
        steps: FloatArray = batch[FRAMES]
        frames = steps.reshape(len(steps), -1, self.bands)
        changes = replace(changes, nats=float(np.mean(self.spread)))
        lengths: IntArray = batch[LENGTHS] * self.stack
        said, now = changed(frames, lengths, changes, np.random.default_rng(list(seed)))
        if self.per_clip:
            for row, length in enumerate(now.tolist()):
                said[row, :length] = by_itself(said[row, :length])
        missing = -said.shape[1] % self.stack
        said = np.pad(said, ((0, 0), (0, missing), (0, 0)))
        said = said.reshape(len(said), -1, self.width)
        return {**batch, FRAMES: said, LENGTHS: -(-now // self.stack)}

    def bad_rows(self, table: Table) -> dict[int, str]:
        """Rows whose clip cannot be read: position → what is wrong."""
        found = {}
        for row, path in enumerate(clip_paths(table, self.column)):
            try:
                read_wav(path)
            except DataError as error:
                found[row] = f"{table.where(row, self.column)}: {error.message}"
        return found

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {
            "column": self.column,
            "rate": self.rate,
            "mean": list(self.mean),
            "spread": list(self.spread),
            "per_clip": self.per_clip,
            "stack": self.stack,
            "augment": self.augment,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Sound:
        """Rebuild from :meth:`to_json`. Raises KeyError, TypeError or ValueError on anything else."""
        mean, spread = (tuple(float(value) for value in data[name]) for name in ("mean", "spread"))
        rate, stack = int(data["rate"]), int(data["stack"])
        sizes = SLOWEST <= rate <= FASTEST and 1 <= stack <= MOST_STACK and 1 <= len(mean) <= MOST_BANDS
        numbers = np.isfinite([*mean, *spread]).all() and min(spread) >= LEAST_SPREAD
        if not sizes or len(mean) != len(spread) or not numbers:
            raise ValueError("what reads sound contradicts itself")
        return cls(
            str(data["column"]), rate, mean, spread, bool(data["per_clip"]), stack, bool(data["augment"])
        )


def by_itself(frames: FloatArray) -> FloatArray:
    """A clip's frames (T, M) by their own mean and spread."""
    found: FloatArray = (frames - frames.mean(axis=0)) / np.maximum(frames.std(axis=0), np.float32(0.1))
    return found


def clip_paths(table: Table, column: str) -> list[Path]:
    """The files that the cells name, looked up from the folder of the file that they stand in."""
    cells = table.cells(column)
    if table.file_of is None:
        folder = Path(table.source).parent
        return [folder / cell.strip() for cell in cells]
    folders = [Path(name).parent for name in table.files]
    return [folders[of] / cell.strip() for of, cell in zip(table.file_of.tolist(), cells, strict=True)]


def fit_sound(table: Table, column: str, options: Options, rules: list[str]) -> tuple[Sound, IntArray]:
    """How the clips of training rows are read, and how many frames (N,) each has; says so in ``rules``.

    Raises DataError that names row and file for the first clip that cannot be read.
    """
    paths = clip_paths(table, column)
    rates = Counter(_read(table, row, column, path).rate for row, path in enumerate(paths))
    rate = min(rates, key=lambda found: (-rates[found], found))
    typed = options.columns.per_clip
    sound = Sound(
        column, rate, (0.0,) * BANDS, (1.0,) * BANDS,
        per_clip=bool(typed), augment=options.training.augment,
    )  # fmt: skip
    total, squares, lengths = np.zeros(BANDS), np.zeros(BANDS), []
    for path in paths:
        frames: NDArray[np.float64] = sound.features(path).astype(np.float64)
        total += frames.sum(axis=0)
        squares += (frames**2).sum(axis=0)
        lengths.append(len(frames))
    mean = total / sum(lengths)
    spread = np.sqrt(np.maximum(squares / sum(lengths) - mean**2, LEAST_SPREAD**2))
    others = rates.total() - rates[rate]
    hours = sum(lengths) / 100
    rules.append(
        f"sound: {counted(len(paths), 'training clip')}, {hours:,.0f} s, as {BANDS} log-mel bands every 10 ms"
    )
    if others:
        rules.append(f"{counted(others, 'clip')} of other rates brought to {rate:,} samples a second")
    rules.append(f"bands scaled by mean and spread of {counted(sum(lengths), 'training frame')}")
    fitted = replace(sound, mean=tuple(mean.tolist()), spread=tuple(spread.tolist()))
    return fitted, np.array(lengths, dtype=np.int64)


def refuse_broken(table: Table, column: str) -> None:
    """Raise DataError that names row and file for the first clip that cannot be read."""
    for row, path in enumerate(clip_paths(table, column)):
        _read(table, row, column, path)


def _read(table: Table, row: int, column: str, path: Path) -> Any:
    try:
        return read_wav(path)
    except DataError as error:
        raise DataError(f"{table.where(row, column)}: {error.message}", error.hint) from error
