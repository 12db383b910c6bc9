"""One training by several processes, each with its share of the rows of every batch.

    torchrun --nproc-per-node 2 -m seqcli train reviews.csv

Every process reads the same files, makes the same choices and begins with the same weights. The loss of
a batch is a mean, so the gradient of the whole batch is that of the shares, weighted by what each share's
mean was divided by (its rows, or its steps, or the weights of its classes):

    ∇L = Σ_p w_p ∇L_p / Σ_p w_p

One sum over all processes a step gives it, and each then clips and updates alike (Dean et al. 2012, Large
Scale Distributed Deep Networks, with synchronous steps). What depends on a clock or on a key that was
pressed is decided for all together. The first process alone writes and prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from seqcli.errors import ResourceError
from seqcli.sequences import AnyArray
from seqcli.threads import team_place
from seqcli.training.board import Board, make_board, one_machine

Rows = TypeVar("Rows", bound=Any)

PATIENCE = timedelta(days=7)
"""How long a process waits for another: baselines of many rows take the first one long."""
LEAVING = timedelta(seconds=30)
"""How long a process that failed waits for the first one to clear up before it ends all of them."""
TABLE = 1024
"""Rows from which on a matrix is looked at as a table, of which a batch uses few rows."""
FAILED, LEFT = "seqcli/failed", "seqcli/left"


class Team:
    """The processes of one training, as one of them sees them; a process by itself is a team of one."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size
        self.board: Board | None = None
        """Where numbers are added up, once gradients have been, of processes on one machine."""
        self._boards, self._room = 0, 0

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def share(self, rows: Rows) -> Rows:
        """Of ``rows`` (B, ...), or a list, what this process works on: (B_p, ...)."""
        return rows if self.size == 1 else cast(Rows, rows[self.rank :: self.size])

    def sow(self, seed: int, step: int) -> None:
        """Begin the random numbers of a step: each process leaves out other units."""
        if self.size > 1:
            torch.manual_seed(int(np.random.SeedSequence([seed, step, self.rank]).generate_state(1)[0]))

    def level(self, network: nn.Module) -> None:
        """Give all processes the weights of the first."""
        if self.size > 1:
            for weight in network.state_dict().values():
                self._broadcast(weight)

    def average(self, parameters: Sequence[Tensor], weight: Tensor, sums: Tensor) -> Tensor:
        """Make the gradients of ``parameters`` (...,) each those of the whole batch.

        They come multiplied by ``weight`` (), which is w_p; ``sums`` (K,) is what else to add up over
        processes, which is returned. A gradient that no process has stays None. Of a large table only the
        rows travel that are not zero in some process: a batch of texts looks up few of its words.
        """
        has = torch.tensor([float(p.grad is not None) for p in parameters])
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        self._make_room(sum(gradient.numel() + 1 for gradient in gradients) + len(sums) + 1)
        rows = self._rows_in_use(gradients)
        sent = [
            g if used is None else g.index_select(0, used) for g, used in zip(gradients, rows, strict=True)
        ]
        tail = torch.cat([has, weight.float()[None], sums.float()])
        flat = torch.cat([*(part.flatten().float() for part in sent), tail])
        self._add(flat)
        *added, has, weight, sums = torch.split(
            flat, [part.numel() for part in sent] + [len(has), 1, len(sums)]
        )
        flat[: len(flat) - len(tail)] /= weight.clamp(min=torch.finfo(flat.dtype).tiny)
        for place, (parameter, known) in enumerate(zip(parameters, has.tolist(), strict=True)):
            gradient, used = gradients[place], rows[place]
            whole = added[place].view_as(sent[place]).to(gradient.dtype)
            if used is not None:  # the others are zeros in every process
                whole = gradient.index_copy_(0, used, whole)
            parameter.grad = whole if known else None
        return sums

    def _rows_in_use(self, gradients: Sequence[Tensor]) -> list[Tensor | None]:
        """For each of ``gradients`` (...,) the rows (R,) that are not zero in some process; None: all."""
        tables = [gradient for gradient in gradients if gradient.ndim == 2 and len(gradient) >= TABLE]
        if not tables:
            return [None] * len(gradients)
        used = torch.cat([gradient.abs().sum(1) != 0 for gradient in tables]).float()
        self._add(used)
        found = iter(torch.split(used, [len(gradient) for gradient in tables]))
        return [
            next(found).nonzero()[:, 0] if gradient.ndim == 2 and len(gradient) >= TABLE else None
            for gradient in gradients
        ]

    def any(self, one: bool, other: bool) -> tuple[bool, bool]:
        """Of two things whether each is so in any process."""
        one, other = self.add_up(np.array([one, other], dtype=np.float32)) > 0
        return bool(one), bool(other)

    def sum(self, value: float) -> float:
        """The sum of a number over all processes."""
        return float(self.add_up(np.array([value]))[0])

    def add_up(self, values: AnyArray) -> AnyArray:
        """The sum of ``values`` (...,) over all processes."""
        if self.size == 1:
            return values
        total = torch.from_numpy(values.copy())
        self._add(total)
        return np.asarray(total.numpy())

    def tell(self, values: Sequence[float]) -> list[float]:
        """What the first process says in place of ``values``, to all."""
        if self.size == 1:
            return list(values)
        told = torch.tensor(list(values), dtype=torch.float64)
        self._broadcast(told)
        return [float(value) for value in told.tolist()]

    def whole(self, part: Tensor) -> Tensor:
        """The rows (B, ...) of which every process holds its share (B_p, ...), in their order."""
        if self.size == 1:
            return part
        rows = int(self.sum(len(part)))
        whole = part.new_zeros(rows, *part.shape[1:])
        whole[self.rank :: self.size] = part
        self._add(whole)
        return whole

    def _add(self, values: Tensor) -> None:
        """Make ``values`` (...,) their sum over all processes."""
        import torch.distributed as dist

        board = self.board
        with self._all_here():
            if board is not None and values.dtype is torch.float32 and values.numel() <= board.room:
                board.add(values.view(-1))
            else:
                dist.all_reduce(values)

    def _make_room(self, numbers: int) -> None:
        """A board for sums of so many numbers, where processes share a machine that has the memory."""
        if one_machine() and self._room < numbers:
            with self._all_here():
                self._boards, self._room = self._boards + 1, numbers
                self.board = make_board(_store(), f"seqcli/board/{self._boards}", numbers)

    def _broadcast(self, values: Tensor) -> None:
        """Make ``values`` (...,) those of the first process."""
        import torch.distributed as dist

        with self._all_here():
            dist.broadcast(values, 0)

    @contextmanager
    def _all_here(self) -> Iterator[None]:
        """Raise :class:`ResourceError` when another process is gone."""
        try:
            yield
        except RuntimeError as error:
            raise ResourceError(
                f"another of the {self.size} processes of this training has ended",
                "where none says why, it was killed: was there memory enough for all?",
            ) from error


@cache
def team() -> Team:
    """The processes that train together, gathered at the first call; a process by itself where it is alone.

    Who they are is in the environment that torchrun gives each of them.
    """
    rank, size = team_place()
    if size > 1:
        import torch.distributed as dist

        dist.init_process_group("gloo", store=_store(), rank=rank, world_size=size, timeout=PATIENCE)
    return Team(rank, size)


@cache
def _store() -> Any:
    """Where the processes of a team leave notes for each other."""
    from torch.distributed.rendezvous import rendezvous

    store, _, _ = next(rendezvous("env://", timeout=PATIENCE))
    return store


def speaks_for_all() -> bool:
    """Whether this process is the first of its team to fail, and says so; the others fail by that."""
    try:
        return int(_store().add(FAILED, 1)) == 1
    except RuntimeError:  # what held the notes is gone, with the process that spoke
        return False


def leave(failed: bool) -> None:
    """End this process's part: one that failed lets the first clear up, since its end is the end of all."""
    import torch.distributed as dist

    with suppress(RuntimeError, ValueError):
        if dist.is_initialized():
            board = team().board
            if failed and board is not None:
                board.give_up()
            dist.destroy_process_group()
        if team_place()[0] == 0:
            _store().set(LEFT, "1")
        elif failed:
            _store().wait([LEFT], LEAVING)
