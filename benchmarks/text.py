"""Text classifiers of default flags beside what a user would pick instead, on published splits.

    python benchmarks/text.py --data DIR --seeds 0 1 2

DIR/text holds {sst2,trec6,names}_{train,test}.csv and imdb_small_{train,test}.csv.gz. --only names some of
the sets, --without leaves rows out. Each model is trained as typed, ``seqcli train FILE --seed S``: the
validation and test rows that it chooses by and shows come from FILE. The published test part is read once,
by ``seqcli evaluate``.

both, network, linear   of that one run: together, the network alone, the linear n-grams alone
fasttext                with pairs of words (or runs of 2 to 4 characters), 25 passes, rate .5; if installed
lstm                    a tutorial's: nn.LSTM of 128 over texts padded to the batch's longest, the last padded
                        state, Adam 1e-3, for as long as seqcli took

Accuracy, macro F1, log loss and ece (15 bins of equal mass) are medians over the seeds; accuracy has its
range. Then the speed of ``seqcli predict`` on made lines that never repeat (whole process, with the linear
part) and the most memory it held, beside a loop in torch that runs the same network over packed sequences,
in batches of as many rows. ``--model DIR`` shows that alone, of a model that is there.

--gain [FILE] prints something else: what the texts of FILE, those of IMDB where none is named, are worth to
SST-2 and IMDB as --pretrain and as --vectors, on rows kept from the training file (text_gain.py).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import importlib.util
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqcli.inference.outputs import BATCH_SIZE, SLICE
from seqcli.preprocessing.vocabulary import Vocabulary
from seqcli.sequences import Batchable
from seqcli.tasks.classify_metrics import class_scores, log_softmax

METRICS = ("accuracy", "macro_f1", "log_loss", "ece")
MUST = {"sst2": "acc .822", "trec6": "acc .915", "names": "acc .845, F1 .56", "imdb": "acc .893, alone .84"}
SETS = {
    "sst2": ("sst2_{}.csv", "words"),
    "trec6": ("trec6_{}.csv", "words"),
    "names": ("names_{}.csv", "characters"),
    "imdb": ("imdb_small_{}.csv.gz", "words"),
}
CUT = 400
"""Words of a text that the tutorial reads."""
LEAST_SPEED = 5000
PACKED_LINES = 20_000


@dataclass(frozen=True)
class Part:
    """Texts and their labels."""

    texts: list[str]
    labels: list[str]


@dataclass(frozen=True)
class Result:
    """What one predictor of one seed came to."""

    values: dict[str, float]
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of public data sets, as above")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--without", nargs="+", choices=("fasttext", "lstm", "speed"), default=[])
    parser.add_argument(
        "--lines", type=int, nargs="+", default=[100_000, 1_000_000], help="made lines to predict"
    )
    parser.add_argument(
        "--model", type=Path, help="show the speed of this model alone, of the first set named"
    )
    parser.add_argument("--gain", nargs="?", const="", metavar="FILE", help="texts; see above")
    arguments = parser.parse_args()
    if arguments.gain is not None:
        gain(arguments)
        return
    if arguments.model:
        with tempfile.TemporaryDirectory() as folder:
            speed(arguments, Path(folder))
        return
    print(
        f"{'set':6} {'row':9} "
        + " ".join(f"{name:>8}" for name in METRICS)
        + f" {'range':>13} {'train s':>8}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.only:
            print(f"{name:6} must be at least: {MUST[name]}")
            measure(name, arguments, Path(folder))
        if "speed" not in arguments.without:
            speed(arguments, Path(folder))


def gain(arguments: argparse.Namespace) -> None:
    """Print what texts without labels are worth; IMDB, which takes minutes, is trained with one seed."""
    from text_gain import print_gain

    files = {name: arguments.data / "text" / SETS[name][0].format("train") for name in ("sst2", "imdb")}
    seeds = {"sst2": arguments.seeds, "imdb": arguments.seeds[:1]}
    texts = read(Path(arguments.gain) if arguments.gain else files["imdb"]).texts
    chosen = {name: (file, seeds[name]) for name, file in files.items() if name in arguments.only}
    with tempfile.TemporaryDirectory() as folder:
        print_gain(texts, chosen, seqcli, Path(folder))


def measure(name: str, arguments: argparse.Namespace, folder: Path) -> None:
    """Print the rows of one set."""
    found: dict[str, list[Result]] = {}
    validated: list[dict[str, float]] = []
    pattern, level = SETS[name]
    train, test = (arguments.data / "text" / pattern.format(part) for part in ("train", "test"))
    for seed in arguments.seeds:
        model = folder / f"{name}.seqcli"
        rows, seconds = seqcli("train", str(train), "--seed", str(seed), "--save", str(model), "--force")
        validated.append({row["predictor"]: row["accuracy"] for row in rows})
        rows, _ = seqcli("evaluate", str(test), "-m", str(model))
        for row, label in zip(rows, ("both", "network", "linear"), strict=False):
            found.setdefault(label, []).append(Result({key: row[key] for key in METRICS}, seconds))
        if "fasttext" not in arguments.without and importlib.util.find_spec("fasttext"):
            result = fasttext_row(read(train), read(test), level, seed, folder)
            found.setdefault("fasttext", []).append(result)
        if "lstm" not in arguments.without:
            found.setdefault("lstm", []).append(lstm_row(read(train), read(test), level, seed, seconds))
    for label, results in found.items():
        show(name, label, results)
    gains = [rows["combined"] - rows["linear n-grams alone"] for rows in validated if "combined" in rows]
    if gains:
        print(
            f"{name:6} both above linear on rows kept from the training file: {statistics.median(gains):+.4f}"
        )


def show(name: str, label: str, results: Sequence[Result]) -> None:
    """One line: medians, the range of the accuracy, and the time."""
    medians = [statistics.median(result.values[key] for result in results) for key in METRICS]
    accuracies = [result.values["accuracy"] for result in results]
    print(
        f"{name:6} {label:9} "
        + " ".join(f"{value:8.4f}" for value in medians)
        + f" {min(accuracies):.4f}–{max(accuracies):.4f} "
        + f"{statistics.median(result.seconds for result in results):8.1f}",
        flush=True,
    )


def seqcli(*words: str) -> tuple[list[dict[str, Any]], float]:
    """The rows that a command prints, and its seconds."""
    line = [sys.executable, "-m", "seqcli", *words, "--format", "json", "--quiet"]
    started = time.perf_counter()
    printed = subprocess.run(line, capture_output=True, check=True, text=True, env={**os.environ}).stdout
    return json.loads(printed), time.perf_counter() - started


def read(path: Path) -> Part:
    """The two columns of a file: the labels are those of which there are fewer different ones."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))[1:]
    columns = [list(column) for column in zip(*rows, strict=True)]
    texts, labels = sorted(columns, key=lambda column: -len(set(column)))
    return Part(texts, labels)


def scored(logits: np.ndarray, test: Part, classes: list[str]) -> dict[str, float]:
    """The metrics of logits (N, C)."""
    target = np.array([classes.index(label) for label in test.labels])
    return class_scores(log_softmax(logits), target)


def fasttext_row(train: Part, test: Part, level: str, seed: int, folder: Path) -> Result:
    """fastText at its defaults but for n-grams and passes."""
    import fasttext  # type: ignore[import-not-found]

    path = folder / "fasttext.txt"
    classes = sorted(set(train.labels))
    lines = [
        f"__label__{classes.index(label)} {' '.join(text.split())}"
        for text, label in zip(train.texts, train.labels, strict=True)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    typed = {"wordNgrams": 2} if level == "words" else {"minn": 2, "maxn": 4}
    started = time.perf_counter()
    model = fasttext.train_supervised(str(path), epoch=25, lr=0.5, thread=2, seed=seed, verbose=0, **typed)
    seconds = time.perf_counter() - started
    logits = np.full((len(test.texts), len(classes)), -20.0)
    for row, text in enumerate(test.texts):
        for chance, label in model.f.predict(" ".join(text.split()) + "\n", len(classes), 0.0, "strict"):
            logits[row, int(label.removeprefix("__label__"))] = np.log(max(chance, 1e-9))
    return Result(scored(logits, test, classes), seconds)


def lstm_row(train: Part, test: Part, level: str, seed: int, seconds: float) -> Result:
    """What a tutorial has: the state of an LSTM after the padding of its batch."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    classes = sorted(set(train.labels))
    vocabulary = Vocabulary.fit(train.texts, level, max_size=20_000)
    target = torch.tensor([classes.index(label) for label in train.labels])
    embedding, lstm = nn.Embedding(vocabulary.size, 100, padding_idx=0), nn.LSTM(100, 128, batch_first=True)
    head = nn.Linear(128, len(classes))
    weights = [*embedding.parameters(), *lstm.parameters(), *head.parameters()]
    optimiser = torch.optim.Adam(weights, lr=1e-3)
    ids, asked = (vocabulary.encode(part.texts, CUT) for part in (train, test))

    def logits(sequences: Any, rows: np.ndarray) -> torch.Tensor:
        padded = torch.from_numpy(sequences.pad(rows)[0])
        answer: torch.Tensor = head(lstm(embedding(padded))[0][:, -1])
        return answer

    order = np.random.default_rng(seed)
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        for rows in np.array_split(order.permutation(len(train.texts)), max(1, len(train.texts) // 64)):
            loss = nn.functional.cross_entropy(logits(ids, rows), target[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimiser.step()
            if time.perf_counter() - started > seconds:
                break
    with torch.inference_mode():
        parts = np.array_split(np.arange(len(test.texts)), max(1, len(test.texts) // 64))
        found = torch.cat([logits(asked, rows) for rows in parts]).numpy()
    return Result(scored(found, test, classes), time.perf_counter() - started)


def speed(arguments: argparse.Namespace, folder: Path) -> None:
    """Lines a second of predict and of packed loops in torch, and the memory that predict held."""
    name = "sst2" if "sst2" in arguments.only else arguments.only[0]
    model = arguments.model or folder / f"{name}.seqcli"
    texts = read(arguments.data / "text" / SETS[name][0].format("train")).texts
    rates, held = [], []
    for count in arguments.lines:
        file = folder / "lines.txt"
        with file.open("w", encoding="utf-8") as lines:
            lines.writelines(line + "\n" for line in made_lines(texts, count))
        line = [sys.executable, "-m", "seqcli", "predict", str(file), "-m", str(model), "-q"]
        seconds, used = watched([*line, "--input-format", "txt", "-o", str(folder / "out.csv")])
        rates.append(count / seconds)
        held.append(used)
        print(
            f"{name}: predict {count:,} different lines: {seconds:.1f} s, {rates[-1]:,.0f} a second "
            f"(must be {LEAST_SPEED:,}), {used:,.0f} MB at most",
            flush=True,
        )
    if len(held) > 1:
        few, many = arguments.lines[0], arguments.lines[-1]
        print(f"{name}: memory for {many:,} lines to that for {few:,}: {held[-1] / held[0]:.2f}")
    best = max(packed_rate(model, file, min(count, PACKED_LINES), size, name) for size in (SLICE, BATCH_SIZE))
    print(f"{name}: predict, whole process, to the faster loop: {rates[0] / best:.2f} (must be 2)")


def made_lines(texts: Sequence[str], count: int) -> Iterator[str]:
    """So many different lines: the beginning of one text and the end of another."""
    drawn, met = random.Random(0), set()
    while len(met) < count:
        first, second = (text.split() for text in drawn.sample(texts, 2))
        words = first[: len(first) // 2] + second[len(second) // 2 :]
        if hash(line := " ".join(words)) in met:
            drawn.shuffle(words)
            line = " ".join(words)
        if words and hash(line) not in met:
            met.add(hash(line))
            yield line


WATCH = """
import os, subprocess, sys, time
started = time.perf_counter()
_, code, used = os.wait4(subprocess.Popen(sys.argv[1:]).pid, 0)
print(time.perf_counter() - started, used.ru_maxrss / 1024)
sys.exit(os.waitstatus_to_exitcode(code))
"""
"""In a small process of its own: the peak of a child counts what its parent held when it was born."""


def watched(line: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak memory in MB of a command."""
    done = subprocess.run([sys.executable, "-c", WATCH, *line], capture_output=True, check=True, text=True)
    seconds, held = map(float, done.stdout.split())
    return seconds, held


def packed_rate(model: Path, file: Path, count: int, size: int, name: str) -> float:
    """Lines a second of the model's network in torch, packed, on texts read as the model reads them.

    Without the linear part, the start of the process, and reading or writing a file.
    """
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    from seqcli.backends.network import build_network
    from seqcli.inference.trust import saved_task
    from seqcli.model_dir import read_model

    saved = read_model(model)
    inputs, spec = saved_task(saved).inputs, saved.network  # type: ignore[attr-defined]
    network = build_network(spec, 0).eval()
    kind = nn.LSTM if spec.cell == "lstm" else nn.GRU
    recurrent = kind(
        sum(item.embedding_size for item in spec.inputs), spec.hidden_size, spec.num_layers,
        batch_first=True, bidirectional=spec.bidirectional,
    )  # fmt: skip
    texts = file.read_text(encoding="utf-8").split("\n")[:count]
    started = time.perf_counter()
    with torch.inference_mode():
        for start in range(0, len(texts), size):
            rows = np.arange(min(size, len(texts) - start))
            fields = Batchable(inputs.text_fields(texts[start : start + size]), rows)
            read_in = {key: torch.from_numpy(values) for key, values in fields.batch(rows).items()}
            tables = [*network.embeddings, *network.bags]
            steps = [table(read_in[item.field]) for table, item in zip(tables, spec.inputs, strict=True)]
            lengths = read_in["lengths"]
            packed = pack_padded_sequence(
                torch.cat(steps, dim=2), lengths, batch_first=True, enforce_sorted=False
            )
            outputs = pad_packed_sequence(recurrent(packed)[0], batch_first=True)[0]
            network.head(network.pool(outputs, lengths)).softmax(dim=1).numpy()
    rate = len(texts) / (time.perf_counter() - started)
    print(f"{name}: a packed loop in torch, {size} at a time: {rate:,.0f} a second", flush=True)
    return rate


if __name__ == "__main__":
    main()
