"""How good translations are: BLEU and chrF as papers state them, how many are exact, how many tokens differ.

BLEU (Papineni et al. 2002) and chrF (Popović 2015) are of whole texts, as they are read, and come from the
package sacrebleu with a signature that says how they were counted (Post 2018, arXiv:1804.08771).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from math import nan
from typing import Any

import numpy as np

INSTALL = "pip install 'seqcli[translate]'"
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_LOOKED_AT = 1000
"""Texts by which it is seen whether they are written without blanks."""


def text_scores(written: Sequence[str], wanted: Sequence[str], characters: bool) -> dict[str, float]:
    """``bleu``, ``chrf`` (NaN where sacrebleu is not installed), ``exact`` and ``token_error``.

    The last is of characters, or of words between blanks. No texts give NaN.
    """
    if not wanted:
        return dict.fromkeys(("bleu", "chrf", "exact", "token_error"), nan)
    exact = sum(one.strip() == other.strip() for one, other in zip(written, wanted, strict=True))
    return {
        **_corpus_scores(written, wanted),
        "exact": exact / len(wanted),
        "token_error": error_rate([tokens_of(text, characters) for text in written],
                                  [tokens_of(text, characters) for text in wanted]),
    }  # fmt: skip


def signature(wanted: Sequence[str]) -> str:
    """How BLEU and chrF were counted, or how they could be had."""
    package = _sacrebleu()
    if package is None:
        return f"BLEU and chrF want the package sacrebleu: {INSTALL}"
    bleu, chrf = _metrics(package, wanted)
    bleu.corpus_score(["a"], [["a"]])
    chrf.corpus_score(["a"], [["a"]])
    return f"BLEU {bleu.get_signature()}; chrF {chrf.get_signature()}"


def error_rate(written: Sequence[Sequence[str]], wanted: Sequence[Sequence[str]]) -> float:
    """What was put in, left out or mistaken in what was ``written``, for each token that is ``wanted``."""
    errors = sum(edits(one, other) for one, other in zip(written, wanted, strict=True))
    return errors / max(1, sum(map(len, wanted)))


def edits(written: Sequence[str], wanted: Sequence[str]) -> int:
    """The least number of tokens to put in, take out or replace (Levenshtein's distance)."""
    row = list(range(len(wanted) + 1))
    for place, token in enumerate(written, start=1):
        before, row[0] = row[0], place
        for at, other in enumerate(wanted, start=1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (token != other))
    return row[-1]


def tokens_of(text: str, characters: bool) -> list[str]:
    """What errors are counted in: characters, or words between blanks."""
    return list(text.strip()) if characters else text.split()


def _corpus_scores(written: Sequence[str], wanted: Sequence[str]) -> dict[str, float]:
    package = _sacrebleu()
    if package is None:
        return {"bleu": nan, "chrf": nan}
    bleu, chrf = _metrics(package, wanted)
    references = [list(wanted)]
    return {
        "bleu": float(bleu.corpus_score(list(written), references).score),
        "chrf": float(chrf.corpus_score(list(written), references).score),
    }


def _metrics(package: Any, wanted: Sequence[str]) -> tuple[Any, Any]:
    """BLEU, cut into characters where texts are written without blanks, and chrF."""
    sample = "".join(wanted[:_LOOKED_AT])
    without = 2 * len(_HAN.findall(sample)) > len(re.sub(r"\s", "", sample))
    return package.BLEU(tokenize="char" if without else "13a"), package.CHRF()


def _sacrebleu() -> Any:
    """The part of the package that measures; None where it is not installed."""
    try:
        return import_module("sacrebleu.metrics")
    except ImportError:
        return None


def mean_nats(nats: np.ndarray[Any, Any]) -> float:
    """Nats a token of (N, 2): the sum of each text, and its tokens; NaN of no texts."""
    tokens = float(nats[:, 1].sum())
    return float(nats[:, 0].sum()) / tokens if tokens else nan
