"""Starting from the weights of a saved model: those of the same name and shape, tokens by their text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from seqcli.errors import ModelError
from seqcli.model_dir import read_model
from seqcli.preprocessing.vocabulary import RESERVED

EMBEDDING = "embeddings.0.weight"
"""The one table (tokens, size) of vectors whose rows mean tokens."""


def start_from(network: nn.Module, task: Mapping[str, Any], model: str) -> str:
    """Copy what fits from the model directory ``model`` into ``network``; say how much did.

    ``task`` is the new task as JSON. Where its vocabulary differs from the saved one, a token's vector
    follows the token, and a new token keeps its fresh vector. Raises :class:`ModelError` when nothing
    fits.
    """
    saved, own = read_model(model), network.state_dict()
    weights = {name: torch.from_numpy(values) for name, values in saved.weights().items()}
    tokens, known = _tokens(task), _tokens(saved.record["task"])
    met = ""
    if tokens != known and EMBEDDING in own and EMBEDDING in weights:
        rows, shared = _rows_by_token(own[EMBEDDING], weights[EMBEDDING], tokens, known)
        weights[EMBEDDING] = rows
        met = f"; {shared:,} of {len(tokens):,} tokens are known there"
    fitting = {name: w for name, w in weights.items() if name in own and own[name].shape == w.shape}
    if not fitting:
        raise ModelError(
            f"{model}: no weights of that model fit this network",
            "--init-from needs a model of the same cell and sizes",
        )
    network.load_state_dict(fitting, strict=False)
    return f"started from {len(fitting)} of {len(own)} weights of {model}{met}"


def _tokens(task: Mapping[str, Any]) -> list[str]:
    """The vocabulary of a task's JSON, in the order of its ids; none for a task without text."""
    inputs = task.get("inputs")
    vocabulary = inputs.get("vocabulary") if isinstance(inputs, Mapping) else None
    return list(vocabulary["tokens"]) if isinstance(vocabulary, Mapping) else []


def _rows_by_token(fresh: Tensor, saved: Tensor, tokens: list[str], known: list[str]) -> tuple[Tensor, int]:
    """Vectors (tokens, size) for ``tokens``: of ``saved`` where it knows them, else ``fresh``; how many."""
    if fresh.shape[1] != saved.shape[1] or len(known) + RESERVED > len(saved):
        return saved, 0
    rows = fresh.clone()
    rows[:RESERVED] = saved[:RESERVED]
    places = {token: place for place, token in enumerate(known, RESERVED)}
    shared = [(place, places[token]) for place, token in enumerate(tokens, RESERVED) if token in places]
    for place, source in shared:
        rows[place] = saved[source]
    return rows, len(shared)
