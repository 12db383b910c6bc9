"""Forecasts beside what a user would pick instead: errors on published splits, and what intervals hold.

    python benchmarks/forecast.py --data DIR --seeds 0 1 2

DIR/forecast holds ETTh1.csv (its first 14,400 rows: 60 % training, 20 % validation, 20 % test, scaled by the
training rows; MSE and MAE over all windows whose horizon lies in the test part), M4-Hourly-train.csv and
M4-Hourly-test.csv (the last 48 values of each series; sMAPE, MASE, and OWA against Naive2), and
finance-charts-apple.csv. --only names some of the sets.

seqcli    ``seqcli evaluate FILE --protocol ltsf|m4`` with the horizon alone typed: the mix, network and
          ridge alone, and forecasts that need no fitting, of one run
torch     nn.GRU 1 × 128 over a window of 96 steps, all columns in, all steps of all columns out of its last
          state, batch 32, Adam 1e-3, squared error, for as long as seqcli took, as a tutorial has it
darts, neuralforecast   named where they are installed
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqcli.options import Options
from seqcli.options_use import BacktestOptions
from seqcli.training.events import Tested
from seqcli.training.folds import backtest

ROWS = 14_400
WINDOW = 96
PUBLISHED = (
    ("ETTh1 h96 naive, MSE/MAE", "1.2944/.7132"),
    ("M4 Hourly Naive2, sMAPE/MASE", "18.383/2.395"),
    ("M4 Hourly seasonal naive, sMAPE/MASE/OWA", "13.912/1.193/.628"),
)


@dataclass(frozen=True)
class Set:
    """One row of the table: what is typed, and which metrics count."""

    name: str
    metrics: tuple[str, ...]
    wanted: BacktestOptions
    typed: dict[str, Any]
    columns: tuple[str, ...] = ()
    """Columns of ETTh1 that are kept; () for all."""


LTSF = BacktestOptions(protocol="ltsf")
ETT = {"validation_share": 0.2, "test_share": 0.2}
ALL = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
SETS = {
    "h96": Set("ETTh1 h96", ("mse", "mae"), LTSF, {**ETT, "horizon": 96, "target": list(ALL)}),
    "h720": Set("ETTh1 h720", ("mse", "mae"), LTSF, {**ETT, "horizon": 720, "target": list(ALL)}),
    "ot": Set("ETTh1 OT h96", ("mse", "mae"), LTSF, {**ETT, "horizon": 96, "target": ["OT"]}, ("OT",)),
    "m4": Set(
        "M4 Hourly", ("owa", "smape", "mase"), BacktestOptions(protocol="m4"), {"wide": True, "horizon": 48}
    ),
    "apple": Set(
        "AAPL.Close, a day ahead",
        ("mase", "mae"),
        BacktestOptions(folds=1),
        {"horizon": 1, "target": ["AAPL.Close"]},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of public data sets")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--steps", type=int, help="of each training; seqcli's own choice when not given")
    parser.add_argument("--no-torch", action="store_true", help="leave out the plain torch GRU")
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}; the figures that metrics are checked by:")
    for name, value in PUBLISHED:
        print(f"  {name}: {value}")
    absent = [name for name in ("darts", "neuralforecast") if importlib.util.find_spec(name) is None]
    print(f"not installed: {', '.join(absent)}" if absent else "")
    with tempfile.TemporaryDirectory() as folder:
        for key in arguments.only:
            run_set(SETS[key], arguments, Path(folder))


def run_set(one: Set, arguments: argparse.Namespace, folder: Path) -> None:
    """Train once a seed, and print a line for each predictor: median and range of each metric."""
    file, more = files_of(one, arguments.data / "forecast", folder)
    rows: dict[str, list[dict[str, Any]]] = {}
    seconds: list[float] = []
    intervals: list[dict[str, Any]] = []
    for seed in arguments.seeds:
        started = time.perf_counter()
        tested = seqcli(file, one, {**one.typed, **more, "seed": seed, "steps": arguments.steps})
        seconds.append(time.perf_counter() - started)
        for row in tested.result.records():
            rows.setdefault(str(row["forecast"]), []).append(row)
        intervals += [
            row for table in tested.details for row in table.records() if "interval" in row and "kind" in row
        ]
        if one.wanted.protocol == "ltsf" and not arguments.no_torch:
            mse, mae = plain_gru(file, one.columns or ALL, one.typed["horizon"], seconds[-1], seed)
            rows.setdefault("torch GRU, a plain loop", []).append({"mse": mse, "mae": mae})
    took = f"{statistics.median(seconds):.0f} s ({min(seconds):.0f}–{max(seconds):.0f})"
    print(f"\n{one.name}: {took} a run, reading and testing included, {len(seconds)} seeds")
    print(f"{'':28}" + "".join(f"{name:>8} {'range':>17} {'÷ best simple':>14}" for name in one.metrics))
    simple = {
        name: min(statistics.median(values_of(found, name)) for key, found in rows.items() if is_simple(key))
        for name in one.metrics
    }
    for key, found in rows.items():
        cells = []
        for name in one.metrics:
            values = values_of(found, name)
            middle = statistics.median(values)
            cells.append(f"{middle:8.4f} {min(values):8.4f}–{max(values):.4f} {middle / simple[name]:14.3f}")
        print(f"{key:28}" + "".join(cells))
    for kind in dict.fromkeys((str(row["kind"]), int(row["interval"])) for row in intervals):
        print_interval(kind, [row for row in intervals if (row["kind"], row["interval"]) == kind])


def values_of(rows: Sequence[dict[str, Any]], name: str) -> list[float]:
    """One metric over the seeds."""
    return [float(row[name]) for row in rows if row.get(name) is not None] or [float("nan")]


def is_simple(name: str) -> bool:
    """Whether a predictor is fitted to nothing."""
    return name.startswith(("naive", "seasonal naive", "drift", "mean of", "Naive2"))


def print_interval(kind: tuple[str, int], found: Sequence[dict[str, Any]]) -> None:
    """What the intervals of one kind and level held, over the seeds."""
    covered, score = (statistics.median(values_of(found, name)) for name in ("covered", "score"))
    print(f"  intervals {kind[0]}, {kind[1]} %: covered {100 * covered:.1f} %, interval score {score:.3f}")


def files_of(one: Set, data: Path, folder: Path) -> tuple[Path, dict[str, Any]]:
    """The file of a set, cut to its rows and columns, and options beside it."""
    if one.name.startswith("M4"):
        return data / "M4-Hourly-train.csv", {"test": str(data / "M4-Hourly-test.csv")}
    if one.name.startswith("AAPL"):
        return data / "finance-charts-apple.csv", {}
    file = folder / f"ETTh1-{'-'.join(one.columns) or 'all'}.csv"
    if not file.exists():
        with (data / "ETTh1.csv").open(newline="") as source, file.open("w", newline="") as target:
            reader = csv.DictReader(source)
            writer = csv.DictWriter(target, ["date", *(one.columns or ALL)], extrasaction="ignore")
            writer.writeheader()
            writer.writerows(row for row, _ in zip(reader, range(ROWS), strict=False))
    return file, {}


def seqcli(file: Path, one: Set, typed: dict[str, Any]) -> Tested:
    """What ``seqcli evaluate`` measures: the leaderboard, and what else it shows."""
    *_, last = backtest([str(file)], Options.from_flat({"task": "forecast", **typed}), one.wanted)
    assert isinstance(last, Tested)
    return last


class Gru(nn.Module):
    """What a tutorial forecasts with."""

    def __init__(self, columns: int, horizon: int) -> None:
        super().__init__()
        self.gru = nn.GRU(columns, 128, batch_first=True)
        self.head = nn.Linear(128, horizon * columns)
        self.shape = (horizon, columns)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, K) → (B, H, K)."""
        return self.head(self.gru(x)[0][:, -1]).view(-1, *self.shape)


def plain_gru(
    file: Path, columns: Sequence[str], horizon: int, budget: float, seed: int
) -> tuple[float, float]:
    """(MSE, MAE) on scaled values of a plain loop that stops when the budget is spent."""
    torch.manual_seed(seed)
    with file.open(newline="") as source:
        values = np.array([[float(row[name]) for name in columns] for row in csv.DictReader(source)])
    train, test = int(0.6 * len(values)), int(0.8 * len(values))
    scaled = (values - values[:train].mean(0)) / values[:train].std(0)
    series = torch.from_numpy(scaled.astype(np.float32))
    starts = np.arange(train - WINDOW - horizon + 1)
    rng = np.random.default_rng(seed)
    model = Gru(len(columns), horizon)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    started = time.perf_counter()
    while time.perf_counter() - started < budget:
        picked = torch.from_numpy(rng.choice(starts, 32))[:, None]
        past = series[picked + torch.arange(WINDOW)]
        future = series[picked + WINDOW + torch.arange(horizon)]
        loss = nn.functional.mse_loss(model(past), future)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    squared, absolute, count = 0.0, 0.0, 0
    with torch.inference_mode():
        for start in range(test - WINDOW, len(series) - WINDOW - horizon + 1, 256):
            rows = torch.arange(start, min(start + 256, len(series) - WINDOW - horizon + 1))[:, None]
            miss = model(series[rows + torch.arange(WINDOW)]) - series[rows + WINDOW + torch.arange(horizon)]
            squared += float(miss.square().sum())
            absolute += float(miss.abs().sum())
            count += miss.numel()
    return squared / count, absolute / count


if __name__ == "__main__":
    main()
