"""What tags, translations, transcripts and answers to numbers hang on, beside what is worked out anew."""

from __future__ import annotations

import csv
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqcli.errors import DataError, UsageError
from seqcli.inference.effects import odds_against
from seqcli.inference.explain import explainable
from seqcli.inference.explain_numbers import NumberExplanations
from seqcli.inference.explain_steps import StepExplanations, cuts
from seqcli.inference.explain_tags import NO_WORD, TagExplanations
from seqcli.inference.explain_translations import TranslationExplanations
from seqcli.inference.outputs import outputs_for
from seqcli.inference.session import GraphSession
from seqcli.inference.tagging import open_input
from seqcli.inference.translating import SavedWriter
from seqcli.model_dir import read_model
from seqcli.options import ReadingOptions
from seqcli.readers.stream import open_stream
from seqcli.readers.table import Table
from seqcli.tasks.base import to_decode
from seqcli.tasks.speech.ctc import text_log_probability
from seqcli.tasks.tagging.sentences import Sentences
from seqcli.tasks.translating.parts import Pairs

GOLDEN = Path(__file__).parents[1] / "golden"
TINY = ("--hidden-size", "4", "--embedding-size", "4", "--epochs", "1", "--threads", "1")


def silent(sentence: str) -> None:
    raise AssertionError(sentence)


def explained(name: str, file: str | Path | None = None, only: int | None = None, warn=silent):
    """The model, its task, and the explanations of the rows of ``file``, else of those beside the model."""
    model = read_model(GOLDEN / f"{name}.seqcli")
    task = explainable(model)
    path = str(file or next(GOLDEN.glob(f"{name}.[ct]s*")))
    names = (*task.columns, *task.plan.id)
    stream = open_stream(path, ReadingOptions(), names, task.text_column)
    if task.plan.task == "translate":
        return model, task, TranslationExplanations(model, stream, warn, only)
    return model, task, StepExplanations(model, task, stream, warn, only)


# ---- tags


def chain_odds(scores: np.ndarray, emissions: np.ndarray, tags: list[int]) -> list[float]:
    """Log-odds of each tag of a sentence (T, C), every way to tag it written out."""
    length, classes = emissions.shape
    total = np.zeros((length, classes))
    for path in itertools.product(range(classes), repeat=length):
        weight = scores[classes, path[0]] + scores[path[-1], classes]
        weight += emissions[np.arange(length), path].sum()
        weight += sum(scores[a, b] for a, b in itertools.pairwise(path))
        total[np.arange(length), path] += np.exp(weight)
    own = total[np.arange(length), tags]
    return np.log(own / (total.sum(axis=1) - own)).tolist()


def test_a_word_is_worth_what_the_chain_says_without_it(tmp_path) -> None:
    (tmp_path / "new.txt").write_text("Kawski met Bolak\n")
    model = read_model(GOLDEN / "tag_spans.seqcli")
    task = explainable(model)
    stream = open_input(str(tmp_path / "new.txt"), task, ReadingOptions())
    (effects,) = TagExplanations(model, task, stream, silent)
    words = ["Kawski", "met", "Bolak"]
    assert effects.parts == words
    session = GraphSession.open(model)

    def said(some: list[str]) -> np.ndarray:
        outputs = outputs_for(session, task.encode_words(Sentences(some, np.array([0, 3]), np.array([0]))))
        outputs = outputs.astype(np.float64)
        outputs[:, task.labels.outside] -= task.bias
        return outputs

    tags = [task.labels.tags.index(tag) for tag in effects.said]
    whole = chain_odds(task.chain.scores, said(words), tags)
    for place in range(3):
        without = [*words[:place], NO_WORD, *words[place + 1 :]]
        wanted = np.array(whole) - chain_odds(task.chain.scores, said(without), tags)
        assert effects.blocks[0].effects[:, place] == pytest.approx(wanted, abs=1e-4)


def test_odds_of_a_class_that_is_nearly_sure_are_not_rounded_away() -> None:
    chances = np.array([[1 - 1e-7, 6e-12, 4e-12]], np.float32)
    assert odds_against(chances, np.array([0]))[0] == pytest.approx(-np.log(1e-11), abs=1e-4)


# ---- translations


def nats_of(model, task, source: str, written: str) -> float:
    pairs = Pairs([source], [written], np.array([0]))
    return float(SavedWriter(model).foreseen(task.encode_pairs(pairs))[0, 0])


def test_a_word_read_is_worth_what_the_text_loses_without_it() -> None:
    model, task, found = explained("translate_characters", only=3)
    (effects,) = found
    assert sum(effects.measures) == pytest.approx(
        -nats_of(model, task, effects.read, effects.prediction), abs=1e-4
    )
    block = effects.blocks[0]
    assert block.causes == list(effects.read)
    assert effects.parts == [*effects.prediction, "<end>"]
    for place in (0, 4):
        shorter = effects.read[:place] + effects.read[place + 1 :]
        lost = nats_of(model, task, shorter, effects.prediction) - nats_of(
            model, task, effects.read, effects.prediction
        )
        assert block.effects[:, place].sum() == pytest.approx(lost, abs=1e-4)


def test_pieces_of_a_word_go_together_and_attention_with_them() -> None:
    model, task, found = explained("translate_pieces", only=2)
    (effects,) = found
    words = effects.read.replace(".", " .").split()
    block = effects.blocks[0]
    assert block.causes == words
    shorter = effects.read.replace(words[1] + " ", "")
    lost = nats_of(model, task, shorter, effects.prediction) - nats_of(
        model, task, effects.read, effects.prediction
    )
    assert block.effects[:, 1].sum() == pytest.approx(lost, abs=1e-4)
    shares = block.attention.sum(axis=1)  # what is left was looked at behind the text
    assert ((shares > 0) & (shares < 1)).all()


def test_an_empty_text_has_no_explanation(tmp_path) -> None:
    with (tmp_path / "new.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("source",), (" ",), ("1/2/1999",)])
    said: list[str] = []
    _, _, found = explained("translate_characters", tmp_path / "new.csv", warn=said.append)
    assert len(list(found)) == 1
    assert said == ["row 2: an empty text says nothing"]


# ---- sound


def test_letters_and_the_end_are_worth_the_transcript() -> None:
    model, task, found = explained("transcribe")
    for effects in found:
        assert np.exp(sum(effects.measures)) == pytest.approx(effects.probability, rel=1e-6)
        assert effects.parts == [*effects.prediction, "<end>"]
        stretches, bands = effects.blocks
        assert stretches.spans[0][0] == 0.0
        assert [end for _, end in stretches.spans[:-1]] == [begin for begin, _ in stretches.spans[1:]]
        assert bands.spans[0][0] == 20.0
        assert bands.spans[-1][1] == task.sound.rate / 2
    assert model.network.output_shape == (len(task.letters) + 1,)


def test_a_stretch_is_worth_what_the_transcript_loses_where_it_is_silent() -> None:
    """The frames of one stretch set to the mean of the training clips, and the clip heard anew."""
    model, task, found = explained("transcribe", only=2)
    (effects,) = found
    clip = task.sound.scaled(task.sound.features(GOLDEN / effects.read))
    begin, end = effects.blocks[0].spans[1]
    second = 0.01 * task.sound.stack
    session = GraphSession.open(model)

    def heard(steps: np.ndarray) -> float:
        scores = session.run({"values": steps[None], "lengths": np.array([len(steps)])})[0].astype(np.float64)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        symbols = tuple(task.letters.index(letter) + 1 for letter in effects.prediction)
        return text_log_probability(logs, symbols)

    hidden = clip.copy()
    hidden[round(begin / second) : round(end / second)] = 0
    wanted = heard(clip) - heard(hidden)
    assert effects.blocks[0].effects[:, 1].sum() == pytest.approx(wanted, abs=1e-4)


def test_a_letter_hangs_on_the_time_at_which_it_sounds() -> None:
    """In the made clips the first letter is over after 0.13 s, and the second begins after 0.13 s."""
    pairs = [each for each in explained("transcribe")[2] if len(set(each.prediction)) == 2]
    assert len(pairs) >= 4
    for effects in pairs:
        stretches = effects.blocks[0]
        first, second = (stretches.spans[at] for at in stretches.effects[:2].argmax(axis=1).tolist())
        assert first[1] <= 0.13 <= second[0]


def test_stretches_take_every_step_once() -> None:
    for length, most in ((1, 60), (7, 3), (61, 60), (600, 60)):
        parts = cuts(length, most)
        assert len(parts) == min(length, most)
        assert [step for start, stop in parts for step in range(start, stop)] == list(range(length))


# ---- columns and series


def logit_of(model, task, path: Path, only: str) -> float:
    """The log-odds of a class for the first row or sequence of a file, read anew."""
    stream = open_stream(str(path), ReadingOptions(), (*task.columns, *task.plan.id))
    records = [record for batch in stream.batches(1000) for record in batch]
    cells, numbers = [record.cells for record in records], [record.number for record in records]
    table = Table.from_records(str(path), stream.names, cells, numbers)
    examples = task.encode(table)
    logits = to_decode(task, outputs_for(GraphSession.open(model), examples), examples)[0].astype(float)
    place = task.classes.index(only)
    return logits[place] - np.log(np.exp(np.delete(logits, place)).sum())


@pytest.mark.parametrize("name", ["classify_rows", "classify_sequences"])
def test_a_column_is_worth_what_the_class_loses_where_it_is_at_its_mean(name, tmp_path) -> None:
    model, task, found = explained(name)
    effects = next(iter(found))
    with (GOLDEN / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    if task.plan.id:
        rows = [row for row in rows if all(row[key] == rows[0][key] for key in task.plan.id)]
    features = task.inputs.features
    means = features.scaler.inverse(np.zeros((1, len(features.numbers))))[0]

    def odds(changed: list[dict[str, str]]) -> float:
        with (tmp_path / "new.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(changed)
        return logit_of(model, task, tmp_path / "new.csv", effects.prediction)

    columns = effects.blocks[-1]
    for number, column in enumerate(features.numbers):
        at_mean = [{**row, column.name: repr(float(means[number]))} for row in rows]
        wanted = odds(rows) - odds(at_mean)
        assert columns.effects[0, columns.causes.index(column.name)] == pytest.approx(wanted, abs=1e-4)
    if task.plan.id:
        steps = effects.blocks[0]
        first, last = map(int, steps.spans[0])
        hidden = {column.name: repr(float(means[n])) for n, column in enumerate(features.numbers)}
        at_mean = [{**row, **hidden} if first <= n <= last else row for n, row in enumerate(rows, start=1)]
        assert steps.effects[0, 0] == pytest.approx(odds(rows) - odds(at_mean), abs=1e-4)


def test_what_is_at_its_mean_already_changes_nothing(tmp_path) -> None:
    features = explainable(read_model(GOLDEN / "classify_rows.seqcli")).inputs.features
    means = features.scaler.inverse(np.zeros((1, len(features.numbers))))[0]
    row = {column.name: repr(float(mean)) for column, mean in zip(features.numbers, means, strict=True)}
    row |= {column.name: "" for column in features.classes}
    with (tmp_path / "new.csv").open("w", newline="") as file:
        csv.writer(file).writerows([list(row), list(row.values())])
    (effects,) = explained("classify_rows", tmp_path / "new.csv")[2]
    assert np.abs(effects.blocks[0].effects).max() < 1e-6


def test_a_number_is_explained_in_its_own_units() -> None:
    _, task, found = explained("regress", only=2)
    (effects,) = found
    assert effects.unit == task.plan.target[0]
    assert effects.measures[0] == pytest.approx(float(effects.prediction), rel=1e-5)


def test_each_label_that_a_row_gets_is_a_part() -> None:
    for effects in explained("multilabel_columns")[2]:
        assert "|".join(effects.parts) == effects.prediction or len(effects.parts) == 1


def test_the_row_of_any_step_names_its_sequence(tmp_path) -> None:
    whole = list(explained("classify_sequences")[2])
    second = int(whole[1].row)
    (found,) = explained("classify_sequences", only=second + 3)[2]
    np.testing.assert_allclose(found.blocks[0].effects, whole[1].blocks[0].effects, atol=1e-5)
    with pytest.raises(DataError, match="there is no row 99999"):
        list(explained("classify_sequences", only=99999)[2])


def test_a_number_read_off_a_text_hangs_on_its_tokens(tmp_path, monkeypatch) -> None:
    from seqcli.cli.main import main

    monkeypatch.chdir(tmp_path)
    with Path("soups.csv").open("w", newline="") as file:
        rows = [
            (f"{word} soup number {n}", price) for n in range(30) for word, price in (("hot", 9), ("cold", 2))
        ]
        csv.writer(file).writerows([("dish", "price"), *rows])
    line = ("train", "soups.csv", "--task", "regress", "--target", "price", *TINY[:-4], "--threads", "1")
    assert main([*line, "--epochs", "15", "--lr", "0.03", "-q", "-o", "trained.csv"]) == 0
    model = read_model(Path("soups.seqcli"))
    task = explainable(model)
    Path("new.txt").write_text("hot soup number 7\ncold soup number 7\n\n")
    stream = open_stream("new.txt", ReadingOptions(), task.columns, task.text_column)
    said: list[str] = []
    hot, cold = NumberExplanations(model, task, stream, said.append)
    assert said == ["line 3: there is nothing in it to take away"]
    assert hot.blocks[0].causes == ["hot", "soup", "number", "7"]
    assert hot.blocks[0].effects[0].argmax() == 0
    assert cold.blocks[0].effects[0].argmin() == 0
    assert hot.measures[0] > cold.measures[0]


# ---- refusals


def test_what_cannot_be_taken_apart_is_refused_in_a_line() -> None:
    with pytest.raises(UsageError, match="not one that goes on with it"):
        explainable(read_model(GOLDEN / "language_words.seqcli"))


def test_a_row_that_cannot_be_read_is_named(tmp_path) -> None:
    text = (GOLDEN / "classify_rows.csv").read_text().splitlines()
    cells = text[2].split(",")
    cells[text[0].split(",").index("x")] = "many"
    (tmp_path / "new.csv").write_text("\n".join([*text[:2], ",".join(cells), *text[3:5]]) + "\n")
    said: list[str] = []
    found = explained("classify_rows", tmp_path / "new.csv", warn=said.append)[2]
    assert [effects.row for effects in found] == ["2", "4", "5"]
    assert len(said) == 1
    assert "row 3, column x: 'many' is not a number" in said[0]
    with pytest.raises(DataError, match="1 of 4 rows has no explanation"):
        found.check()


def test_parts_can_be_taken_alone() -> None:
    effects = next(iter(explained("translate_pieces")[2]))
    some = effects.of([1, 2])
    assert some.parts == effects.parts[1:3]
    assert some.places == [2, 3]
    assert (some.blocks[0].effects == effects.blocks[0].effects[1:3]).all()
    assert replace(some).unit == "nats"
