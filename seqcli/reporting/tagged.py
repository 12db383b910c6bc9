"""Tagged sentences as they are written: rows, JSON, CoNLL, or a text whose tags are coloured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from seqcli.errors import UsageError, printable
from seqcli.readers.conll import CONLLU
from seqcli.reporting.results import CONLL, RowWriter
from seqcli.reporting.screen import has_colours
from seqcli.results import Cell

if TYPE_CHECKING:
    from seqcli.inference.tagging import Input, Tagged

TEXT = "text"
"""The form of the result that only tagged words have, for a person."""
COLOURS = ("32", "36", "35", "33", "34", "31", "92", "96", "95", "93", "94", "91")
DIM = "2"
_DIGITS = 6
_ANSWERS = ("spans", "tags", "tokens")
"""Columns of an input that hold what is predicted, or the words themselves."""


@dataclass(frozen=True)
class TaggedForm:
    """What is written of tagged sentences."""

    form: str
    """"csv", "table", "jsonl", "json", "conll" or "text"."""
    taken: Input
    """How the sentences stand in the input."""
    names: tuple[str, ...]
    """The columns of the input."""
    keep: tuple[str, ...]
    """Those to write, as typed; () where nothing is typed."""
    prediction: str
    """What the column of tags is called."""
    target: str
    """The column of true tags, which the input may have."""
    spans: bool
    """Whether tags mark spans."""
    every: tuple[str, ...] = ()
    """All tags, where each gets a column with its probability."""

    def __post_init__(self) -> None:
        if self.form in ("csv", "table") and (taken := set(self.ahead) & set(self.computed)):
            raise UsageError(
                f"there is a column called {min(taken)!r} already",
                "--as NAME gives the prediction another name, --keep COLUMNS leaves columns out",
            )

    @property
    def by_word(self) -> bool:
        """Whether each word has a row of the input."""
        return self.taken.form == "words"

    @property
    def ahead(self) -> tuple[str, ...]:
        """Columns ahead of the prediction."""
        return (self.keep or self.names) if self.by_word else ("sentence", *self.keep, "token")

    @property
    def computed(self) -> tuple[str, ...]:
        """Columns of the prediction; ``--as NAME`` puts ``NAME_`` ahead of the others."""
        ahead = "" if self.prediction == "prediction" else f"{self.prediction}_"
        return (
            self.prediction,
            f"{ahead}probability",
            *(f"{ahead}probability_{tag}" for tag in self.every),
        )


class TaggedWriter:
    """Writes sentences in one form."""

    def __init__(self, told: TaggedForm, stream: IO[str]) -> None:
        self._told, self._stream = told, stream
        self._count = 0
        self._labels: dict[str, str] = {}
        self._colour = has_colours(stream)
        self._width = shutil.get_terminal_size().columns
        self._rows: RowWriter | None = None
        if told.form in ("csv", "table"):
            names = (*told.ahead, *told.computed)
            self._rows = RowWriter(names, told.form, stream, computed=len(told.computed))

    def write(self, sentence: Tagged) -> None:
        """One sentence."""
        if self._rows is not None:
            for row in self._word_rows(sentence):
                self._rows.write(row)
        elif self._told.form == CONLL:
            self._write_conll(sentence)
        elif self._told.form == TEXT:
            self._stream.write(self._coloured(sentence) + "\n")
        else:
            text = json.dumps(self._record(sentence), ensure_ascii=False)
            ahead = "" if self._told.form == "jsonl" else "[\n  " if not self._count else ",\n  "
            self._stream.write(ahead + text + ("\n" if self._told.form == "jsonl" else ""))
        self._count += 1

    def flush(self) -> None:
        """Let the reader see what there is."""
        if self._rows is not None:
            self._rows.flush()
        self._stream.flush()

    def close(self) -> None:
        """End the document, where the form has an end."""
        if self._rows is not None:
            self._rows.close()
        if self._told.form == "json":
            self._stream.write("\n]\n" if self._count else "[]\n")
        self._stream.flush()

    # ---- forms -----------------------------------------------------------------------------------

    def _cells(self, sentence: Tagged, place: int, names: Sequence[str]) -> list[str]:
        """What the input has in some columns for one word, or for the whole sentence."""
        cells = sentence.records[place if self._told.by_word else 0].cells
        return [cells[self._told.names.index(name)] for name in names]

    def _word_rows(self, sentence: Tagged) -> Iterator[tuple[Cell, ...]]:
        """A row a word."""
        told = self._told
        for place, (word, tag) in enumerate(zip(sentence.words, sentence.tags, strict=True)):
            ahead: list[Cell] = list(self._cells(sentence, place, told.ahead if told.by_word else told.keep))
            if not told.by_word:
                ahead = [int(sentence.name), *ahead, word]
            yield (*ahead, tag, *self._chances(sentence, place))

    def _chances(self, sentence: Tagged, place: int) -> list[Cell]:
        """The probability of the tag of one word, and of each tag where that is asked for."""
        every = self._told.every
        if sentence.tags[place] is None:
            return [None] * (1 + len(every))
        chances = np.round(np.atleast_1d(sentence.probabilities[place]).astype(np.float64), _DIGITS).tolist()
        return [max(chances), *chances] if every else [chances[0]]

    def _write_conll(self, sentence: Tagged) -> None:
        """A line a word, between tabs: its columns, or the word, and the tag; a blank line behind the last.

        In CoNLL-U the tag takes the place of the one that stood there.
        """
        told = self._told
        names = told.keep or tuple(name for name in told.names if name not in told.taken.ids)
        instead = told.by_word and names == CONLLU and told.target in names
        for place, word in enumerate(sentence.words):
            cells = self._cells(sentence, place, names) if told.by_word else [word]
            tag = sentence.tags[place] or "_"
            if instead:
                cells[names.index(told.target)] = tag
            self._stream.write("\t".join(cells if instead else [*cells, tag]) + "\n")
        if sentence.words:
            self._stream.write("\n")

    def _record(self, sentence: Tagged) -> dict[str, Any]:
        """One sentence as a JSON object: a text with its spans, or words with their tags."""
        told = self._told
        record: dict[str, Any] = {}
        if not told.by_word:
            own = told.keep or [name for name in told.names if name not in _ANSWERS]
            own = [name for name in own if name != told.taken.column]
            record.update(zip(own, self._cells(sentence, 0, own), strict=True))
        record["text"] = sentence.text
        if told.spans:
            record["spans"] = [
                {"start": start, "end": stop, "label": label, "text": sentence.text[start:stop],
                 "probability": round(chance, _DIGITS)}
                for start, stop, label, chance in sentence.marks()
            ]  # fmt: skip
            return record
        record["tokens"], record["tags"] = sentence.words, sentence.tags
        record["probabilities"] = [self._chances(sentence, place)[0] for place in range(len(sentence.words))]
        return record

    def _coloured(self, sentence: Tagged) -> str:
        """The text with each span in the colour of its label, or each word with its tag behind it."""
        if not self._told.spans:
            return self._words(sentence)
        parts, at = [], 0
        for start, stop, label, _ in sentence.marks():
            inside = printable(sentence.text[start:stop])
            if self._colour:
                inside = f"{self._style(inside, '1;' + self._of(label))} {self._style(label, DIM)}"
            else:
                inside = f"[{inside} {label}]"
            parts += [printable(sentence.text[at:start]), inside]
            at = stop
        return "".join([*parts, printable(sentence.text[at:])])

    def _words(self, sentence: Tagged) -> str:
        """Each word with its tag behind it, in lines that no word is cut by."""
        text, used = "", 0
        for word, tag in zip(map(printable, sentence.words), sentence.tags, strict=True):
            length = len(word) + len(f"/{tag}")
            if used and used + 1 + length > self._width:
                text, used = text + "\n  ", 1
            elif used:
                text += " "
            text += word + self._style(f"/{tag}", self._of(tag or ""))
            used += 1 + length
        return text

    def _of(self, label: str) -> str:
        """The colour of a label: the next free one when it is met for the first time."""
        return self._labels.setdefault(label, COLOURS[len(self._labels) % len(COLOURS)])

    def _style(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour and text else text
