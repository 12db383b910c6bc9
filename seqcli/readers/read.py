"""A file, stdin, several files, a folder of folders or one of music → one table: how training reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqcli import large
from seqcli.options import ReadingOptions
from seqcli.readers.blocks import Block, Format, Opening, fault_error, no_rows
from seqcli.readers.choosing import choose_format, read_opening
from seqcli.readers.clips import clip_members, read_clips
from seqcli.readers.columns import BlockColumn, CleanBlock, Column, JoinedColumn, TextColumn
from seqcli.readers.folders import Member, find_members, join_members, published_train
from seqcli.readers.music import midi_files, read_pieces
from seqcli.readers.registry import begin_format
from seqcli.readers.rolls import read_rolls, roll_file
from seqcli.readers.sources import Source, open_source
from seqcli.readers.table import Table

_SHORT = 32
"""Characters of a cell, on average, up to which it is held as bytes."""
_ROWS_AT_ONCE = 50_000
_SHORT_LINE = 100
"""The same of a file of lines, which may be a long text."""
_GLANCED = 1000
"""Rows that are compared with the header."""


def read_table(paths: Sequence[str], options: ReadingOptions) -> Table:
    """Read everything named into one table, strictly.

    One path is a file, "-" for stdin, or a folder; of several files, and in a folder of folders, the
    name is the label. Raises :class:`~seqcli.errors.DataError` that names file, row and reason for
    the first row that cannot be read, and for whatever cannot be opened or holds no rows.
    """
    pieces = midi_files(paths)
    if pieces:
        return read_pieces(pieces, paths[0])
    rolls = roll_file(paths)
    if rolls:
        return read_rolls(rolls)
    clips = clip_members(paths)
    if clips:
        return read_clips(clips, paths)
    members = find_members(paths)
    if not members:
        return read_file(paths[0], options)
    table = join_members([(member, _read_member(member, options)) for member in members])
    published = published_train(Path(paths[0]))
    if published is None:
        return table
    return replace(
        table, notes=(*table.notes, f"{published} is read; --test names the folder of the test part")
    )


def read_file(path: str, options: ReadingOptions) -> Table:
    """Read one file, or stdin for "-", whole."""
    source = open_source(path, options.encoding)
    try:
        text, final = read_opening(source, patient=True)
        chosen = choose_format(source, text, options)
        reader = begin_format(chosen, Opening(source.name, text, final, options))
        return _collect(source, reader, final, named=bool(options.names))
    finally:
        source.close()


def _collect(source: Source, reader: Format, final: bool, named: bool) -> Table:
    """All rows of an input as one table; ``named``: a person has named the columns."""
    blocks: list[Block] = []
    held, piece = _Held(), ""
    while True:
        block = reader.feed(piece, final)
        for position, fault in sorted(block.faults.items()):
            raise fault_error(source.name, reader.unit, int(block.numbers[position]), fault)
        block = _compact(block)
        blocks.append(block)
        held.append(block)
        if final:
            break
        piece = source.read()
        final = not piece
    records = large.kept(np.concatenate([block.numbers for block in blocks]))
    if not len(records):
        raise no_rows(source.name)
    columns = {
        name: JoinedColumn([_column(block, name) for block in blocks if len(block)]) for name in reader.names
    }
    notes = (*source.notes, *reader.notes)
    table = Table(
        source.name, reader.names, dict(columns), records,
        files=(source.name,), unit=reader.unit, notes=notes, warnings=reader.warnings, digest=source.digest,
    )  # fmt: skip
    if reader.unit == "row" and not named:
        return replace(table, warnings=(*table.warnings, *doubtful_header(table)))
    return _without_blank_lines(table) if len(table.names) == 1 else table


class _Held:
    """The newest blocks of a long file: when they are many they leave memory together."""

    def __init__(self) -> None:
        self._blocks: list[CleanBlock] = []

    def append(self, block: Block) -> None:
        """Hold one more block; only one of bytes can leave."""
        column = next(iter(block.columns.values()), None)
        if isinstance(column, BlockColumn):
            self._blocks.append(column.block)
        if sum(each.size for each in self._blocks) >= 2 * large.LARGE:
            CleanBlock.shelve(self._blocks)
            self._blocks.clear()


def _compact(block: Block) -> Block:
    """The same cells as bytes, where they are short strings: each takes more than what it holds."""
    columns = [column for column in block.columns.values() if isinstance(column, TextColumn)]
    if not len(block) or not columns or len(columns) < len(block.columns):
        return block
    cells = [column.cells() for column in columns]
    size = sum(len(cell) for column in cells for cell in column)
    if size > (_SHORT if len(columns) > 1 else _SHORT_LINE) * len(block) * len(columns):
        return block
    return replace(block, columns=dict(zip(block.columns, CleanBlock.packed(cells).columns(), strict=True)))


def doubtful_header(table: Table) -> list[str]:
    """A doubt where a column's name is also one of its values, as in a file without a header."""
    rows = np.arange(min(len(table), _GLANCED))
    for name in table.names if table.unit == "row" else ():
        if [cell.strip() for cell in table.column(name).pick(rows)].count(name) > 1:
            return [
                f"{table.source}: column {name} holds {name!r} as a value too; if row 1 is data, "
                "put a line of column names above it, or name them: --names A,B"
            ]
    return []


def _column(block: Block, name: str) -> Column:
    """A block's column; empty cells where a key of JSON lines came up only later."""
    return block.columns.get(name) or TextColumn([""] * len(block))


def _without_blank_lines(table: Table) -> Table:
    kept = np.ones(len(table), np.bool_)
    for start in range(0, len(table), _ROWS_AT_ONCE):
        rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(table)))
        cells = table.column(table.names[0]).pick(rows)
        kept[rows] = [bool(cell.strip()) for cell in cells]
    if kept.all():
        return table
    blank = int((~kept).sum())
    said = f"{blank:,} lines are blank" if blank > 1 else "1 line is blank"
    return replace(table.take(np.flatnonzero(kept)), notes=(*table.notes, said))


def _read_member(member: Member, options: ReadingOptions) -> Table:
    """One of several files; a text file inside a labelled folder is one text."""
    if not member.whole:
        return read_file(member.path, options)
    source = open_source(member.path, options.encoding)
    try:
        text = "".join(iter(source.read, "")).strip()
    finally:
        source.close()
    table = Table.from_records(member.path, ("text",), [(text,)], [1])
    return replace(table, files=(member.path,), unit="line", digest=source.digest, notes=tuple(source.notes))
