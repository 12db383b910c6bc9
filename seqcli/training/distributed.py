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
            own = int(np.random.SeedSequence([seed, step, self.rank]).generate_state(1)[0])
            torch.default_generator.manual_seed(own)  # torch.manual_seed asks for every kind of device

    def level(self, network: nn.Module) -> None:
        """Give all processes the weights of the first."""
        if self.size > 1:
            for weight in network.state_dict().values():
                self._broadcast(weight)

    def average(self, parameters: Sequence[Tensor], weight: Tensor, sums: Tensor) -> Tensor:
        """Make the gradients of ``parameters`` (...,) each those of the whole batch.

        They come multiplied by ``weight`` (), which is w_p; ``sums`` (K,) is what else to add up over
        processes, which is returned. A gradient that no process has stays None. Of a large table a process
        sends only the rows that are not zeros in it: a batch of texts looks up few of its words.
        """
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        self._make_room(sum(2 * gradient.numel() + 1 for gradient in gradients) + len(sums) + 1)
        tables = [gradient for gradient in gradients if _is_table(gradient)]
        others = [gradient.flatten().float() for gradient in gradients if not _is_table(gradient)]
        has = torch.tensor([float(p.grad is not None) for p in parameters])
        flat = torch.cat([*others, has, weight.float()[None], sums.float()])
        self._add(flat)
        *added, has, weight, sums = torch.split(
            flat, [part.numel() for part in others] + [len(has), 1, len(sums)]
        )
        weight = weight.clamp(min=torch.finfo(flat.dtype).tiny)
        self._add_tables(tables, weight)
        whole = iter(added)
        for parameter, gradient, known in zip(parameters, gradients, has.tolist(), strict=True):
            if not _is_table(gradient):
                gradient = next(whole).div_(weight).view_as(gradient).to(gradient.dtype)
            parameter.grad = gradient if known else None
        return sums

    def _add_tables(self, tables: Sequence[Tensor], weight: Tensor) -> None:
        """Make each of ``tables`` (V, E) its sum over all processes, divided by ``weight`` (1,)."""
        if not tables:
            return
        rows = [_rows_in_use(table) for table in tables]
        values = [table.index_select(0, used) / weight for table, used in zip(tables, rows, strict=True)]
        for table, used in zip(tables, rows, strict=True):
            table.index_fill_(0, used, 0.0)
        for message in self._gather(_packed(rows, values)):  # in one order everywhere, so to the same bits
            for table, used, part in zip(tables, *_unpacked(message, tables), strict=True):
                table.index_add_(0, used, part.to(table.dtype))

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

    def _gather(self, values: Tensor) -> list[Tensor]:
        """What each process gives as ``values`` (K_p,) float32; to be read before the next but one."""
        import torch.distributed as dist

        board = self.board
        with self._all_here():
            if board is not None and len(values) <= board.room:
                return board.gather(values)
            lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
            dist.all_gather(lengths, torch.tensor([len(values)]))
            known = [int(length) for length in lengths]
            parts = [values.new_zeros(max(known)) for _ in known]
            dist.all_gather(parts, nn.functional.pad(values, (0, max(known) - len(values))))
            return [part[:length] for part, length in zip(parts, known, strict=True)]

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


def _is_table(gradient: Tensor) -> bool:
    return gradient.ndim == 2 and len(gradient) >= TABLE


def _rows_in_use(table: Tensor) -> Tensor:
    """The rows (R,) of ``table`` (V, E) that are not all zeros."""
    return ((table.amax(1) != 0) | (table.amin(1) != 0)).nonzero()[:, 0]


def _packed(rows: Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
    """One message (K,) float32 of rows (R,) of some tables and what is in them (R, E).

    Whole numbers, how many rows of each table and which, keep their bits.
    """
    counts = torch.tensor([len(used) for used in rows], dtype=torch.int32)
    places = torch.cat([counts, *(used.int() for used in rows)]).view(torch.float32)
    return torch.cat([places, *(part.flatten().float() for part in values)])


def _unpacked(message: Tensor, tables: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Of a :func:`_packed` message (K,) the rows (R,) of each of ``tables`` (V, E), and the values (R, E)."""
    counts = message[: len(tables)].view(torch.int32).tolist()
    sizes = [count * table.shape[1] for count, table in zip(counts, tables, strict=True)]
    _, places, values = torch.split(message, [len(tables), sum(counts), sum(sizes)])
    rows = list(torch.split(places.view(torch.int32).long(), counts))
    parts = zip(torch.split(values, sizes), tables, strict=True)
    return rows, [part.view(-1, table.shape[1]) for part, table in parts]


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
