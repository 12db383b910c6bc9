"""Makes the golden models anew: ``python tests/golden/make.py [NAME ...]``.

Each is a small saved model with the rows it answers on (NAME.csv) and what it answered when it was
made (NAME.out.csv). A later version must load the model and answer the same: make one anew only for
a task or a format that is new, and never because its test fails.
"""

from __future__ import annotations

import contextlib
import csv
import json
import math
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqcli.cli.main import main
from seqcli.demo.reviews import reviews
from seqcli.demo.series import prices, sensor
from seqcli.demo.tagged import tagged
from seqcli.demo.tones import clips, write_clip
from seqcli.demo.tunes import make_tune
from seqcli.demo.words import PEOPLE, THINGS, VERBS, corpus, names
from seqcli.demo.written_dates import dates
from seqcli.preprocessing.frames import frames_from
from seqcli.readers.rolls import LOWEST
from seqcli.readers.score import Note, Part, Score
from seqcli.reporting.midi_file import midi_bytes

HERE = Path(__file__).parent
SIZES = (
    "--hidden-size", "8", "--epochs", "2", "--batch-size", "16", "--learning-rate", "0.02",
    "--seed", "1", "--threads", "1",
)  # fmt: skip
Row = Sequence[object]


@dataclass(frozen=True)
class Golden:
    """How one model is made: the file it learns from, what is typed, and the rows it answers on."""

    header: tuple[str, ...]
    rows: Callable[[], list[Row]]
    options: tuple[str, ...]
    """Of the training; :data:`SIZES` come with them."""
    answered: slice
    """The rows of the file that become NAME.csv."""
    verb: str = "predict"
    """What it answers."""
    with_verb: tuple[str, ...] = ()
    """What is typed beside the verb."""
    int8: bool = False
    """Whether its weights are rounded to 8 bits once it is trained."""
    longer: tuple[str, ...] = ()
    """What is typed beside the options where the model is made, and not where its rows are tried on."""
    suffix: str = ".csv"
    """The form of the file: one row a line, or for ".conll" a blank line where the first cell changes."""


def motions() -> list[Row]:
    """Sequences of two kinds of motion, in long form."""
    return [row for row in sensor(150) if row[-1] in ("circle", "shake")]


def mentions() -> list[Row]:
    """Reviews with the kinds of things that they mention, in one cell."""
    kinds = {
        "people": ("character", "cast", "director"),
        "sound": ("music", "dialogue"),
        "writing": ("story", "script"),
    }
    rows: list[Row] = []
    for review, *_ in reviews(100):
        found = [kind for kind, words in kinds.items() if any(word in str(review) for word in words)]
        rows.append((review, ";".join(found)))
    return rows


def answers() -> list[Row]:
    """One row a motion: averages of its steps, and of each of two questions yes or no."""
    rows = averages()
    return [(*row[:3], int(float(str(row[0])) > 0.5), int(row[4] == "circle")) for row in rows]


def chords() -> list[Row]:
    """Made tunes as the keys that sound at each quarter note, in three parts."""
    rows: list[Row] = []
    for piece in range(12):
        part = "train" if piece < 8 else "valid" if piece < 10 else "test"
        for frame in frames_from(make_tune(piece))[:24]:
            rows.append((part, piece, " ".join(str(LOWEST + key) for key in frame.nonzero()[0])))
    return rows


def recordings() -> list[Row]:
    """Recordings of three motions each, one after the other, with the motion of each step."""
    rows: list[Row] = []
    steps: dict[int, int] = {}
    for sequence, _, *axes, label in sensor(75):
        recording = (sequence - 1) // 3
        steps[recording] = steps.get(recording, 0) + 1
        rows.append((recording, steps[recording], *axes, label))
    return rows


def marked_sites() -> list[Row]:
    """DNA with a letter below each base: s where a site is, else a point."""
    return [(text, "." * 11 + ("sss" if kind == "site" else "...") + "." * 10) for text, kind in sites()]


def phrases() -> list[Row]:
    """Short sentences, and what they are in a made language that turns words and their order round."""
    rows: list[Row] = []
    for number in range(400):
        person, verb, thing = PEOPLE[number % 12], VERBS[number * 7 % 9], THINGS[number * 3 % 10]
        said = f"{person} {verb} {thing}."
        other = " ".join(word[::-1] for word in (*thing.split(), *verb.split(), *person.split()))
        rows.append((f"{said[0].upper()}{said[1:]}", f"{other}!"))
    return list(dict.fromkeys(rows))


def beats() -> list[Row]:
    """A short series a row, of unlike lengths; every sixth has a step that is far off."""
    rng = random.Random(6)
    rows: list[Row] = []
    for place in range(120):
        steps = 10 + place % 3
        values = [math.sin(step + place % 2) + rng.gauss(0, 0.1) for step in range(steps)]
        if place % 6 == 5:
            values[4] += 4
        shown = [*(f"{value:.3f}" for value in values), *[""] * (12 - steps)]
        rows.append(("fault" if place % 6 == 5 else "ok", *shown))
    return rows


def averages() -> list[Row]:
    """One row a motion: the averages of its steps, how they are spread, and which it was."""
    steps: dict[object, list[Row]] = {}
    for row in motions():
        steps.setdefault(row[0], []).append(row)
    rows: list[Row] = []
    for found in steps.values():
        x, y, z = ([float(str(row[axis])) for row in found] for axis in (2, 3, 4))
        half = "first" if abs(x[0]) < abs(x[-1]) else "last"
        rows.append(
            (*(f"{sum(map(abs, values)) / len(values):.3f}" for values in (x, y, z)), half, found[0][-1])
        )
    return rows


def sites() -> list[Row]:
    """DNA of one length, with a site in the middle of every other one; some bases are not sure."""
    rng = random.Random(5)
    rows: list[Row] = []
    for place in range(120):
        bases = [rng.choice("ACGT") for _ in range(24)]
        bases[11:14] = "GTA" if place % 2 else rng.choices("ACT", k=3)
        bases[rng.randrange(8)] = rng.choice("ACGTNRYK")
        rows.append(("".join(bases), "site" if place % 2 else "none"))
    return rows


def two_shops() -> list[Row]:
    """Volumes of two series over the same days."""
    both = zip(prices(160), prices(160, seed=12), strict=True)
    return [
        (day[0], shop, day[5]) for pair in both for shop, day in zip(("north", "south"), pair, strict=True)
    ]


def paragraphs() -> list[Row]:
    """Made prose, a paragraph a row."""
    return [(paragraph,) for paragraph in corpus(12_000).strip().split("\n\n")]


def parts_of_speech() -> list[Row]:
    """Words with what kind they are, names and marks among them."""
    kinds = {".": "PUNCT", ",": "PUNCT", "in": "ADP", "of": "ADP", "the": "DET", "a": "DET"}
    return [
        (number, word, kinds.get(word, "PROPN" if word.istitle() else "X"))
        for number, word, _ in tagged(200, seed=3)
    ]


def said() -> list[Row]:
    """Made clips with the word that is said in each."""
    return [row[:2] for row in clips(120, most=2)]


def speakers() -> list[Row]:
    """Made clips of three pitches: which of three tones is sung."""
    return [(name, word) for name, word, _ in clips(150, most=1) if word in "ace"]


PRICES = ("date", "open", "high", "low", "close", "volume")

GOLDEN = {
    "classify_words": Golden(
        ("review", "label"),
        lambda: [row[:2] for row in reviews(240)],
        ("--level", "words", "--embedding-size", "8", "--dropout", "0.2"),
        slice(20),
    ),
    "classify_both": Golden(
        ("review", "stars", "label"),
        lambda: [(row[0], index % 5, row[1]) for index, row in enumerate(reviews(120))],
        ("--level", "words", "--embedding-size", "8", "--dropout", "0.2", "--features", "review,stars"),
        slice(20),
    ),
    "classify_characters": Golden(
        ("category", "name"),
        lambda: list(names(240)),
        ("--level", "characters", "--embedding-size", "8", "--cell", "lstm", "--pool", "attention"),
        slice(20),
    ),
    "classify_int8": Golden(
        ("category", "name"),
        lambda: list(names(240)),
        ("--level", "characters", "--embedding-size", "16", "--cell", "lstm"),
        slice(20),
        int8=True,
    ),
    "classify_parts": Golden(
        ("review", "label"),
        lambda: [row[:2] for row in reviews(90)],
        ("--level", "words", "--embedding-size", "4", "--pool", "mean+attention", "--ema", "0.9"),
        slice(20),
    ),
    "classify_mingru": Golden(
        ("category", "name"),
        lambda: list(names(240)),
        ("--level", "characters", "--embedding-size", "4", "--cell", "mingru", "--num-layers", "2"),
        slice(20),
    ),
    "classify_pieces": Golden(
        ("review", "label"),
        lambda: [row[:2] for row in reviews(240)],
        ("--level", "bpe", "--embedding-size", "4"),
        slice(20),
    ),
    "classify_runs": Golden(
        ("category", "name"),
        lambda: list(names(240)),
        ("--level", "characters", "--embedding-size", "4", "--pool", "max+mean"),
        slice(20),
    ),
    "classify_sequences": Golden(
        ("sequence", "step", "x", "y", "z", "label"),
        motions,
        ("--id", "sequence", "--time", "step", "--target", "label", "--num-layers", "2"),
        slice(400),
    ),
    "classify_series": Golden(
        ("series", "step", "x", "y", "z", "label"),
        motions,
        ("--members", "2"),
        slice(400),
        suffix=".ts",
    ),
    "classify_bases": Golden(
        ("sequence", "label"), sites, ("--reverse-complement", "--pool", "max+mean"), slice(20)
    ),
    "classify_rows": Golden(
        ("x", "y", "z", "half", "motion"), averages, ("--target", "motion"), slice(20)
    ),
    "multilabel_cells": Golden(
        ("review", "tags"),
        mentions,
        ("--level", "words", "--embedding-size", "4", "--no-subwords"),
        slice(20),
    ),
    "multilabel_columns": Golden(
        ("x", "y", "z", "wide", "round"),
        answers,
        ("--target", "wide,round", "--features", "x,y,z"),
        slice(20),
    ),
    "forecast_minlstm": Golden(
        PRICES,
        lambda: list(prices(240)),
        ("--target", "close", "--window", "20", "--horizon", "5", "--cell", "minlstm", "--decoder",
         "recursive"),
        slice(200, None),
        "forecast",
    ),
    "regress": Golden(
        PRICES,
        lambda: list(prices(240)),
        ("--task", "regress", "--target", "close", "--features", "open,high,volume", "--cell", "none"),
        slice(20),
    ),
    "regress_intervals": Golden(
        PRICES,
        lambda: list(prices(240)),
        ("--task", "regress", "--target", "close", "--features", "open,high,volume"),
        slice(20),
    ),
    "forecast_single": Golden(
        PRICES,
        lambda: list(prices(240)),
        ("--target", "close", "--window", "10", "--horizon", "5"),
        slice(200, None),
        "forecast",
    ),
    "forecast_members": Golden(
        PRICES,
        lambda: list(prices(240)),
        ("--target", "close,volume", "--window", "21", "--horizon", "7"),
        slice(150, None),
        "forecast",
    ),
    "forecast_panel": Golden(
        ("date", "shop", "volume"),
        two_shops,
        ("--id", "shop", "--target", "volume", "--window", "10", "--horizon", "3", "--scaler", "minmax",
         "--cell", "rnn"),
        slice(-80, None),
        "forecast",
    ),
    "forecast_carried": Golden(
        PRICES,
        lambda: list(prices(240)),
        ("--target", "volume,close", "--window", "21", "--horizon", "7", "--stateful",
         "--decoder", "recursive", "--cell", "lstm", "--steps", "120"),
        slice(150, None),
        "forecast",
    ),
    "language_characters": Golden(
        ("category", "name"),
        lambda: list(names(480)),
        ("--condition", "category", "--embedding-size", "8", "--cell", "lstm", "--bptt", "16"),
        slice(20),
        "evaluate",
        ("--per-token",),
    ),
    "language_mamba": Golden(
        ("paragraph",),
        paragraphs,
        ("--cell", "mamba", "--embedding-size", "6"),
        slice(2),
        "evaluate",
        ("--per-token",),
    ),
    "language_mingru": Golden(
        ("paragraph",),
        paragraphs,
        ("--cell", "mingru"),
        slice(2),
        "evaluate",
        ("--per-token",),
    ),
    "language_words": Golden(
        ("paragraph",),
        paragraphs,
        ("--level", "words", "--embedding-size", "8", "--num-layers", "2", "--dropout", "0.2",
         "--cell", "gru"),
        slice(3),
        "evaluate",
        ("--per-token",),
    ),
    "language_pieces": Golden(
        ("paragraph",),
        paragraphs,
        ("--level", "bpe", "--embedding-size", "8", "--cell", "lstm"),
        slice(3),
        "evaluate",
        ("--per-token",),
    ),
    "language_rows": Golden(
        ("category", "name", "letters"),
        lambda: [(*row, len(str(row[1]))) for row in names(480)],
        ("--task", "language", "--target", "name", "--features", "category,letters", "--embedding-size", "8",
         "--bptt", "16"),
        slice(20),
        "evaluate",
        ("--per-token",),
    ),
    "music": Golden(
        ("start", "part", "pitch", "length", "velocity"),
        lambda: [(note.start, note.part, *note[2:]) for note in make_tune(3).notes],
        ("--embedding-size", "8", "--bptt", "16", "--cell", "lstm"),
        slice(60),
        "evaluate",
        ("--per-token",),
        suffix=".mid",
    ),
    "pianoroll": Golden(
        ("part", "piece", "keys"),
        chords,
        ("--cell", "gru"),
        slice(24),
        "evaluate",
        ("--per-token",),
        suffix=".json",
    ),
    "translate_characters": Golden(
        ("source", "target"),
        lambda: list(dates(400, seed=5)),
        ("--embedding-size", "8", "--cell", "lstm", "--attention", "bahdanau"),
        slice(20),
    ),
    "translate_pieces": Golden(
        ("english", "riverish"),
        phrases,
        ("--embedding-size", "8", "--level", "bpe"),
        slice(20),
        with_verb=("--n-best", "2"),
    ),
    "classify_clips": Golden(
        ("audio", "label"),
        speakers,
        ("--stem", "none"),
        slice(6),
        longer=("--epochs", "20"),
    ),
    "transcribe": Golden(
        ("audio", "text"),
        said,
        ("--num-layers", "1"),
        slice(6),
        longer=("--epochs", "40"),
    ),
    "steps_rows": Golden(
        ("recording", "step", "x", "y", "z", "activity"),
        recordings,
        ("--no-bidirectional", "--cell", "lstm"),
        slice(400),
        longer=("--epochs", "10"),
    ),
    "steps_bases": Golden(
        ("sequence", "sites"), marked_sites, ("--reverse-complement", "--members", "2"), slice(20),
        longer=("--epochs", "6"),
    ),
    "classify_kmers": Golden(
        ("sequence", "label"),
        sites,
        ("--text", "sequence", "--kmers", "3", "--embedding-size", "6"),
        slice(20),
    ),
    "reconstruct": Golden(
        ("sequence", "step", "x", "y", "z", "label"),
        motions,
        ("--task", "reconstruct", "--anomalous", "shake"),
        slice(400),
        longer=("--epochs", "20"),
    ),
    "reconstruct_rows": Golden(
        ("state", *(f"v{step}" for step in range(12))),
        beats,
        ("--task", "reconstruct", "--target", "state", "--bottleneck", "2", "--cell", "lstm", "--stem", "conv"),
        slice(30),
        with_verb=("--per-step",),
        longer=("--epochs", "20"),
    ),
    "transcribe_onward": Golden(
        ("audio", "text"),
        said,
        ("--num-layers", "1", "--no-bidirectional"),
        slice(6),
        longer=("--epochs", "40"),
    ),
    "tag_spans": Golden(
        ("sentence", "token", "tag"),
        lambda: list(tagged(480)),
        ("--embedding-size", "8", "--members", "2", "--dropout", "0", "--word-dropout", "0", "--ema", "0"),
        slice(200),
        suffix=".conll",
    ),
    "tag_words": Golden(
        ("sentence", "form", "upos"),
        parts_of_speech,
        ("--embedding-size", "8", "--members", "1", "--cell", "lstm"),
        slice(200),
    ),
}  # fmt: skip
"""Name → how it is made."""


def write_rows(path: Path, header: Sequence[str], rows: Sequence[Row]) -> None:
    """Write a CSV file, CoNLL without its first column, which tells sentences apart, or a file of music.

    The clips of a manifest are made beside it.
    """
    for name in (str(row[0]) for row in rows if header[0] == "audio"):
        write_clip(path.parent, name)
    if path.suffix == ".mid":
        notes = tuple(Note(*(int(str(cell)) for cell in row)) for row in rows)
        parts = tuple(Part(16 * part) for part in range(1 + max(note.part for note in notes)))
        path.write_bytes(midi_bytes(Score(96, parts, notes, (), ((0, 3, 4),))))
        return
    if path.suffix == ".json":
        pieces: dict[object, dict[object, list[list[int]]]] = {}
        for part, piece, keys in rows:
            pieces.setdefault(part, {}).setdefault(piece, []).append([int(key) for key in str(keys).split()])
        path.write_text(
            json.dumps({part: [*held.values()] for part, held in pieces.items()}), encoding="utf-8"
        )
        return
    if path.suffix == ".ts":
        path.write_text(ts_text(header, rows), encoding="utf-8")
        return
    if path.suffix == ".conll":
        with path.open("w", encoding="utf-8", newline="") as file:
            for place, (number, *cells) in enumerate(rows):
                ahead = "\n" if place and number != rows[place - 1][0] else ""
                file.write(ahead + "\t".join(map(str, cells)) + "\n")
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def ts_text(header: Row, rows: Sequence[Row]) -> str:
    """Rows (series, step, channels, label) as the UEA archive has them: a line a series."""
    series: dict[object, list[Row]] = {}
    for row in rows:
        series.setdefault(row[0], []).append(row)
    labels = sorted({str(row[-1]) for row in rows})
    lines = [f"@dimensions {len(header) - 3}", f"@classLabel true {' '.join(labels)}", "@data"]
    for found in series.values():
        channels = zip(*(row[2:-1] for row in found), strict=True)
        lines.append(":".join([*(",".join(map(str, channel)) for channel in channels), str(found[0][-1])]))
    return "\n".join(lines) + "\n"


def train_command(golden: Golden, file: str) -> list[str]:
    """What is typed to train on ``file``."""
    verb = "forecast" if golden.verb == "forecast" else "train"
    return [verb, file, *golden.options, *SIZES, *golden.longer]


def make(name: str) -> None:
    """Train one model and keep it with what it answers."""
    golden, target = GOLDEN[name], HERE / f"{name}.seqcli"
    rows = golden.rows()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        file = Path(name + golden.suffix)
        write_rows(file, golden.header, rows)
        run(*train_command(golden, file.name), "--quiet", "-o", "trained.csv")
        made = file.with_suffix(".seqcli")
        if golden.int8:
            run("export", made.name, "--int8", "--quiet")
            made = made.with_suffix(".int8.seqcli")
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(made, target)
    write_rows(HERE / (name + golden.suffix), golden.header, rows[golden.answered])
    run(
        golden.verb,
        *golden.with_verb,
        str(HERE / (name + golden.suffix)),
        "-m",
        str(target),
        "-o",
        str(HERE / f"{name}.out.csv"),
        "--quiet",
    )


def run(*argv: str) -> None:
    """Run one command line; end here when it fails."""
    code = main(list(argv))
    if code:
        raise SystemExit(code)


if __name__ == "__main__":
    for wanted in sys.argv[1:] or GOLDEN:
        make(wanted)
        print(wanted)
