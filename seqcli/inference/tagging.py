"""Words with their tags, sentence by sentence, as the input comes: raw text, CoNLL, tables or JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from seqcli.errors import DataError, UsageError, near_miss
from seqcli.inference.outputs import outputs_for
from seqcli.inference.predict import NAMED_ROWS
from seqcli.inference.session import GraphSession
from seqcli.inference.trust import blamed_on
from seqcli.model_dir import SavedModel
from seqcli.options import ReadingOptions
from seqcli.options_use import PredictOptions
from seqcli.readers.blocks import missing_column
from seqcli.readers.conll import SENTENCE
from seqcli.readers.stream import open_stream
from seqcli.readers.table import Table
from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.tag import Tag
from seqcli.tasks.tag_plan import WORD_NAMES, first_called
from seqcli.tasks.tagging.schemes import Span
from seqcli.tasks.tagging.sentences import (
    LISTS,
    TEXTS,
    WORDS,
    Sentences,
    is_list_column,
    read_lists,
    read_texts,
    read_words,
)

if TYPE_CHECKING:
    from seqcli.readers.stream import Record, RecordStream

ROWS_AT_ONCE = {WORDS: 16_384, LISTS: 1024, TEXTS: 1024}
TEXT = "text"


@dataclass(frozen=True)
class Input:
    """How the rows of an input become sentences: a row a word, a list of words, or a text."""

    form: str
    column: str
    """Of the words, or of the text."""
    ids: tuple[str, ...] = ()
    """What tells sentences apart where a row is a word."""

    @classmethod
    def of(cls, stream: RecordStream, task: Tag) -> Input:
        """What the columns of ``stream`` are for. Raises DataError where none of them holds words."""
        names, own = stream.names, task.plan.text[0]
        ids = (SENTENCE,) if names[:1] == (SENTENCE,) and stream.unit == "line" else task.plan.id
        if ids and set(ids) <= set(names):
            word = own if own in names else first_called(list(names), WORD_NAMES)
            if word:
                return cls(WORDS, word, ids)
        whole = [own] if task.form != WORDS else []
        column = next((name for name in (*whole, "tokens", TEXT) if name in names), "")
        if not column and len(names) == 1:
            column = names[0]
        if not column:
            raise missing_column(stream.source, names, (own, *task.plan.id) if task.form == WORDS else (own,))
        return cls(TEXTS, column)

    def read(self, table: Table, task: Tag) -> Sentences:
        """The sentences of some rows."""
        if self.form == WORDS:
            return read_words(table, self.column, self.ids)
        if is_list_column(table.cells(self.column)):
            return read_lists(table, self.column)
        return read_texts(table, self.column, task.cutter)


@dataclass(frozen=True)
class Tagged:
    """One sentence: its words, their tags in the spelling of the training file, how sure each is."""

    name: str
    """Which sentence of the input it is."""
    records: Sequence[Record]
    """The rows it stands in: one a word, or one for all."""
    words: list[str]
    tags: list[str | None]
    """None for all words of a sentence that could not be read."""
    probabilities: FloatArray
    """Of the tag of each word (T,), or of each tag of each word (T, C)."""
    spans: list[tuple[Span, float]]
    """Each with the probability of its least sure word."""
    text: str
    places: list[tuple[int, int]]
    """Where each word stands in the text."""

    def marks(self) -> Iterator[tuple[int, int, str, float]]:
        """The spans by the characters of the text: start, stop (exclusive), label, probability."""
        for span, chance in self.spans:
            yield self.places[span.start][0], self.places[span.stop - 1][1], span.label, chance


def open_input(path: str, task: Tag, options: ReadingOptions) -> RecordStream:
    """Begin to read a file, or stdin for "-", whatever form its sentences have.

    Raises DataError for columns without a header, which may be words with tags or texts.
    """
    known = (task.plan.text[0], *task.plan.id, "tokens", TEXT)
    try:
        return open_stream(path, options, known, TEXT, needed=())
    except DataError as error:
        if "no column is called" not in error.message or options.input_format is not None:
            raise
        hint = "--input-format conll reads a word a line, --input-format txt a text a line"
        raise DataError(error.message, hint) from error


class TagPredictions:
    """The sentences of ``stream`` with the tags that ``model`` gives them, in batches as they come.

    A row that cannot be read takes the tags from its whole sentence, which is named through ``warn``; with
    ``options.on_error == "stop"`` it ends the iteration with a :class:`DataError`.
    """

    def __init__(
        self,
        model: SavedModel,
        task: Tag,
        stream: RecordStream,
        options: PredictOptions,
        warn: Callable[[str], None],
    ) -> None:
        self._model, self._task, self._stream = model, task, stream
        self._options, self._warn = options, warn
        self.input = Input.of(stream, task)
        self._session = GraphSession.open(model)
        self.sentences = self.words = self.failed = 0
        for name in options.keep:
            if name not in stream.names:
                close = near_miss(name, stream.names)
                hint = f"did you mean {close!r}?" if close else f"its columns are {', '.join(stream.names)}"
                raise UsageError(f"--keep: {stream.source} has no column {name!r}", hint)

    def __iter__(self) -> Iterator[list[Tagged]]:
        for records in self._whole_sentences():
            tagged = self._tagged(records)
            self.sentences += len(tagged)
            self.words += sum(len(sentence.words) for sentence in tagged)
            yield tagged
            self._name_faults(records)

    def check(self) -> None:
        """Raise :class:`DataError` when a row was bad; to be called after the last batch."""
        if self.failed > NAMED_ROWS:
            self._warn(f"{self._stream.source}: {self.failed - NAMED_ROWS} more rows like these")
        if self.failed:
            rows = "1 row is" if self.failed == 1 else f"{self.failed} rows are"
            raise DataError(
                f"{self._stream.source}: {rows} not as the others, and the sentence has no tags",
                "correct it, or stop at the first with --on-error stop",
            )

    def _whole_sentences(self) -> Iterator[list[Record]]:
        """Batches of rows that end where a sentence does."""
        batches: Iterable[list[Record]] = self._stream.batches(ROWS_AT_ONCE[self.input.form])
        if self.input.form != WORDS:
            yield from batches
            return
        places = [self._stream.names.index(name) for name in self.input.ids]
        held: list[Record] = []
        for batch in batches:
            held += batch
            key = self._key(held[-1], places)
            cut = len(held)
            while cut and (self._key(held[cut - 1], places) in (key, ("",) * len(places))):
                cut -= 1
            if cut:
                yield held[:cut]
                held = held[cut:]
        if held:
            yield held

    @staticmethod
    def _key(record: Record, places: list[int]) -> tuple[str, ...]:
        return tuple(record.cells[place].strip() for place in places)

    def _name_faults(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.error:
                if self._options.on_error == "stop":
                    raise DataError(record.error, "correct the row, or go on without --on-error stop")
                self.failed += 1
                if self.failed <= NAMED_ROWS:
                    self._warn(record.error)

    def _tagged(self, records: list[Record]) -> list[Tagged]:
        """The sentences of whole rows, tagged."""
        rows, numbers = [record.cells for record in records], [record.number for record in records]
        table = Table.from_records(self._stream.source, self._stream.names, rows, numbers)
        task = self._task
        with blamed_on(self._model):
            sentences = self.input.read(replace(table, unit=self._stream.unit), task)
            outputs = np.empty((0, len(task.labels.tags)), np.float32)
            if sentences.words:
                outputs = outputs_for(self._session, task.encode_words(sentences))
            best = task.tags(outputs, sentences.offsets)
            chances = task.probabilities(outputs, sentences.offsets)
        if self.input.form == WORDS:
            ends = [*sentences.rows[1:].tolist(), len(records)]
            owned = [records[row:end] for row, end in zip(sentences.rows.tolist(), ends, strict=True)]
            every = list(enumerate(owned))
        else:  # a text without a word is a sentence without tags
            places = {row: place for place, row in enumerate(sentences.rows.tolist())}
            every = [(places.get(row, -1), [record]) for row, record in enumerate(records)]
        return [self._sentence(sentences, place, own, best, chances) for place, own in every]

    def _sentence(
        self, sentences: Sentences, place: int, own: list[Record], best: IntArray, chances: FloatArray
    ) -> Tagged:
        """Sentence ``place``, -1 for one without words, of all best tags (M,) and their chances (M, C)."""
        start, stop = (int(sentences.offsets[place + end]) for end in (0, 1)) if place >= 0 else (0, 0)
        words, ids = sentences.words[start:stop], best[start:stop]
        tags, spans = self._task.labels.spelt(ids)
        sure = chances[start:stop][np.arange(stop - start), ids]
        bad = any(record.error for record in own)
        if self.input.form == WORDS:
            name = own[0].cells[self._stream.names.index(self.input.ids[0])]
        else:
            name = str(own[0].number)
        text, places = _text_of(sentences, place, start, stop)
        return Tagged(
            name=name,
            records=own,
            words=words,
            tags=[None] * len(words) if bad else list(tags),
            probabilities=chances[start:stop] if self._options.probabilities else sure,
            spans=[] if bad else [(span, float(sure[span.start : span.stop].min())) for span in spans],
            text=text if place >= 0 else own[0].cells[self._stream.names.index(self.input.column)],
            places=places,
        )


def _text_of(sentences: Sentences, place: int, start: int, stop: int) -> tuple[str, list[tuple[int, int]]]:
    """The text of one sentence and where its words stand in it; words alone are put together with blanks."""
    if sentences.texts is not None and sentences.places is not None and place >= 0:
        return sentences.texts[place], sentences.places[start:stop]
    places, at = [], 0
    for word in sentences.words[start:stop]:
        places.append((at, at + len(word)))
        at += len(word) + 1
    return " ".join(sentences.words[start:stop]), places
