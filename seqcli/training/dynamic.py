"""Dynamic evaluation: a language model goes on learning from the text that it is scored on.

Each segment is scored first and learnt then, so no token is scored by what it taught itself; what the text
has said so far is known to the weights, and not to the state alone (Mikolov, Karafiát, Burget, Černocký and
Khudanpur 2010, section 3.3; Krause, Kahembwe, Murray and Renals 2018, arXiv:1709.07432, whose steps are
scaled by the mean square of gradients, as Adam's are here). The saved model stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from seqcli.backends.device import set_threads
from seqcli.errors import DivergedError
from seqcli.model_dir import SavedModel
from seqcli.sequences import TARGET, FloatArray, Windows
from seqcli.threads import training_threads
from seqcli.training.batches import to_tensors
from seqcli.training.gradients.inspection import saved_network

RATE = 3e-4
"""Validation nats of plays, a character GRU of 256 units: 1.917 static, 1.819 with this, 1.833 with 1e-3."""
SEGMENT = 20
"""Steps of a segment, as in Krause 2018; 64 gave 1.843."""
CLIP_NORM = 1.0


@dataclass(frozen=True)
class DynamicSteps:
    """How the model learns while it reads."""

    rate: float = RATE
    segment: int = SEGMENT
    threads: int | None = None


def dynamic_nats(model: SavedModel, examples: Windows, how: DynamicSteps) -> Iterator[FloatArray]:
    """Nats (K,) of the targets of each segment in turn.

    Raises :class:`DivergedError` where they are no longer finite.
    """
    set_threads(training_threads(how.threads, model.network.hidden_size))
    network = saved_network(model).eval()  # what is dropped in training is kept here
    weights = list(network.parameters())
    optimizer = torch.optim.Adam(weights, how.rate, fused=True)
    fields, states = examples.past, None
    device = torch.device("cpu")
    for start in range(0, len(fields[TARGET]), how.segment):
        piece = {name: values[None, start : start + how.segment] for name, values in fields.items()}
        batch = to_tensors(piece, device)
        logits, states = network.read_on(batch, states)  # (1, K, V)
        nats = cross_entropy(logits[0], batch[TARGET][0], reduction="none")  # (K,)
        if not bool(nats.isfinite().all()):
            raise DivergedError(
                "the model is lost while it learns from this text", f"a --learning-rate below {how.rate:g}"
            )
        yield nats.detach().numpy()
        optimizer.zero_grad()
        torch.autograd.backward(nats.mean())
        torch.nn.utils.clip_grad_norm_(weights, CLIP_NORM)
        optimizer.step()
        states = [tuple(part.detach() for part in state) for state in states]
