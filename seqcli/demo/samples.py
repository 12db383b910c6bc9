"""Writes the made files, byte for byte the same each time: ``python -m seqcli.demo.samples DIR``."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from seqcli.demo.dna import promoters
from seqcli.demo.reviews import reviews
from seqcli.demo.series import prices, sensor
from seqcli.demo.tagged import letters, tagged_names
from seqcli.demo.tones import write_spoken
from seqcli.demo.tunes import write_tunes
from seqcli.demo.words import corpus, names
from seqcli.demo.written_dates import ASKED, days

HEADERS = {
    "reviews.csv": ("review", "label", "template"),
    "prices.csv": ("date", "open", "high", "low", "close", "volume"),
    "sensor.csv": ("sequence", "step", "x", "y", "z", "label"),
    "names.csv": ("category", "name"),
    "promoters.csv": ("sequence", "label"),
    "days.csv": ("source", "target"),
}
TEXTS: dict[str, Callable[[], str]] = {
    "asked.txt": lambda: "".join(f"{text}\n" for text in ASKED),
    "corpus.txt": corpus,
    "letters.txt": letters,
    "people.conll": tagged_names,
    "sentence.txt": lambda: "a network that reads a sentence learns what comes next\n",
}
FOLDERS = {"tunes": write_tunes, "spoken": write_spoken}
SAMPLES = (*HEADERS, *TEXTS, *FOLDERS)


def write_sample(name: str, folder: Path) -> Path:
    """Write one of :data:`SAMPLES` into ``folder`` and return its path."""
    path = folder / name
    if name in FOLDERS:
        return FOLDERS[name](path)
    if name in TEXTS:
        path.write_text(TEXTS[name](), encoding="utf-8", newline="\n")
        return path
    rows: dict[str, Iterable[Sequence[object]]] = {
        "reviews.csv": reviews(),
        "prices.csv": prices(),
        "sensor.csv": sensor(),
        "names.csv": names(),
        "promoters.csv": promoters(),
        "days.csv": days(),
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADERS[name])
        writer.writerows(rows[name])
    return path


if __name__ == "__main__":
    for sample in SAMPLES:
        print(write_sample(sample, Path(sys.argv[1])))
