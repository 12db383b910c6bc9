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

BASES_FIELD = "bases"


def on_other_strand(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """``batch`` with its bases (B, T, 4) as the other strand has them; padding stays where it is."""
    x, lengths = batch[BASES_FIELD], batch[LENGTHS]
    turned = reverse(x, reversed_order(lengths, x.shape[1]))
    return {**batch, BASES_FIELD: turned.flip(2)}


def strands_of(graph: GraphWriter, spec: NetworkSpec, steps: str) -> list[str]:
    """What is read in a graph: steps (B, T, 4) alone, or with those of the other strand."""
    if not spec.both_strands:
        return [steps]
    back = graph.node("ReverseSequence", steps, graph.lengths, time_axis=1, batch_axis=0)
    return [steps, graph.node("Gather", back, graph.constant(np.array([3, 2, 1, 0])), axis=2)]
