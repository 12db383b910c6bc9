"""Starting from the weights of a saved model: those of the same name and shape, tokens by their text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from seqcli.errors import DataError, ModelError
from seqcli.model_dir import read_model
from seqcli.preprocessing.vocabulary import RESERVED
from seqcli.readers.vectors import read_vectors
from seqcli.saved.exported import need_weights

EMBEDDING = "embeddings.0.weight"
"""The table (tokens, size) of vectors whose rows mean tokens."""
HEAD = ("head.weight", "head.bias")
"""Of a language model the rows of these mean tokens too."""
CONDITIONS = "embeddings.1.weight"
"""Of a language model the rows of this mean values of its condition, behind padding and unknown ones."""

Meanings: TypeAlias = dict[str, tuple[int, list[str]]]
"""Name of a weight → how many rows stand for nothing that is written, and what each one behind them means."""


def start_from(network: nn.Module, task: Mapping[str, Any], model: str) -> str:
    """Copy what fits from the model directory ``model`` into ``network``; say how much did.

    ``task`` is the new task as JSON. Where its vocabulary differs from the saved one, a token's row
    follows the token, and a new token keeps its fresh row. Raises :class:`ModelError` when nothing
    fits.
    """
    saved, own = read_model(model), network.state_dict()
    need_weights(saved.record, saved.path, "a training to start from")
    weights = {name: torch.from_numpy(values) for name, values in saved.weights().items()}
    mine, theirs = _meanings(task), _meanings(saved.record["task"])
    met = ""
    for name in sorted({*mine, *theirs} & own.keys() & weights.keys()):
        if mine.get(name) == theirs.get(name):
            continue
        rows, shared = _rows_by_meaning(own[name], weights.pop(name), mine.get(name), theirs.get(name))
        if rows is not None:
            weights[name] = rows
        if name == EMBEDDING:
            met = f"; {shared:,} of {len(mine[name][1]) if name in mine else 0:,} tokens are known there"
    if _subwords(task) != _subwords(saved.record["task"]):  # an id there is another part of a word here
        weights = {name: w for name, w in weights.items() if not name.startswith("bags.")}
    fitting = {name: w for name, w in weights.items() if name in own and own[name].shape == w.shape}
    if not fitting:
        raise ModelError(
            f"{model}: no weights of that model fit this network",
            "--init-from needs a model of the same cell and sizes",
        )
    network.load_state_dict(fitting, strict=False)
    return f"started from {len(fitting)} of {len(own)} weights of {model}{met}"


def _meanings(task: Mapping[str, Any]) -> Meanings:
    """The weights of a task's network whose rows mean something, from its JSON."""
    inputs, corpus = task.get("inputs"), task.get("corpus")
    vocabulary = inputs.get("vocabulary") if isinstance(inputs, Mapping) else None
    found: Meanings = {}
    if isinstance(corpus, Mapping):
        tokens = (RESERVED, _words(corpus.get("tokens")))
        found = {EMBEDDING: tokens, **dict.fromkeys(HEAD, tokens)}
        found[CONDITIONS] = (2, _words(task.get("conditions")))
    elif isinstance(vocabulary, Mapping):
        found[EMBEDDING] = (RESERVED, _words(vocabulary.get("tokens")))
    return found


def _subwords(task: Mapping[str, Any]) -> Any:
    inputs = task.get("inputs")
    return inputs.get("subwords") if isinstance(inputs, Mapping) else None


def _words(listed: Any) -> list[str]:
    return [word for word in listed if isinstance(word, str)] if isinstance(listed, list) else []


def _rows_by_meaning(
    fresh: Tensor, saved: Tensor, mine: tuple[int, list[str]] | None, theirs: tuple[int, list[str]] | None
) -> tuple[Tensor | None, int]:
    """Rows (tokens, …) of ``saved`` where it knows what a row means, else of ``fresh``; how many.

    None where the two cannot be set side by side: rows of another size, or of no meaning in one of them.
    """
    if mine is None or theirs is None or fresh.shape[1:] != saved.shape[1:]:
        return None, 0
    (ahead, words), (_, known) = mine, theirs
    if len(known) + ahead > len(saved) or len(words) + ahead > len(fresh):
        return None, 0
    rows = fresh.clone()
    rows[:ahead] = saved[:ahead]
    places = {word: place for place, word in enumerate(known, ahead)}
    shared = [(place, places[word]) for place, word in enumerate(words, ahead) if word in places]
    for place, source in shared:
        rows[place] = saved[source]
    return rows, len(shared)


def start_from_vectors(network: nn.Module, task: Mapping[str, Any], path: str) -> str:
    """Give the words of a classifier's vocabulary the vectors that the file ``path`` has; say how many.

    Words without one begin as far spread as those with one. Raises :class:`DataError` when the file has
    none of the words.
    """
    ahead, words = _meanings(task).get(EMBEDDING, (0, []))
    vectors = read_vectors(path, set(words))
    if not vectors:
        raise DataError(
            f"{path}: has a vector for none of the {len(words):,} words of the training rows",
            "is it of the same language?",
        )
    table = network.state_dict()[EMBEDDING]  # (V, E), shared with the network
    known = [row for row, word in enumerate(words, ahead) if word in vectors]
    found = torch.from_numpy(np.stack([vectors[words[row - ahead]] for row in known]))
    spread = table[ahead:].std()
    table *= found.std() / spread if bool(spread > 0) else 1.0
    table[known] = found
    return f"{len(vectors):,} of {len(words):,} words begin with their vectors of {path}"
