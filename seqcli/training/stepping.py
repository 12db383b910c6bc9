"""One optimiser step: forward, loss, backward, clip, update."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from seqcli.backends.cells.cell import State
from seqcli.backends.losses import Loss, mean_over, training_loss
from seqcli.backends.network import Network
from seqcli.backends.products import precision
from seqcli.sequences import LENGTHS, Batch
from seqcli.training.batches import to_tensors
from seqcli.training.distributed import team
from seqcli.training.fit_setup import FitSetup, out_of_memory


class Trainer(Protocol):
    """What takes the steps of a fit."""

    device: torch.device
    loss: Loss
    """Outputs (B, ...) and their batch → a mean."""

    @property
    def network(self) -> nn.Module:
        """The network with the weights of the last step."""

    def start_epoch(self) -> None:
        """Set the epoch's sums to zero."""

    def step(self, batch: Batch, learning_rate: float) -> None:
        """Train on one batch."""

    def is_finite(self) -> bool:
        """Whether every loss and gradient since the last call was finite."""

    def epoch_means(self, steps: int) -> tuple[float, float]:
        """(mean training loss over rows, share of clipped steps) of the epoch at hand."""

    def tensors(self) -> dict[str, Tensor]:
        """All state that the next step depends on, by name."""

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what :meth:`tensors` gave. Raises KeyError or RuntimeError when it does not fit."""


def make_trainer(network: nn.Module, setup: FitSetup) -> Trainer:
    """The trainer of the backend that ``setup`` names."""
    if setup.backend == "numpy":
        from seqcli.training.numpy_stepper import NumpyStepper

        return NumpyStepper(cast(Network, network), setup)
    return Stepper(network, setup)


class Stepper:
    """A network with its optimiser, and the running sums of the epoch at hand.

    AdamW (Loshchilov and Hutter, ICLR 2019), fused; biases and other vectors are not decayed. The
    sums stay tensors, so that no step waits for a number to come back from the device. Where the setup
    cuts gradients after some steps, the state of one batch goes into the next, detached.
    """

    def __init__(self, network: nn.Module, setup: FitSetup) -> None:
        self.device = torch.device(setup.device)
        self.network = network.to(self.device)
        self.loss: Loss = training_loss(setup.loss, 0.0, network)
        self._training_loss = training_loss(setup.loss, setup.label_smoothing, network)
        self._setup = setup
        self._named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
        self._parameters = [parameter for _, parameter in self._named]
        self._optimizer = make_optimizer(self._parameters, setup)
        self._carried: list[State] | None = None
        self._team = team()
        self._team.level(network)
        self.start_epoch()
        self._norms = torch.zeros((), dtype=torch.float64, device=self.device)

    def start_epoch(self) -> None:
        """Set the epoch's sums to zero: row-weighted loss, rows, clipped steps."""
        self._sums = torch.zeros(3, dtype=torch.float64, device=self.device)

    def step(self, batch: Batch, learning_rate: float) -> None:
        """Train on one batch. Raises :class:`ResourceError` when memory runs out."""
        try:
            self._step(to_tensors(batch, self.device), learning_rate)
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise
            raise out_of_memory(self._setup) from error

    def _step(self, batch: dict[str, Tensor], learning_rate: float) -> None:
        if not self.network.training:
            self.network.train()
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.zero_grad(set_to_none=True)
        loss, rows = self._backward(batch)
        norm, clipped = clip_gradients(self._parameters, self._setup.clip_norm, self._setup.clip_value)
        self._optimizer.step()
        self._sums += torch.stack([loss.double() * rows, clipped.new_full((), rows), clipped])
        self._norms += norm
        if self._setup.watch:
            self._setup.watch(norm)

    def _backward(self, batch: dict[str, Tensor]) -> tuple[Tensor, float]:
        """Leave the gradients of the whole batch; returns its loss () and its rows."""
        rows = len(batch[LENGTHS])
        loss = torch.zeros((), device=self.device)
        weight = mean_over(self._setup.loss, batch) if self._team.size > 1 else None
        if rows:  # of a small batch some of many processes have none
            with precision(self._setup.precision):
                loss = self._training_loss(self._outputs(batch), batch)
            loss.backward(None if weight is None else weight.to(loss.dtype))  # type: ignore[no-untyped-call]
        if weight is None:
            return loss.detach(), rows
        said = torch.stack([loss.detach() * weight, weight, torch.tensor(float(rows))])
        total, weights, whole = self._team.average(self._parameters, weight, said)
        return total / weights, float(whole)

    def _outputs(self, batch: dict[str, Tensor]) -> Tensor:
        """What the network answers; in a stream it reads on from where the last batch ended."""
        if self._setup.bptt is None:
            return cast(Tensor, self.network(batch))
        outputs, states = cast(Network, self.network).read_on(batch, self._carried)
        self._carried = [tuple(part.detach() for part in state) for state in states]
        return outputs

    def is_finite(self) -> bool:
        """Whether every loss and gradient since the last call was finite; waits for the device."""
        finite = bool(torch.isfinite(self._sums.sum() + self._norms))
        self._norms.zero_()
        return finite

    def epoch_means(self, steps: int) -> tuple[float, float]:
        """(mean training loss over rows, share of clipped steps) of the epoch at hand."""
        loss, rows, clipped = self._sums.tolist()
        return loss / max(rows, 1.0), clipped / max(steps, 1)

    def tensors(self) -> dict[str, Tensor]:
        """All state that the next step depends on, by name; shared with the live state, not copied."""
        found = {f"weights/{name}": value for name, value in self.network.state_dict().items()}
        for name, parameter in self._named:
            for key, value in self._optimizer.state.get(parameter, {}).items():
                found[f"optimizer/{key}/{name}"] = value
        for cell, state in enumerate(self._carried or []):
            for place, part in enumerate(state):
                rows = self._team.whole(part.view(-1, self._readers, *part.shape[1:]))
                found[f"carried/{cell}/{place}"] = rows.flatten(0, 1)
        found["sums"] = self._sums
        found["random/cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            found["random/cuda"] = torch.cuda.get_rng_state(self.device)
        return found

    @property
    def _readers(self) -> int:
        """States that a row of a batch carries on."""
        spec = cast(Network, self.network).spec
        return spec.readers if spec.stateful else 1

    def _mine(self, state: Tensor) -> Tensor:
        """Of states (B * r, H) those of this process's rows."""
        mine = self._team.share(state.view(-1, self._readers, *state.shape[1:]))
        return mine.flatten(0, 1).to(self.device)

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what :meth:`tensors` gave. Raises KeyError or RuntimeError when it does not fit."""
        self.network.load_state_dict({name: tensors[f"weights/{name}"] for name in self.network.state_dict()})
        for name, parameter in self._named:
            state = {
                key: tensors[f"optimizer/{key}/{name}"].to(self.device, copy=True)
                for key in ("step", "exp_avg", "exp_avg_sq", "sum")
                if f"optimizer/{key}/{name}" in tensors
            }
            if state:
                self._optimizer.state[parameter] = state
        if self._setup.bptt is not None and "carried/0/0" in tensors:
            self._carried = [
                tuple(self._mine(tensors[f"carried/{depth}/{place}"]) for place in range(len(cell.states)))
                for depth, cell in enumerate(cast(Network, self.network).encoder.forward_cells)
            ]
        self._sums = tensors["sums"].to(self.device, copy=True)
        torch.set_rng_state(tensors["random/cpu"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random/cuda"], self.device)


def make_optimizer(parameters: list[nn.Parameter], setup: FitSetup) -> torch.optim.Optimizer:
    """AdamW, Adam (Kingma and Ba, ICLR 2015) or Adagrad (Duchi, Hazan and Singer, JMLR 2011).

    AdamW decays matrices alone; the others decay nothing.
    """
    if setup.optimizer == "adagrad":
        return torch.optim.Adagrad(parameters, lr=setup.learning_rate, foreach=True)
    if setup.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=setup.learning_rate, fused=True)
    matrices = {"params": [p for p in parameters if p.ndim > 1], "weight_decay": setup.weight_decay}
    vectors = {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0}
    return torch.optim.AdamW([matrices, vectors], lr=setup.learning_rate, fused=True)


def clip_gradients(
    parameters: Iterable[Tensor], clip_norm: float, clip_value: float | None
) -> tuple[Tensor, Tensor]:
    """Clip the gradients in place: to the global norm ``clip_norm``, or each element to ±``clip_value``.

    Parameters are (...,) of any shape. Returns (the norm before (), 1.0 if anything was clipped else
    0.0, ()); with ``clip_value`` the norm is the largest magnitude. Norm clipping is Pascanu, Mikolov
    and Bengio, ICML 2013, algorithm 1.
    """
    parameters = list(parameters)
    if clip_value is None:
        norm = clip_grad_norm_(parameters, clip_norm)
        return norm, (norm > clip_norm).double()
    gradients = [p.grad for p in parameters if p.grad is not None]
    largest = torch.nn.utils.get_total_norm(gradients, norm_type=float("inf"))
    clip_grad_value_(parameters, clip_value)
    return largest, (largest > clip_value).double()


def _out_of_memory(error: RuntimeError) -> bool:
    """Whether torch says that memory ran out: its own class on CUDA, a sentence on the CPU."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
