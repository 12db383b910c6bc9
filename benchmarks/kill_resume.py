"""Does a training that is killed with SIGKILL and resumed end with the same bytes as an unbroken one?

    python benchmarks/kill_resume.py [--moments 20] [--tasks classify,forecast,language] [--threads N]

For each task: one unbroken run through the command line, then as many runs as moments, each killed
at a random time (every second one twice) and resumed with --resume until it is done. Prints a table
and ends with 1 when any weights.safetensors or history.jsonl differs. Takes about 30 minutes.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from seqcli.demo.words import corpus
from seqcli.model_dir import partial_dir
from seqcli.training.checkpoint import CheckpointStore

COMPARED = ("weights.safetensors", "history.jsonl")


def write_reviews(path: Path) -> None:
    """1,200 short reviews whose label turns on the last clause."""
    draw = random.Random(1)
    things = ["plot", "cast", "music", "camera", "ending", "dialogue"]
    words = {"good": ["warm", "clever", "bright", "moving"], "bad": ["dull", "flat", "noisy", "slow"]}
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["review", "label"])
        for _ in range(1200):
            label, other = draw.sample(["good", "bad"], 2)
            first, last = draw.sample(things, 2)
            text = (
                f"the {first} was {draw.choice(words[other])} but the {last} is {draw.choice(words[label])}"
            )
            rows.writerow([f"{text} and number {draw.randint(1, 300)} is {draw.choice(things)}", label])


def write_prices(path: Path) -> None:
    """900 days of a trend, a week and noise."""
    draw = random.Random(2)
    day = date(2020, 1, 1)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["date", "sales"])
        for step in range(900):
            value = 100 + 0.05 * step + 8 * math.sin(2 * math.pi * step / 7) + draw.gauss(0, 2)
            rows.writerow([day + timedelta(days=step), f"{value:.2f}"])


def write_corpus(path: Path) -> None:
    """60,000 characters of made prose."""
    path.write_text(corpus(60_000))


TASKS = {
    "classify": (write_reviews, ["train", "reviews.csv", "--epochs", "25", "--patience", "25"]),
    "forecast": (
        write_prices,
        ["forecast", "prices.csv", "--window", "28", "--horizon", "7", "--epochs", "50", "--patience", "50"],
    ),
    "language": (
        write_corpus,
        ["train", "corpus.txt", "--hidden-size", "64", "--bptt", "32", "--epochs", "25", "--patience", "25"],
    ),
}


@dataclass
class Trial:
    """One run that was killed: after how many seconds, in which state, and what came of it."""

    kills: list[str]
    same: bool


def command(words: list[str], directory: Path, target: Path, resume: bool) -> subprocess.Popen[bytes]:
    """Start one seqcli process in ``directory``."""
    line = [sys.executable, "-m", "seqcli", *words, "--save", target.name, "--quiet"]
    return subprocess.Popen(
        [*line, "--resume"] if resume else line,
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes], seconds: float | None) -> bool:
    """Wait for the end, or kill after ``seconds``; returns whether it ended by itself."""
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return False
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}: {errors.decode()}")
    return True


def state_of(target: Path) -> str:
    """Where the killed run had got to, as its checkpoints tell."""
    store = CheckpointStore(partial_dir(target) / "checkpoint")
    for phase in ("refit", "fit"):
        saved = store.load(phase)
        if saved:
            position = saved.state["position"]
            return f"{phase} {'done' if position['reason'] else 'step ' + str(position['step'])}"
    return "model in place" if target.is_dir() else "no checkpoint"


def kill_and_resume(words: list[str], directory: Path, target: Path, moments: list[float]) -> list[str]:
    """Run to the end, killed after each of ``moments`` on the way; returns what each kill met."""
    kills: list[str] = []
    for moment in [*moments, None]:
        saved = (partial_dir(target) / "checkpoint" / "run.json").is_file()
        if kills and not saved and target.is_dir():
            break  # killed after its last act
        if finish(command(words, directory, target, resume=saved), moment):
            break
        kills.append(f"{moment:.1f} s: {state_of(target)}")
    return kills


def try_task(task: str, moments: int, threads: list[str], draw: random.Random) -> list[Trial]:
    """All trials of one task, each compared with one unbroken run."""
    write, words = TASKS[task]
    words = [*words, *threads]
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        write(directory / words[1])
        started = time.monotonic()
        whole = directory / "unbroken.seqcli"
        finish(command(words, directory, whole, resume=False), None)
        seconds = time.monotonic() - started
        print(f"{task}: the unbroken run took {seconds:.1f} s", flush=True)
        trials: list[Trial] = []
        for attempt in itertools.count():
            if len(trials) == moments:
                break
            target = directory / f"trial{attempt:03d}.seqcli"
            times = [draw.uniform(0, seconds) for _ in range(1 + len(trials) % 2)]
            started = time.monotonic()
            kills = kill_and_resume(words, directory, target, times)
            if not kills:  # the machine is faster now than it was: aim within this run's time
                seconds = min(seconds, time.monotonic() - started)
                continue
            same = all((whole / name).read_bytes() == (target / name).read_bytes() for name in COMPARED)
            trials.append(Trial(kills, same))
            told = "same bytes" if same else "DIFFERS"
            print(f"{task:9} {len(trials):3} {told:11} {', then '.join(kills)}", flush=True)
    return trials


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--tasks", default="classify,forecast,language")
    parser.add_argument("--threads", type=int, help="passed on to seqcli; its own rule when not given")
    arguments = parser.parse_args()
    draw = random.Random(0)
    failed = 0
    for task in arguments.tasks.split(","):
        threads = ["--threads", str(arguments.threads)] if arguments.threads else []
        trials = try_task(task, arguments.moments, threads, draw)
        good, kills = sum(trial.same for trial in trials), sum(len(trial.kills) for trial in trials)
        failed += len(trials) - good
        print(f"{task}: {good} of {len(trials)} runs, killed {kills} times, ended with the same bytes\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
