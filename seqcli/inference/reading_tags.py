"""One typed sentence as a saved tagger reads it: its words, their ids, and the tag of each."""

from __future__ import annotations

import numpy as np

from seqcli.inference.outputs import outputs_for
from seqcli.inference.reading import Reading, check_fields, check_length, unknown_notes
from seqcli.inference.session import GraphSession
from seqcli.inference.trust import blamed_on
from seqcli.model_dir import SavedModel
from seqcli.readers.table import Table
from seqcli.results import Cell
from seqcli.sequences import LookUp, Sequences
from seqcli.tasks.tag import Tag
from seqcli.tasks.tagging.features import PARTS, WORD_IDS
from seqcli.tasks.tagging.sentences import read_texts


def read_sentence(model: SavedModel, task: Tag, text: str) -> Reading:
    """Read ``text`` as one sentence, cut into words as ``predict`` does.

    Raises UsageError for a text without a word, or with more than can be looked at.
    """
    table = Table.from_records("--trace", ("text",), [(text,)], [1])
    sentences = read_texts(table, "text", task.cutter)
    words = sentences.words
    check_length(words, "word")
    with blamed_on(model):
        examples = task.encode_words(sentences)
        outputs = outputs_for(GraphSession.open(model), examples)
        best = task.tags(outputs, sentences.offsets)
        sure = task.probabilities(outputs, sentences.offsets)[np.arange(len(words)), best]
        ragged = {
            name: field for name, field in examples.fields.items() if isinstance(field, Sequences | LookUp)
        }
        ids = {name: field.row(0) for name, field in ragged.items()}
        check_fields(model, ids)
        tags, spans = task.labels.spelt(best)
    answers: list[tuple[Cell, float | None]]
    if task.labels.scheme is None:
        answers = [
            (f"{word} {tag}", float(chance)) for word, tag, chance in zip(words, tags, sure, strict=True)
        ]
    else:
        answers = [
            (
                f"{' '.join(words[span.start : span.stop])} {span.label}",
                float(sure[span.start : span.stop].min()),
            )
            for span in spans
        ] or [("no span", None)]
    notes = unknown_notes(words, ids[WORD_IDS], "by their parts alone" if PARTS in ids else "as unknown")
    members = model.network.members
    if members > 1:
        notes.append(f"{members} networks answer together, and the first of them is shown")
    return Reading(
        unit="word", tokens=words, ids=ids, ahead=0, asked=task.plan.target[0], answers=answers, notes=notes
    )
