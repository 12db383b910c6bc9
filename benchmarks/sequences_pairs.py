"""Pairs of texts with default flags, beside a plain script of the same task in the same run.

    python benchmarks/sequences_pairs.py --data DIR --only "de-en" "en-de" throughput beam dates

DIR/translate holds the published parts of Multi30k, ``{train,val,test_2016_flickr}.{de,en}.gz``.

de-en, en-de   ``seqcli train --source … --target … --time-budget 10m``: detokenised BLEU (sacrebleu) of the
               test part, beside a plain GRU encoder and decoder with dot attention that learns as long
throughput     target tokens a second in training, beside a length-sorted plain torch loop of the same sizes
beam           sentences a second by 5 beams, beside a batched torch beam, 32 sentences at once
dates          10,000 made pairs: exact texts after ``--time-budget 60s``

``--time-budget`` shortens the first two, ``--part val`` reports on the validation part, for choosing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sequences_translate import Row, beam_row, dates_row, throughput_row, translation_row

HEAD = ("row", "measure", "must", "target", "seqcli", "plain", "seconds", "note")
WIDTHS = (11, 26, 6, 6, 9, 9, 7, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of public data sets")
    rows = {
        "de-en": lambda given: translation_row(given, "de", "en"),
        "en-de": lambda given: translation_row(given, "en", "de"),
        "throughput": throughput_row,
        "beam": beam_row,
        "dates": dates_row,
    }
    parser.add_argument("--only", nargs="+", choices=list(rows), default=list(rows))
    parser.add_argument("--part", choices=["test_2016_flickr", "val"], default="test_2016_flickr")
    parser.add_argument("--time-budget", type=float, default=600.0, help="seconds for each translation")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(line(HEAD))
    for name in given.only:
        print(line(cells(name, rows[name](given))), flush=True)


def cells(name: str, row: Row) -> tuple[str, ...]:
    bars = (f"{row.must:g}", f"{row.target:g}")
    return (name, row.measure, *bars, f"{row.own:.4g}", f"{row.plain:.4g}", f"{row.seconds:.0f}", row.note)


def line(parts: tuple[str, ...]) -> str:
    return "  ".join(part.ljust(width) for part, width in zip(parts, WIDTHS, strict=True)).rstrip()


if __name__ == "__main__":
    main()
