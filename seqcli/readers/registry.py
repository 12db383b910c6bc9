"""Which class reads which format, and which file name means which format."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from seqcli.errors import UsageError, near_miss
from seqcli.readers.blocks import Format, Opening

FORMATS = {
    "csv": "seqcli.readers.delimited:Csv",
    "tsv": "seqcli.readers.delimited:Tsv",
    "jsonl": "seqcli.readers.jsonl:JsonLines",
    "txt": "seqcli.readers.lines:Lines",
    "conll": "seqcli.readers.conll:Conll",
    "conllu": "seqcli.readers.conll:Conllu",
    "fasta": "seqcli.readers.fasta:Fasta",
    "ts": "seqcli.readers.timeseries:TimeSeries",
}
SUFFIXES = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".txt": "txt",
    ".conll": "conll", ".conll2003": "conll", ".iob": "conll", ".iob2": "conll", ".bio": "conll",
    ".conllu": "conllu", ".conllup": "conllu", ".ts": "ts",
    ".fa": "fasta", ".fasta": "fasta", ".fna": "fasta", ".ffn": "fasta", ".fas": "fasta",
}  # fmt: skip


def format_of_name(path: str) -> str:
    """The format that a file's name says (``reviews.csv.gz`` is csv), "" when it says none."""
    return SUFFIXES.get(Path(plain_name(path)).suffix.lower(), "")


def plain_name(path: str) -> str:
    """A path without the ``.gz`` at its end."""
    return path[:-3] if path.lower().endswith(".gz") else path


def begin_format(name: str, opening: Opening) -> Format:
    """Begin reading in the format called ``name``. Raises :class:`UsageError` for an unknown one."""
    if name not in FORMATS:
        close = near_miss(name, FORMATS)
        raise UsageError(
            f"no format is called {name!r}",
            f"did you mean {close!r}?" if close else f"known: {', '.join(FORMATS)}",
        )
    module, _, attribute = FORMATS[name].partition(":")
    made: Format = getattr(import_module(module), attribute)(opening)
    return made
