"""The recurrent cells by name. A new cell is one file in ``cells/`` and one line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from seqcli.errors import UsageError, near_miss

if TYPE_CHECKING:
    from seqcli.backends.cells.cell import Cell

CELLS = {
    "gru": "seqcli.backends.cells.gru:Gru",
    "lstm": "seqcli.backends.cells.lstm:Lstm",
    "mingru": "seqcli.backends.cells.mingru:MinGru",
    "minlstm": "seqcli.backends.cells.minlstm:MinLstm",
    "mamba": "seqcli.backends.cells.mamba:Mamba",
    "rnn": "seqcli.backends.cells.rnn:Rnn",
    "none": "seqcli.backends.cells.none:NoRecurrence",
}


def cell_entry(name: str) -> str:
    """The "module:Class" of a cell; raises UsageError with the closest name for an unknown one."""
    if name not in CELLS:
        close = near_miss(name, CELLS)
        hint = f"did you mean {close}?" if close else f"--cell takes {', '.join(CELLS)}"
        raise UsageError(f"no cell is called {name!r}", hint)
    return CELLS[name]


def load_cell(name: str) -> type[Cell]:
    """The class of a cell, imported now."""
    module, _, attribute = cell_entry(name).partition(":")
    cell: type[Cell] = getattr(import_module(module), attribute)
    return cell
