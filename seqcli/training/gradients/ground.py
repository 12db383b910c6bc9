"""What all cells of one inspection share, and what is found in each on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from seqcli.backends.encoder import Layer
from seqcli.backends.network import Network, build_network
from seqcli.network import NetworkSpec
from seqcli.options import Options
from seqcli.options_use import InspectOptions
from seqcli.tasks.base import Prepared
from seqcli.training.gradients.causes import causes
from seqcli.training.gradients.curves import Flow
from seqcli.training.gradients.dynamics import dynamics
from seqcli.training.gradients.flow import through_time
from seqcli.training.gradients.inputs import Looked
from seqcli.training.gradients.truncation import truncations


@dataclass(frozen=True)
class Ground:
    """What all cells of one inspection share: the sequences, the network around the cell, the choices."""

    looked: Looked
    spec: NetworkSpec
    options: Options
    inspect: InspectOptions
    prepared: Prepared | None = None
    """What there is to train on."""
    epochs: int | None = None
    """Passes of the short training, where they were typed."""

    def network(self, cell: str, init: str) -> Network:
        """A network of one direction that reads its last state, W_hh multiplied by ``--init-scale``."""
        pool = self.spec.pool if self.spec.pool == "none" else "last"
        spec = replace(self.spec, cell=cell, init=init, bidirectional=False, pool=pool, members=1)
        network = build_network(spec, self.options.training.seed)
        with torch.no_grad():
            for layer in network.encoder.layers:
                assert isinstance(layer, Layer)
                if self.inspect.init_scale != 1.0:
                    layer.forward_cell.weight_hh.mul_(self.inspect.init_scale)
        return network

    def flow(self, network: Network, cell: str, stage: str) -> Flow:
        """What is found in one network."""
        batch, seed = self.looked.batch, self.options.training.seed
        return Flow(
            cell,
            stage,
            tuple(through_time(network, batch, seed)),
            tuple(causes(network, batch)),
            dynamics=tuple(dynamics(network, batch)),
            truncations=truncations(network, batch, seed),
        )
