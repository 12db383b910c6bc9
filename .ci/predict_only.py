"""Saved models answer as ever where only requirements-predict.txt is installed, and nothing to train with.

python .ci/predict_only.py      from the root of the project, in such an environment; standard library alone
"""

from __future__ import annotations

import csv
import importlib.util
import math
import subprocess
import sys
from pathlib import Path

GOLDEN = Path("tests/golden")
TRAINING = ("torch", "pandas", "sklearn", "scipy", "onnx", "pydantic")
ANSWERED = {
    "predict": ("classify_both", "classify_characters", "classify_int8", "regress_intervals", "tag_spans"),
    "forecast": ("forecast_members", "forecast_carried"),
    "evaluate --per-token": ("language_words", "pianoroll"),
}
"""Command → golden models; each answers NAME.csv as NAME.out.csv says."""


def seqcli(*words: str) -> str:
    """What one command line prints."""
    line = [sys.executable, "-m", "seqcli", *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def alike(found: str, wanted: str) -> bool:
    """Whether two cells are the same text, or numbers that are close."""
    try:
        return math.isclose(float(found), float(wanted), rel_tol=1e-4, abs_tol=1e-4)
    except ValueError:
        return found == wanted


def check(verb: str, name: str) -> None:
    """Run one command on a golden model, and hold what it prints against what is kept."""
    file = next(p for p in sorted(GOLDEN.glob(f"{name}.*")) if p.is_file() and ".out." not in p.name)
    printed = seqcli(*verb.split(), str(file), "-m", str(GOLDEN / f"{name}.seqcli"), "--format", "csv")
    rows = list(csv.reader(printed.splitlines()))
    kept = list(csv.reader((GOLDEN / f"{name}.out.csv").read_text(encoding="utf-8").splitlines()))
    same = len(rows) == len(kept) and all(
        len(row) == len(wanted) and all(map(alike, row, wanted))
        for row, wanted in zip(rows, kept, strict=True)
    )
    if not same:
        raise SystemExit(f"{verb} {name}: answers otherwise than it did")
    print(f"{verb} {name}: {len(rows) - 1} rows as they were")


def main() -> None:
    """All of it; ends with exit 1 at the first difference."""
    present = [name for name in TRAINING if importlib.util.find_spec(name) is not None]
    if present:
        raise SystemExit(f"{', '.join(present)}: installed here, so that nothing would be tested")
    for verb, names in ANSWERED.items():
        for name in names:
            check(verb, name)
    written = seqcli("generate", "-m", str(GOLDEN / "language_words.seqcli"), "--length", "20", "--seed", "1")
    if written != seqcli(
        "generate", "-m", str(GOLDEN / "language_words.seqcli"), "--length", "20", "--seed", "1"
    ):
        raise SystemExit("generate: writes two texts with one seed")
    print(f"generate language_words: {len(written.split())} words")
    line = [sys.executable, "-m", "seqcli", "train", str(GOLDEN / "classify_both.csv")]
    refused = subprocess.run(line, capture_output=True, text=True, check=False)
    if refused.returncode != 2 or "hint: pip install 'torch" not in refused.stderr:
        raise SystemExit(f"train: does not say what is missing: {refused.stderr}")
    print(refused.stderr.strip())


if __name__ == "__main__":
    main()
