"""Process start beside ``import torch``: alternating runs, median of 11.

python benchmarks/startup.py --model reviews.seqcli
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 11
BARS = {"--version": (0.06, 0.04), "--help": (0.32, 0.15), "predict": (0.45, 0.20), "forecast": (0.60, 0.30)}
"""Command → largest absolute seconds, or largest ratio to ``import torch``."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", type=Path, help="a saved text classifier, to predict one row with")
    parser.add_argument("--forecaster", type=Path, help="a saved forecast model")
    parser.add_argument("--series", type=Path, help="the file that --forecaster forecasts")
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments = parser.parse_args()
    seqcli = [sys.executable, "-m", "seqcli"]
    commands = {"--version": [*seqcli, "--version"], "--help": [*seqcli, "--help"]}
    if arguments.model:
        commands["predict"] = [*seqcli, "predict", "-", "-m", str(arguments.model)]
    if arguments.forecaster and arguments.series:
        commands["forecast"] = [
            *seqcli, "forecast", str(arguments.series), "-m", str(arguments.forecaster), "--format", "csv",
        ]  # fmt: skip
    print(f"{'command':10} {'median s':>9} {'range':>13} {'torch s':>8} {'ratio':>6}  bar (s | ratio)")
    for name, command in commands.items():
        ours, torch = pairs(command, arguments.runs)
        median, reference = statistics.median(ours), statistics.median(torch)
        absolute, ratio = BARS[name]
        kept = "kept" if median <= absolute or median / reference <= ratio else "MISSED"
        spread = f"{min(ours):.3f}–{max(ours):.3f}"
        print(
            f"{name:10} {median:9.3f} {spread:>13} {reference:8.3f} {median / reference:6.3f}  "
            f"{absolute} | {ratio} {kept}"
        )


def pairs(command: list[str], runs: int) -> tuple[list[float], list[float]]:
    """Seconds of ``command`` and of ``import torch``, run in turn after one warm-up of each."""
    ours, torch = [], []
    for turn in range(runs + 1):
        for line, seconds in ((command, ours), ([sys.executable, "-c", "import torch"], torch)):
            started = time.perf_counter()
            subprocess.run(line, input=b"a fine film\n", capture_output=True, check=True)
            if turn:
                seconds.append(time.perf_counter() - started)
    return ours, torch


if __name__ == "__main__":
    main()
