"""Which words of a text each word of its translation hangs on, beside where the network looked.

    effect(t, s) = log p(y_t | y_<t, x)  -  log p(y_t | y_<t, x without word s)

for the translation y that the search finds, so that the effects of one s add up to what log p(y | x) loses. A
word that is read is taken out of the text; of texts that are read by characters each of them is. What was
looked at (the weights of ``predict --align``) stands beside it, since the two need not agree (Jain and
Wallace 2019, Attention is not explanation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqcli.inference.effects import CHARACTERS, NATS, WORDS, Block, Effects
from seqcli.inference.explained_rows import Question, RowExplanations
from seqcli.inference.translating import SavedWriter, translator
from seqcli.network import SOURCE, WRITTEN
from seqcli.preprocessing.spelling import BLANK, END_OF_TEXT, Spelling
from seqcli.preprocessing.vocabulary import BPE
from seqcli.sequences import TARGET, Batchable, IntArray, Sequences
from seqcli.tasks.translate import MOST_READ
from seqcli.tasks.translating.answers import translate
from seqcli.tasks.translating.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqcli.inference.effects import Real
    from seqcli.model_dir import SavedModel
    from seqcli.readers.stream import RecordStream

END = "<end>"


class TranslationExplanations(RowExplanations[Effects]):
    """The texts of ``stream`` with their translations and what each word of those hangs on."""

    def __init__(
        self,
        model: SavedModel,
        stream: RecordStream,
        warn: Callable[[str], None],
        only: int | None = None,
    ) -> None:
        super().__init__(model, translator(model), stream, warn, only)
        self._writer = SavedWriter(model)

    def answer(self, asked: Question) -> Effects | None:
        """What the translation of one text hangs on; None for an empty one, which says nothing."""
        task = self._task
        text = " ".join(asked.table.cells(task.plan.text[0])[asked.row].split())
        read = task.source.cut(text)[:MOST_READ]
        if not read:
            self._warn(f"{self._stream.unit} {asked.number}: an empty text says nothing")
            return None
        best = translate(self._writer, asked.example, task.growth, Search())[0]
        ids = list(best[0].ids) if best else []
        source_of, source = _words(task.source, read)
        written_of, written = _words(task.target, [task.target.shown(number) for number in ids])
        written_of, written = [*written_of, len(written)], [*written, END]
        logs, weights = self._writer.told(_variants(asked.example, source_of, [*ids, END_OF_TEXT]))
        own = _added(logs, written_of)  # (1 + S, P)
        effects: Real = (own[0] - own[1:]).T
        looked = _added(weights[:, : len(read)].astype(np.float64), source_of).T  # (S, tokens)
        counts = np.bincount(written_of)
        attention = (_added(looked, written_of) / counts).T  # (P, S)
        over = WORDS if task.source.level == BPE else CHARACTERS
        return Effects(
            row=str(asked.number),
            read=text,
            prediction=task.target.decode(ids),
            probability=float(np.exp(own[0].sum())),
            parts=written,
            blocks=[Block(over, source, effects, attention=attention.astype(np.float32))],
            unit=NATS,
            measures=own[0].tolist(),
            places=list(range(1, len(written) + 1)),
        )


def _words(spelling: Spelling, tokens: list[str]) -> tuple[list[int], list[str]]:
    """Which word each token is of, and the words as they are seen."""
    numbers = spelling.word_numbers(tokens)
    words = [""] * (max(numbers, default=-1) + 1)
    for number, token in zip(numbers, tokens, strict=True):
        words[number] += token
    return numbers, [word.replace(BLANK, " ").strip() or " " for word in words]


def _variants(example: Batchable, source_of: list[int], target: list[int]) -> Batchable:
    """The text, and behind it the text without each of its words, all with one translation."""
    source = example.fields[SOURCE]
    assert isinstance(source, Sequences)
    ids = source.row(0)
    of: IntArray = np.array([*source_of, -1])  # the end belongs to no word
    rows = [ids, *(ids[of != word] for word in range(max(source_of) + 1))]
    before = [END_OF_TEXT, *target[:-1]]
    fields = {
        SOURCE: Sequences.from_lists(rows, np.int64),
        WRITTEN: Sequences.from_lists([before] * len(rows), np.int64),
        TARGET: Sequences.from_lists([target] * len(rows), np.int64),
    }
    return Batchable(fields, np.arange(len(rows)))


def _added(values: Real, owner: list[int]) -> Real:
    """Columns of (N, T) added up by their owners (T,): (N, groups)."""
    found = np.zeros((len(values), max(owner) + 1))
    np.add.at(found.T, np.array(owner), values.T)
    return found
