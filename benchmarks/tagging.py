"""Taggers with default flags on published splits, beside what one would use instead.

    python benchmarks/tagging.py --data DIR --seeds 0 1 2

DIR/text holds ``en_lines-ud-{train,dev,test}.conllu`` and ``wnut17_{train,dev,test}.conll``. Accuracy of
parts of speech, and F1 of spans in the definition of conlleval, on the test part:

seqcli    ``seqcli train TRAIN --validation DEV --test TEST --seed S``
word      the most frequent tag of each word, from the same table
crf       a linear chain on hand-made features of the word and its neighbours (sklearn-crfsuite, where it
          is installed: pip install sklearn-crfsuite), L-BFGS, c1 = c2 = 0.1, 100 iterations

The speed is that of ``seqcli predict`` on the test sentences, ten times over, as one process from its start.
``--part dev`` reports on the validation part, for choosing.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

Sentence = tuple[list[str], list[str]]


@dataclass(frozen=True)
class TagSet:
    """One published set: its files ({} is the part), its metric, and the bars."""

    files: str
    metric: str
    must: float
    target: float
    seconds: float
    """To train in, at most."""

    def part(self, data: Path, name: str) -> Path:
        return data / "text" / self.files.format(name)


SETS = {
    "UD LinES": TagSet("en_lines-ud-{}.conllu", "accuracy", 0.956, 0.964, 300),
    "WNUT-17": TagSet("wnut17_{}.conll", "f1", 0.15, 0.25, 240),
}
LEAST_SPEED = 8000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of public data sets, as described above"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--part", choices=["test", "dev"], default="test")
    parser.add_argument("--options", nargs="*", default=[], help="more of ``train``, such as hidden-size=64")
    arguments = parser.parse_args()
    more = [
        word for pair in arguments.options for word in (f"--{pair.partition('=')[0]}", pair.partition("=")[2])
    ]
    print_rows(arguments.data, arguments.seeds, arguments.only, arguments.part, more)


def print_rows(
    data: Path,
    seeds: Sequence[int],
    names: Sequence[str] = tuple(SETS),
    part: str = "test",
    options: Sequence[str] = (),
) -> None:
    """Train and print each set: median and range over the seeds, with the bars beside them."""
    first = (
        f"{'set':9} {'metric':8} {'must':>5} {'target':>6} {'seqcli':>7} {'range':>13} {'word':>6} {'crf':>6}"
    )
    print(f"{first} {'train s':>7} {'(max)':>5} {'words/s':>8} {'(min)':>5}")
    for name in names:
        tags = SETS[name]
        runs = [measure(tags, data, part, seed, options) for seed in seeds]
        scores, word, seconds, speed = (list(column) for column in zip(*runs, strict=True))
        crf = hand_features(tags, data, part)
        print(
            f"{name:9} {tags.metric:8} {tags.must:5.3f} {tags.target:6.3f} {statistics.median(scores):7.4f} "
            f"{f'{min(scores):.4f}–{max(scores):.4f}':>13} {word[0]:6.3f} "
            f"{'' if crf is None else f'{crf:.3f}':>6} {statistics.median(seconds):7.0f} {tags.seconds:5.0f} "
            f"{statistics.median(speed):8,.0f} {LEAST_SPEED:5d}",
            flush=True,
        )


def measure(
    tags: TagSet, data: Path, part: str, seed: int, options: Sequence[str]
) -> tuple[float, float, float, float]:
    """Score of the network and of the words' own tags, seconds to train, words a second to predict."""
    train, dev, test = (str(tags.part(data, name)) for name in ("train", "dev", part))
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "model.seqcli")
        started = time.perf_counter()
        printed = run(
            "train",
            train,
            "--validation",
            dev,
            "--test",
            test,
            "--seed",
            str(seed),
            "--save",
            model,
            *options,
        )
        seconds = time.perf_counter() - started
        rows = list(csv.DictReader(io.StringIO(printed)))
        return (
            float(rows[0][tags.metric]),
            float(rows[1][tags.metric]),
            seconds,
            speed(model, Path(test), folder),
        )


def speed(model: str, test: Path, folder: str) -> float:
    """Words a second, from the start of the process to its end."""
    many = Path(folder) / f"many{test.suffix}"
    many.write_text(
        (test.read_text(encoding="utf-8").strip("\n") + "\n\n") * 10, encoding="utf-8", newline="\n"
    )
    words = 10 * sum(len(tokens) for tokens, _ in sentences(test))
    started = time.perf_counter()
    run("predict", str(many), "-m", model, "-o", str(Path(folder) / "out.csv"))
    return words / (time.perf_counter() - started)


def run(*words: str) -> str:
    """What a command prints in a pipe."""
    line = [sys.executable, "-m", "seqcli", *words, "--quiet"]
    return subprocess.run(line, capture_output=True, check=True, text=True, env={**os.environ}).stdout


# ---- a chain on hand-made features ---------------------------------------------------------------


def sentences(path: Path) -> Iterator[Sentence]:
    """Words and tags of each sentence; read here by hand, so that nothing is shared with the program."""
    upos = path.suffix == ".conllu"
    tokens: list[str] = []
    tags: list[str] = []
    for line in [*path.read_text(encoding="utf-8").split("\n"), ""]:
        cells = line.split("\t")
        if not line.strip(" \t"):
            if tokens:
                yield tokens, tags
            tokens, tags = [], []
        elif not upos or cells[0].isdigit():
            tokens.append(cells[1 if upos else 0])
            tags.append(cells[3 if upos else 1])


def features(tokens: Sequence[str], place: int) -> dict[str, str | bool | float]:
    """The usual ones: the word, its ends, how it is written, and its neighbours."""
    word = tokens[place]
    found: dict[str, str | bool | float] = {
        "bias": 1.0,
        "word": word.lower(),
        "title": word.istitle(),
        "upper": word.isupper(),
        "digit": any(c.isdigit() for c in word),
        "hyphen": "-" in word,
    }
    found.update(
        {f"+{n}": word[:n].lower() for n in (1, 2, 3)} | {f"-{n}": word[-n:].lower() for n in (1, 2, 3, 4)}
    )
    for step in (-2, -1, 1, 2):
        there = 0 <= place + step < len(tokens)
        other = tokens[place + step] if there else ""
        found |= {f"word{step}": other.lower() if there else "<none>", f"title{step}": other.istitle()}
        found |= {f"upper{step}": other.isupper()} if abs(step) == 1 else {}
    return found


def hand_features(tags: TagSet, data: Path, part: str) -> float | None:
    """The score of sklearn-crfsuite on the same part; None where it is not installed."""
    if find_spec("sklearn_crfsuite") is None:
        return None
    import sklearn_crfsuite

    from seqcli.tasks.tagging.metrics import span_scores

    parts = [list(sentences(tags.part(data, name))) for name in ("train", part)]
    read = [
        [[features(tokens, place) for place in range(len(tokens))] for tokens, _ in some] for some in parts
    ]
    crf = sklearn_crfsuite.CRF(
        algorithm="lbfgs", c1=0.1, c2=0.1, max_iterations=100, all_possible_transitions=True
    )
    crf.fit(read[0], [labels for _, labels in parts[0]])
    return span_scores([labels for _, labels in parts[1]], crf.predict(read[1]))[tags.metric]


if __name__ == "__main__":
    main()
