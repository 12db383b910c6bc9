"""Sequence to sequence, sound, DNA and series, each beside what one would use instead: all tables, in turn.

    python benchmarks/sequences.py --data DIR [--only pairs numeric speech]

pairs      translation, its speed, and dates (``sequences_pairs.py``, one seed)
numeric    series of numbers and DNA (``sequences_numeric.py``)
speech     spoken digits, told apart and written down (``sequences_speech.py``)

Each has more to choose from in its own ``--help``. All of them take about three hours on two cores.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

TABLES = ("pairs", "numeric", "speech")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of public data sets")
    parser.add_argument("--only", nargs="+", choices=TABLES, default=TABLES)
    given = parser.parse_args()
    for name in given.only:
        script = Path(__file__).with_name(f"sequences_{name}.py")
        print(f"\n{name}", flush=True)
        subprocess.run([sys.executable, script, "--data", given.data], check=True)


if __name__ == "__main__":
    main()
