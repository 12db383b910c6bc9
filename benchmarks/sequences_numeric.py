"""Series of numbers and DNA with default flags, beside what one would use instead, in the same run.

    python benchmarks/sequences_numeric.py --data DIR --seeds 0 1 2

DIR/numeric holds ``NAME/NAME_{TRAIN,TEST}.ts`` of JapaneseVowels and GunPoint (UEA and UCR archives), DIR/dna
``splice.csv`` (UCI, splice junctions). Accuracy on the test part:

seqcli      ``seqcli train TRAIN.ts --test TEST.ts --seed S``; of splice.csv ``--text Sequence``
rocket      ridge regression on 9,996 convolution features in the manner of MiniRocket (Dempster et al.
            2021), its strength by leave-one-out, scikit-learn
linear      of DNA: logistic regression on positions, one-hot, scikit-learn
bilstm      a plain torch BiLSTM of 64 units that reads its last states, Adam 3e-3, batches of 16, 60 epochs;
            of DNA 12 epochs and batches of 32

Splice junctions: five seeds, equal sequences on one side, stratified 80/20; the test rows are seen once, and
everything is chosen on parts of the others.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Rows = tuple[list[Any], Any]
"""Series (T, F) each, and their classes (N,)."""


@dataclass(frozen=True)
class Bar:
    """One row of the table."""

    name: str
    must: float
    target: float
    parts: Callable[[Path, int, Path], tuple[Path, Path]]
    """Data folder, seed and a folder for files → the training and the test file."""
    options: tuple[str, ...] = ()
    seeds: int = 0
    """At least so many seeds."""


def archive(name: str) -> Callable[[Path, int, Path], tuple[Path, Path]]:
    """The published files of one set."""

    def parts(data: Path, seed: int, folder: Path) -> tuple[Path, Path]:
        where = data / "numeric" / name
        return where / f"{name}_TRAIN.ts", where / f"{name}_TEST.ts"

    return parts


def splice(data: Path, seed: int, folder: Path) -> tuple[Path, Path]:
    """A stratified fifth for the test, equal sequences on one side."""
    from sklearn.model_selection import StratifiedGroupKFold

    with (data / "dna" / "splice.csv").open(newline="") as file:
        head, *rows = ([cell.strip() for cell in row] for row in csv.reader(file))
    table = np.array(rows)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    train, test = next(folds.split(table, table[:, 0], table[:, 2]))
    files = folder / f"train{seed}.csv", folder / f"test{seed}.csv"
    for path, part in zip(files, (train, test), strict=True):
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([head, *table[part].tolist()])
    return files


BARS = (
    Bar("JapaneseVowels", 0.975, 0.988, archive("JapaneseVowels")),
    Bar("GunPoint", 0.95, 0.99, archive("GunPoint")),
    Bar("splice junctions", 0.958, 0.972, splice, ("--text", "Sequence"), seeds=5),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of public data sets, as above")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--only", nargs="+", choices=[bar.name for bar in BARS], default=[b.name for b in BARS]
    )
    parser.add_argument("--seqcli-alone", action="store_true", help="leave out what stands beside it")
    arguments = parser.parse_args()
    print(f"{'set':17} {'who':9} {'accuracy':>9} {'range':>15} {'seconds':>8}   must   target")
    for bar in BARS:
        if bar.name not in arguments.only:
            continue
        seeds = arguments.seeds + list(range(len(arguments.seeds), bar.seeds))
        found: dict[str, list[tuple[float, float]]] = {}
        with tempfile.TemporaryDirectory() as name:
            for seed in seeds:
                train, test = bar.parts(arguments.data, seed, Path(name))
                found.setdefault("seqcli", []).append(by_seqcli(train, test, bar.options, seed, Path(name)))
                if arguments.seqcli_alone:
                    continue
                dna = train.suffix == ".csv"
                rows = [read_dna(path) if dna else read_series(path) for path in (train, test)]
                found.setdefault("linear" if dna else "rocket", []).append(
                    timed(by_positions if dna else by_rocket, rows, seed)
                )
                found.setdefault("bilstm", []).append(timed(by_bilstm, rows, seed))
        for who, measured in found.items():
            scores, seconds = zip(*measured, strict=True)
            span = f"{min(scores):.4f}–{max(scores):.4f}"
            bars = f"   {bar.must:.3f}  {bar.target:.3f}" if who == "seqcli" else ""
            mean = statistics.mean(scores)
            print(
                f"{bar.name:17} {who:9} {mean:9.4f} {span:>15} {statistics.median(seconds):8.1f}{bars}",
                flush=True,
            )


def by_seqcli(
    train: Path, test: Path, options: Sequence[str], seed: int, folder: Path
) -> tuple[float, float]:
    """Accuracy of the first row of the test table, and the seconds of the whole command."""
    started = time.monotonic()
    command = [sys.executable, "-m", "seqcli", "train", str(train), "--test", str(test), "--seed", str(seed)]
    command += [*options, "--save", str(folder / "model"), "--force", "--quiet", "--format", "csv"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    row = next(csv.DictReader(said.splitlines()))
    return float(row["accuracy"]), time.monotonic() - started


def timed(run: Callable[[Rows, Rows, int], float], rows: Sequence[Rows], seed: int) -> tuple[float, float]:
    started = time.monotonic()
    return run(rows[0], rows[1], seed), time.monotonic() - started


def read_series(path: Path) -> Rows:
    """A .ts file, read here by a few plain lines."""
    text = path.read_text().splitlines()
    first = [line.strip().lower() for line in text].index("@data") + 1
    series, labels = [], []
    for line in filter(str.strip, text[first:]):
        *channels, label = line.split(":")
        series.append(np.array([[float(cell) for cell in channel.split(",")] for channel in channels]).T)
        labels.append(label)
    return series, np.array(labels)


def read_dna(path: Path) -> Rows:
    """Bases one-hot, ambiguous ones as shares."""
    from seqcli.preprocessing.dna import encode_bases

    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    bases = encode_bases([row["Sequence"] for row in rows])
    return [bases.row(index) for index in range(len(rows))], np.array([row["Class"] for row in rows])


def scaled(train: Rows, test: Rows) -> tuple[list[Any], list[Any]]:
    """Both parts by the mean and spread of the first."""
    steps = np.concatenate(train[0])
    shift, scale = steps.mean(axis=0), steps.std(axis=0) + 1e-9
    first, second = (
        [((row - shift) / scale).astype(np.float32) for row in part[0]] for part in (train, test)
    )
    return first, second


def by_rocket(train: Rows, test: Rows, seed: int) -> float:
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from seqcli.preprocessing.kernels import Kernels
    from seqcli.sequences import Sequences

    parts = [Sequences.from_lists(part, np.float32) for part in scaled(train, test)]
    kernels = Kernels.fit(parts[0], 9996, seed)
    model = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)))
    model.fit(kernels.read(parts[0]), train[1])
    return float(model.score(kernels.read(parts[1]), test[1]))


def by_positions(train: Rows, test: Rows, seed: int) -> float:
    from sklearn.linear_model import LogisticRegression

    first, second = (np.stack(part[0]).reshape(len(part[0]), -1) for part in (train, test))
    return float(LogisticRegression(max_iter=1000).fit(first, train[1]).score(second, test[1]))


def by_bilstm(train: Rows, test: Rows, seed: int) -> float:
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_sequence

    torch.manual_seed(seed)
    classes, target = np.unique(train[1], return_inverse=True)
    dna = train[0][0].shape[1] == 4
    first, second = (train[0], test[0]) if dna else scaled(train, test)
    size, epochs = (32, 12) if dna else (16, 60)
    lstm = nn.LSTM(first[0].shape[1], 64, bidirectional=True)
    head = nn.Linear(128, len(classes))
    optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=3e-3)

    def logits(rows: Sequence[Any]) -> torch.Tensor:
        packed = pack_sequence([torch.from_numpy(row.copy()) for row in rows], enforce_sorted=False)
        _, (last, _) = lstm(packed)
        found: torch.Tensor = head(torch.cat([last[0], last[1]], dim=1))
        return found

    for _ in range(epochs):
        order = torch.randperm(len(first)).tolist()
        for start in range(0, len(order), size):
            some = order[start : start + size]
            loss = nn.functional.cross_entropy(logits([first[i] for i in some]), torch.tensor(target[some]))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_([*lstm.parameters(), *head.parameters()], 1.0)
            optimizer.step()
    with torch.no_grad():
        said = logits(second).argmax(dim=1).numpy()
    return float((classes[said] == test[1]).mean())


if __name__ == "__main__":
    main()
