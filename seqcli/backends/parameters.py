"""The table of a network's parameters."""

from __future__ import annotations

from typing import TypeAlias, cast

from torch import nn

from seqcli.backends.band import Band
from seqcli.backends.encoder import Layer
from seqcli.backends.network import Network
from seqcli.results import ResultColumn, ResultTable

Part: TypeAlias = tuple[str, str, nn.Module]
"""What a part is called, its shape, and the part."""


def parameter_table(network: Network) -> ResultTable:
    """Layer, shape and parameters of each part; the last row is the total."""
    spec = network.spec
    parts = _reading_parts(network)
    if "attention" in spec.pools and network.pool is not None:
        shape = f"{network.pool.project.in_features} → {network.pool.project.out_features} → 1"
        parts.append(("attention", shape, network.pool))
    if spec.streams:
        parts.append(("first state", f"{len(network.start)} × {spec.hidden_size}", network.start))
    band: Band | None = None
    if network.decoder is not None:
        project, band = network.decoder.project, network.decoder.band
        shape = f"{network.decoder.count} × ({project.in_features} → {project.out_features})"
        parts.append(("decoder", shape, network.decoder))
    elif not spec.attention:
        band = network.band
        named = "head, tied" if spec.tied else "head"
        parts.append((named, f"{network.head.in_features} → {network.head.out_features}", network.head))
    if spec.members > 1:
        parts.append(("members", f"{spec.members - 1} more", network.others))
    if spec.chain:
        parts.append(("chain", f"{len(spec.chain)} × {len(spec.chain)}", network.chain))
    counts = [sum(weight.numel() for weight in module.parameters()) for _, _, module in parts]
    if spec.tied:  # its weights are the embedding's
        counts[[name for name, _, _ in parts].index("head, tied")] = network.head.bias.numel()
    if band is not None:
        project, own = band.project, sum(weight.numel() for weight in band.parameters())
        counts = [*counts[:-1], counts[-1] - (own if network.decoder is not None else 0), own]
        parts.append(("band", f"{project.in_features} → {project.out_features}", band))
    rows = [(name, shape, count) for (name, shape, _), count in zip(parts, counts, strict=True)]
    columns = (ResultColumn("layer"), ResultColumn("shape"), ResultColumn("parameters", ",d"))
    return ResultTable("Parameters", columns, [*rows, ("total", "", sum(counts))])


def _reading_parts(network: Network) -> list[Part]:
    """What reads: tables of vectors, convolutions, segments and the layers of cells."""
    spec = network.spec
    parts: list[Part] = []
    tables = {"tokens": iter(network.embeddings), "bags": iter(network.bags)}
    for item in spec.inputs:
        if item.embedded:
            shape = f"{item.size} × {item.embedding_size}"
            parts.append((f"embedding of {item.field}", shape, next(tables[item.kind])))
    for depth, layer in enumerate(network.encoder.layers, start=1):
        for cell, way in zip(cast(Layer, layer).cells, ("", " backward"), strict=False):
            parts.append((f"{spec.cell} {depth}{way}", f"{cell.input_size} → {cell.hidden_size}", cell))
    if network.stem is not None:
        for place, layer in enumerate(network.stem.layers):
            conv = cast(nn.Conv1d, layer)
            called, shape = (
                f"convolution {place + 1}",
                f"{conv.in_channels} × {network.stem.kernel} → {conv.out_channels}",
            )
            parts.insert(place, (called, shape, nn.ModuleList([conv, network.stem.norms[place]])))
    parts += network.further_parts()
    if network.segments is not None:
        project = network.segments.project
        parts.insert(0, ("segments", f"{project.in_features} → {project.out_features}", network.segments))
    return parts
