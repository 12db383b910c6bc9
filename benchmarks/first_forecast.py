"""A first forecast of files nobody prepared, and one more from the saved model.

    python benchmarks/first_forecast.py FILE [FILE ...] --window 60

For each file: seconds of the whole process with training, seconds from the saved model, MASE on the
backtest beside the naive forecast, the first and last future stamp, and whether every number is finite.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--window", type=int, default=60)
    arguments = parser.parse_args()
    print(f"{'file':28} {'train s':>8} {'saved s':>8} {'mase':>7} {'naive':>7}  stamps, finite, weekend rows")
    for file in arguments.files:
        with tempfile.TemporaryDirectory() as folder:
            print(measure(file, arguments.window, Path(folder) / "model.seqcli"), flush=True)


def measure(file: Path, window: int, model: Path) -> str:
    """One line of the table."""
    seconds, rows = run(str(file), "--window", str(window), "--save", str(model))
    saved_seconds, again = run(str(file), "-m", str(model))
    if rows != again:
        raise SystemExit(f"{file}: the saved model forecasts other rows")
    metrics = json.loads((model / "model.json").read_text())["metrics"]
    own, naive = next(iter(metrics.values()))["mase"], metrics["naive"]["mase"]
    numbers = [float(row[name]) for row in rows for name in row if name[:2] in ("fo", "lo", "hi")]
    stamps = [row["timestamp"] for row in rows]
    weekend = sum(is_weekend(stamp) for stamp in stamps)
    finite = "finite" if all(map(math.isfinite, numbers)) else "NOT FINITE"
    return (
        f"{file.name[:28]:28} {seconds:8.1f} {saved_seconds:8.2f} {own:7.3f} {naive:7.3f}  "
        f"{stamps[0]} … {stamps[-1]}, {finite}, {weekend}"
    )


def is_weekend(stamp: str) -> bool:
    """Whether an ISO date is a Saturday or Sunday; False for what is no full date."""
    from datetime import date

    return len(stamp) >= 10 and date.fromisoformat(stamp[:10]).weekday() >= 5


def run(*words: str) -> tuple[float, list[dict[str, str]]]:
    """Seconds of the process, and the rows it printed."""
    line = [sys.executable, "-m", "seqcli", "forecast", *words, "--format", "csv", "--quiet"]
    started = time.perf_counter()
    printed = subprocess.run(line, capture_output=True, check=True, text=True).stdout
    return time.perf_counter() - started, list(csv.DictReader(printed.splitlines()))


if __name__ == "__main__":
    main()
