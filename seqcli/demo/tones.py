"""Made speech: each letter of a word is a tone of its own, sung by voices that differ."""

from __future__ import annotations

import csv
import struct
from pathlib import Path

import numpy as np

from seqcli.sequences import FloatArray

RATE = 8000
SECONDS = 0.09
"""Of a letter."""
LETTERS = "abcde"
HERTZ = (350.0, 600.0, 950.0, 1500.0, 2400.0)
SPEAKERS = ("ana", "ben", "cleo")
MADE, ASKED = 154, 6
"""Clips of the tour to learn from, and others to ask about."""


def spoken(word: str, seed: int, rate: int = RATE) -> FloatArray:
    """``word`` as samples (S,) between -1 and 1; ``seed`` decides voice, speed, loudness and noise."""
    rng = np.random.default_rng(seed)
    voice, speed = np.exp(rng.normal(0, 0.03, 2))
    loudness = float(rng.uniform(0.2, 0.7))
    gap = np.zeros(int(0.03 * rate))
    parts = [gap]
    for letter in word:
        count = int(SECONDS / speed * rate * rng.uniform(0.9, 1.2))
        time = np.arange(count) / rate
        hertz = HERTZ[LETTERS.index(letter)] * voice
        tone = np.sin(2 * np.pi * hertz * time) + 0.4 * np.sin(4 * np.pi * hertz * time)
        parts += [tone * np.hanning(count), gap]
    sound = loudness * np.concatenate(parts) / 1.4
    found: FloatArray = (sound + rng.normal(0, 0.003, len(sound))).clip(-1, 1).astype(np.float32)
    return found


def word_of(number: int, most: int = 4) -> str:
    """A word of one to ``most`` letters."""
    rng = np.random.default_rng([7, number])
    return "".join(rng.choice(list(LETTERS), int(rng.integers(1, most + 1))))


def write_wav(path: Path, samples: FloatArray, rate: int = RATE) -> None:
    """Samples (S,) between -1 and 1 as a wav file of 16 bits and one channel."""
    data = np.rint(samples * 32767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def clips(count: int, most: int = 4) -> list[tuple[str, str, str]]:
    """So many clips: the name of the file, which says what is in it, the word, and who speaks."""
    found = []
    for number in range(count):
        word = word_of(number, most)
        found.append((f"clips/{word}-{number}.wav", word, SPEAKERS[number % len(SPEAKERS)]))
    return found


def write_clip(folder: Path, name: str) -> None:
    """The file that :func:`clips` names."""
    word, _, number = Path(name).stem.partition("-")
    write_wav(folder / name, spoken(word, int(number)))


def write_spoken(folder: Path) -> Path:
    """A folder of clips with two manifests: said.csv to learn from, new.csv with paths alone."""
    found = clips(MADE + ASKED, most=2)
    for name, _, _ in found:
        write_clip(folder, name)
    tables = (("said.csv", ("audio", "text"), found[:MADE]), ("new.csv", ("audio",), found[MADE:]))
    for called, header, rows in tables:
        with (folder / called).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(row[: len(header)] for row in rows)
    return folder
