"""One optimiser step of a language model in NumPy: forward, loss, backward, clip, update."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from seqcli.backends.losses import LOSSES, Loss
from seqcli.backends.network import Network
from seqcli.backends.numpy_cells import Array, State
from seqcli.backends.numpy_network import NumpyNetwork
from seqcli.sequences import LENGTHS, TARGET, Batch
from seqcli.training.fit_setup import FitSetup, out_of_memory
from seqcli.training.numpy_optimisers import OPTIMISERS


class NumpyStepper:
    """As :class:`~seqcli.training.stepping.Stepper`, for the streams of a language model.

    The weights are those of the torch ``network``: NumPy reads and changes the same memory, so that scoring
    and the export see every step. The state of the streams is carried from step to step, as a constant.
    """

    def __init__(self, network: Network, setup: FitSetup) -> None:
        self.device = torch.device("cpu")
        self.network = network
        self.loss: Loss = LOSSES[setup.loss]
        self._setup = setup
        self._fields = [item.field for item in network.spec.inputs]
        weights = {name: parameter.detach().numpy() for name, parameter in network.named_parameters()}
        self._model = NumpyNetwork(network.spec.cell, weights)
        self._optimiser = OPTIMISERS[setup.optimizer](weights, setup.weight_decay)
        self._states: list[State] | None = None
        self.start_epoch()
        self._norms = 0.0
        # Products this small only wait for a second thread, and they round by the number of threads.
        threadpool_limits(limits=1, user_api="blas")
        _keep_freed_memory()

    def start_epoch(self) -> None:
        """Set the epoch's sums to zero: row-weighted loss, rows, clipped steps. The streams go on."""
        self._sums = np.zeros(3)

    def step(self, batch: Batch, learning_rate: float) -> None:
        """Train on the next stretch of each stream.

        ``batch`` holds the token fields and "target", int64 (B, T), and "fresh", bool (B,): rows that begin
        anew. Raises :class:`ResourceError` when memory runs out.
        """
        try:
            # Numbers that run over are no surprise to be warned of: the loop asks is_finite.
            with np.errstate(over="ignore", invalid="ignore"):
                self._step(batch, learning_rate)
        except MemoryError as error:
            raise out_of_memory(self._setup) from error

    def _step(self, batch: Batch, learning_rate: float) -> None:
        tokens = np.stack([batch[field] for field in self._fields], axis=-1)  # (B, T, fields)
        loss, gradients, self._states = self._model.loss(tokens, batch[TARGET], self._states, batch["fresh"])
        norm, clipped = clip_arrays(gradients, self._setup.clip_norm, self._setup.clip_value)
        self._optimiser.update(gradients, learning_rate)
        rows = len(batch[LENGTHS])
        self._sums += (loss * rows, rows, clipped)
        self._norms += norm

    def is_finite(self) -> bool:
        """Whether every loss and gradient since the last call was finite."""
        finite = bool(np.isfinite(self._sums.sum() + self._norms))
        self._norms = 0.0
        return finite

    def epoch_means(self, steps: int) -> tuple[float, float]:
        """(mean training loss over rows, share of clipped steps) of the epoch at hand."""
        loss, rows, clipped = self._sums.tolist()
        return loss / max(rows, 1.0), clipped / max(steps, 1)

    def tensors(self) -> dict[str, Tensor]:
        """All state that the next step depends on, by name; shared with the live state, not copied."""
        found = {f"weights/{name}": value for name, value in self.network.state_dict().items()}
        for name, values in self._optimiser.state.items():
            found[f"optimizer/{name}"] = torch.from_numpy(values)
        for depth, state in enumerate(self._states or []):
            found.update(
                {f"carried/{depth}/{place}": torch.from_numpy(part) for place, part in enumerate(state)}
            )
        found["sums"] = torch.from_numpy(self._sums)
        return found

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what :meth:`tensors` gave. Raises KeyError or RuntimeError when it does not fit."""
        self.network.load_state_dict({name: tensors[f"weights/{name}"] for name in self.network.state_dict()})
        for name, values in self._optimiser.state.items():
            if f"optimizer/{name}" in tensors:  # a finished fit keeps its weights alone
                torch.from_numpy(values).copy_(tensors[f"optimizer/{name}"])
        self._states = None
        if "carried/0/0" in tensors:
            self._states = [
                tuple(tensors[f"carried/{depth}/{place}"].numpy().copy() for place in range(len(cell.states)))
                for depth, cell in enumerate(self._model.cells)
            ]
        self._sums = tensors["sums"].numpy().copy()


def clip_arrays(
    gradients: Mapping[str, Array], clip_norm: float, clip_value: float | None
) -> tuple[float, float]:
    """As :func:`~seqcli.training.stepping.clip_gradients`, for arrays (...,) of any shape.

    Returns (the norm before, 1.0 if anything was clipped else 0.0); with ``clip_value`` the norm is the
    largest magnitude.
    """
    if clip_value is not None:
        largest = float(np.max([np.abs(gradient).max() for gradient in gradients.values()]))
        for gradient in gradients.values():
            np.clip(gradient, -clip_value, clip_value, out=gradient)
        return largest, float(largest > clip_value)
    norm = sum(float(np.vdot(gradient, gradient)) for gradient in gradients.values()) ** 0.5
    scale = clip_norm / (norm + 1e-6)
    if scale < 1:
        for gradient in gradients.values():
            gradient *= scale
    return norm, float(norm > clip_norm)


def _keep_freed_memory() -> None:
    """Have each step find the memory of the one before it still at hand.

    glibc gives back to the system what is freed beyond twice the largest block freed so far. The arrays of
    a step would go each time, and come back page by page, which costs a third of the step of an LSTM. So a
    large block is freed here that was never touched. Other C libraries do as they did.
    """
    np.empty(31 << 20, dtype=np.uint8)  # 32 MiB is the largest that glibc counts
