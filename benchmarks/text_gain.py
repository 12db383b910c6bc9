"""What texts without labels are worth to a classifier: word vectors made from them, words foreseen in them.

Called by ``python benchmarks/text.py --data DIR --gain [FILE]``. For SST-2 and IMDB it trains on the training
file and shows the score on the rows of that file that ``train`` keeps apart; no published test part is read.

nothing       --pretrain none
default       as typed: the words of the training rows are foreseen first, where the plan says so
pretrain      --pretrain FILE
vectors       --vectors V --pretrain none: V is made of FILE here, by :func:`write_vectors`
both          --vectors V --pretrain FILE
"""

from __future__ import annotations

import csv
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.utils.extmath import randomized_svd

from seqcli.preprocessing.vocabulary import tokenize_words

SIZE = 128
"""Numbers of a vector, as many as a classifier's own embedding has."""
NEAR = 5
"""Words to either side that say what a word means."""
FEWEST = 5
"""Times that a word is met, below which it has no vector."""
SMOOTH = 0.75
"""Contexts count by this power of their frequency (Levy, Goldberg and Dagan 2015, section 3.1)."""
Run = Callable[..., tuple[list[dict[str, Any]], float]]


def print_gain(texts: list[str], sets: dict[str, tuple[Path, Sequence[int]]], run: Run, folder: Path) -> None:
    """Print a row a set and way; ``sets`` maps a name to its training file and the seeds.

    ``run`` is called with the words of a command line and gives its rows and seconds.
    """
    file, vectors = folder / "unlabelled.csv", folder / "vectors.txt"
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([["text"], *([text] for text in texts)])
    words = write_vectors(texts, vectors)
    print(f"{len(texts):,} texts without labels; {words:,} words have vectors of {SIZE} numbers")
    heads = f"{'both':>7} {'alone':>7} {'range alone':>13} {'nll both':>9} {'nll alone':>9} {'train s':>7}"
    print(f"{'set':6} {'ahead':9} {heads}")
    ways: dict[str, list[str]] = {
        "nothing": ["--pretrain", "none"],
        "default": [],
        "pretrain": ["--pretrain", str(file)],
        "vectors": ["--vectors", str(vectors), "--pretrain", "none"],
        "both": ["--vectors", str(vectors), "--pretrain", str(file)],
    }
    for name, (train, seeds) in sets.items():
        for way, typed in ways.items():
            runs = [
                run("train", str(train), *typed, "--no-refit", "--seed", str(seed),
                    "--save", str(folder / "gain.seqcli"), "--force")
                for seed in seeds
            ]  # fmt: skip
            _show(name, way, runs)


def _show(name: str, way: str, runs: Sequence[tuple[list[dict[str, Any]], float]]) -> None:
    """One line: medians over the seeds of what the first two rows of each table say."""
    accuracy, loss = (
        [[rows[place][key] for rows, _ in runs] for place in (0, 1)] for key in ("accuracy", "log_loss")
    )
    middle = [statistics.median(values) for values in (*accuracy, *loss)]
    print(
        f"{name:6} {way:9} {middle[0]:7.4f} {middle[1]:7.4f} {min(accuracy[1]):.4f}–{max(accuracy[1]):.4f} "
        f"{middle[2]:9.4f} {middle[3]:9.4f} {statistics.median(seconds for _, seconds in runs):7.0f}",
        flush=True,
    )


def write_vectors(texts: Sequence[str], path: Path) -> int:
    """Write vectors of the words of ``texts`` in word2vec's text form; returns how many words have one.

    M_wc = max(0, ln P(w, c) / (P(w) P(c))) over words within NEAR of each other, cut to its SIZE
    largest singular values: W = U √S (Levy and Goldberg 2014, Neural Word Embedding as Implicit Matrix
    Factorization).
    """
    cut = [tokenize_words(text) for text in texts]
    counts = Counter(word for words in cut for word in words)
    known = sorted((word for word, count in counts.items() if count >= FEWEST), key=lambda w: (-counts[w], w))
    numbers = {word: number for number, word in enumerate(known)}
    size, ids = len(known), [np.array([numbers.get(word, -1) for word in words]) for words in cut]
    met = csr_matrix((size, size), dtype=np.float64)
    for far in range(1, NEAR + 1):
        pairs = np.concatenate([np.stack([row[:-far], row[far:]]) for row in ids if len(row) > far], axis=1)
        pairs = pairs[:, (pairs >= 0).all(axis=0)]
        met = met + csr_matrix((np.full(pairs.shape[1], 1 / far), (pairs[0], pairs[1])), (size, size))
    met = (met + met.T).tocoo()
    words = np.asarray(met.sum(axis=1)).ravel()
    contexts = words**SMOOTH / (words**SMOOTH).sum()
    values = np.log(np.maximum(met.data / (words[met.row] * contexts[met.col]), 1.0))
    left, scale, _ = randomized_svd(
        csr_matrix((values, (met.row, met.col)), (size, size)), SIZE, random_state=0
    )
    vectors = left * np.sqrt(scale)
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{size} {SIZE}\n")
        for word, vector in zip(known, vectors, strict=True):
            file.write(f"{word} {' '.join(f'{number:.4f}' for number in vector)}\n")
    return size
