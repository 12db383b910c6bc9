"""Problems that only memory solves, written as files: copying, adding, digits read as sequences, and dates.

Copying and adding are those of Hochreiter and Schmidhuber (1997, Long Short-Term Memory, section 5) in the
form of Arjovsky, Shah and Bengio (2016, Unitary Evolution Recurrent Neural Networks) and of Bai, Kolter and
Koltun (2018, arXiv:1803.01271). What can be reached without a memory is known for each.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcli.demo.written_dates import dates
from seqcli.errors import UsageError

SYMBOLS = "abcdefgh"
BLANK, GO = ".", ":"
COPIED = 10
"""Symbols to remember."""
USUAL_STEPS = 200
USUAL_SEQUENCES = 3000
USUAL_LINES = 10_000
"""Of copying: fewer would be learnt by heart before the copies are."""
MOST_NUMBERS = 20_000_000
"""Steps of all sequences together."""
_FORWARDS = "--no-bidirectional"


@dataclass(frozen=True)
class Problem:
    """A file that was written, and what is to be known about it."""

    path: Path
    sequences: int
    steps: int
    """Of each sequence."""
    chance: str
    """What an answer without memory reaches."""
    command: str
    """What sets all cells to it."""


@dataclass(frozen=True)
class Size:
    """How long and how many sequences are, and the seed they are drawn from."""

    steps: int | None = None
    sequences: int | None = None
    seed: int = 0

    def checked(self, least: int, extra: int = 0, usual: int = USUAL_SEQUENCES) -> tuple[int, int]:
        """Steps and sequences. Raises UsageError for those that make no problem, or no file."""
        steps = self.steps or USUAL_STEPS
        sequences = self.sequences or usual
        if steps < least:
            raise UsageError(f"--steps {steps} leaves nothing to remember", f"--steps {least} is the least")
        if (steps + extra) * sequences > MOST_NUMBERS:
            raise UsageError(
                f"{sequences:,} sequences of {steps + extra:,} steps are more than {MOST_NUMBERS:,} lines",
                "fewer --sequences, or fewer --steps",
            )
        return steps, sequences


def write_copying(folder: Path, size: Size) -> Problem:
    """A line each: ten symbols, blanks, a sign to go, the ten symbols again, for a network that reads on.

    Between the last symbol and its copy lie ``steps`` steps and nine more. The first ten symbols cannot be
    foreseen, 10 ln 8 nats a line; without a memory nor can their copies.
    """
    steps, sequences = size.checked(2, 2 * COPIED + 1, USUAL_LINES)
    rng = np.random.default_rng(size.seed)
    path = _free(folder / f"copying-{steps}.txt")
    with path.open("w", encoding="utf-8", newline="") as file:
        for _ in range(sequences):
            word = "".join(SYMBOLS[at] for at in rng.integers(len(SYMBOLS), size=COPIED))
            file.write(f"{word}{BLANK * (steps - 1)}{GO}{word}\n")
    length = steps + 2 * COPIED + 1
    nats = COPIED * math.log(len(SYMBOLS)) / length
    chance = f"{2 * nats:.4f} nats a character, of which a memory saves {nats:.4f}"
    options = "--init chrono --hidden-size 96 --lr 0.004 --weight-decay 0.01 --dropout 0 --batch-size 32"
    command = f"seqcli compare {path.name} --bptt {length} {options}"
    return Problem(path, sequences, length, chance, command)


def write_adding(folder: Path, size: Size) -> Problem:
    """Numbers between 0 and 1, two of them marked, one in either half: the answer is the sum of those two."""
    steps, sequences = size.checked(2)
    rng = np.random.default_rng(size.seed)
    path = _free(folder / f"adding-{steps}.csv")
    half = steps // 2

    def rows() -> Iterator[Sequence[object]]:
        for sequence in range(sequences):
            values = np.round(rng.random(steps), 4)
            marked = {int(rng.integers(half)), half + int(rng.integers(steps - half))}
            total = round(float(sum(values[at] for at in marked)), 4)
            for step, value in enumerate(values.tolist()):
                yield sequence, step, value, int(step in marked), total

    _write(path, ("sequence", "step", "value", "marker", "target"), rows())
    chance = f"mean squared error {1 / 6:.4f}, rmse {math.sqrt(1 / 6):.4f}"
    command = f"seqcli compare {path.name} {_FORWARDS} --pool last"
    return Problem(path, sequences, steps, chance, command)


def write_digits(folder: Path, size: Size) -> Problem:
    """The handwritten digits that scikit-learn brings, 8 × 8: row by row, or with 64 steps dot by dot.

    Raises UsageError for another number of steps, and for more images than there are.
    """
    steps = size.steps or 8
    if steps not in (8, 64):
        raise UsageError(f"--steps {steps}: an image of 8 × 8 is read in 8 rows or in 64 dots", "--steps 64")
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    sequences = size.sequences or len(images)
    if not 20 <= sequences <= len(images):
        raise UsageError(
            f"--sequences {sequences}: there are {len(images)} images", f"from 20 to {len(images)}"
        )
    chosen = np.random.default_rng(size.seed).permutation(len(images))[:sequences]
    wide = 64 // steps
    path = _free(folder / ("digits.csv" if steps == 8 else f"digits-{steps}.csv"))

    def rows() -> Iterator[Sequence[object]]:
        for at in chosen.tolist():
            for step, dots in enumerate(images[at].astype(int).reshape(steps, wide).tolist()):
                yield at, step, *dots, int(labels[at])

    names = [f"dot{place}" for place in range(1, wide + 1)]
    _write(path, ("sequence", "step", *names, "label"), rows())
    counts = np.bincount(labels[chosen])
    chance = f"accuracy {counts.max() / sequences:.4f}"
    command = f"seqcli compare {path.name} {_FORWARDS} --pool last"
    return Problem(path, sequences, steps, chance, command)


def write_dates(folder: Path, size: Size) -> Problem:
    """Dates as people write them beside what ISO 8601 makes of them: a text for each text.

    Raises UsageError for a number of steps, which dates have of their own.
    """
    if size.steps is not None:
        raise UsageError("--steps: dates are as long as they are written", "leave out --steps")
    pairs = dates(size.sequences or USUAL_LINES, size.seed)
    path = _free(folder / "dates.csv")
    _write(path, ("source", "target"), iter(pairs))
    chance = "no date is right, whatever is said without reading it"
    return Problem(path, len(pairs), max(len(text) for text, _ in pairs), chance, f"seqcli train {path.name}")


def _free(path: Path) -> Path:
    """``path``, where nothing stands yet. Raises UsageError else: it may be of another size or seed."""
    if path.exists():
        raise UsageError(f"{path}: stands here already", "move it away, or go to another folder")
    return path


def _write(path: Path, header: Sequence[str], rows: Iterator[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


PROBLEMS: dict[str, Callable[[Path, Size], Problem]] = {
    "copying": write_copying,
    "adding": write_adding,
    "digits": write_digits,
    "dates": write_dates,
}
