"""One typed text as a saved model reads it: its tokens, their ids, and what the model makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from seqcli.errors import ModelError, UsageError
from seqcli.inference.kinds import command_of, language_task
from seqcli.inference.outputs import outputs_for
from seqcli.inference.session import GraphSession
from seqcli.inference.stream import StreamSession
from seqcli.inference.trust import blamed_on, saved_task
from seqcli.model_dir import SavedModel
from seqcli.preprocessing.vocabulary import RESERVED, UNKNOWN
from seqcli.readers.table import Table
from seqcli.results import Cell
from seqcli.sequences import Batchable, IntArray, LookUp, Sequences
from seqcli.tasks.base import Chained, to_decode
from seqcli.tasks.inputs import PARTS, TOKENS, Inputs
from seqcli.tasks.language_rows import given_vector

if TYPE_CHECKING:
    from seqcli.preprocessing.vocabulary import Vocabulary
    from seqcli.tasks.base import RowTask, Task
    from seqcli.tasks.tag import Tag

MOST_TOKENS = 1000
"""A text with more than this is no sentence."""
ANSWERS = 3
_NAMED = 5
"""Unknown tokens that are named one by one."""


@dataclass(frozen=True)
class Reading:
    """A text that was read."""

    unit: str
    """What a token is: "word" or "character"."""
    tokens: list[str]
    """The T tokens of the text."""
    ids: dict[str, IntArray]
    """The network's fields, (ahead + T,) each; of bags (ahead + T, K)."""
    ahead: int
    """Steps that the network reads ahead of the text."""
    asked: str
    """What the model answers: the column, or the next token."""
    answers: list[tuple[Cell, float | None]]
    """The likeliest answers with their probabilities, the best first; a number has none."""
    notes: list[str]
    """Sentences on what is odd: unknown tokens, a text that is cut."""


def read_text(model: SavedModel, text: str) -> Reading:
    """Read ``text`` by a classifier, a regression, a tagger or a language model of text.

    Raises UsageError for a model that reads anything else, and for a text without a token or too long.
    """
    task = saved_task(model)
    if command_of(task) == "generate" and task.plan.task == "language":
        return _read_by_language(model, text)
    if isinstance(task, Chained):
        from seqcli.inference.reading_tags import read_sentence

        return read_sentence(model, cast("Tag", task), text)
    if task.plan.task == "translate":
        raise UsageError(
            f"{model.path}: a translator reads one text and writes another, and --trace follows one",
            f"seqcli predict - --align -m {model.path} shows where it looks; explain what its words hang on",
        )
    inputs = getattr(task, "inputs", None)
    if not isinstance(inputs, Inputs) or not inputs.only_text or inputs.vocabulary is None:
        raise UsageError(
            f"{model.path}: this model reads {_reads(task)}, and only one text can be traced",
            "train a model of text, such as: seqcli train reviews.csv",
        )
    return _read_by_rows(model, cast("RowTask", task), inputs.only_text, inputs.vocabulary, text)


def _reads(task: Task) -> str:
    """What a model reads that is not one text."""
    own = task.plan.target if task.plan.task == "forecast" else ()  # its own past
    columns = (*own, *task.plan.text, *task.plan.features, *task.plan.audio)
    return ", ".join(columns[:_NAMED]) + (", …" if len(columns) > _NAMED else "")


def check_length(tokens: list[str], unit: str) -> None:
    """Raise UsageError for a text without a token, or with more than can be looked at."""
    if not tokens:
        raise UsageError(f"--trace: there is no {unit} to read", '--trace "a sentence in quotes"')
    if len(tokens) > MOST_TOKENS:
        raise UsageError(
            f"--trace: {len(tokens):,} {unit}s are too many to look at", f"give {MOST_TOKENS:,} at most"
        )


def _read_by_rows(
    model: SavedModel, task: RowTask, column: str, vocabulary: Vocabulary, text: str
) -> Reading:
    """The text as the one row of a file, just as ``predict`` reads it."""
    unit, tokens = vocabulary.unit, vocabulary.cut(text)
    check_length(tokens, unit)
    with blamed_on(model):
        examples = cast(Batchable, task.encode(Table.from_records("--trace", (column,), [(text,)], [1])))
        ragged = {
            name: field for name, field in examples.fields.items() if isinstance(field, Sequences | LookUp)
        }
        fields = {name: field.row(0) for name, field in ragged.items()}
        check_fields(model, fields)
        ids = fields[TOKENS]
        outputs = outputs_for(GraphSession.open(model), examples)
        row = task.decode(to_decode(task, outputs, examples), probabilities=True)[0]
    notes = unknown_notes(tokens, ids, "by their parts alone" if PARTS in fields else "as unknown")
    if len(ids) < len(tokens):
        notes.append(
            f"the model reads {len(ids)} {unit}s at most, so the other {len(tokens) - len(ids)} are cut off"
        )
    known = "probability_"
    chances = [(name.removeprefix(known), value) for name, value in row.items() if name.startswith(known)]
    chances.sort(key=lambda answer: -cast(float, answer[1]))
    answers = [(name, cast(float, value)) for name, value in chances[:ANSWERS]]
    return Reading(
        unit=unit,
        tokens=tokens[: len(ids)],
        ids=fields,
        ahead=0,
        asked=task.plan.target[0],
        answers=[*answers] or [(row["prediction"], None)],
        notes=notes,
    )


def _read_by_language(model: SavedModel, text: str) -> Reading:
    """The text on a new line, just as ``generate`` reads its prompt."""
    task = language_task(model)
    unit, corpus = task.unit, task.corpus
    text = text.rstrip(" ") if unit == "word" else text  # the next word brings the space ahead of it
    tokens = corpus.cut(text)
    check_length(tokens, unit)
    encoded = corpus.encode(text)
    opening = task.opening()
    ids = {TOKENS: np.concatenate([opening, encoded])}
    notes = unknown_notes(tokens, encoded)
    if task.conditions:
        value = task.conditions[0]
        ids["condition"] = np.full(len(ids[TOKENS]), task.condition_ids([value])[0])
        notes.append(
            f"its text depends on {task.plan.features[0]}: read for {value}, the first of its values"
        )
    if task.given is not None:
        vector, note = given_vector(task.given, {})
        ids["given"] = np.repeat(vector, len(ids[TOKENS]), axis=0)
        notes.append(note)
    check_fields(model, ids)
    logits, _ = StreamSession.open(model, threads=1).read({name: field[None] for name, field in ids.items()})
    scores = logits[0, -1].astype(np.float64)  # (V,)
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    best = RESERVED + np.argsort(-chances[RESERVED:], kind="stable")[:ANSWERS]  # as generate writes
    answers: list[tuple[Cell, float | None]] = [
        (corpus.decode([i]), float(chances[i])) for i in best.tolist()
    ]
    return Reading(unit, tokens, ids, len(opening), f"the next {unit}", answers, notes)


def check_fields(model: SavedModel, ids: dict[str, IntArray]) -> None:
    """Raise ModelError unless the network reads just these tokens (T,) and bags (T, K)."""
    inputs = model.network.inputs
    fits = {item.field for item in inputs} == set(ids) and all(
        ids[item.field].ndim == {"tokens": 1, "bags": 2, "values": 2}.get(item.kind)
        and (item.kind == "values" or ids[item.field].max(initial=0) < item.size)
        for item in inputs
    )
    if not fits:
        raise ModelError(f"{model.path}: its network does not read what its task makes", "train it again")


def unknown_notes(tokens: list[str], ids: IntArray, how: str = "as unknown") -> list[str]:
    """A sentence on tokens that the model never met and how they are read, if there are any; ids are (T,)."""
    unknown = dict.fromkeys(
        token.strip(" ") or token for token, i in zip(tokens, ids, strict=False) if i == UNKNOWN
    )
    if not unknown:
        return []
    listed = ", ".join(map(repr, list(unknown)[:_NAMED])) + (", …" if len(unknown) > _NAMED else "")
    return [f"the text holds what the model never met and reads {how}: {listed}"]
