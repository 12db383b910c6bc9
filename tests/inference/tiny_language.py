"""A language model that was never trained: a real task around random weights, saved as training saves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from seqcli.backends.graph import step_graph
from seqcli.backends.network import Network, build_network
from seqcli.model_dir import SavedModel, read_model, write_model
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import Options
from seqcli.preprocessing.byte_corpus import fit_corpus
from seqcli.tasks.base import Plan
from seqcli.tasks.language import Language

TEXT = "The quick brown fox jumps over the lazy dog.\nPack my box with five dozen jugs, and the quick fox!\n"


def tiny_language(
    target: Path,
    level: str = "characters",
    categories: tuple[str, ...] = (),
    cell: str = "lstm",
    text: str = TEXT,
    gain: float = 1.0,
    **record: Any,
) -> tuple[SavedModel, Network]:
    """A model directory of two layers, and the torch network in it; ``record`` replaces keys of its own.

    A ``gain`` of the weights above 1 makes it write no short cycle but what depends on its state.
    """
    plan = Plan("language", ("text",), features=("kind",) if categories else (), text=("text",))
    task = Language(plan, fit_corpus(text, level, by_heart=False), categories)
    inputs = [InputSpec("tokens", "tokens", task.corpus.size, 8)]
    if categories:
        inputs.append(InputSpec("condition", "tokens", len(categories) + 2, 4))
    spec = NetworkSpec(
        tuple(inputs), (task.corpus.size,), cell=cell, hidden_size=16, num_layers=2, pool="none", streams=True
    )
    network = build_network(spec, seed=5)
    generator = torch.Generator().manual_seed(6)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.startswith("start") or name == "head.weight":
                weight += torch.randn(weight.shape, generator=generator)
            elif "weight_hh" in name or "weight_ih" in name:
                weight *= gain
    network.eval()
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    described = {
        "task": {"name": task.name, **task.to_json()},
        "network": spec.to_json(),
        "metrics": {cell: {"nats": 2.0, "blk64": 2.1, "bits": 2.9, "perplexity": 7.4}},
        "options": Options().to_flat(),
        "typed": [],
        "seed": 0,
        "threads": 1,
        "steps": 0,
        "versions": {},
        "data": {"source": "corpus.txt", "digest": "", "rows": 2},
        "created": "2026-01-02T03:04:05+00:00",
        **record,
    }
    write_model(target, described, weights, {"step": step_graph(network)}, [], "# card\n")
    return read_model(target), network
