"""Which format an input has, when its name does not say: the rules for stdin.

1. ``--input-format``; else the file's name (a .csv or .tsv never falls back to text);
2. a first line that begins with ``{`` is jsonl;
3. lines of words with IOB tags behind them, as many columns each, are conll (in a .txt, too);
4. a first line that cuts into a header holding an input column of the model is csv;
5. a first line of the same two or more cells as the second, but with no such column, is an error
   that shows the near miss (where no model is there yet, it is csv);
6. anything else is one text a line, commas and all.
"""

from __future__ import annotations

from collections.abc import Sequence

from seqcli.errors import DataError, UsageError
from seqcli.options import ReadingOptions
from seqcli.readers.blocks import missing_column
from seqcli.readers.conll import looks_tagged
from seqcli.readers.delimited import DELIMITERS, SAMPLE_LINES, chosen_delimiter, cut_lines
from seqcli.readers.fasta import looks_like_fasta
from seqcli.readers.registry import format_of_name
from seqcli.readers.sources import Source
from seqcli.readers.timeseries import looks_like_ts

_GLANCE = 0.25
"""Seconds that a silent pipe gets to send its second line, when the first might be a header."""


def read_opening(source: Source, patient: bool) -> tuple[str, bool]:
    """The first lines of an input, and whether they are all of it.

    A patient reader waits for :data:`SAMPLE_LINES` lines or the end. One that is not takes what is
    there once it has a line, and waits a moment longer for a second one.
    """
    text = ""
    while text.strip().count("\n") < SAMPLE_LINES:
        lines = text.lstrip().count("\n")
        if not patient and lines:
            glance = _GLANCE if lines == 1 and may_be_header(text.lstrip()) else 0.0
            if source.waits(glance):
                break
        piece = source.read()
        if not piece:
            return text, True
        text += piece
    return text, False


def may_be_header(text: str) -> bool:
    """Whether a first line has two or more cells, so that the second must be seen to know what it is."""
    first = text.split("\n", 1)[0]
    return not first.startswith("{") and any(delimiter in first for delimiter in DELIMITERS)


def choose_format(source: Source, text: str, options: ReadingOptions, expected: Sequence[str] = ()) -> str:
    """The format of an input that begins with ``text``; ``expected`` are the input columns of a model.

    Raises :class:`DataError` for a header without any expected column, :class:`UsageError` for a delimiter
    or names of columns that were typed for a format without such.
    """
    lines = [line for line in text.split("\n")[:SAMPLE_LINES] if line.strip()]
    named = options.input_format or format_of_name(source.name)
    if options.input_format is None and named in ("", "txt") and looks_tagged(lines):
        named = "conll"
    if not named and looks_like_ts(text):
        named = "ts"
    if not named and looks_like_fasta(lines):
        named = "fasta"
    if options.names and named not in ("csv", "tsv"):
        if options.input_format or named not in ("", "txt"):
            raise UsageError(
                f"--names calls the columns of a csv or tsv, and {source.name} is read as {named}",
                "leave out --names",
            )
        return "csv"
    if named:
        if options.delimiter is not None and named not in ("csv", "tsv"):
            raise UsageError(
                f"--delimiter separates the columns of a table, and {source.name} is read as {named}",
                "--input-format csv reads it as a table",
            )
        return named
    if not lines:
        raise DataError(
            f"{source.name}: there is nothing to read", "give a header and rows, or one text a line"
        )
    chosen = _by_content(source, lines, options, expected)
    said = {"jsonl": "JSON Lines", "csv": "csv", "txt": "one text a line"}[chosen]
    source.notes.append(f"read as {said}")
    return chosen


def _by_content(source: Source, lines: list[str], options: ReadingOptions, expected: Sequence[str]) -> str:
    if lines[0].lstrip().startswith("{"):
        return "jsonl"
    typed = chosen_delimiter(options.delimiter)
    for delimiter in [typed] if typed else DELIMITERS:
        rows = [[cell.strip() for cell in cells] for cells in cut_lines(lines[:2], delimiter)]
        if not set(expected).isdisjoint(rows[0]):
            return "csv"
        if len(rows) > 1 and len(rows[0]) == len(rows[1]) > 1:
            if not expected:
                return "csv"
            raise missing_column(source.name, rows[0], expected)
    return "txt"
