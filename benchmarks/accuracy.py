"""Default flags on published splits, beside the linear baseline of the same run.

    python benchmarks/accuracy.py --data DIR --seeds 0 1 2

DIR/text holds ``sst2_{train,test}.csv``, ``trec6_{train,test}.csv`` and ``names_{train,test}.csv``. Each
model is trained as typed, ``seqcli train FILE --seed S``, and tested with ``seqcli evaluate``. The made
samples of the package are trained too, on their own split.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAIRS = {
    "sst2": ("text/sst2_train.csv", "text/sst2_test.csv", 0.78),
    "names": ("text/names_train.csv", "text/names_test.csv", 0.80),
    "trec6": ("text/trec6_train.csv", "text/trec6_test.csv", None),
}
SAMPLES = {"sensor": ("sensor.csv", [], 0.95), "reviews": ("reviews.csv", ["--group", "template"], 0.95)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of public data sets, as described above")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", help="some of: " + ", ".join([*PAIRS, *SAMPLES]))
    arguments = parser.parse_args()
    wanted = arguments.only or [*PAIRS, *SAMPLES]
    print(f"{'set':8} {'bar':>5} {'seqcli median':>13} {'range':>13} {'linear':>7} {'train s':>8}")
    for name in wanted:
        if name in PAIRS and arguments.data is None:
            continue
        results = [measure(name, seed, arguments.data) for seed in arguments.seeds]
        ours, linear, seconds = (list(column) for column in zip(*results, strict=True))
        bar = (PAIRS.get(name) or SAMPLES[name])[-1]
        print(
            f"{name:8} {bar or '':>5} {statistics.median(ours):13.4f} "
            f"{f'{min(ours):.4f}–{max(ours):.4f}':>13} {statistics.median(linear):7.4f} "
            f"{statistics.median(seconds):8.1f}",
            flush=True,
        )


def measure(name: str, seed: int, data: Path | None) -> tuple[float, float, float]:
    """Test accuracy of the network and of the linear baseline, and the seconds of ``train``."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.seqcli"
        if name in SAMPLES:
            from seqcli.demo.samples import write_sample

            file, options, _ = SAMPLES[name]
            train, test = write_sample(file, Path(folder)), None
        else:
            assert data is not None
            options, (train, test) = [], (data / part for part in PAIRS[name][:2])
        started = time.perf_counter()
        rows = run("train", str(train), *options, "--seed", str(seed), "--save", str(model))
        seconds = time.perf_counter() - started
        linear = rows[-1]["accuracy"]
        if test:
            rows = run("evaluate", str(test), "-m", str(model))
        return rows[0]["accuracy"], linear, seconds


def run(*words: str) -> list[dict[str, float]]:
    """The rows that a command prints."""
    line = [sys.executable, "-m", "seqcli", *words, "--format", "json", "--quiet"]
    printed = subprocess.run(line, capture_output=True, check=True, text=True, env={**os.environ}).stdout
    rows: list[dict[str, float]] = json.loads(printed)
    return rows


if __name__ == "__main__":
    main()
