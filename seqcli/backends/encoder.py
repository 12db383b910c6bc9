"""The dense masked encoder: ragged batches through stacked cells, without packing.

Packing costs more than the padding it saves on a CPU, so a batch runs dense and padding, which always
comes last, is masked once at the end: no valid step ever sees it. The backward direction is a second
cell over each sequence reversed within its own length; padding stays in place, and so stays last.

    x          a b c d ·          reversed   d c b a ·
               e f · · ·                     f e · · ·
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from seqcli.backends.cells.cell import Cell, State
from seqcli.backends.registry import load_cell


class Layer(nn.Module):
    """One layer of an encoder: a cell, and a second one for the way back when there is one."""

    def __init__(self, cell: str, input_size: int, hidden_size: int, bidirectional: bool) -> None:
        super().__init__()
        kind = load_cell(cell)
        self.forward_cell: Cell = kind(input_size, hidden_size)
        self.backward_cell: Cell | None = kind(input_size, hidden_size) if bidirectional else None

    @property
    def cells(self) -> list[Cell]:
        """The cells, forward first."""
        return [self.forward_cell] if self.backward_cell is None else [self.forward_cell, self.backward_cell]


class Encoder(nn.Module):
    """``num_layers`` layers of one cell; outputs (B, T, D) with D = hidden_size × directions."""

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.bidirectional = bidirectional
        self.output_size = hidden_size * (2 if bidirectional else 1)
        sizes = [input_size] + [self.output_size] * (num_layers - 1)
        self.layers = nn.ModuleList(Layer(cell, size, hidden_size, bidirectional) for size in sizes)
        self.dropout = nn.Dropout(dropout)
        for layer in self.layers:
            for each in cast(Layer, layer).cells:
                each.recurrent_dropout = recurrent_dropout

    @property
    def forward_cells(self) -> list[Cell]:
        """The cell of each layer, without those of the way back."""
        return [cast(Layer, layer).forward_cell for layer in self.layers]

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """x (B, T, F), lengths (B,) → outputs of the last layer (B, T, D), zero at padding."""
        order = reversed_order(lengths, x.shape[1]) if self.bidirectional else None
        for depth, layer in enumerate(self.layers):
            x, _ = self._run_layer(cast(Layer, layer), self.dropout(x) if depth else x, order)
        padding = padding_mask(lengths, x.shape[1])
        return x if padding is None else x.masked_fill(padding, 0.0)

    def first_layer(self, x: Tensor, lengths: Tensor) -> list[Tensor]:
        """x (B, T, F), lengths (B,) → what the first layer says at each step, (B, T, H) a direction."""
        order = reversed_order(lengths, x.shape[1]) if self.bidirectional else None
        outputs, runs = self._run_layer(cast(Layer, self.layers[0]), x, order)
        return list(outputs.chunk(len(runs), dim=-1))

    def run(
        self, x: Tensor, lengths: Tensor, states: list[State] | None = None
    ) -> tuple[Tensor, list[State]]:
        """As :meth:`forward`, with states: those to start from, and those after each row's last step.

        States (B, H) come one a cell, layer by layer, forward before backward; ``None`` starts at zero.
        """
        order = reversed_order(lengths, x.shape[1]) if self.bidirectional else None
        padding = padding_mask(lengths, x.shape[1])
        after: list[State] = []
        for depth, layer in enumerate(self.layers):
            inputs = self.dropout(x) if depth else x
            cells = cast(Layer, layer).cells
            start = [
                cell.initial_state(x) if states is None else states[len(after) + i]
                for i, cell in enumerate(cells)
            ]
            x, runs = self._run_layer(cast(Layer, layer), inputs, order, start)
            for cell, state, (read, outputs, end) in zip(cells, start, runs, strict=True):
                after.append(end if padding is None else cell.state_at(read, outputs, state, lengths))
        return (x if padding is None else x.masked_fill(padding, 0.0)), after

    @staticmethod
    def _run_layer(
        layer: Layer, x: Tensor, order: Tensor | None, states: list[State] | None = None
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor, State]]]:
        """Outputs (B, T, D) of one layer, and for each cell what it read, its outputs and last state."""
        runs: list[tuple[Tensor, Tensor, State]] = []
        for cell, read in zip(layer.cells, [x] if order is None else [x, reverse(x, order)], strict=True):
            state = cell.initial_state(x) if states is None else states[len(runs)]
            runs.append((read, *cell.scan(read, state)))
        if order is None:
            return runs[0][1], runs
        return torch.cat([runs[0][1], reverse(runs[1][1], order)], dim=-1), runs


def padding_mask(lengths: Tensor, steps: int) -> Tensor | None:
    """True where a step is padding, (B, T, 1); None when all ``lengths`` (B,) equal ``steps``."""
    mask = torch.arange(steps, device=lengths.device) >= lengths[:, None]  # (B, T)
    return mask[..., None] if bool(mask.any()) else None


def reversed_order(lengths: Tensor, steps: int) -> Tensor:
    """Where each step of a batch comes from when rows are reversed within their lengths.

    ``lengths`` (B,) → positions in the (B*T,) flattened batch. Padding stays in place, so the order is
    its own inverse.
    """
    step = torch.arange(steps, device=lengths.device)
    source = lengths[:, None] - 1 - step  # (B, T)
    source = torch.where(source < 0, step, source)
    row = torch.arange(len(lengths), device=lengths.device)[:, None] * steps
    return (row + source).reshape(-1)


class _Reorder(torch.autograd.Function):
    """Rows of (B*T, F) in an order that is its own inverse, so that the gradient is the same gather.

    Autograd's own gradient of ``index_select`` adds rows one by one, several times slower.
    """

    @staticmethod
    def forward(ctx: Any, flat: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return flat.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (order,) = ctx.saved_tensors
        return grads[0].index_select(0, order), None


def reverse(x: Tensor, order: Tensor) -> Tensor:
    """x (B, T, F) with each row reversed within its own length, by ``order`` of the same batch."""
    flat = x.reshape(-1, x.shape[-1])
    reordered: Tensor = _Reorder.apply(flat, order)  # type: ignore[no-untyped-call]
    return reordered.view(x.shape)
