"""What every command that uses a saved model does first: find it, say which, read a file for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from seqcli.options import Options, ReadingOptions
from seqcli.reporting.screen import Screen

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.readers.table import Table


def open_model(named: str | None, screen: Screen) -> SavedModel:
    """The model named by ``-m``, else the only one here, which is then said with its age."""
    from seqcli.model_dir import find_model, read_model

    model = read_model(find_model(named))
    if named is None:
        screen.line(f"model: {model.path}, {model.age()}", "dim")
    return model


def reading_for(model: SavedModel, typed: ReadingOptions) -> ReadingOptions:
    """How to read a file for a model: as typed, with what the model was trained with for the rest."""
    saved = Options.from_flat(model.record["options"]).reading
    return replace(typed, missing=saved.missing, aggregate=saved.aggregate)


def read_for(model: SavedModel, files: Sequence[str], typed: ReadingOptions, screen: Screen) -> Table:
    """Read files whole for a model, and say what was noticed."""
    from seqcli.readers.read import read_table

    table = read_table(files, reading_for(model, typed))
    say_notes(table, screen)
    return table


def say_notes(table: Table, screen: Screen) -> None:
    """Say how a table was read, and what is odd about it."""
    for note in table.notes:
        screen.line(f"{table.source}: {note}", "dim")
    for warning in table.warnings:
        screen.warn(warning)
