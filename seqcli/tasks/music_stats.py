"""What pieces of music are like: key, meter, how dense they are, which pitches they hold.

The key is that of the 24 whose profile goes best with how long each pitch class sounds (Krumhansl and
Schmuckler; profiles of Krumhansl and Kessler 1982, as in Krumhansl 1990, Cognitive Foundations of Musical
Pitch, table 2.1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.tunes import bars_of
from seqcli.readers.score import Score

PITCH_CLASSES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


@dataclass(frozen=True)
class Style:
    """Figures of one piece, or of many: then the median, and of names the most frequent."""

    pieces: int
    key: str
    """"D major"; "" where nothing but drums sounds."""
    meter: str
    bars: float
    notes: float
    density: float
    """Notes a bar."""
    at_once: float
    """Notes that begin together, on average."""
    low: int
    high: int
    """The lowest and the highest pitch; −1 where nothing but drums sounds."""
    histogram: tuple[float, ...]
    """Share of the notes of each pitch class, from C on."""

    @classmethod
    def of(cls, tunes: Sequence[Score]) -> Style:
        """The style of scores on a grid."""
        every = [_Piece.of(tune) for tune in tunes]
        sounding = [piece for piece in every if piece.high >= 0]
        counts = np.sum([piece.counts for piece in every], axis=0) if every else np.zeros(12)
        return cls(
            len(every),
            _most(piece.key for piece in sounding),
            _most(piece.meter for piece in every),
            float(median([piece.bars for piece in every] or [0])),
            float(median([piece.notes for piece in every] or [0])),
            float(median([piece.notes / max(piece.bars, 1) for piece in every] or [0.0])),
            sum(piece.notes for piece in every) / max(sum(piece.onsets for piece in every), 1),
            min((piece.low for piece in sounding), default=-1),
            max((piece.high for piece in sounding), default=-1),
            tuple(round(float(share), 6) for share in counts / max(counts.sum(), 1)),
        )

    @property
    def range_text(self) -> str:
        """ "A2 to G5": the lowest and the highest pitch."""
        return f"{pitch_name(self.low)} to {pitch_name(self.high)}" if self.high >= 0 else ""

    @property
    def histogram_text(self) -> str:
        """A digit for each pitch class: tenths of the notes."""
        return "".join(str(min(round(10 * share), 9)) for share in self.histogram)

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {**vars(self), "histogram": list(self.histogram)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Style:
        """Rebuild from :meth:`to_json`; raises TypeError, KeyError or ValueError on anything else."""
        numbers = {name: float(data[name]) for name in ("bars", "notes", "density", "at_once")}
        whole = {name: int(data[name]) for name in ("pieces", "low", "high")}
        histogram = tuple(float(share) for share in data["histogram"])
        finite = np.isfinite([*numbers.values(), *histogram]).all()
        if (
            len(histogram) != 12
            or not finite
            or not all(-1 <= whole[name] <= 127 for name in ("low", "high"))
        ):
            raise ValueError("no style")
        return cls(key=str(data["key"]), meter=str(data["meter"]), histogram=histogram, **numbers, **whole)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Piece:
    key: str
    meter: str
    bars: int
    notes: int
    onsets: int
    low: int
    high: int
    counts: NDArray[np.float64]

    @classmethod
    def of(cls, tune: Score) -> _Piece:
        pitched = [note for note in tune.notes if not tune.parts[note.part].drums]
        sounding = np.zeros(12)
        counts = np.zeros(12)
        for note in pitched:
            sounding[note.pitch % 12] += note.length
            counts[note.pitch % 12] += 1
        bars = bars_of(tune)
        pitches = [note.pitch for note in pitched]
        return cls(
            find_key(sounding),
            _most(f"{beats}/{beat}" for _, beats, beat in bars),
            len(bars),
            len(tune.notes),
            len({note.start for note in tune.notes}),
            min(pitches, default=-1),
            max(pitches, default=-1),
            counts,
        )


def find_key(sounding: NDArray[np.float64]) -> str:
    """The key that goes best with how long each of 12 pitch classes (P,) sounds; "" where none does."""
    if not sounding.any() or sounding.std() == 0:
        return ""
    best, name = -2.0, ""
    for mode, profile in (("major", _MAJOR), ("minor", _MINOR)):
        for tonic in range(12):
            fit = float(np.corrcoef(np.roll(profile, tonic), sounding)[0, 1])
            if fit > best:
                best, name = fit, f"{PITCH_CLASSES[tonic]} {mode}"
    return name


def pitch_name(pitch: int) -> str:
    """A MIDI pitch by name: 60 is C4."""
    return f"{PITCH_CLASSES[pitch % 12]}{pitch // 12 - 1}"


def _most(names: Any) -> str:
    """The most frequent of some names, of equals the first."""
    counts = Counter(name for name in names if name)
    return counts.most_common(1)[0][0] if counts else ""
