"""What ``model.json`` says of a model that was exported with weights of 8 bits: the key "exported".

    {"from": "reviews.seqcli", "parameters": 12345}

Such a model predicts as any other. Of the network's weights it holds only those that prediction reads
beside the graphs, so that it can neither be trained further nor be looked into.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqcli.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEY = "exported"
BESIDE_GRAPHS = ("start.", "chain.")
"""Beginnings of the names of weights that are read where a graph runs: first states, neighbouring tags."""


def is_exported(record: Mapping[str, Any]) -> bool:
    """Whether a model's weights are in its graphs alone, in 8 bits."""
    return isinstance(record.get(KEY), dict)


def origin(record: Mapping[str, Any]) -> str:
    """The name of the model that an exported one was made from; "" where it is not told."""
    told = record[KEY].get("from") if is_exported(record) else None
    return told if isinstance(told, str) else ""


def exported_parameters(record: Mapping[str, Any]) -> int | None:
    """How many weights an exported model's network has; None of any other model."""
    told = record[KEY].get("parameters") if is_exported(record) else None
    return told if type(told) is int and told >= 0 else None


def kept_beside_graphs(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Those of a network's weights that an exported model holds as they were."""
    return {name: values for name, values in weights.items() if name.startswith(BESIDE_GRAPHS)}


def need_weights(record: Mapping[str, Any], path: Path, what: str) -> None:
    """Raise UsageError for a model that was exported in 8 bits, whose weights ``what`` would need."""
    if is_exported(record):
        source = origin(record)
        hint = (
            f"name the model that it was made from, {source}" if source else "name the model it is made from"
        )
        raise UsageError(f"{path}: was exported with --int8 and holds no weights for {what}", hint)
