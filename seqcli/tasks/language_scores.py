"""How well a text was foreseen: nats of each token, read in one pass and in cold windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from seqcli.sequences import TARGET, AnyArray, Batch, FloatArray, Windows, as_ids

Reader: TypeAlias = Callable[[Batch, Any], tuple[FloatArray, Any]]
"""Fields (B, T), and the states after the last batch (None: begin anew) → logits (B, T, V), states."""

A_CHARACTER = "character_nats"
"""Nats a character, whatever the tokens are."""
COLD_STEPS = 64
"""Length of the windows that are read without what came before them."""
LOGITS_AT_ONCE = 2**22
"""Numbers (B × T × V) of one reading, so that a large vocabulary needs no more memory than a small one."""


def surprisals(read: Reader, examples: Windows, size: int) -> FloatArray:
    """Nats of each target (M,) under a network with ``size`` tokens, (M, 2).

    Column 0 is read from end to end with the state carried on; column 1 in windows of
    :data:`COLD_STEPS` that begin anew, NaN where the text ends within a window.
    """
    fields = examples.past
    nats = np.full((len(fields[TARGET]), 2), np.nan, dtype=np.float32)
    nats[:, 0] = _in_one_pass(read, {name: values[None] for name, values in fields.items()}, size)
    window = COLD_STEPS
    count = len(nats) // window
    rows = max(1, LOGITS_AT_ONCE // (size * window))
    for start in range(0, count, rows):
        stop = min(start + rows, count)
        batch = {
            name: as_ids(values[start * window : stop * window]).reshape(-1, window, *values.shape[1:])
            for name, values in fields.items()
        }
        logits, _ = read(batch, None)
        nats[start * window : stop * window, 1] = nats_of(logits, batch[TARGET]).ravel()
    return nats


def _in_one_pass(read: Reader, fields: Batch, size: int) -> FloatArray:
    """Nats (M,) of the targets of one stream, fields (1, M)."""
    steps = max(1, LOGITS_AT_ONCE // size)
    parts, states = [], None
    for start in range(0, fields[TARGET].shape[1], steps):
        piece = {name: as_ids(values[:, start : start + steps]) for name, values in fields.items()}
        logits, states = read(piece, states)
        parts.append(nats_of(logits, piece[TARGET])[0])
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)


def nats_of(logits: FloatArray, target: AnyArray) -> FloatArray:
    """−log softmax(logits)[target]: (B, T, V), (B, T) → (B, T)."""
    shifted = logits - logits.max(axis=-1, keepdims=True)  # first, or large logits would leave no digits
    total = np.log(np.exp(shifted).sum(axis=-1))
    nats: FloatArray = total - np.take_along_axis(shifted, target[..., None], axis=-1)[..., 0]
    return nats


def text_scores(nats: FloatArray) -> dict[str, float]:
    """Means over (M, 2) nats: "nats" and "blk64" a token, "bits" a token, and "perplexity"."""
    whole = nats[:, 0].astype(np.float64).mean() if len(nats) else np.nan
    cold = nats[:, 1][~np.isnan(nats[:, 1])].astype(np.float64)
    return {
        "nats": float(whole),
        "blk64": float(cold.mean()) if len(cold) else np.nan,
        "bits": float(whole / np.log(2.0)),
        "perplexity": perplexity(whole),
    }


def perplexity(nats: float) -> float:
    """e to so many nats a token; infinite where floats end."""
    with np.errstate(over="ignore"):
        return float(np.exp(nats))
