"""The worst mistakes of models that answer with more than one label: words with a wrong tag, wrong texts."""

from __future__ import annotations

import numpy as np

from seqcli.preprocessing.vocabulary import BPE
from seqcli.readers.table import Table
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.sequences import Batchable, Examples, FloatArray
from seqcli.tasks.mistakes import TITLE, WORST, row_number, short
from seqcli.tasks.tag import Tag
from seqcli.tasks.transcribe import Transcribe
from seqcli.tasks.translate import PairExamples, Translate
from seqcli.tasks.translating.scores import edits, tokens_of

AROUND = 4
"""Words that are shown on either side of one with a wrong tag."""


def worst_sequences(
    task: Tag | Translate | Transcribe, outputs: FloatArray, examples: Examples, table: Table
) -> ResultTable:
    """The worst mistakes on ``examples`` of ``table``, by the network's outputs (N, *output_shape)."""
    assert isinstance(examples, Batchable)
    if isinstance(task, Tag):
        return worst_tags(task, outputs, examples, table)
    if isinstance(task, Transcribe):
        return task.worst(outputs, examples, table)
    assert isinstance(examples, PairExamples)
    return worst_texts(task, outputs, examples, table)


def worst_tags(task: Tag, outputs: FloatArray, examples: Batchable, table: Table) -> ResultTable:
    """The words whose wrong tag the model was surest of, by outputs (M, C) of all words of ``examples``."""
    sentences = task.read(table, tagged=True).tagged()[0]
    offsets, true = sentences.offsets, task.labels.encode(sentences.tag_lists())
    predicted = task.tags(outputs, offsets)
    sure = task.probabilities(outputs, offsets)[np.arange(len(predicted)), predicted]
    wrong = np.flatnonzero(predicted != true)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]
    rows: list[tuple[Cell, ...]] = []
    for place in worst.tolist():
        at = int(np.searchsorted(offsets, place, side="right")) - 1
        start, stop = int(offsets[at]), int(offsets[at + 1])
        begin, end = max(start, place - AROUND), min(stop, place + AROUND + 1)
        assert sentences.tags is not None
        tags = (sentences.tags[place], task.labels.spelt(predicted[start:stop])[0][place - start])
        around = " ".join(sentences.words[begin:end])
        rows.append(
            (
                row_number(table, int(examples.row_ids[at])),
                sentences.words[place],
                *tags,
                round(float(sure[place]), 7),
                short(around),
            )
        )
    columns = (
        ResultColumn(f"from_{table.unit}"),
        ResultColumn("word", keep="left"),
        ResultColumn(task.plan.target[0], keep="left"),
        ResultColumn("prediction", keep="left"),
        ResultColumn("probability", ".3f"),
        ResultColumn("around it", wrap=True),
    )
    caption = f"the wrong ones that the model was surest of, of {len(wrong):,} in {len(predicted):,} words"
    return ResultTable(TITLE, columns, rows, caption)


def worst_texts(task: Translate, outputs: FloatArray, examples: PairExamples, table: Table) -> ResultTable:
    """The texts with the most errors for their length, by outputs (N, 2 + T)."""
    pairs, written = examples.pairs, task.texts(outputs)
    characters = task.target.level != BPE
    counts = []
    for said, wanted in zip(written, pairs.targets, strict=True):
        tokens = tokens_of(wanted, characters)
        counts.append((edits(tokens_of(said, characters), tokens), max(1, len(tokens))))
    wrong = [place for place, (errors, _) in enumerate(counts) if errors]
    worst = sorted(wrong, key=lambda place: (-counts[place][0] / counts[place][1], place))[:WORST]
    rows: list[tuple[Cell, ...]] = [
        (
            row_number(table, int(pairs.rows[place])), counts[place][0], short(pairs.sources[place]),
            short(pairs.targets[place]), short(written[place]),
        )
        for place in worst
    ]  # fmt: skip
    names = (task.plan.text[0], task.plan.target[0], "written")
    columns = (
        ResultColumn(table.unit),
        ResultColumn("errors", ",d"),
        *(ResultColumn(name, wrap=True) for name in names),
    )
    unit = "characters" if characters else "words"
    caption = f"the most wrong {unit} for their length, of {len(wrong):,} wrong texts in {len(pairs):,}"
    return ResultTable(TITLE, columns, rows, caption)
