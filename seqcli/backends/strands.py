"""DNA read from its other strand: backwards within each row's own length, and A for T, C for G.

Bases stand in the order A, C, G, T, so that the complement is the order of the channels turned round.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from seqcli.backends.encoder import reverse, reversed_order
from seqcli.backends.graph_writer import GraphWriter
from seqcli.network import NetworkSpec
from seqcli.sequences import LENGTHS

BASES_FIELD, BASES = "bases", 4


def on_other_strand(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """``batch`` with its bases (B, T, 4) as the other strand has them; padding stays where it is."""
    x, lengths = batch[BASES_FIELD], batch[LENGTHS]
    turned = reverse(x, reversed_order(lengths, x.shape[1]))
    return {**batch, BASES_FIELD: turned.flip(2)}


def strands_of(graph: GraphWriter, spec: NetworkSpec, steps: str) -> list[str]:
    """What is read in a graph: steps (B, T, F) alone, or with those of the other strand.

    The first four channels are the bases; the others, such as the place, are of the way that is read.
    """
    if not spec.both_strands:
        return [steps]
    width = sum(item.size for item in spec.inputs if item.kind == "values")
    back = graph.node("ReverseSequence", steps, graph.lengths, time_axis=1, batch_axis=0)
    turned = graph.node("Gather", back, graph.constant(np.array([3, 2, 1, 0])), axis=2)
    if width == BASES:
        return [steps, turned]
    others = graph.node("Gather", steps, graph.constant(np.arange(BASES, width)), axis=2)
    return [steps, graph.node("Concat", turned, others, axis=2)]
