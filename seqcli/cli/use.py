"""What every command that uses a saved model does first: find it, say which, read a file for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqcli.options import ReadingOptions, SavingOptions
from seqcli.reporting.screen import Screen

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.readers.table import Table


def open_model(named: str | None, screen: Screen, files: Sequence[str] = ()) -> SavedModel:
    """The model named by ``-m``, else the only one here, which is then said with its age.

    ``files`` are to be read with it; a model among them, which lacks its ``-m``, is an error of its own.
    """
    from seqcli.model_dir import find_model, read_model
    from seqcli.readers.sources import refuse_model

    for path in files:
        refuse_model(path)
    model = read_model(find_model(named))
    if named is None:
        screen.line(f"model: {model.path}, {model.age()}", "dim")
    return model


def say_leftover(command: str, files: Sequence[str], saving: SavingOptions, screen: Screen) -> None:
    """Name a training that was interrupted ahead of one that starts anew, with what would go on with it."""
    from seqcli.model_dir import default_target, leftover
    from seqcli.saved.places import resume_command

    if saving.resume or leftover(Path(saving.save) if saving.save else default_target(files)) is None:
        return
    again = resume_command(command, files, saving.save)
    screen.warn(f"an interrupted training is dropped; what would have gone on with it: {again}")


def read_whole(files: Sequence[str], options: ReadingOptions, screen: Screen) -> Table:
    """Read files whole, and say what was noticed."""
    from seqcli.readers.read import read_table

    table = read_table(files, options)
    say_notes(table, screen)
    return table


def say_notes(table: Table, screen: Screen) -> None:
    """Say how a table was read, and what is odd about it."""
    for note in table.notes:
        screen.line(f"{table.source}: {note}", "dim")
    for warning in table.warnings:
        screen.warn(warning)
