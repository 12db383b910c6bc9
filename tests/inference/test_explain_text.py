"""What drove the class of a text: by hand-made models whose every number is known, and by saved networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from seqcli.errors import DataError
from seqcli.inference.explain import explainable
from seqcli.inference.explain_text import Occlusion, TextExplanations
from seqcli.inference.outputs import outputs_for
from seqcli.inference.session import GraphSession
from seqcli.model_dir import SavedModel, read_model
from seqcli.options import ReadingOptions
from seqcli.readers.stream import open_stream
from seqcli.readers.table import Table
from seqcli.tasks.base import to_decode
from seqcli.tasks.classify import Classify
from seqcli.tasks.classify_explain import TextEffect, log_odds, text_rows
from seqcli.training.gradients import attribution
from seqcli.training.gradients.attribution import IntegratedGradients

GOLDEN = Path(__file__).parents[1] / "golden"


def effects(model: SavedModel, texts: list[str], make: Any = Occlusion) -> list[TextEffect]:
    task = cast(Classify, explainable(model))
    width = len(task.columns)
    rows = [(text, *("1",) * (width - 1)) for text in texts]
    table = Table.from_records("texts", task.columns, rows, range(1, len(texts) + 1))
    scorer = make(model, task)
    return [scorer(row) for row in text_rows(task, table)]


def test_each_word_is_worth_its_own_score(word_model) -> None:
    effect = effects(word_model, ["The great bad good thing"])[0]
    assert effect.row.tokens == ["The", "great", "bad", "good", "thing"]
    assert effect.prediction == "pos"
    assert effect.scores == pytest.approx([0, 2, -1, 1, 0], abs=1e-6)
    assert effect.log_odds == pytest.approx(2)
    against = effects(word_model, ["bad bad great bad"])[0]
    assert against.prediction == "neg"
    assert against.scores == pytest.approx([1, 1, -2, 1], abs=1e-6)


def test_the_linear_part_is_asked_again_without_each_word(both_model) -> None:
    effect = effects(both_model, ["great bad"])[0]
    root = np.sqrt(0.5)
    whole = 0.5 * 1 + 0.25 * (3 - 2) * root
    assert effect.log_odds == pytest.approx(whole, abs=1e-6)
    # Without one of them the other is the only n-gram, which has the whole length.
    assert effect.scores == pytest.approx([whole - (-0.5 - 0.5), whole - (1 + 0.75)], abs=1e-6)


def test_a_network_without_weight_is_not_asked(both_model, tmp_path) -> None:
    task = cast(Classify, explainable(both_model))
    alone = replace(task, fusion=replace(task.fusion, network=0.0))
    table = Table.from_records("texts", ("review",), [("great the",)], [1])
    scorer = Occlusion(both_model, alone)
    scorer._session = None  # type: ignore[assignment]
    assert scorer(text_rows(alone, table)[0]).scores == pytest.approx([0.75, 0], abs=1e-6)


@pytest.mark.parametrize("text", ["", "   "])
def test_a_text_without_words_has_an_answer_and_no_scores(both_model, text) -> None:
    effect = effects(both_model, [text])[0]
    assert effect.scores.shape == (0,)
    assert effect.probability == pytest.approx(0.5)


def test_what_is_cut_off_counts_by_the_linear_part_alone(both_model, tmp_path) -> None:
    record = read_model(both_model.path).record
    record["task"]["inputs"]["max_length"] = 2
    task = Classify.from_json(record["task"]).with_arrays(both_model.weights(of_task=True))
    table = Table.from_records("texts", ("review",), [("good the great",)], [1])
    row = text_rows(task, table)[0]
    effect = Occlusion(both_model, task)(row)
    assert len(row.words) == 2
    assert effect.scores == pytest.approx([0.5, 0, 0.75], abs=1e-6)


@pytest.mark.parametrize("make", [Occlusion, IntegratedGradients])
@pytest.mark.parametrize("name", ["classify_words", "classify_both", "classify_characters"])
def test_the_answer_is_that_of_predict(name, make) -> None:
    model = read_model(GOLDEN / f"{name}.seqcli")
    task = cast(Classify, explainable(model))
    texts = ["The story was terribly warm.", "Qx", "", "it is not, not at all elegant"]
    rows = [(text, *("1",) * (len(task.columns) - 1)) for text in texts]
    table = Table.from_records("texts", task.columns, rows, range(1, len(texts) + 1))
    examples = task.encode(table)
    logits = to_decode(task, outputs_for(GraphSession.open(model), examples), examples)
    said = task.decode(logits)
    for effect, own, row in zip(effects(model, texts, make), said, logits, strict=True):
        assert effect.prediction == own["prediction"]
        assert effect.probability == pytest.approx(own["probability"], abs=1e-5)
        place = task.classes.index(effect.prediction)
        assert effect.log_odds == pytest.approx(float(log_odds(row[None], place)[0]), abs=1e-4)


def test_an_occluded_character_is_in_no_run_either() -> None:
    model = read_model(GOLDEN / "classify_characters.seqcli")
    task = cast(Classify, explainable(model))
    row = text_rows(task, Table.from_records("texts", task.columns, [("Anna",)], [1]))[0]
    fields = row.occluded(task).fields
    assert {len(field) for field in fields.values()} == {5}  # type: ignore[arg-type]
    whole, second = (fields["tokens"].row(place).tolist() for place in (0, 2))  # type: ignore[union-attr]
    assert [a == b for a, b in zip(whole, second, strict=True)] == [True, False, True, True]
    assert second[1] == 1


@pytest.mark.parametrize("name", ["classify_words", "classify_both", "classify_characters"])
def test_integrated_gradients_are_complete(name) -> None:
    model = read_model(GOLDEN / f"{name}.seqcli")
    texts = ["The story was terribly warm.", "it is not, not at all elegant", "qqq zzz", "warm"]
    for effect in effects(model, texts, IntegratedGradients):
        assert effect.baseline is not None
        way = effect.log_odds - effect.baseline
        assert effect.scores.sum() + effect.rest == pytest.approx(way, abs=1e-6)
        if effect.row.prior is None:  # there are no n-grams of no token
            allowed = max(attribution.TOLERANCE * abs(way), attribution.LEAST_TOLERANCE)
            assert abs(effect.rest) <= allowed
        assert np.abs(effect.scores).max() > 0


def test_too_few_points_are_not_enough_and_more_are_taken(monkeypatch) -> None:
    model = read_model(GOLDEN / "classify_words.seqcli")
    text = ["The story was terribly warm. " * 8]
    monkeypatch.setattr(attribution, "TOLERANCE", 1e-4)
    monkeypatch.setattr(attribution, "LEAST_TOLERANCE", 1e-5)
    rests = []
    for most in (1, 64):
        monkeypatch.setattr(attribution, "FIRST_POINTS", 1)
        monkeypatch.setattr(attribution, "MOST_POINTS", most)
        rests.append(abs(effects(model, text, IntegratedGradients)[0].rest))
    assert rests[1] < rests[0] / 5


def test_what_no_word_of_the_linear_part_holds_is_the_rest() -> None:
    model = read_model(GOLDEN / "classify_both.seqcli")
    task = cast(Classify, explainable(model))
    effect = effects(model, ["The story was terribly warm."], IntegratedGradients)[0]
    assert effect.row.prior is not None
    assert effect.baseline is not None
    of_none = task.fusion.prior * effect.row.prior.shares(len(effect.scores))[-1]  # marks and white space
    place = task.classes.index(effect.prediction)
    allowed = max(0.01 * abs(effect.log_odds - effect.baseline), attribution.LEAST_TOLERANCE)
    assert len(task.classes) == 2
    assert effect.rest == pytest.approx(float(of_none[place] - of_none[1 - place]), abs=allowed)


def test_rows_come_one_by_one_and_bad_ones_are_named(word_model, tmp_path) -> None:
    file = tmp_path / "new.csv"
    file.write_text("review,n\ngood,1\nbad,2,3\ngreat,4\n")
    task, said = cast(Classify, explainable(word_model)), []
    stream = open_stream(str(file), ReadingOptions(), ("review",), "review")
    found = TextExplanations(word_model, task, stream, Occlusion(word_model, task), said.append)
    assert [(number, effect.prediction) for number, effect in found] == [(2, "pos"), (4, "pos")]
    assert len(said) == 1
    assert "row 3" in said[0]
    with pytest.raises(DataError, match="1 of 3 rows"):
        found.check()
